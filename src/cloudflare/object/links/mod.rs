//! The object's side of links (see worker/links/links.js): requests that the Worker holds, and their answers, in frames
//! of a WebSocket.
//!
//! The sockets of one Worker isolate share a name, and answers go out on the newest that has spoken: that hands a link
//! over. When a name's last socket closes, all of its requests end, as if each client had left.
//!
//! The sockets hibernate. After the object has lost its memory, its first event makes it ask the isolate again for the
//! held requests.
//!
//! | File | Has |
//! |---|---|
//! | `mod` | which requests wait on which link, and the answers to send |
//! | `frame` | the words of a frame |
//! | `arrivals` | what comes over links, on its way to the protocol |

mod arrivals;
mod frame;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use worker::durable::State;
use worker::web_sys::Response;
use worker::{WebSocket, WebSocketPair};

use crate::bayeux::{EndpointKey, Format, Home, Refusal, StreamId};
use crate::cloudflare::transport::event_source::event;

/// Where an isolate opens a link; its name follows. It is no home's path, so no client's request reaches an object by
/// it.
pub const LINK_PATH: &str = "/cometd/isolate/link/";

/// The tag by which the platform finds the sockets of links.
const TAG: &str = "link";

/// The links of one object.
pub struct Links {
    state: State,
    opened: Cell<u64>,
    by_name: RefCell<HashMap<Rc<str>, Isolate>>,
    /// The isolate's name and the request's number there.
    requests: RefCell<HashMap<EndpointKey, (Rc<str>, u64)>>,
    /// Names with answers to send.
    unsent: RefCell<Vec<Rc<str>>>,
    /// How many callers are collecting answers.
    gathering: Cell<usize>,
}

/// The links of one name.
#[derive(Default)]
struct Isolate {
    /// Sockets by number: the last is the newest.
    sockets: BTreeMap<u64, LinkSocket>,
    waiting: HashMap<u64, EndpointKey>,
    answers: String,
    /// What arrived after the object lost its memory, until the earlier requests have been repeated.
    since: Option<HashSet<u64>>,
}

struct LinkSocket {
    socket: WebSocket,
    /// A frame has come over it: the request that opened it is alive, and hears the answers.
    has_spoken: bool,
}

/// What the platform keeps with a link's socket.
#[derive(Deserialize, Serialize)]
struct LinkAttachment {
    link: u64,
    name: String,
}

impl Links {
    /// Includes the sockets of the object's last life in memory.
    pub fn new(state: State) -> Self {
        let links = Self {
            state,
            opened: Cell::default(),
            by_name: RefCell::default(),
            requests: RefCell::default(),
            unsent: RefCell::default(),
            gathering: Cell::default(),
        };
        for socket in links.state.get_websockets_with_tag(TAG) {
            let Some(LinkAttachment { link, name }) = attachment(&socket) else { continue };
            links.opened.set(links.opened.get().max(link));
            let name: Rc<str> = name.into();
            let mut by_name = links.by_name.borrow_mut();
            let isolate = by_name.entry(Rc::clone(&name)).or_default();
            isolate.sockets.insert(link, LinkSocket { socket, has_spoken: true });
            if isolate.since.replace(HashSet::new()).is_none() && isolate.say("[]") {
                links.unsent.borrow_mut().push(name);
            }
        }
        links
    }

    fn is_empty(&self) -> bool {
        self.by_name.borrow().is_empty()
    }

