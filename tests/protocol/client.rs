//! The actors: what a client sends, and how it reads the answers.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use bayeux_edge::bayeux::tokens::Bearer;
use bayeux_edge::bayeux::{BayeuxContext, EndpointKey, Format, Input, Millis, SocketId, Status};
use serde_json::{Value, json};

use crate::world::{Frame, FrameKind, World};

/// One client: a name for the reader of the test, and the clientId.
pub struct Client {
    world: Rc<RefCell<World>>,
    name: &'static str,
    /// Where its requests come from.
    context: RefCell<BayeuxContext>,
    id: OnceCell<String>,
    /// Where it sends its messages; by HTTP without one.
    socket: Cell<Option<SocketId>>,
    /// All sockets that it ever had.
    sockets: RefCell<BTreeSet<SocketId>>,
    /// The requests whose events it has not read yet.
    unread: RefCell<BTreeSet<u64>>,
    /// How many of the world's frames it has read.
    frames_read: Cell<usize>,
}

/// A WebSocket, as its client holds it.
pub struct Socket {
    world: Rc<RefCell<World>>,
    pub id: SocketId,
    frames_read: Cell<usize>,
}

/// One HTTP request of a client.
pub struct Request {
    world: Rc<RefCell<World>>,
    number: u64,
}

/// What a request was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub at: Millis,
    /// Its place among all answers of the server.
    pub order: usize,
    pub status: Status,
    /// The format in which a shell writes the answer to a request.
    pub format: Format,
    pub text: String,
    pub messages: Vec<Value>,
}

impl Client {
    pub fn new(world: Rc<RefCell<World>>, name: &'static str) -> Self {
        Self {
            world,
            name,
            context: RefCell::default(),
            id: OnceCell::new(),
            socket: Cell::new(None),
            sockets: RefCell::default(),
            unread: RefCell::default(),
            frames_read: Cell::new(0),
        }
    }

    /// From now on it sends over this socket.
    pub fn moves_to(&self, socket: &Socket) {
        self.socket.set(Some(socket.id));
        self.sockets.borrow_mut().insert(socket.id);
    }

    /// From now on it sends by HTTP.
    pub fn moves_to_polls(&self) {
        self.socket.set(None);
    }

    /// From now on requests come from this IP address.
    pub fn at_address(self, address: &'static str) -> Self {
        self.context.borrow_mut().address = Some(address.into());
        self
    }

    /// From now on requests carry this token beside their messages.
    pub fn carrying(self, token: &str) -> Self {
        self.context.borrow_mut().token = Some(Bearer::new(token));
        self
    }

    /// From now on requests come with this browser's cookie, over HTTP/1.1.
    pub fn in_browser(self, browser: &str) -> Self {
        self.context.borrow_mut().browser = Some(browser.into());
        self
    }

    /// From now on they have lost it.
    pub fn without_cookie(self) -> Self {
        self.context.borrow_mut().browser = None;
        self
    }

    /// From now on its browser's connection carries many requests at a time.
    pub fn over_http2(self) -> Self {
        self.context.borrow_mut().multiplexed = true;
        self
    }

    pub fn id(&self) -> &str {
        self.id.get().expect("the client shook hands")
    }

    pub fn handshake(&self) -> Value {
        self.handshake_with(json!({}))
    }

    /// A handshake, with these fields besides the usual ones, that opens a session.
    pub fn handshake_with(&self, fields: Value) -> Value {
        let reply = self.shake_hands_with(fields);
        let id = reply["clientId"].as_str().unwrap_or_else(|| panic!("no session for {}: {reply}", self.name));
        self.world.borrow_mut().secrets.insert(id.to_owned(), self.name);
        self.id.set(id.to_owned()).expect("one handshake per client");
        reply
    }

    /// The reply to a handshake with these fields besides the usual ones; `null` takes one out.
    pub fn shake_hands_with(&self, fields: Value) -> Value {
        let usual = json!({
            "channel": "/meta/handshake",
            "version": "1.0",
            "supportedConnectionTypes": [self.connection_type()],
        });
        self.post(&json!([merge(usual, fields)])).answer().reply()
    }

