//! Tunnels: sockets whose sessions have another home.
//!
//! A socket's home is chosen before its client has named its session. A client that returns from another address, for
//! example of a mobile network, may reach another home than its session's. This object then opens a socket to that home
//! and passes frames in both directions. It does not hibernate in the meantime.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::js_sys::Function;
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{Headers, Request, RequestInit, Response};

use crate::bayeux::{BASE_PATH, EndpointKey, Home, SocketId};
use crate::cloudflare::bindings::Bindings;

#[wasm_bindgen]
extern "C" {
    /// The response to a Worker's own upgrade request (Workers runtime API, `Response.webSocket`).
    type Upgraded;

    #[wasm_bindgen(method, getter, js_name = webSocket)]
    fn web_socket(this: &Upgraded) -> Option<FarEnd>;

    #[derive(Clone)]
    type FarEnd;

    #[wasm_bindgen(method, catch)]
    fn accept(this: &FarEnd) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn send(this: &FarEnd, text: &str) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &FarEnd) -> Result<(), JsValue>;

    #[wasm_bindgen(method, js_name = addEventListener)]
    fn add_event_listener(this: &FarEnd, name: &str, listener: &Function);

    type MessageEvent;

    #[wasm_bindgen(method, getter)]
    fn data(this: &MessageEvent) -> JsValue;
}

/// What arrives from the other home.
pub enum Arrived {
    Text(SocketId, String),
    /// The home has closed its end, or was unreachable.
    Closed(SocketId),
}

/// Tunnels by socket and home. Clones share them.
#[derive(Clone, Default)]
pub struct Tunnels(Rc<RefCell<HashMap<SocketId, HashMap<String, Tunnel>>>>);

enum Tunnel {
    /// Frames that wait for it to open.
    Opening(Vec<String>),
    /// The socket's event listeners.
    Open(FarEnd, [Closure<dyn Fn(JsValue)>; 2]),
}

/// What happened to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    On,
    /// It waits for a tunnel that the caller must [open](Tunnels::open).
    Unopened,
    /// The socket uses too many homes, or sends too much before one is open.
    Refused,
}

/// Most other homes of a socket. A client has one session, and a second one after a change of its network.
const MOST_OF_SOCKET: usize = 4;

/// Bytes that may wait for a tunnel to open: a frame of the usual `MAX_MESSAGE_SIZE`.
const MOST_WAITING: usize = 1 << 20;

impl Tunnels {
    /// Passes a frame on.
    pub fn send(&self, socket: SocketId, home: &Home, text: String) -> Passed {
        let mut tunnels = self.0.borrow_mut();
        let of_socket = tunnels.entry(socket).or_default();
        let count = of_socket.len();
        match of_socket.get_mut(home.name()) {
            Some(Tunnel::Opening(waiting)) => {
                if waiting.iter().map(String::len).sum::<usize>() + text.len() > MOST_WAITING {
                    return Passed::Refused;
                }
                waiting.push(text);
            }
            Some(Tunnel::Open(far_end, _)) => {
                // A closing socket drops it; its client is told when it has closed.
                let _ = far_end.send(&text);
            }
            None if count >= MOST_OF_SOCKET => return Passed::Refused,
            None => {
                of_socket.insert(home.to_string(), Tunnel::Opening(vec![text]));
                return Passed::Unopened;
            }
        }
        Passed::On
    }

    /// Opens a socket to another home, with these headers of the client.
    pub async fn open(
        self,
        bindings: Bindings,
        socket: SocketId,
        home: Home,
        client: Vec<(&'static str, String)>,
        arrived: Rc<dyn Fn(Arrived)>,
    ) {
        let opened = connect(&bindings, &home, &client).await;
        // The client may have left by now.
        let waiting = match self.0.borrow_mut().get_mut(&socket).and_then(|homes| homes.remove(home.name())) {
            Some(Tunnel::Opening(waiting)) => waiting,
            Some(Tunnel::Open(..)) | None => {
                let _ = opened.map(|far_end| far_end.close());
                return;
            }
        };
        let Ok(far_end) = opened else { return arrived(Arrived::Closed(socket)) };
        let text = {
            let arrived = Rc::clone(&arrived);
            Closure::own_assert_unwind_safe(move |frame: JsValue| {
                if let Some(text) = frame.unchecked_into::<MessageEvent>().data().as_string() {
                    arrived(Arrived::Text(socket, text));
                }
            })
        };
        let closed = Closure::own_assert_unwind_safe(move |_: JsValue| arrived(Arrived::Closed(socket)));
        far_end.add_event_listener("message", text.as_ref().unchecked_ref());
        far_end.add_event_listener("close", closed.as_ref().unchecked_ref());
        for text in waiting {
            let _ = far_end.send(&text);
        }
        if let Some(homes) = self.0.borrow_mut().get_mut(&socket) {
            homes.insert(home.to_string(), Tunnel::Open(far_end, [text, closed]));
        }
    }

    /// The client has left, or its socket is being closed.
    pub fn close(&self, socket: EndpointKey) {
        let EndpointKey::WebSocket(socket) = socket else { return };
        let gone = self.0.borrow_mut().remove(&SocketId(socket)).unwrap_or_default();
        for (_, tunnel) in gone {
            if let Tunnel::Open(far_end, listeners) = tunnel {
                let _ = far_end.close();
                // They may be running just now.
                listeners.into_iter().for_each(Closure::forget);
            }
        }
    }
}

async fn connect(bindings: &Bindings, home: &Home, client: &[(&str, String)]) -> Result<FarEnd, JsValue> {
    let headers = Headers::new()?;
    headers.set("Upgrade", "websocket")?;
    for (name, value) in client {
        headers.set(name, value)?;
    }
    let init = RequestInit::new();
    init.set_headers(&headers);
    let request = Request::new_with_str_and_init(&format!("https://object{BASE_PATH}"), &init)?;
    let response: Response = JsFuture::from(bindings.call(home, &request)?).await?.unchecked_into();
    let far_end = response.unchecked_into::<Upgraded>().web_socket().ok_or(JsValue::UNDEFINED)?;
    far_end.accept()?;
    Ok(far_end)
}
