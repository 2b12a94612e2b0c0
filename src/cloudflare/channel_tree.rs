//! The Durable Object: one home, its clients' sessions, and the requests and sockets they wait with.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::Env;
use worker::WebSocket;
use worker::durable::State;
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::{future_to_promise, spawn_local};
use worker::web_sys::{Request, Response};
use worker::worker_sys::DurableObjectState;

use super::bindings::Bindings;
use super::browser_cookie::is_multiplexed;
use super::callback_polling;
use super::calls;
use super::config::{Config, var};
use super::departures::Departures;
use super::event_source::{Signal, Streams, is_event_source};
use super::homes;
use super::hooks;
use super::http::{Head, bytes, cross_origin, is_foreign, is_upgrade, length, path, respond};
use super::js;
use super::log::{Log, LogLevel};
use super::long_polling::{self, Arrival, Polls};
use super::plain_http;
use super::rate_limits::too_many;
use super::site::INTERNAL_ERROR;
use super::store::SqlStore;
use super::texts::Texts;
use super::timer::Timer;
use super::tunnels::{Arrived, Tunnels};
use super::turn::Turn;
use super::websocket::{Close, Sockets};
use crate::bayeux::api::is_api_path;
use crate::bayeux::app::HttpRequest;
use crate::bayeux::{
    BASE_PATH, BayeuxServer, Endpoint, EndpointKey, Exceeded, Format, Home, Input, Notice, Origin, Output, Rates,
    RequestError, SocketId, StreamId, parse_json,
};

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
    home: Home,
    config: Rc<Config>,
    log: Log,
    server: RefCell<BayeuxServer>,
    polls: Polls,
    texts: Texts,
    sockets: Sockets,
    tunnels: Tunnels,
    streams: Streams,
    /// `RATE_CONNECTIONS`, and who opened sockets and streams.
    connections: RefCell<Rates>,
    departures: Departures,
    timer: Timer,
    store: SqlStore,
    bindings: Bindings,
    itself: Weak<Tree>,
    turn: Turn<Incoming>,
}

/// An input, with who sent it, and the request that it came in.
struct Incoming {
    input: Input,
    sender: Option<EndpointKey>,
    request: Option<Request>,
}

