//! A server, its clients and a clock: what a shell does, done by hand and checked at every step.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use bayeux_edge::bayeux::app::Open;
use bayeux_edge::bayeux::{
    Application, BayeuxServer, Endpoint, EndpointKey, Home, Input, Message, Millis, Notice, Options, Origin, Output,
    RequestError, RequestId, Status, parse_form, parse_json,
};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// One server and everything around it.
///
/// When it is dropped it lets the longest wait pass and checks that no request was left unanswered.
pub struct Scenario(Rc<RefCell<World>>);

/// One client: a name for the test's reader, and the secret that the server gave it.
pub struct Client {
    world: Rc<RefCell<World>>,
    name: &'static str,
    address: Cell<Option<&'static str>>,
    id: OnceCell<String>,
    /// Its requests whose events were not read yet.
    unread: RefCell<BTreeSet<u64>>,
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
    order: usize,
    pub status: Status,
    pub text: String,
    pub messages: Vec<Value>,
}

struct World {
    server: BayeuxServer,
    options: Options,
    now: Millis,
    wake: Option<Millis>,
    requests: u64,
    message_ids: u64,
    open: BTreeMap<EndpointKey, Sent>,
    answers: BTreeMap<u64, Answer>,
    secrets: BTreeMap<String, &'static str>,
    notices: Vec<Notice>,
}

/// A request on its way.
struct Sent {
    by: &'static str,
    text: String,
    replies: usize,
}

impl Scenario {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A server with these variables, as `wrangler.toml` would give them.
    pub fn with(vars: &[(&str, &str)]) -> Self {
        Self::serving(Open, vars)
    }

    /// A server with an application.
    pub fn serving(app: impl Application + 'static, vars: &[(&str, &str)]) -> Self {
        let options = Options::from_vars(|asked| {
            vars.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
        })
        .unwrap();
        let home = Home::named("/").unwrap();
        Self(Rc::new(RefCell::new(World {
            server: BayeuxServer::new(home, options.clone(), Box::new(app), [7; 32]),
            options,
            now: Millis(1_700_000_000_000),
            wake: None,
            requests: 0,
            message_ids: 0,
            open: BTreeMap::new(),
            answers: BTreeMap::new(),
            secrets: BTreeMap::new(),
            notices: Vec::new(),
        })))
    }

    /// A client that has not said anything yet.
    pub fn client(&self, name: &'static str) -> Client {
        Client {
            world: Rc::clone(&self.0),
            name,
            address: Cell::new(None),
            id: OnceCell::new(),
            unread: RefCell::default(),
        }
    }

    /// Clients that shook hands and had the answer to their first connect.
    pub fn join<const N: usize>(&self, names: [&'static str; N]) -> [Client; N] {
        names.map(|name| {
            let client = self.client(name);
            client.handshake();
            client.connect().answer();
            client
        })
    }

    /// Lets time pass. What the server wants to be woken for happens in its time.
    pub fn after(&self, ms: u64) {
        let mut world = self.0.borrow_mut();
        let until = Millis(world.now.0 + ms);
        while let Some(wake) = world.wake.filter(|wake| *wake <= until) {
            world.now = wake;
            world.wake = None;
            world.step(Input::Timeout);
        }
        world.now = until;
    }

    /// The platform calls although nothing is due.
    pub fn wake_up_early(&self) {
        self.0.borrow_mut().step(Input::Timeout);
    }

    /// How many messages this server reads in a JSON body.
    pub fn read(&self, body: &str) -> Result<usize, RequestError> {
        parse_json(body, &self.0.borrow().options).map(|messages| messages.len())
    }

    /// How many messages this server reads in a form.
    pub fn read_form(&self, form: &str) -> Result<usize, RequestError> {
        parse_form(form, &self.0.borrow().options).map(|messages| messages.len())
    }

    pub fn now(&self) -> Millis {
        self.0.borrow().now
    }

    /// When the server wants to be woken.
    pub fn wakes_at(&self) -> Option<Millis> {
        self.0.borrow().wake
    }

    /// What the server told its log since the last time this was asked.
    pub fn notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.0.borrow_mut().notices)
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let longest = self.0.borrow().options.timeout.as_millis();
        self.after(u64::try_from(longest).unwrap());
        let left: Vec<String> = self.0.borrow().open.values().map(|sent| sent.text.clone()).collect();
        assert!(left.is_empty(), "never answered: {left:?}");
    }
}