    fn accept(&self, name: &str) -> worker::Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let link = self.opened.get() + 1;
        self.opened.set(link);
        self.state.accept_websocket_with_tags(&server, &[TAG]);
        server.serialize_attachment(LinkAttachment { link, name: name.to_owned() })?;
        let server = LinkSocket { socket: server, has_spoken: false };
        self.by_name.borrow_mut().entry(name.into()).or_default().sockets.insert(link, server);
        Ok(worker::Response::from_websocket(client)?.into())
    }

    /// A frame has come over a link.
    fn heard(&self, LinkAttachment { link, name }: &LinkAttachment) {
        let mut by_name = self.by_name.borrow_mut();
        let socket = by_name.get_mut(&**name).and_then(|isolate| isolate.sockets.get_mut(link));
        if let Some(socket) = socket.filter(|socket| !socket.has_spoken) {
            socket.has_spoken = true;
            // The isolate closes the link before only now: a socket whose close is on its way carries no answers.
            let _ = socket.socket.send_with_str("[]");
        }
    }

    /// Records a request.
    fn ask(&self, name: &Rc<str>, number: u64, endpoint: EndpointKey) {
        if let Some(isolate) = self.by_name.borrow_mut().get_mut(name) {
            isolate.waiting.insert(number, endpoint);
        }
        self.requests.borrow_mut().insert(endpoint, (Rc::clone(name), number));
    }

    /// Whether this life of the object has had this request already.
    fn has_had(&self, name: &str, number: u64, again: bool) -> bool {
        let mut by_name = self.by_name.borrow_mut();
        let Some(since) = by_name.get_mut(name).and_then(|isolate| isolate.since.as_mut()) else { return again };
        !since.insert(number) && again
    }

    fn leave(&self, name: &str, number: u64) -> Option<EndpointKey> {
        let endpoint = self.by_name.borrow_mut().get_mut(name)?.waiting.remove(&number)?;
        self.requests.borrow_mut().remove(&endpoint);
        Some(endpoint)
    }

    fn all_is_said(&self, name: &str) {
        if let Some(isolate) = self.by_name.borrow_mut().get_mut(name) {
            isolate.since = None;
        }
    }

    fn endpoint(&self, name: &str, number: u64) -> Option<EndpointKey> {
        self.by_name.borrow().get(name)?.waiting.get(&number).copied()
    }

    /// Sends a text to those of the streams that are held over links, and returns the others.
    pub fn write(&self, to: Vec<StreamId>, text: impl FnOnce() -> String) -> Vec<StreamId> {
        let mut numbers: BTreeMap<Rc<str>, Vec<u64>> = BTreeMap::new();
        let mut others = to;
        {
            let requests = self.requests.borrow();
            if requests.is_empty() {
                return others;
            }
            others.retain(|stream| {
                let Some((name, number)) = requests.get(&EndpointKey::EventSource(stream.0)) else { return true };
                numbers.entry(Rc::clone(name)).or_default().push(*number);
                false
            });
        }
        if !numbers.is_empty() {
            let text = quoted(&text());
            for (name, numbers) in numbers {
                self.say(name, &format!("[{},{text}]", json!(numbers)));
            }
        }
        others
    }

    /// Ends a stream with its last messages, or refuses it, if it came over a link.
    pub fn end(&self, stream: EndpointKey, status: u16, messages: &str) -> bool {
        let text = match (status, messages) {
            (200, "[]") => String::new(),
            (200, messages) => event(messages),
            _ => messages.to_owned(),
        };
        self.answer(stream, status, Format::Json, &text)
    }

    /// Answers a request, if it came over a link.
    pub fn answer(&self, to: EndpointKey, status: u16, format: Format, messages: &str) -> bool {
        self.complete(to, |number| match (status, format, quoted(messages)) {
            (200, Format::Json, text) => format!("[{number},{text}]"),
            (_, _, text) => format!("[{number},{text},{status},{}]", u8::from(format == Format::CommentFiltered)),
        })
    }

    /// Refuses a request as a whole.
    fn refuse(&self, to: EndpointKey, refusal: Refusal) {
        let (text, status) = (quoted(&refusal.body()), refusal.status());
        let wait = refusal.retry_after().unwrap_or_default().as_millis();
        self.complete(to, |number| format!("[{number},{text},{status},0,{wait}]"));
    }

    /// The session's home is another object: the isolate asks there.
    fn moved(&self, request: EndpointKey, home: &Home) {
        self.complete(request, |number| json!([number, { "home": home.name() }]).to_string());
    }

    /// Queues the last element for a request. Returns whether it came over a link.
    fn complete(&self, request: EndpointKey, word: impl FnOnce(u64) -> String) -> bool {
        let Some((name, number)) = self.requests.borrow_mut().remove(&request) else { return false };
        if let Some(isolate) = self.by_name.borrow_mut().get_mut(&name) {
            isolate.waiting.remove(&number);
        }
        self.say(name, &word(number));
        true
    }

    fn say(&self, name: Rc<str>, word: &str) {
        let mut by_name = self.by_name.borrow_mut();
        let Some(isolate) = by_name.get_mut(&name) else { return };
        if isolate.say(word) {
            self.unsent.borrow_mut().push(name);
        }
    }

    /// Sends queued answers, unless a caller is still collecting.
    pub fn flush(&self) {
        if self.gathering.get() > 0 {
            return;
        }
        let mut by_name = self.by_name.borrow_mut();
        for name in self.unsent.take() {
            let Some(isolate) = by_name.get_mut(&name) else { continue };
            let frame = std::mem::take(&mut isolate.answers) + "]";
            if let Some(socket) = isolate.answering() {
                // A closing socket throws; the platform reports the close as well.
                let _ = socket.send_with_str(frame);
            }
        }
    }

    /// The requests that end with a link, if it was the last of its name.
    fn closed(&self, LinkAttachment { link, name }: &LinkAttachment) -> Vec<EndpointKey> {
        let mut by_name = self.by_name.borrow_mut();
        let Some(isolate) = by_name.get_mut(&**name) else { return Vec::new() };
        isolate.sockets.remove(link);
        if !isolate.sockets.is_empty() {
            return Vec::new();
        }
        let waiting = by_name.remove(&**name).map(|isolate| isolate.waiting).unwrap_or_default();
        let mut requests = self.requests.borrow_mut();
        waiting.into_values().inspect(|endpoint| drop(requests.remove(endpoint))).collect()
    }
}

impl Isolate {
    /// The socket for answers.
    fn answering(&self) -> Option<&WebSocket> {
        let mut newest_first = self.sockets.values().rev();
        let newest = newest_first.clone().next();
        newest_first.find(|socket| socket.has_spoken).or(newest).map(|socket| &socket.socket)
    }

    /// Whether a frame starts with this element.
    fn say(&mut self, word: &str) -> bool {
        let first = self.answers.is_empty();
        self.answers.push(if first { '[' } else { ',' });
        self.answers.push_str(word);
        first
    }
}

fn attachment(socket: &WebSocket) -> Option<LinkAttachment> {
    socket.deserialize_attachment().ok().flatten()
}

/// A JSON string. `json!(text).to_string()` would copy the text, and write it by character.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