    /// A connect; it may be answered or held.
    pub fn connect(&self) -> Request {
        self.connect_with(json!({}))
    }

    /// A connect with these fields besides the usual ones; `null` takes one out.
    pub fn connect_with(&self, fields: Value) -> Request {
        self.post(&json!([merge(self.a_connect(), fields)]))
    }

    /// A connect that is held.
    pub fn hold(&self) -> Request {
        let request = self.connect();
        assert!(request.is_held(), "answered at once: {:?}", request.answer());
        request
    }

    /// The connect that was held before a crash, as a link sends it again.
    pub fn holds_again(&self) -> Request {
        self.context.borrow_mut().again = true;
        let request = self.hold();
        self.context.borrow_mut().again = false;
        request
    }

    pub fn subscribe(&self, subscription: &str) {
        let reply = self.ask(json!({"channel": "/meta/subscribe", "subscription": subscription}));
        assert_eq!(reply["successful"], true, "{reply}");
    }

    pub fn unsubscribe(&self, subscription: &str) {
        let reply = self.ask(json!({"channel": "/meta/unsubscribe", "subscription": subscription}));
        assert_eq!(reply["successful"], true, "{reply}");
    }

    pub fn publish(&self, channel: &str, data: impl Into<Value>) {
        let reply = self.ask(self.a_publish(channel, data));
        assert_eq!(reply["successful"], true, "{reply}");
    }

    /// The reply to one message; what comes with it waits for [`Client::receives`].
    pub fn ask(&self, message: Value) -> Value {
        self.send(message).answer().reply()
    }

    /// The error of the reply to one message.
    pub fn error_of(&self, message: Value) -> String {
        let reply = self.ask(message);
        assert_eq!(reply["successful"], false, "{reply}");
        reply["error"].as_str().unwrap_or_else(|| panic!("no error: {reply}")).to_owned()
    }

    /// Sends one message, with the client's id and a number if it has none.
    pub fn send(&self, message: Value) -> Request {
        self.post(&json!([self.mine(message)]))
    }

    /// Sends messages in one request.
    pub fn send_all<const N: usize>(&self, messages: [Value; N]) -> Request {
        self.post(&Value::from(messages.map(|message| self.mine(message)).to_vec()))
    }

    /// Sends JSON as it is.
    pub fn post(&self, body: &Value) -> Request {
        self.post_text(&body.to_string())
    }

    /// Sends text as it is; it must be a request that can be read.
    pub fn post_text(&self, body: &str) -> Request {
        let mut world = self.world.borrow_mut();
        let number = world.post(self.name, self.socket.get(), self.context.borrow().clone(), body);
        self.unread.borrow_mut().insert(number);
        Request { world: Rc::clone(&self.world), number }
    }

    pub fn a_connect(&self) -> Value {
        self.mine(json!({"channel": "/meta/connect", "connectionType": self.connection_type()}))
    }

    pub fn a_publish(&self, channel: &str, data: impl Into<Value>) -> Value {
        self.mine(json!({"channel": channel, "data": data.into()}))
    }

    /// The data of all events that came since the last time this was asked, in their order.
    pub fn receives(&self) -> Vec<Value> {
        self.receives_events().into_iter().map(|mut event| event["data"].take()).collect()
    }

    /// As [`Client::receives`], the whole events.
    pub fn receives_events(&self) -> Vec<Value> {
        let world = self.world.borrow();
        let mut unread = self.unread.borrow_mut();
        let mut answers: Vec<&Answer> = unread.iter().filter_map(|number| world.answers.get(number)).collect();
        let sockets = self.sockets.borrow();
        let mine = |frame: &&Frame| frame.kind == FrameKind::Events && frame.to.iter().any(|to| sockets.contains(to));
        let frames = &world.frames[self.frames_read.replace(world.frames.len())..];
        answers.extend(frames.iter().filter(mine).map(|frame| &frame.answer));
        answers.sort_by_key(|answer| answer.order);
        unread.retain(|number| !world.answers.contains_key(number));
        answers.into_iter().flat_map(Answer::events).collect()
    }

