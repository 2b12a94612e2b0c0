//! The Durable Object: a home, with its sessions, held requests and sockets.
//!
//! | File | Has |
//! |---|---|
//! | `mod` | its parts, and what the platform calls |
//! | `requests` | the way of a request to the protocol |
//! | `connections` | what stays open: sockets, streams, tunnels |
//! | `links` | polls and event streams that a Worker holds for it |
//! | `outputs` | the one way into the protocol, and what is done with its outputs |
//! | `store`, `history_rows` | the rows in SQLite |
//! | `group_commit` | one write for all requests of a turn |
//! | `wake` | the one timer |

mod connections;
mod group_commit;
mod history_rows;
mod links;
mod outputs;
mod requests;
mod store;
mod wake;

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::{Rc, Weak};

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::Env;
use worker::durable::State;
use worker::js_sys::Promise;
use worker::web_sys::{Request, Response};
use worker::worker_sys::DurableObjectState;

use self::group_commit::GroupCommit;
use self::links::Links;
use self::store::SqlStore;
use self::wake::WakeTimer;
use crate::bayeux::{BayeuxServer, Connections, EndpointKey, Home, Input, Millis, Network};
use crate::cloudflare::bindings::{Bindings, Dataset};
use crate::cloudflare::config::{Config, var};
use crate::cloudflare::http::request::ClientRequest;
use crate::cloudflare::js;
use crate::cloudflare::log::{Log, LogLevel};
use crate::cloudflare::metrics_store::MetricsStore;
use crate::cloudflare::outbound::tunnels::Tunnels;
use crate::cloudflare::transport::body_reader::RequestBodies;
use crate::cloudflare::transport::client_aborts::ClientAborts;
use crate::cloudflare::transport::event_source::Streams;
use crate::cloudflare::transport::long_polling::Polls;
use crate::cloudflare::transport::sockets::{Close, Sockets};

/// The class that `wrangler.toml` binds as `CHANNEL_TREE`; its objects are named after their homes.
///
/// Exported by hand and not by `#[durable_object]`: so a held request is a promise of the platform and an entry in a
/// map, without a Rust future in the wasm heap.
///
/// Asserted unwind-safe, which wasm-bindgen requires of what a panic may cross: each call borrows the cells for itself,
/// and `Tree::handle` catches panics of the protocol.
#[wasm_bindgen]
pub struct ChannelTree(AssertUnwindSafe<Rc<Tree>>);

struct Tree {
    home: Home,
    config: Rc<Config>,
    log: Log,
    server: RefCell<BayeuxServer>,
    polls: Polls,
    links: Links,
    bodies: RequestBodies,
    sockets: Sockets,
    tunnels: Tunnels,
    streams: Streams,
    /// Connections by network.
    connections: RefCell<Connections>,
    /// When sockets were last checked for silence.
    looked_for_silent: Cell<Millis>,
    client_aborts: ClientAborts,
    timer: WakeTimer,
    store: SqlStore,
    bindings: Bindings,
    /// The bindings `METRICS` and `METRICS_KV`, kept: each input looks for them.
    dataset: Option<Dataset>,
    metrics_store: Option<MetricsStore>,
    itself: Weak<Tree>,
    group_commit: GroupCommit<Incoming>,
    /// For [`Output::AwaitTurn`](crate::bayeux::Output::AwaitTurn).
    turn_over: Closure<dyn Fn()>,
}

/// An input, its sender, and the request that it came in.
struct Incoming {
    input: Input,
    sender: Option<EndpointKey>,
    request: Option<Request>,
}

impl Incoming {
    /// It waited for the end of a turn; if its client has left in the meantime, nobody waits for an answer.
    fn having_waited(mut self) -> Self {
        if let (Some(request), Input::Messages { context, .. }) = (&self.request, &mut self.input) {
            context.has_aborted = ClientAborts::has_aborted(request);
        }
        self
    }
}