#[wasm_bindgen]
impl ChannelTree {
    /// # Errors
    /// A bad variable or a name that is no home's: the Worker refuses both before it calls an object.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Result<ChannelTree, JsError> {
        let config = Config::of(&env)?;
        let state = State::from(state);
        let name = state.id().name().unwrap_or_default();
        let home = Home::named(&name).ok_or_else(|| JsError::new("this object's name is no home's"))?;
        let log = Log::new(config.log_level, &name);
        let store = SqlStore::open(&state);
        let stored = store.load(&log)?;
        let storage = state.storage();
        let (sockets, kept) = Sockets::new(state, config.options.max_queue_bytes);
        let app = crate::application(&|name| var(&env, name));
        let rows = Box::new(store.clone());
        // How often is what hibernation is about.
        log.line(LogLevel::Debug, "object_started", json!({}));
        let mut server = BayeuxServer::new(home.clone(), config.options.clone(), app, js::random_seed(), rows);
        server.restore(js::now(), stored, kept);
        let connections = RefCell::new(Rates::new(config.options.rate_connections));
        let bindings: Bindings = env.unchecked_into();
        if bindings.hooks().is_some() {
            server.bind_hooks();
        }
        let tree = Rc::new_cyclic(|tree: &Weak<Tree>| Tree {
            home,
            config,
            log,
            server: RefCell::new(server),
            polls: Polls::default(),
            texts: Texts::new({
                let tree = tree.clone();
                move |request, text| match tree.upgrade() {
                    Some(tree) => tree.receive_text(&request, text),
                    None => Response::error().into(),
                }
            }),
            sockets,
            tunnels: Tunnels::default(),
            streams: Streams::new(calling(tree, Tree::hear_of)),
            connections,
            departures: Departures::new(calling(tree, Tree::left)),
            timer: Timer::new(storage, {
                let wake = calling(tree, |tree, ()| tree.wake());
                move || wake(())
            }),
            store,
            bindings,
            itself: tree.clone(),
            turn: Turn::new({
                let end = calling(tree, |tree, ()| tree.handle_all(tree.turn.take()));
                move || end(())
            }),
        });
        if tree.store.is_in_use() {
            tree.timer.ask_for_alarm();
            tree.handle(Input::Timeout, None);
        }
        Ok(Self(AssertUnwindSafe(tree)))
    }

    /// A request of the Worker: a POST or a GET with messages for this home, or a WebSocket's opening.
    pub fn fetch(&self, request: Request) -> Promise {
        if let Some(promise) = self.0.receive_post(&request) {
            return promise;
        }
        let tree = Rc::clone(&self.0);
        future_to_promise(AssertUnwindSafe(async move { Ok(tree.receive(&request).await) }))
    }

    /// The time has come that the object wanted to be woken for.
    pub fn alarm(&self) {
        self.0.timer.alarm_is_gone();
        self.0.wake();
    }

    /// A frame. `message` is a string, or an ArrayBuffer.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn websocket_message(&self, socket: worker::web_sys::WebSocket, message: JsValue) {
        self.0.hear(&socket.into(), message.as_string());
    }

    /// The other side closed the socket, or it broke.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn websocket_close(&self, socket: worker::web_sys::WebSocket, code: u16) {
        self.0.close(&socket.into(), &Close::answering(code));
    }

    #[wasm_bindgen(js_name = webSocketError)]
    pub fn websocket_error(&self, socket: worker::web_sys::WebSocket) {
        self.0.close(&socket.into(), &Close::fault());
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

/// The answer to a page that may not read it.
fn foreign() -> Response {
    let head = Head { status: 403, ..Head::default() };
    respond(&head, r#"[{"successful":false,"error":"403::origin_not_allowed"}]"#)
}

impl Tree {
    /// The response to a request, or the promise of it.
    async fn receive(&self, request: &Request) -> JsValue {
        let url = request.url();
        let path = path(&url);
        if !path.starts_with(BASE_PATH) {
            return self.serve(request, |from, request| Input::Http { from, request }).await.into();
        }
        if is_api_path(path) {
            // The key has done its work at the Worker.
            let call = |from, call| Input::Api { from, request: HttpRequest { headers: Vec::new(), ..call } };
            return self.serve(request, call).await.into();
        }
        if is_upgrade(request) {
            return self.open_socket(request).into();
        }
        if is_event_source(request) {
            let client_id = Home::of_stream(path).map_or("", |(_, client_id)| client_id);
            return match self.elsewhere(Home::of_client_id(client_id)) {
                Some(home) => self.forward(request, &home, None),
                None => self.open_stream(request, client_id).into(),
            };
        }
        if calls::is_call(request) {
            return self.answer_call(request).await.into();
        }
        let arrival = match &*request.method() {
            "GET" => callback_polling::read(request, &self.config),
            _ => long_polling::read(request, &self.config).await,
        };
        self.receive_messages(request, arrival)
    }

    /// The promise of the response to nearly every request: a POST with messages that tells its length.
    fn receive_post(&self, request: &Request) -> Option<Promise> {
        if request.method() != "POST" {
            return None;
        }
        let url = request.url();
        let path = path(&url);
        if !path.starts_with(BASE_PATH) || is_api_path(path) {
            return None;
        }
        let fits = length(request)? <= self.config.options.max_message_size as u64;
        if fits { self.texts.of(request) } else { None }
    }

    /// Such a request's text was read, or broke off.
    fn receive_text(&self, request: &Request, text: Option<String>) -> JsValue {
        let arrival = text.ok_or(RequestError::JsonInvalid);
        self.receive_messages(request, arrival.and_then(|text| long_polling::arrived(request, text, &self.config)))
    }

    /// The response to messages, or the promise of it.
    fn receive_messages(&self, request: &Request, arrival: Result<Arrival, RequestError>) -> JsValue {
        let cross_origin = cross_origin(request, &self.config.allowed_origins);
        let browser = self.config.browser_cookie.as_ref().map(|cookie| cookie.browser(request));
        let (browser, set_cookie) = browser.map(|browser| (browser.id, browser.set_cookie)).unzip();
        let head = Head { cross_origin, set_cookie: set_cookie.flatten(), ..Head::default() };
        match arrival {
            Ok(Arrival { origin, messages, callback, body }) => {
                if let Some(home) = self.elsewhere(Home::of_messages(&messages)) {
                    return self.forward(request, &home, body);
                }
                let multiplexed = browser.is_some() && is_multiplexed(request);
                let origin = Origin { browser, multiplexed, ..origin };
                let (from, promise) = self.polls.open(Head { callback, ..head });
                let sender = from.key();
                let input = Input::Messages { from, origin, messages };
                self.take(Incoming { input, sender: Some(sender), request: Some(Clone::clone(request)) });
                promise.into()
            }
            Err(error) => {
                self.log.line(LogLevel::Debug, "request_refused", json!({ "status": error.status() }));
                respond(&Head { status: error.status(), ..head }, &error.body()).into()
            }
        }
    }

    /// A session's home, where it is another than this.
    fn elsewhere(&self, home: Option<Home>) -> Option<Home> {
        home.filter(|home| *home != self.home)
    }

    /// The promise of what a session's home answers in place of this object: the Worker does not look into requests, and sends
    /// a client whose address has changed to another home than its session's.
    fn forward(&self, request: &Request, home: &Home, body: Option<String>) -> JsValue {
        homes::forward(&self.bindings, home, request, body).map_or_else(
            |error| {
                self.log.line(LogLevel::Error, "not_forwarded", json!({ "error": format!("{error:?}") }));
                respond(&Head { status: 503, ..Head::default() }, INTERNAL_ERROR).into()
            },
            Into::into,
        )
    }

    /// The promise of what another object is answered.
    async fn answer_call(&self, request: &Request) -> Promise {
        let (from, promise) = self.polls.open(Head::default());
        let sender = from.key();
        match calls::read(request).await {
            Ok(call) => self.handle(Input::Call { from, call }, Some(sender)),
            Err(error) => self.answer(sender, error.status(), Format::Json, &error.body()),
        }
        promise
    }

    /// Asks another object, and hands the server its answer.
    fn ask(&self, token: u64, whom: Home, call: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let answer = calls::ask(&tree.bindings, &whom, &call).await;
            tree.handle(Input::Answer { token, answer }, None);
        });
    }

    /// Asks the hooks Worker, and hands the server its answer.
    fn consult(&self, request: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        spawn_local(async move {
            let answer = hooks::consult(&tree.bindings, &tree.config.options, &request).await;
            if let Err(error) = &answer {
                tree.log.line(LogLevel::Debug, "hooks_unreachable", json!({ "error": error }));
            }
            tree.handle(Input::Consulted(answer.ok()), None);
        });
    }

    /// The promise of what a route of the application's answers, or the server API.
    async fn serve(&self, request: &Request, input: impl FnOnce(Endpoint, HttpRequest) -> Input) -> Promise {
        let (from, promise) = self.polls.open(Head::default());
        let sender = from.key();
        match bytes(request, self.config.options.max_message_size).await {
            Ok(body) => {
                let request = HttpRequest { body, ..plain_http::request(request) };
                self.handle(input(from, request), Some(sender));
            }
            Err(error) => self.answer(sender, error.status(), Format::Json, &error.body()),
        }
        promise
    }

    /// A socket for whoever may read an answer: unlike a request's, the browser would let any page read a socket's.
    fn open_socket(&self, request: &Request) -> Response {
        if is_foreign(request, &self.config.allowed_origins) {
            return foreign();
        }
        let origin = self.origin(request);
        if let Some(refusal) = self.refuse_connection(&origin, Head::default()) {
            return refusal;
        }
        if let (Some(network), Some(address)) = (origin.network(), origin.address.clone())
            && self.sockets.of_network(network) >= self.config.options.client_max_connections
        {
            self.log.notice(&Notice::ConnectionRefused { address });
            let head = Head { status: 503, ..Head::default() };
            return respond(&head, r#"[{"successful":false,"error":"503::connections_exceeded"}]"#);
        }
        self.sockets.accept(origin).unwrap_or_else(|error| {
            self.log.line(LogLevel::Warn, "socket_refused", json!({ "error": error.to_string() }));
            let head = Head { status: 503, ..Head::default() };
            respond(&head, r#"[{"successful":false,"error":"503::sockets_exceeded"}]"#)
        })
    }

    /// An event stream for the session that the end of the path names, likewise.
    fn open_stream(&self, request: &Request, client_id: &str) -> Response {
        if is_foreign(request, &self.config.allowed_origins) {
            return foreign();
        }
        let head = Head { cross_origin: cross_origin(request, &self.config.allowed_origins), ..Head::default() };
        let origin = self.origin(request);
        if let Some(refusal) = self.refuse_connection(&origin, head.clone()) {
            return refusal;
        }
        let client_id = client_id.to_owned();
        let opened = self.streams.open(head.clone()).ok().and_then(|stream| {
            let sender = Endpoint::EventSource(stream).key();
            self.handle(Input::Listen { from: stream, origin, client_id }, Some(sender));
            self.streams.response(stream)
        });
        opened.unwrap_or_else(|| {
            self.log.line(LogLevel::Error, "stream_refused", json!({}));
            respond(&Head { status: 503, ..head }, r#"[{"successful":false,"error":"503::stream_refused"}]"#)
        })
    }

    /// The answer to whoever opens sockets or streams faster than `RATE_CONNECTIONS` allows.
    fn refuse_connection(&self, origin: &Origin, head: Head) -> Option<Response> {
        let Exceeded { wait, first } = self.connections.borrow_mut().take(js::now(), origin.network()).err()?;
        if let Some(address) = origin.address.clone().filter(|_| first) {
            self.log.notice(&Notice::RateExceeded { what: "connections", address });
        }
        Some(too_many(head, wait))
    }

    /// Where a socket or a stream comes from. A cookie that it does not have yet is for the answer to a handshake.
    fn origin(&self, request: &Request) -> Origin {
        let browser = self.config.browser_cookie.as_ref().and_then(|cookie| cookie.of(request));
        Origin { browser, ..long_polling::origin(request) }
    }

    /// The headers that say so.
    fn headers_of(&self, origin: &Origin) -> Vec<(&'static str, String)> {
        let address = origin.address.as_ref().map(|address| (long_polling::ADDRESS_HEADER, address.to_string()));
        let cookie = self.config.browser_cookie.as_ref().zip(origin.browser.as_ref());
        let cookie = cookie.map(|(cookie, browser)| ("Cookie", cookie.with(browser)));
        address.into_iter().chain(cookie).collect()
    }

    /// A stream's client does something.
    fn hear_of(&self, signal: Signal) {
        match signal {
            Signal::Drained(stream) if self.streams.caught_up(stream) => self.handle(Input::Drained(stream), None),
            Signal::Drained(_) => {}
            Signal::Left(stream) => {
                self.streams.forget(stream);
                self.handle(Input::Closed(EndpointKey::EventSource(stream.0)), None);
            }
        }
    }

    /// A frame came: text, or none where it was binary.
    fn hear(&self, socket: &WebSocket, text: Option<String>) {
        let Some(text) = text else { return self.close(socket, &Close::binary()) };
        let Some((id, origin)) = self.sockets.sender(socket) else { return self.close(socket, &Close::fault()) };
        match parse_json(&text, &self.config.options) {
            Ok(messages) => {
                if let Some(home) = self.elsewhere(Home::of_messages(&messages)) {
                    return self.tunnel(id, &origin, home, text);
                }
                let from = Endpoint::WebSocket(id);
                let sender = Some(from.key());
                self.take(Incoming { input: Input::Messages { from, origin, messages }, sender, request: None });
            }
            // A heartbeat that is not spelled as the platform knows it.
            Err(error @ RequestError::Empty) => self.sockets.send(&[id], &error.body()),
            Err(error) => {
                self.log.line(LogLevel::Debug, "frame_refused", json!({ "status": error.status() }));
                self.close(socket, &Close::refusing(error));
            }
        }
    }

    /// Passes a frame on to the home of the session that speaks.
    fn tunnel(&self, socket: SocketId, origin: &Origin, home: Home, text: String) {
        let Some(tree) = self.itself.upgrade() else { return };
        if self.tunnels.send(socket, &home, text) {
            let itself = self.itself.clone();
            let arrived = calling(&itself, |tree, arrived| match arrived {
                Arrived::Text(socket, text) => tree.sockets.send(&[socket], &text),
                Arrived::Closed(socket) => tree.tunnel_closed(socket),
            });
            let client = self.headers_of(origin);
            spawn_local(tree.tunnels.clone().open(self.bindings.clone(), socket, home, client, Rc::new(arrived)));
        }
    }

    /// The client is to come again, as if its network had failed.
    fn tunnel_closed(&self, socket: SocketId) {
        if let Some(socket) = self.sockets.get(socket) {
            self.close(&socket, &Close::restart());
        }
    }

    fn close(&self, socket: &WebSocket, close: &Close) {
        if let Some(endpoint) = self.sockets.close(socket, close) {
            self.tunnels.close(endpoint);
            self.take(Incoming { input: Input::Closed(endpoint), sender: None, request: None });
        }
    }

    /// The client of a held request is gone.
    fn left(&self, endpoint: EndpointKey) {
        self.handle(Input::Closed(endpoint), None);
        // Nobody reads it, but the platform's side of the request comes to its end.
        self.polls.answer(endpoint, 200, Format::Json, "[]");
    }

    /// The time has come that the server wanted to be woken for.
    fn wake(&self) {
        let work = || self.handle(Input::Timeout, None);
        if self.is_busy() { work() } else { self.timer.rings(work) }
    }

    /// Whether requests keep the object in memory.
    fn is_busy(&self) -> bool {
        !self.polls.is_empty() || !self.streams.is_empty()
    }

    /// Leaves nothing behind where nobody is here any more.
    fn forget(&self) {
        if self.store.is_in_use() && self.server.borrow().is_empty() {
            self.store.clear();
            self.timer.alarm_is_gone();
        }
    }

    /// Handles what came, now or at the end of the turn.
    fn take(&self, incoming: Incoming) {
        if let Some(incoming) = self.turn.admit(incoming) {
            self.handle_all([incoming]);
        }
    }

    fn handle_all(&self, incoming: impl IntoIterator<Item = Incoming>) {
        incoming.into_iter().for_each(|incoming| self.handle_one(incoming));
        if self.store.has_written() {
            self.turn.wrote();
        }
    }

    fn handle_one(&self, Incoming { input, sender, request }: Incoming) {
        self.handle(input, sender);
        if let (Some(request), Some(sender)) = (request, sender)
            && self.polls.holds(sender)
        {
            self.departures.watch(&request, sender);
        }
    }

    /// Lets the server handle what happened, and does what it says.
    ///
    /// A panic, say of an application's service, costs its own request only: `sender` is told of a fault, and what the
    /// server had to say to others until then is still said.
    fn handle(&self, input: Input, sender: Option<EndpointKey>) {
        let now = js::now();
        let outputs = catch_unwind(AssertUnwindSafe(|| self.server.borrow_mut().handle(now, input)));
        let outputs = outputs.unwrap_or_else(|_| {
            self.log.line(LogLevel::Error, "request_failed", json!({}));
            self.fail(sender);
            self.server.borrow_mut().handle(now, Input::Timeout)
        });
        outputs.into_iter().for_each(|output| self.perform(output));
        for stream in self.streams.take_full() {
            self.handle(Input::Stalled(stream), None);
        }
        for socket in self.sockets.take_slow() {
            self.log.line(LogLevel::Warn, "socket_too_slow", json!({}));
            self.close(&socket, &Close::too_slow());
        }
        self.forget();
    }

    /// Tells the one whose input ran into a fault of ours.
    fn fail(&self, sender: Option<EndpointKey>) {
        match sender {
            Some(EndpointKey::WebSocket(number)) => {
                if let Some(socket) = self.sockets.get(SocketId(number)) {
                    self.close(&socket, &Close::fault());
                }
            }
            Some(sender) => self.answer(sender, 500, Format::Json, INTERNAL_ERROR),
            None => {}
        }
    }

    fn perform(&self, output: Output) {
        match output {
            Output::Send { to, status, format, messages } => self.answer(to.key(), status.code(), format, &messages),
            Output::Respond { to, response } => match plain_http::response(&response, None) {
                Ok(response) => self.polls.respond(to.key(), |_| response),
                Err(error) => {
                    let reason = format!("a route's response: {error:?}");
                    self.log.notice(&Notice::ActionFailed { reason });
                    self.answer(to.key(), 500, Format::Json, INTERNAL_ERROR);
                }
            },
            Output::Stream { to, messages } => self.streams.send(&to, &messages),
            Output::Beat(stream) => self.streams.beat(stream),
            Output::Deliver { to, messages } => self.sockets.send(&to, &messages),
            Output::Ask { token, whom, call } => self.ask(token, whom, call),
            Output::Consult { request } => self.consult(request),
            Output::Keep { socket, held } => {
                if let Err(error) = self.sockets.keep(socket, held) {
                    self.log.line(LogLevel::Warn, "socket_not_kept", json!({ "error": error.to_string() }));
                }
            }
            Output::WakeAt(time) => {
                if self.timer.set(time, self.is_busy()) {
                    let outputs = self.server.borrow_mut().fall_asleep();
                    outputs.into_iter().for_each(|output| self.perform(output));
                }
            }
            Output::Tell(notice) => self.log.notice(&notice),
        }
    }

    /// `status` is HTTP's, and means nothing to a socket. What answers a stream ends it.
    fn answer(&self, to: EndpointKey, status: u16, format: Format, messages: &str) {
        match to {
            EndpointKey::LongPolling(_) => self.polls.answer(to, status, format, messages),
            EndpointKey::WebSocket(number) => self.sockets.send(&[SocketId(number)], messages),
            EndpointKey::EventSource(number) => self.streams.end(StreamId(number), status, messages),
        }
    }
}
