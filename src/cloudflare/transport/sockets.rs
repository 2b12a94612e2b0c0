//! WebSocket on the hibernation API: the platform keeps the sockets, the object their numbers.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use worker::durable::State;
use worker::js_sys::Date;
use worker::web_sys::Response;
use worker::worker_sys::WebSocketRequestResponsePair;
use worker::{WebSocket, WebSocketPair};

use crate::bayeux::tokens::Bearer;
use crate::bayeux::{BayeuxContext, EndpointKey, KeptSocket, Millis, Network, Refusal, RequestError, SocketId};
use crate::cloudflare::http::token_sources::SUBPROTOCOLS;

#[wasm_bindgen]
extern "C" {
    /// A `WebSocket`, to which one JavaScript string is sent many times.
    type JsWebSocket;

    #[wasm_bindgen(method, catch)]
    fn send(this: &JsWebSocket, message: &JsValue) -> Result<(), JsValue>;

    /// Bytes that were sent but have not left yet.
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    fn buffered_amount(this: &JsWebSocket) -> f64;

    /// The object's state, which knows the platform's last automatic answer (Durable Objects, WebSocket hibernation
    /// API).
    type HeartbeatLog;

    #[wasm_bindgen(method, catch, js_name = getWebSocketAutoResponseTimestamp)]
    fn auto_response_timestamp(this: &HeartbeatLog, socket: &JsValue) -> Result<Option<Date>, JsValue>;
}

/// The sockets of one object.
pub struct Sockets {
    state: State,
    /// Bytes.
    most_buffered: f64,
    opened: Cell<u64>,
    open: RefCell<HashMap<u64, OpenSocket>>,
    slow: RefCell<Vec<WebSocket>>,
    answered: Cell<bool>,
    /// The number of the socket that keeps the state of the data points; 0 for none.
    points_on: Cell<u64>,
}

struct OpenSocket {
    socket: WebSocket,
    address: Option<Rc<str>>,
    network: Option<Network>,
    browser: Option<Rc<str>>,
    token: Option<Bearer>,
    /// What is kept with it of the data points.
    points: RefCell<String>,
}

/// The heartbeat that Faye's clients send to keep idle sockets open, and its server's answer: the replies to no
/// message.
const HEARTBEAT: &str = "[]";

/// A response header of the upgrade. The server answers heartbeats. A client that has sent one must go on sending them,
/// or the server closes its socket.
const HEARTBEAT_HEADER: &str = "Bayeux-Heartbeat";

/// What the platform keeps with a socket.
#[derive(Deserialize, Serialize)]
struct Attachment {
    number: u64,
    /// The client's IP address.
    address: Option<String>,
    /// Its browser's cookie.
    #[serde(default)]
    browser: Option<String>,
    /// The token of the upgrade request. Every handshake on this socket uses it, also after hibernation. It is deleted
    /// with the socket.
    #[serde(default)]
    token: Option<String>,
    /// The connects it holds, as the server encodes them.
    #[serde(default)]
    held: String,
    /// On one of the sockets: the state of the object's data points, as the server encodes it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    points: String,
}

/// How this end closes a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// RFC 6455, section 7.4.1.
    code: u16,
    /// The client gets at most 123 bytes of it.
    reason: String,
}

impl Sockets {
    /// Includes the sockets of the object's last life in memory, with what they kept. `most_buffered`: bytes that may
    /// wait for a client to read.
    pub fn new(state: State, most_buffered: usize) -> (Self, Vec<KeptSocket>) {
        let most_buffered = most_buffered as f64;
        let (opened, open, slow, answered, points_on) = Default::default();
        let sockets = Self { state, most_buffered, opened, open, slow, answered, points_on };
        // The platform answers heartbeats itself, and the object hibernates on.
        if let Ok(pair) = WebSocketRequestResponsePair::new(HEARTBEAT, HEARTBEAT) {
            sockets.state.set_websocket_auto_response(&pair);
        }
        let mut kept = Vec::new();
        for socket in sockets.state.get_websockets() {
            let Some(Attachment { number, address, browser, token, held, points }) = attachment(&socket) else {
                continue;
            };
            if !points.is_empty() {
                sockets.points_on.set(number);
            }
            let address: Option<Rc<str>> = address.map(Rc::from);
            kept.push(KeptSocket { socket: SocketId(number), address: address.clone(), held });
            sockets.opened.set(sockets.opened.get().max(number));
            let network = address.as_deref().and_then(Network::of);
            let (browser, token) = (browser.map(Rc::from), token.as_deref().map(Bearer::new));
            let points = RefCell::new(points);
            let open = OpenSocket { socket, address, network, browser, token, points };
            sockets.open.borrow_mut().insert(number, open);
        }
        (sockets, kept)
    }