impl Client {
    /// From now on requests come from this IP address.
    pub fn at_address(self, address: &'static str) -> Self {
        self.address.set(Some(address));
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
        let usual =
            json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]});
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
        let number = world.post(self.name, self.address.get(), body);
        self.unread.borrow_mut().insert(number);
        Request { world: Rc::clone(&self.world), number }
    }

    pub fn a_connect(&self) -> Value {
        self.mine(json!({"channel": "/meta/connect", "connectionType": "long-polling"}))
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
        answers.sort_by_key(|answer| answer.order);
        unread.retain(|number| !world.answers.contains_key(number));
        answers.into_iter().flat_map(Answer::events).collect()
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
    /// What is no reply: events of channels, and the word that the server ended the session.
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

impl World {
    fn post(&mut self, by: &'static str, address: Option<&str>, body: &str) -> u64 {
        let messages = parse_json(body, &self.options).unwrap_or_else(|error| panic!("{error:?}: {body}"));
        self.requests += 1;
        let endpoint = Endpoint::LongPolling(RequestId::new(self.requests));
        self.open.insert(endpoint.key(), Sent { by, text: body.to_owned(), replies: expected_replies(body) });
        let origin = Origin { address: address.map(Into::into) };
        self.step(Input::Messages { from: endpoint, origin, messages });
        self.requests
    }

    /// What a shell does with an input, and what must hold after every one.
    fn step(&mut self, input: Input) {
        for output in self.server.handle(self.now, input) {
            match output {
                Output::Send { to, status, messages } => self.answered(&to, status, messages),
                Output::WakeAt(time) => {
                    assert!(time > self.now, "what is due now must be done now: a timer would run in circles");
                    self.wake = Some(time);
                }
                Output::Tell(notice) => {
                    let text = format!("{notice:?}");
                    assert!(!self.secrets.keys().any(|secret| text.contains(secret)), "a secret in the log: {text}");
                    self.notices.push(notice);
                }
            }
        }
        assert!(self.open.is_empty() || self.wake.is_some(), "a request is held and no timer will ever release it");
    }

    fn answered(&mut self, to: &Endpoint, status: Status, text: String) {
        let EndpointKey::LongPolling(number) = to.key();
        let sent = self.open.remove(&to.key()).unwrap_or_else(|| panic!("answered twice, or never asked: {text}"));
        let messages = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let messages = Vec::into_iter(messages).map(fields).collect();
        let answer = Answer { at: self.now, order: self.answers.len(), status, text, messages };
        // Without an id, the reply to a disconnect has the words of a dismissal.
        let replies = answer.replies().len();
        let disconnects = answer.events().iter().filter(|event| event["channel"] == "/meta/disconnect").count();
        assert!([replies, replies + disconnects].contains(&sent.replies), "to {}: {}", sent.text, answer.text);
        for (secret, owner) in &self.secrets {
            let known = *owner == sent.by || sent.text.contains(secret);
            assert!(known || !answer.text.contains(secret), "{} reads {owner}'s clientId: {}", sent.by, answer.text);
        }
        self.answers.insert(number, answer);
    }
}

/// One for each message, but one alone where there is a handshake.
fn expected_replies(body: &str) -> usize {
    let messages: Vec<&RawValue> =
        serde_json::from_str(body).unwrap_or_else(|_| vec![serde_json::from_str(body).unwrap()]);
    let channels = messages.iter().filter_map(|message| Message::parse(message).ok()?.channel_name());
    if channels.into_iter().any(|name| name.trim_end_matches('/') == "/meta/handshake") { 1 } else { messages.len() }
}

/// The server's own `/meta/disconnect` answers no message.
fn is_reply(message: &Value) -> bool {
    let dismissal = message["channel"] == "/meta/disconnect" && message.get("id").is_none();
    message.get("successful").is_some() && !dismissal
}

/// A message's fields. What no `Value` can hold, like 1E400, is its text.
fn fields(message: Message) -> Value {
    let value = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().into());
    Value::Object(message.fields().map(|(name, raw)| (name.to_owned(), value(raw))).collect())
}

/// `fields` over `message`; `null` takes a field out.
fn merge(mut message: Value, fields: Value) -> Value {
    let (Value::Object(message_fields), Value::Object(fields)) = (&mut message, fields) else { panic!("no object") };
    message_fields.extend(fields);
    message_fields.retain(|_, value| !value.is_null());
    message
}
