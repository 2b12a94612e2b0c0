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
use crate::bayeux::{EndpointKey, KeptSocket, Millis, Network, Origin, Refusal, RequestError, SocketId};
use crate::cloudflare::http::token_sources::SUBPROTOCOLS;

#[wasm_bindgen]
extern "C" {
    /// A `WebSocket`, to which one JavaScript string is sent many times over.
    type JsWebSocket;

    #[wasm_bindgen(method, catch)]
    fn send(this: &JsWebSocket, message: &JsValue) -> Result<(), JsValue>;

    /// Bytes that were sent and have not left yet.
    #[wasm_bindgen(method, getter, js_name = bufferedAmount)]
    fn buffered_amount(this: &JsWebSocket) -> f64;

    /// The object's state, which knows when the platform answered a heartbeat last (Durable Objects, WebSocket
    /// hibernation API).
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
}

struct OpenSocket {
    socket: WebSocket,
    address: Option<Rc<str>>,
    network: Option<Network>,
    browser: Option<Rc<str>>,
    token: Option<Bearer>,
}

/// What Faye's clients send at intervals so that nothing between cuts an idle socket, and what its server answers: the
/// replies to no message.
const HEARTBEAT: &str = "[]";

/// By this header of the upgrade a client knows that its heartbeats are answered, and awaited once it has sent one.
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
    /// The token that its upgrade carried: for the handshake, which may come after a sleep, and for the next one should
    /// its session end. It goes when the socket does.
    #[serde(default)]
    token: Option<String>,
    /// The connects it holds, in the server's own words.
    #[serde(default)]
    held: String,
}

/// With what this end closes a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// RFC 6455, section 7.4.1.
    code: u16,
    /// At most 123 bytes of it reach the client.
    reason: String,
}

impl Sockets {
    /// With the sockets that outlived the object's last life in memory, and what they were given to keep.
    /// `most_buffered`: bytes that may wait for one to read.
    pub fn new(state: State, most_buffered: usize) -> (Self, Vec<KeptSocket>) {
        let most_buffered = most_buffered as f64;
        let (opened, open, slow, answered) = Default::default();
        let sockets = Self { state, most_buffered, opened, open, slow, answered };
        // The platform answers a heartbeat itself, and a hibernating object sleeps on.
        if let Ok(pair) = WebSocketRequestResponsePair::new(HEARTBEAT, HEARTBEAT) {
            sockets.state.set_websocket_auto_response(&pair);
        }
        let mut kept = Vec::new();
        for socket in sockets.state.get_websockets() {
            let Some(Attachment { number, address, browser, token, held }) = attachment(&socket) else { continue };
            let address: Option<Rc<str>> = address.map(Rc::from);
            kept.push(KeptSocket { socket: SocketId(number), address: address.clone(), held });
            sockets.opened.set(sockets.opened.get().max(number));
            let network = address.as_deref().and_then(Network::of);
            let (browser, token) = (browser.map(Rc::from), token.as_deref().map(Bearer::new));
            let open = OpenSocket { socket, address, network, browser, token };
            sockets.open.borrow_mut().insert(number, open);
        }
        (sockets, kept)
    }