#[wasm_bindgen]
impl ChannelTree {
    /// # Errors
    /// A bad variable, or a name that is no home's: the Worker refuses both before it calls an object.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Result<ChannelTree, JsError> {
        let config = Config::of(&env)?;
        let state = State::from(state);
        let name = state.id().name().unwrap_or_default();
        let home = Home::named(&name).ok_or_else(|| JsError::new("this object's name is no home's"))?;
        let log = Log::new(config.log_level, &name);
        let store = SqlStore::open(&state);
        let mut stored = store.load(&log)?;
        let storage = state.storage();
        let raw: &JsValue = state.as_raw();
        let links = Links::new(State::from(raw.clone().unchecked_into::<DurableObjectState>()));
        let (sockets, kept) = Sockets::new(state, config.options.max_queue_bytes);
        stored.add_points(sockets.kept_points());
        let app = crate::application(&|name| var(&env, name));
        let rows = Box::new(store.clone());
        // How often this happens shows whether hibernation works.
        log.line(LogLevel::Debug, "object_started", json!({}));
        let options = &config.options;
        let mut connections =
            Connections::new(options.client_max_connections, options.rate_connections, options.rate_frames);
        for socket in &kept {
            connections.socket_opened(socket.address.as_deref().and_then(Network::of));
        }
        let mut server = BayeuxServer::new(home.clone(), config.options.clone(), app, js::random_seed(), rows);
        server.restore(js::now(), stored, kept);
        store.was_read()?;
        let connections = RefCell::new(connections);
        let bindings: Bindings = env.unchecked_into();
        if bindings.hooks().is_some() {
            server.bind_hooks();
        } else if bindings.application().is_some() {
            server.bind_application();
        }
        let tree = Rc::new_cyclic(|tree: &Weak<Tree>| Tree {
            home,
            config,
            log,
            server: RefCell::new(server),
            polls: Polls::default(),
            links,
            bodies: RequestBodies::new({
                let tree = tree.clone();
                move |request, body| match tree.upgrade() {
                    Some(tree) => tree.receive_body(&ClientRequest::read(request), body),
                    None => Response::error().into(),
                }
            }),
            sockets,
            tunnels: Tunnels::default(),
            streams: Streams::new(calling(tree, Tree::hear_of)),
            connections,
            looked_for_silent: Cell::default(),
            client_aborts: ClientAborts::new(calling(tree, Tree::client_aborted)),
            timer: WakeTimer::new(storage, {
                let wake = calling(tree, |tree, ()| tree.wake());
                move || wake(())
            }),
            store,
            dataset: bindings.metrics(),
            metrics_store: bindings.metrics_store(),
            bindings,
            itself: tree.clone(),
            group_commit: GroupCommit::new({
                let end = calling(tree, |tree, ()| {
                    tree.handle_all(tree.group_commit.take().into_iter().map(Incoming::having_waited))
                });
                move || end(())
            }),
            turn_over: {
                let over = calling(tree, |tree, ()| {
                    tree.submit(Incoming { input: Input::TurnOver, sender: None, request: None });
                });
                Closure::own_assert_unwind_safe(move || over(()))
            },
        });
        if tree.store.is_in_use() {
            tree.timer.ask_for_alarm();
            tree.handle(Input::Timeout, None);
            tree.keep_metrics();
        }
        Ok(Self(AssertUnwindSafe(tree)))
    }

    /// A request of the Worker: messages for this home by POST or GET, or a WebSocket upgrade.
    pub fn fetch(&self, request: Request) -> Promise {
        self.0.answer_to(ClientRequest::read(request))
    }

    /// The alarm rang.
    pub fn alarm(&self) {
        self.0.timer.alarm_is_gone();
        self.0.wake();
    }

    /// A frame; `message` is a string or an ArrayBuffer.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn websocket_message(&self, socket: worker::web_sys::WebSocket, message: JsValue) {
        let (socket, text) = (socket.into(), message.as_string());
        if !self.0.hear_link(&socket, text.as_deref()) {
            self.0.hear(&socket, text);
        }
    }

    /// The socket was closed by the other side, or broke.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn websocket_close(&self, socket: worker::web_sys::WebSocket, code: u16) {
        self.0.close_any(&socket.into(), &Close::answering(code));
    }

    #[wasm_bindgen(js_name = webSocketError)]
    pub fn websocket_error(&self, socket: worker::web_sys::WebSocket) {
        self.0.close_any(&socket.into(), &Close::fault());
    }
}

/// A callback for the platform, which does not keep the object alive.
fn calling<T>(tree: &Weak<Tree>, call: impl Fn(&Tree, T) + 'static) -> impl Fn(T) + 'static {
    let tree = tree.clone();
    move |argument| {
        if let Some(tree) = tree.upgrade() {
            call(&tree, argument);
        }
    }
}