    /// Accepts a socket. The response has the client's end and the agreed subprotocol.
    ///
    /// # Errors
    /// The platform refuses: past 32,768 sockets of an object.
    pub fn accept(&self, context: BayeuxContext, subprotocol: Option<&str>) -> worker::Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.opened.set(self.opened.get() + 1);
        let number = self.opened.get();
        self.state.accept_web_socket(&server);
        let (network, BayeuxContext { address, browser, token, .. }) = (context.network(), context);
        self.open.borrow_mut().insert(
            number,
            OpenSocket { socket: server, address, network, browser, token, points: RefCell::default() },
        );
        self.keep(SocketId(number), String::new())?;
        let mut response = worker::Response::from_websocket(client)?;
        response.headers_mut().set(HEARTBEAT_HEADER, HEARTBEAT)?;
        if let Some(subprotocol) = subprotocol {
            response.headers_mut().set(SUBPROTOCOLS, subprotocol)?;
        }
        Ok(response.into())
    }

    /// The sockets whose last heartbeat is older than `longest`. Sockets that never sent one are not among them.
    pub fn silent(&self, now: Millis, longest: Duration) -> Vec<WebSocket> {
        let state: &HeartbeatLog = self.state.as_raw().unchecked_ref();
        let is_silent = |socket: &WebSocket| {
            let last = state.auto_response_timestamp(socket.as_ref()).ok().flatten();
            last.is_some_and(|last| Millis(last.get_time() as u64) + longest < now)
        };
        let open = self.open.borrow();
        open.values().map(|open| &open.socket).filter(|socket| is_silent(socket)).cloned().collect()
    }

    /// The socket of a frame. None for one that was closed: frames may still arrive.
    pub fn sender(&self, socket: &WebSocket) -> Option<(SocketId, BayeuxContext)> {
        let Attachment { number, address, browser, token, .. } = attachment(socket)?;
        self.open.borrow().get(&number)?;
        let (address, browser) = (address.map(Rc::from), browser.map(Rc::from));
        let token = token.as_deref().map(Bearer::new);
        Some((
            SocketId(number),
            BayeuxContext { address, browser, multiplexed: true, again: false, token, has_aborted: false },
        ))
    }

    /// How many sockets are open.
    pub fn count(&self) -> usize {
        self.open.borrow().len()
    }

    /// The socket of this number.
    pub fn get(&self, SocketId(number): SocketId) -> Option<WebSocket> {
        self.open.borrow().get(&number).map(|open| open.socket.clone())
    }

    /// Sends the same text to each socket. A closing socket is skipped. A socket with too many unread bytes is skipped
    /// too, and listed for [`Sockets::take_slow`].
    pub fn send(&self, to: &[SocketId], text: &str) {
        let text = JsValue::from_str(text);
        self.answered.set(true);
        let open = self.open.borrow();
        for SocketId(number) in to {
            let Some(OpenSocket { socket, .. }) = open.get(number) else { continue };
            let sink: &JsWebSocket = socket.as_ref().unchecked_ref();
            if sink.buffered_amount() > self.most_buffered {
                self.slow.borrow_mut().push(socket.clone());
            } else {
                let _ = sink.send(&text);
            }
        }
    }

    /// Whether anything was sent since this was last asked.
    pub fn were_answered(&self) -> bool {
        self.answered.replace(false)
    }

    /// The sockets whose clients do not read: to be closed. To be asked after each send.
    pub fn take_slow(&self) -> Vec<WebSocket> {
        self.slow.take()
    }

    /// Makes the platform keep a text with a socket, for the object's next life.
    ///
    /// # Errors
    /// It is longer than the platform allows: 16,384 bytes with the rest.
    pub fn keep(&self, SocketId(number): SocketId, held: String) -> worker::Result<()> {
        self.open.borrow().get(&number).map_or(Ok(()), |open| open.keep(number, held))
    }

    /// Makes the platform keep the state of the data points with one of the sockets, the oldest. Returns whether it
    /// has room for them.
    pub fn keep_points(&self, state: &str) -> bool {
        let open = self.open.borrow();
        let oldest = open.keys().min().copied().unwrap_or_default();
        let kept = open.get(&oldest).is_some_and(|open| {
            let held = attachment(&open.socket).map(|attachment| attachment.held).unwrap_or_default();
            open.points.replace(state.to_owned());
            open.keep(oldest, held).is_ok() && !open.points.borrow().is_empty()
        });
        self.points_on.set(if kept { oldest } else { 0 });
        kept
    }

    /// What the sockets have kept of the data points.
    pub fn kept_points(&self) -> Vec<String> {
        let open = self.open.borrow();
        open.values().map(|open| open.points.borrow().clone()).filter(|points| !points.is_empty()).collect()
    }

    /// Whether the socket that kept them is gone, or has no room for them any more.
    pub fn lost_points(&self) -> bool {
        self.points_on.get() > 0 && !self.keeps_points()
    }

    /// Whether a socket keeps them.
    pub fn keeps_points(&self) -> bool {
        let open = self.open.borrow();
        open.get(&self.points_on.get()).is_some_and(|open| !open.points.borrow().is_empty())
    }

    /// Removes a socket, and closes this end: the platform sends no Close by itself.
    pub fn close(&self, socket: &WebSocket, close: &Close) -> Option<(EndpointKey, Option<Network>)> {
        close.send(socket);
        let Attachment { number, .. } = attachment(socket)?;
        let open = self.open.borrow_mut().remove(&number)?;
        Some((EndpointKey::WebSocket(number), open.network))
    }
}

