//! The object's side of links (see links.js): requests that the Worker holds, and their answers, in frames of a
//! WebSocket.
//!
//! The sockets of one Worker isolate share a name, and answers go out on the newest: that hands a link over. When a
//! name's last socket closes, all of its requests end, as if each client had left.
//!
//! The sockets hibernate. After the object has lost its memory, its first event makes it ask the isolate again for the
//! held requests.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use worker::durable::State;
use worker::web_sys::{Request, Response};
use worker::{WebSocket, WebSocketPair};

use super::{Incoming, Tree};
use crate::bayeux::tokens::Bearer;
use crate::bayeux::{
    EndpointKey, Format, Home, Input, Origin, Refusal, RequestError, has_handshake, is_form, parse_form, parse_json,
};
use crate::cloudflare::http::request::path;
use crate::cloudflare::http::response::{Head, refuse};
use crate::cloudflare::log::LogLevel;
use crate::cloudflare::transport::websocket::Close;

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
    sockets: BTreeMap<u64, WebSocket>,
    waiting: HashMap<u64, EndpointKey>,
    answers: String,
    /// What arrived after the object lost its memory, until the earlier requests have been repeated.
    since: Option<HashSet<u64>>,
}

/// What the platform keeps with a link's socket.
#[derive(Deserialize, Serialize)]
struct LinkAttachment {
    link: u64,
    name: String,
}

/// A request in a frame: its number, text, and the client's IP address.
#[derive(Deserialize)]
struct FrameEntry(u64, Option<String>, Option<Rc<str>>, Option<More>);

/// Fields that only some requests have.
#[derive(Default, Deserialize)]
#[serde(default)]
struct More {
    again: bool,
    /// The object has held it before.
    held: bool,
    /// The text is a URL's query.
    query: bool,
    #[serde(rename = "type")]
    content_type: Option<String>,
    multiplexed: bool,
    token: Option<String>,
    browser: Option<Rc<str>>,
}

/// One element of a frame.
enum Word {
    Asks(FrameEntry),
    Leaves(u64),
    AllIsSaid,
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
            isolate.sockets.insert(link, socket);
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
        self.by_name.borrow_mut().entry(name.into()).or_default().sockets.insert(link, server);
        Ok(worker::Response::from_websocket(client)?.into())
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

    /// Answers a request, if it came over a link.
    pub fn answer(&self, to: EndpointKey, status: u16, format: Format, messages: &str) -> bool {
        let Some((name, number)) = self.requests.borrow_mut().remove(&to) else { return false };
        let text = json!(messages);
        self.say(
            name,
            number,
            &match (status, format) {
                (200, Format::Json) => format!("[{number},{text}]"),
                _ => format!("[{number},{text},{status},{}]", u8::from(format == Format::CommentFiltered)),
            },
        );
        true
    }