    fn connection_type(&self) -> &'static str {
        if self.socket.get().is_some() { "websocket" } else { "long-polling" }
    }

    fn mine(&self, message: Value) -> Value {
        let number = {
            let mut world = self.world.borrow_mut();
            world.message_ids += 1;
            world.message_ids
        };
        merge(json!({"clientId": self.id(), "id": number.to_string()}), message)
    }
}

impl Socket {
    pub fn new(world: Rc<RefCell<World>>) -> Self {
        let id = {
            let mut world = world.borrow_mut();
            world.sockets += 1;
            SocketId(world.sockets)
        };
        let frames_read = Cell::new(world.borrow().frames.len());
        Self { world, id, frames_read }
    }

    /// What came over it since the last time this was asked, each frame as the list of its messages.
    pub fn frames(&self) -> Vec<Vec<Value>> {
        let world = self.world.borrow();
        let frames = &world.frames[self.frames_read.replace(world.frames.len())..];
        let mine = frames.iter().flat_map(|frame| frame.to.iter().filter(|to| **to == self.id).map(move |_| frame));
        mine.map(|frame| frame.answer.messages.clone()).collect()
    }

    /// The platform notices that it is closed.
    pub fn closes(&self) {
        let mut world = self.world.borrow_mut();
        world.open_on_sockets.retain(|_, (socket, _)| *socket != self.id);
        world.step(Input::Closed(EndpointKey::WebSocket(self.id.0)));
    }
}

impl Request {
    pub fn is_held(&self) -> bool {
        !self.world.borrow().answers.contains_key(&self.number)
    }

    /// The answer, which must have come.
    pub fn answer(&self) -> Answer {
        let world = self.world.borrow();
        world.answers.get(&self.number).unwrap_or_else(|| panic!("not answered yet")).clone()
    }

    /// The platform notices that nobody waits for the answer any more.
    pub fn breaks_off(&self) {
        let mut world = self.world.borrow_mut();
        let key = EndpointKey::LongPolling(self.number);
        world.open.remove(&key).expect("a request that is held");
        world.step(Input::Closed(key));
    }

    /// The platform notices the end of a request that was answered long since.
    pub fn is_gone(&self) {
        self.world.borrow_mut().step(Input::Closed(EndpointKey::LongPolling(self.number)));
    }
}

impl Answer {
    /// The messages that are no replies: events, and the disconnect by the server.
    pub fn events(&self) -> Vec<Value> {
        self.messages.iter().filter(|message| !is_reply(message)).cloned().collect()
    }

    pub fn replies(&self) -> Vec<Value> {
        self.messages.iter().filter(|message| is_reply(message)).cloned().collect()
    }

    /// The one reply.
    pub fn reply(&self) -> Value {
        match &self.replies()[..] {
            [reply] => reply.clone(),
            _ => panic!("not one reply: {}", self.text),
        }
    }

    /// The data of the events.
    pub fn data(&self) -> Vec<Value> {
        self.events().into_iter().map(|mut event| event["data"].take()).collect()
    }
}

/// The server's own `/meta/disconnect` answers no message, and what answers a remote call comes beside the reply to it.
fn is_reply(message: &Value) -> bool {
    let dismissal = message["channel"] == "/meta/disconnect" && message.get("id").is_none();
    message.get("successful").is_some() && message.get("data").is_none() && !dismissal
}

/// `fields` over `message`; `null` takes a field out.
fn merge(mut message: Value, fields: Value) -> Value {
    let (Value::Object(message_fields), Value::Object(fields)) = (&mut message, fields) else { panic!("no object") };
    message_fields.extend(fields);
    message_fields.retain(|_, value| !value.is_null());
    message
}