impl Close {
    pub fn send(&self, socket: &WebSocket) {
        // A closed socket throws.
        let _ = socket.close(Some(self.code), Some(&self.reason));
    }

    /// The client does not read. 1013: it may try again later.
    pub fn too_slow() -> Self {
        Self { code: 1013, reason: "too much waits to be read".to_owned() }
    }

    /// The heartbeats have ceased. 1001, should anybody read it: this end goes away.
    pub fn silent() -> Self {
        Self { code: 1001, reason: "no heartbeat".to_owned() }
    }

    /// The client sends too much. 1013: it may try again later.
    pub fn turning_away(refusal: Refusal) -> Self {
        Self { code: 1013, reason: refusal.to_string() }
    }

    /// The other side closed with this code, which is returned (RFC 6455, section 5.5.1). 1005 and 1006 mean that there
    /// was none.
    pub fn answering(code: u16) -> Self {
        let code = if matches!(code, 1005 | 1006) { 1000 } else { code };
        Self { code, reason: String::new() }
    }

    /// A frame was refused as a whole. The client waits for replies: over HTTP a status tells it that there are none,
    /// here only a close does.
    pub fn refusing(error: RequestError) -> Self {
        let code = if error == RequestError::TooLarge { 1009 } else { 1008 };
        Self { code, reason: error.to_string() }
    }

    /// A frame that is not text.
    pub fn binary() -> Self {
        Self { code: 1003, reason: "text, please".to_owned() }
    }

    /// The home that the socket leads to is unreachable: the client is to reconnect (1012, "Service Restart", in the
    /// IANA registry of close codes).
    pub fn restart() -> Self {
        Self { code: 1012, reason: Refusal::HomeUnreachable.to_string() }
    }

    /// Our own fault: there are no replies either.
    pub fn fault() -> Self {
        Self { code: 1011, reason: Refusal::InternalError.to_string() }
    }
}

impl OpenSocket {
    /// What it holds has room first: where the points have none, they are dropped, and their old state with them.
    fn keep(&self, number: u64, held: String) -> worker::Result<()> {
        let text = |text: &Option<Rc<str>>| text.as_deref().map(str::to_owned);
        let token = self.token.as_ref().map(|token| token.as_str().to_owned());
        let (address, browser, points) = (text(&self.address), text(&self.browser), self.points.take());
        let mut attachment = Attachment { number, address, browser, token, held, points };
        if self.socket.serialize_attachment(&attachment).is_ok() {
            self.points.replace(attachment.points);
            return Ok(());
        }
        attachment.points.clear();
        self.socket.serialize_attachment(&attachment)
    }
}

fn attachment(socket: &WebSocket) -> Option<Attachment> {
    socket.deserialize_attachment().ok().flatten()
}