    /// Queues an answer.
    fn say(&self, name: Rc<str>, number: u64, word: &str) {
        let mut by_name = self.by_name.borrow_mut();
        let Some(isolate) = by_name.get_mut(&name) else { return };
        isolate.waiting.remove(&number);
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
            if let Some((_, newest)) = isolate.sockets.last_key_value() {
                // A closing socket throws; the platform reports the close as well.
                let _ = newest.send_with_str(frame);
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
    /// Whether a frame starts with this element.
    fn say(&mut self, word: &str) -> bool {
        let first = self.answers.is_empty();
        self.answers.push(if first { '[' } else { ',' });
        self.answers.push_str(word);
        first
    }
}

impl Tree {
    /// The response to an isolate that opens a link; none for other requests.
    pub(super) fn open_link(&self, request: &Request) -> Option<Response> {
        let url = request.url();
        let name = path(&url).strip_prefix(LINK_PATH)?;
        self.log.line(LogLevel::Debug, "link_opened", json!({}));
        Some(self.links.accept(name).unwrap_or_else(|error| {
            self.log.line(LogLevel::Error, "link_refused", json!({ "error": error.to_string() }));
            refuse(Head::default(), Refusal::SocketsExceeded)
        }))
    }

    /// A socket closed: a link's, or a client's.
    pub(super) fn close_any(&self, socket: &WebSocket, close: &Close) {
        if !self.close_link(socket, close) {
            self.close(socket, close);
        }
    }

    /// Sends all answers of this time in one frame for each isolate.
    pub(super) fn gather(&self, work: impl FnOnce()) {
        self.links.gathering.set(self.links.gathering.get() + 1);
        work();
        self.links.gathering.set(self.links.gathering.get() - 1);
        self.links.flush();
    }

    /// A frame arrived. Returns whether it came over a link.
    pub(super) fn hear_link(&self, socket: &WebSocket, text: Option<&str>) -> bool {
        if self.links.is_empty() {
            return false;
        }
        let Some(LinkAttachment { name, .. }) = attachment(socket) else { return false };
        let name: Rc<str> = name.into();
        let Some(words) = text.and_then(read) else {
            self.close_link(socket, &Close::fault());
            return true;
        };
        self.gather(|| {
            for word in words {
                match word {
                    Word::Asks(entry) => self.asked(&name, entry),
                    Word::Leaves(number) => {
                        if let Some(endpoint) = self.links.leave(&name, number) {
                            self.submit(Incoming { input: Input::Closed(endpoint), sender: None, request: None });
                        }
                    }
                    Word::AllIsSaid => self.links.all_is_said(&name),
                }
            }
        });
        true
    }

    /// A link closed. Returns whether the socket was one.
    fn close_link(&self, socket: &WebSocket, close: &Close) -> bool {
        if self.links.is_empty() {
            return false;
        }
        let Some(attachment) = attachment(socket) else { return false };
        close.send(socket);
        for endpoint in self.links.closed(&attachment) {
            self.submit(Incoming { input: Input::Closed(endpoint), sender: None, request: None });
        }
        true
    }

    fn asked(&self, name: &Rc<str>, FrameEntry(number, text, address, more): FrameEntry) {
        let More { again, held, query, content_type, multiplexed, token, browser } = more.unwrap_or_default();
        if self.links.has_had(name, number, again) {
            return;
        }
        let endpoint = self.polls.next_endpoint();
        let sender = endpoint.key();
        self.links.ask(name, number, sender);
        let Some(text) = text else {
            // The outcome is unknown.
            let gone = r#"[{"successful":false,"error":"503::home_unreachable"}]"#;
            return self.answer(sender, 503, Format::Json, gone);
        };
        let options = &self.config.options;
        let is_form = if query { Ok(true) } else { is_form(content_type.as_deref(), &text) };
        let messages =
            is_form.and_then(|is_form| if is_form { parse_form(&text, options) } else { parse_json(&text, options) });
        match messages {
            Ok(messages) => {
                if let Some(home) = self.elsewhere(Home::of_messages(&messages)) {
                    return self.links.moved(sender, &home);
                }
                let token = token.filter(|_| has_handshake(&messages)).as_deref().map(Bearer::new);
                let origin = Origin { address, browser, multiplexed, again: held, token, ..Origin::default() };
                let input = Input::Messages { from: endpoint, origin, messages };
                self.submit(Incoming { input, sender: Some(sender), request: None });
            }
            Err(error) => self.refuse_link(sender, error),
        }
    }

    fn refuse_link(&self, to: EndpointKey, error: RequestError) {
        self.answer(to, error.status(), Format::Json, &error.body());
    }
}

impl Links {
    /// The session's home is another object: the isolate asks there.
    fn moved(&self, request: EndpointKey, home: &Home) {
        let Some((name, number)) = self.requests.borrow_mut().remove(&request) else { return };
        self.say(name, number, &json!([number, { "home": home.name() }]).to_string());
    }
}

/// The elements of a frame; none where it is malformed.
fn read(frame: &str) -> Option<Vec<Word>> {
    let elements: Vec<&serde_json::value::RawValue> = serde_json::from_str(frame).ok()?;
    elements.into_iter().map(|element| word(element.get())).collect()
}

fn word(element: &str) -> Option<Word> {
    if let Ok(entry) = serde_json::from_str::<FrameEntry>(element) {
        return Some(Word::Asks(entry));
    }
    match serde_json::from_str::<Vec<u64>>(element).ok()?[..] {
        [number] => Some(Word::Leaves(number)),
        [] => Some(Word::AllIsSaid),
        _ => None,
    }
}

fn attachment(socket: &WebSocket) -> Option<LinkAttachment> {
    socket.deserialize_attachment().ok().flatten()
}