    /// Takes a socket in. The response hands the client its end, and the subprotocol that both are to speak.
    ///
    /// # Errors
    /// Where the platform refuses: past 32,768 sockets of one object.
    pub fn accept(&self, origin: Origin, subprotocol: Option<&str>) -> worker::Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        self.opened.set(self.opened.get() + 1);
        let number = self.opened.get();
        self.state.accept_web_socket(&server);
        let (network, Origin { address, browser, token, .. }) = (origin.network(), origin);
        self.open.borrow_mut().insert(number, OpenSocket { socket: server, address, network, browser, token });
        self.keep(SocketId(number), String::new())?;
        let mut response = worker::Response::from_websocket(client)?;
        response.headers_mut().set(HEARTBEAT_HEADER, HEARTBEAT)?;
        if let Some(subprotocol) = subprotocol {
            response.headers_mut().set(SUBPROTOCOLS, subprotocol)?;
        }
        Ok(response.into())
    }

    /// The sockets whose clients have sent heartbeats, and none for so long.
    pub fn silent(&self, now: Millis, longest: Duration) -> Vec<WebSocket> {
        let state: &HeartbeatLog = self.state.as_raw().unchecked_ref();
        let is_silent = |socket: &WebSocket| {
            let last = state.auto_response_timestamp(socket.as_ref()).ok().flatten();
            last.is_some_and(|last| Millis(last.get_time() as u64) + longest < now)
        };
        let open = self.open.borrow();
        open.values().map(|open| &open.socket).filter(|socket| is_silent(socket)).cloned().collect()
    }

    /// Whose frame it is. None for a socket that is not ours, or not any more: frames that were on their way when it
    /// was closed still arrive.
    pub fn sender(&self, socket: &WebSocket) -> Option<(SocketId, Origin)> {
        let Attachment { number, address, browser, token, .. } = attachment(socket)?;
        self.open.borrow().get(&number)?;
        let (address, browser) = (address.map(Rc::from), browser.map(Rc::from));
        let token = token.as_deref().map(Bearer::new);
        Some((
            SocketId(number),
            Origin { address, browser, multiplexed: true, again: false, token, has_aborted: false },
        ))
    }

    /// How many are open.
    pub fn count(&self) -> usize {
        self.open.borrow().len()
    }

    /// The socket of this number.
    pub fn get(&self, SocketId(number): SocketId) -> Option<WebSocket> {
        self.open.borrow().get(&number).map(|open| open.socket.clone())
    }

    /// Sends the same text to each socket. One that is closing is passed over: its sessions hear of it when it has
    /// closed. So is one that has too much to read already, see [`Sockets::take_slow`].
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

    /// Whether anything was sent since this was asked last.
    pub fn were_answered(&self) -> bool {
        self.answered.replace(false)
    }

    /// The sockets whose clients do not read what they are sent: to be closed. To be asked after whatever was sent.
    pub fn take_slow(&self) -> Vec<WebSocket> {
        self.slow.take()
    }

    /// Has the platform keep a text with a socket, for the object's next life.
    ///
    /// # Errors
    /// Where it is longer than the platform takes: 16,384 bytes with the rest.
    pub fn keep(&self, SocketId(number): SocketId, held: String) -> worker::Result<()> {
        let open = self.open.borrow();
        let Some(OpenSocket { socket, address, browser, token, .. }) = open.get(&number) else { return Ok(()) };
        let text = |text: &Option<Rc<str>>| text.as_deref().map(str::to_owned);
        let token = token.as_ref().map(|token| token.as_str().to_owned());
        socket.serialize_attachment(Attachment { number, address: text(address), browser: text(browser), token, held })
    }

    /// Forgets a socket of this network, and closes this end: the platform sends no Close of its own.
    pub fn close(&self, socket: &WebSocket, close: &Close) -> Option<(EndpointKey, Option<Network>)> {
        close.send(socket);
        let Attachment { number, .. } = attachment(socket)?;
        let open = self.open.borrow_mut().remove(&number)?;
        Some((EndpointKey::WebSocket(number), open.network))
    }
}

impl Close {
    pub fn send(&self, socket: &WebSocket) {
        // A socket that is closed already throws.
        let _ = socket.close(Some(self.code), Some(&self.reason));
    }

    /// Its client does not read. 1013: it may try again later.
    pub fn too_slow() -> Self {
        Self { code: 1013, reason: "too much waits to be read".to_owned() }
    }

    /// Its heartbeats have ceased. Should anybody read it: 1001, this end goes away.
    pub fn silent() -> Self {
        Self { code: 1001, reason: "no heartbeat".to_owned() }
    }

    /// It sends too much. 1013: it may try again later.
    pub fn turning_away(refusal: Refusal) -> Self {
        Self { code: 1013, reason: refusal.to_string() }
    }

    /// The other side has closed with this code: it is sent back (RFC 6455, section 5.5.1). 1005 and 1006 say that
    /// there was none.
    pub fn answering(code: u16) -> Self {
        let code = if matches!(code, 1005 | 1006) { 1000 } else { code };
        Self { code, reason: String::new() }
    }

    /// A frame that is refused as a whole. A client waits for the replies to what it sent: over HTTP a status tells it
    /// that there are none, here nothing but the end does.
    pub fn refusing(error: RequestError) -> Self {
        let code = if error == RequestError::TooLarge { 1009 } else { 1008 };
        Self { code, reason: error.to_string() }
    }

    /// A frame that is not text.
    pub fn binary() -> Self {
        Self { code: 1003, reason: "text, please".to_owned() }
    }

    /// The home that a socket leads to is out of reach: its client is to come again (1012, "Service Restart", in the
    /// IANA registry of close codes).
    pub fn restart() -> Self {
        Self { code: 1012, reason: Refusal::HomeUnreachable.to_string() }
    }

    /// A fault of ours: likewise nobody answers.
    pub fn fault() -> Self {
        Self { code: 1011, reason: Refusal::InternalError.to_string() }
    }
}

fn attachment(socket: &WebSocket) -> Option<Attachment> {
    socket.deserialize_attachment().ok().flatten()
}
