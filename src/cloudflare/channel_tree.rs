//! The Durable Object: one home, its clients' sessions and the requests they wait with.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::Env;
use worker::durable::State;
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::future_to_promise;
use worker::web_sys::Request;
use worker::worker_sys::DurableObjectState;

use super::config::Config;
use super::departures::Departures;
use super::http::{Head, cross_origin, respond};
use super::js;
use super::log::{Log, LogLevel, log_panics};
use super::long_polling::{self, Polls};
use super::timer::Timer;
use crate::bayeux::{BayeuxServer, EndpointKey, Home, Input, Output};

/// The class that `wrangler.toml` binds as `CHANNEL_TREE`; its objects are named after their homes.
///
/// Exported by hand and not by `#[durable_object]`: a held request then is a promise with the platform and an entry in
/// a map, and no Rust future sleeps in the wasm heap.
///
/// Asserted unwind-safe, as wasm-bindgen asks of what a panic may pass by: the cells are borrowed for one call each,
/// and `Tree::handle` catches a panic where the protocol runs.
#[wasm_bindgen]
pub struct ChannelTree(AssertUnwindSafe<Rc<Tree>>);

struct Tree {
    config: Rc<Config>,
    log: Log,
    server: RefCell<BayeuxServer>,
    polls: Polls,
    departures: Departures,
    timer: Timer,
}

#[wasm_bindgen]
impl ChannelTree {
    /// # Errors
    /// A bad variable or a name that is no home's: the Worker refuses both before it calls an object.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Result<ChannelTree, JsError> {
        log_panics();
        let config = Config::of(&env)?;
        let name = State::from(state).id().name().unwrap_or_default();
        let home = Home::named(&name).ok_or_else(|| JsError::new("this object's name is no home's"))?;
        let log = Log::new(config.log_level, &name);
        let server = BayeuxServer::new(home, config.options.clone(), crate::application(), js::random_seed());
        Ok(Self(AssertUnwindSafe(Rc::new_cyclic(|tree: &Weak<Tree>| Tree {
            config,
            log,
            server: RefCell::new(server),
            polls: Polls::default(),
            departures: Departures::new(calling(tree, Tree::left)),
            timer: Timer::new({
                let wake = calling(tree, |tree, ()| tree.handle(Input::Timeout, None));
                move || wake(())
            }),
        }))))
    }

    /// A request of the Worker: a POST to this home.
    pub fn fetch(&self, request: Request) -> Promise {
        let tree = Rc::clone(&self.0);
        future_to_promise(AssertUnwindSafe(async move { Ok(tree.receive(&request).await) }))
    }
}

/// A callback of the platform's: it does not keep the object alive.
fn calling<T>(tree: &Weak<Tree>, call: impl Fn(&Tree, T) + 'static) -> impl Fn(T) + 'static {
    let tree = tree.clone();
    move |argument| {
        if let Some(tree) = tree.upgrade() {
            call(&tree, argument);
        }
    }
}

impl Tree {
    /// The response to a request, or the promise of it.
    async fn receive(&self, request: &Request) -> JsValue {
        let cross_origin = cross_origin(request, &self.config.allowed_origins);
        let head = Head { cross_origin, ..Head::default() };
        match long_polling::read(request, &self.config).await {
            Ok(input) => {
                let (endpoint, promise) = self.polls.open(head);
                let sender = endpoint.key();
                self.handle(input(endpoint), Some(sender));
                if self.polls.holds(sender) {
                    self.departures.watch(request, sender);
                }
                promise.into()
            }
            Err(error) => {
                self.log.line(LogLevel::Debug, "request_refused", json!({ "status": error.status() }));
                respond(&Head { status: error.status(), ..head }, &error.body()).into()
            }
        }
    }

    /// The client of a held request is gone.
    fn left(&self, endpoint: EndpointKey) {
        self.handle(Input::Closed(endpoint), None);
        // Nobody reads it, but the platform's side of the request comes to its end.
        self.polls.answer(endpoint, 200, "[]");
    }

    /// Lets the server handle what happened, and does what it says.
    ///
    /// A panic, say of an application's service, costs its own request only: `sender` is answered with a 500, and what
    /// the server had to say to others until then is still said.
    fn handle(&self, input: Input, sender: Option<EndpointKey>) {
        let now = js::now();
        let outputs = catch_unwind(AssertUnwindSafe(|| self.server.borrow_mut().handle(now, input)));
        let outputs = outputs.unwrap_or_else(|_| {
            self.log.line(LogLevel::Error, "request_failed", json!({}));
            if let Some(sender) = sender {
                self.polls.answer(sender, 500, r#"[{"successful":false,"error":"500::internal_error"}]"#);
            }
            self.server.borrow_mut().handle(now, Input::Timeout)
        });
        outputs.into_iter().for_each(|output| self.perform(output));
    }

    fn perform(&self, output: Output) {
        match output {
            Output::Send { to, status, messages } => self.polls.send(&to, status, &messages),
            Output::WakeAt(time) => self.timer.set(time),
            Output::Tell(notice) => self.log.notice(&notice),
        }
    }
}
