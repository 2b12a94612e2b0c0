//! The work of the platform shell, done by hand, and the checks after every step.

use std::collections::{BTreeMap, VecDeque};

use bayeux_edge::bayeux::api::Scope;
use bayeux_edge::bayeux::app::{Fetch, HttpRequest, HttpResponse};
use bayeux_edge::bayeux::metrics::{DataPoint, Platform};
use bayeux_edge::bayeux::{
    Application, BayeuxContext, BayeuxServer, Endpoint, EndpointKey, Format, Home, Input, KeptSocket, Message, Millis,
    Notice, Options, Output, RequestId, SocketId, Status, StreamId, Who, parse_json,
};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::client::Answer;
use crate::rows::Rows;

/// One server, its clock, and all requests and answers.
pub struct World {
    server: BayeuxServer,
    pub rows: Rows,
    /// What the platform keeps with each socket.
    kept: BTreeMap<SocketId, String>,
    /// The counts for data points that a socket keeps.
    points: Vec<String>,
    pub options: Options,
    pub now: Millis,
    /// When the server wants to be woken.
    pub wake: Option<Millis>,
    /// When the turn of the event loop that the server waits for is over.
    pub turn: Option<Millis>,
    requests: u64,
    pub message_ids: u64,
    /// The requests that wait for their answer.
    pub open: BTreeMap<EndpointKey, Sent>,
    /// The answers, by the number of their request.
    pub answers: BTreeMap<u64, Answer>,
    pub sockets: u64,
    /// Requests over sockets that are not answered yet, by number. An overtaken connect never is.
    pub open_on_sockets: BTreeMap<u64, (SocketId, Sent)>,
    pub streams: BTreeMap<StreamId, StreamLog>,
    /// The frames that sockets got, in order.
    pub frames: Vec<Frame>,
    /// Each clientId, with the name of its client.
    pub secrets: BTreeMap<String, &'static str>,
    pub notices: Vec<(Notice, Option<Who>)>,
    /// What a route just answered.
    response: Option<HttpResponse>,
    /// The requests of handlers that have no response yet, the oldest first.
    pub fetches: VecDeque<(u64, Fetch)>,
    /// What the hooks Worker is asked and has not answered.
    pub consulted: Option<String>,
    /// The URL of keys that are being fetched.
    pub fetching: Option<String>,
}

/// A request on its way.
pub struct Sent {
    by: &'static str,
    pub text: String,
    replies: usize,
}

/// What came over one stream.
#[derive(Default)]
pub struct StreamLog {
    /// Each event of the stream as the list of its messages.
    pub events: Vec<Vec<Value>>,
    pub beats: usize,
    /// The answer with which the server ended it.
    pub ended: Option<Answer>,
}

/// One text for one socket or more.
pub struct Frame {
    pub to: Vec<SocketId>,
    pub kind: FrameKind,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// It has the replies to what the socket's client sent.
    Replies,
    /// [`Output::Deliver`]: events alone.
    Events,
}

impl World {
    pub fn new(app: Application, options: Options) -> Self {
        let (rows, now) = (Rows::default(), Millis(1_700_000_000_000));
        let mut server = BayeuxServer::new(Home::Root, options.clone(), app, [7; 32], Box::new(rows.clone()));
        server.restore(now, rows.load(), Vec::new());
        Self {
            server,
            rows,
            kept: BTreeMap::new(),
            points: Vec::new(),
            options,
            now,
            wake: None,
            turn: None,
            requests: 0,
            message_ids: 0,
            open: BTreeMap::new(),
            answers: BTreeMap::new(),
            sockets: 0,
            open_on_sockets: BTreeMap::new(),
            streams: BTreeMap::new(),
            frames: Vec::new(),
            secrets: BTreeMap::new(),
            notices: Vec::new(),
            response: None,
            fetches: VecDeque::new(),
            consulted: None,
            fetching: None,
        }
    }

    /// Bytes that the server says it holds.
    pub fn memory(&self) -> usize {
        self.server.memory()
    }

    /// A hooks Worker is bound.
    pub fn bind_hooks(&mut self) {
        self.server.bind_hooks();
    }

    pub fn bind_application(&mut self) {
        self.server.bind_application();
    }

    /// What a route answers.
    pub fn http(&mut self, request: HttpRequest) -> HttpResponse {
        self.requests += 1;
        let from = Endpoint::LongPolling(RequestId::new(self.requests));
        self.open.insert(from.key(), Sent { by: "a browser", text: request.path.clone(), replies: 0 });
        self.step(Input::Http { from, request });
        self.response.take().expect("a route answers at once")
    }

    /// The answer to a call of the server API.
    pub fn call(&mut self, request: HttpRequest) -> HttpResponse {
        self.call_as(Scope::Admin, request)
    }

    /// The answer to a call with a key of this scope.
    pub fn call_as(&mut self, scope: Scope, request: HttpRequest) -> HttpResponse {
        self.requests += 1;
        let from = Endpoint::LongPolling(RequestId::new(self.requests));
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let replies = parse_json(&text, &self.options).map_or(0, |messages| messages.len());
        self.open.insert(from.key(), Sent { by: "somebody with a key", text, replies });
        self.step(Input::Api { from, request, scope, platform: Platform::default() });
        self.response.take().unwrap_or_else(|| {
            let answer = &self.answers[&self.requests];
            let body = Some(answer.text.clone().into_bytes());
            HttpResponse { body, ..HttpResponse::new(answer.status.code()) }
        })
    }

    /// Sends a request, over a socket if one is given, and returns its number.
    pub fn post(&mut self, by: &'static str, via: Option<SocketId>, context: BayeuxContext, body: &str) -> u64 {
        let messages = parse_json(body, &self.options).unwrap_or_else(|error| panic!("{error:?}: {body}"));
        self.requests += 1;
        let sent = Sent { by, text: body.to_owned(), replies: expected_replies(body) };
        let from = if let Some(socket) = via {
            self.open_on_sockets.insert(self.requests, (socket, sent));
            Endpoint::WebSocket(socket)
        } else {
            let endpoint = Endpoint::LongPolling(RequestId::new(self.requests));
            self.open.insert(endpoint.key(), sent);
            endpoint
        };
        self.step(Input::Messages { from, context, messages });
        self.requests
    }

    /// The object ends, and starts again with its rows. Held requests end with it, and so do its sockets
    /// `with_sockets`.
    pub fn restart(&mut self, app: Application, with_sockets: bool) {
        self.open.clear();
        self.streams.clear();
        if with_sockets {
            self.open_on_sockets.clear();
            self.kept.clear();
            self.points.clear();
        }
        // Another seed than that of the first life.
        let seed = [u8::try_from(self.requests % 240).unwrap() + 10; 32];
        let store = Box::new(self.rows.clone());
        self.server = BayeuxServer::new(Home::Root, self.options.clone(), app, seed, store);
        let kept =
            self.kept.iter().map(|(socket, held)| KeptSocket { socket: *socket, address: None, held: held.clone() });
        let mut stored = self.rows.load();
        stored.add_points(self.points.clone());
        self.server.restore(self.now, stored, kept.collect());
        (self.wake, self.turn, self.fetching) = (None, None, None);
        self.step(Input::Timeout);
        self.keep_points();
    }

    pub fn data_point(&mut self) -> Option<DataPoint> {
        self.server.data_point(self.now, Platform::default)
    }

    /// The data point of a home that falls asleep; it keeps the counts that it may not write yet.
    pub fn last_data_point(&mut self) -> Option<DataPoint> {
        let point = self.server.last_data_point(self.now, Platform::default);
        self.keep_points();
        point
    }

    /// With a socket if there is one, otherwise in a row.
    fn keep_points(&mut self) {
        if let Some(points) = self.server.points_to_keep(Platform::default, false) {
            if self.kept.is_empty() {
                self.server.save_points(&points);
            } else {
                self.points = vec![points];
            }
        }
    }

    pub fn falls_asleep(&mut self) {
        let outputs = self.server.fall_asleep();
        self.perform(outputs);
    }

    /// Handles an input as a shell does, and checks what must hold after every input.
    pub fn step(&mut self, input: Input) {
        let outputs = self.server.handle(self.now, input);
        self.perform(outputs);
        let comes = self.wake.is_some() || self.consulted.is_some() || self.fetching.is_some();
        assert!(self.open.is_empty() || comes, "a request is held and nothing will ever release it");
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send { to: Endpoint::EventSource(stream), status, messages, .. } => {
                    let answer = self.read(status, messages);
                    let before = self.streaming(stream).ended.replace(answer);
                    assert!(before.is_none(), "ended twice");
                }
                Output::Stream { to, messages } => {
                    assert!(!self.secrets.keys().any(|secret| messages.contains(secret)), "a secret: {messages}");
                    let answer = self.read(Status::Ok, messages);
                    assert_ne!((to.len(), answer.messages.len()), (0, 0));
                    to.into_iter().for_each(|stream| self.streaming(stream).events.push(answer.messages.clone()));
                }
                Output::Beat(stream) => self.streaming(stream).beats += 1,
                Output::Send { to, status, format, messages } => self.answered(&to, status, format, messages),
                Output::Respond { to, response } => {
                    let sent = self.open.remove(&to.key());
                    sent.unwrap_or_else(|| panic!("answered twice, or never asked: {response:?}"));
                    self.response = Some(response);
                }
                Output::Deliver { to, messages } => self.delivered(to, messages),
                Output::Ask { whom, .. } => panic!("nobody else is here, not even {whom}"),
                Output::Consult { request } => {
                    assert!(!self.secrets.keys().any(|secret| request.contains(secret)), "a secret: {request}");
                    assert_eq!(self.consulted.replace(request), None, "one request at a time");
                }
                Output::FetchKeys { url } => assert_eq!(self.fetching.replace(url), None, "one fetch at a time"),
                Output::Fetch { token, fetch } => self.fetches.push_back((token, fetch)),
                Output::Keep { socket, held } => {
                    let open = self.secrets.keys().any(|secret| held.contains(secret));
                    assert!(held.len() < 8_000 && !open, "{held}");
                    self.kept.insert(socket, held);
                }
                Output::AwaitTurn => {
                    let before = self.turn.replace(Millis(self.now.0 + 1));
                    assert_eq!(before, None, "one turn at a time");
                }
                Output::WakeAt(time) => {
                    assert!(time > self.now, "what is due now must be done now: a timer would run in circles");
                    self.wake = Some(time);
                }
                Output::Tell(notice, who) => {
                    let text = format!("{notice:?}");
                    assert!(!self.secrets.keys().any(|secret| text.contains(secret)), "a secret in the log: {text}");
                    self.notices.push((notice, who));
                }
            }
        }
    }

    fn answered(&mut self, to: &Endpoint, status: Status, format: Format, text: String) {
        let answer = Answer { format, ..self.read(status, text) };
        let (number, sent) = match to.key() {
            EndpointKey::LongPolling(number) => {
                let sent = self.open.remove(&to.key());
                (number, sent.unwrap_or_else(|| panic!("answered twice, or never asked: {}", answer.text)))
            }
            EndpointKey::WebSocket(socket) => self.take_sent(SocketId(socket), &answer),
            EndpointKey::EventSource(_) => unreachable!("a stream's answer is its end"),
        };
        assert!(sent.is_as_long_as(&answer), "to {}: {}", sent.text, answer.text);
        for (secret, owner) in &self.secrets {
            let known = *owner == sent.by || sent.text.contains(secret);
            assert!(known || !answer.text.contains(secret), "{} reads {owner}'s clientId: {}", sent.by, answer.text);
        }
        if let EndpointKey::WebSocket(socket) = to.key() {
            let to = vec![SocketId(socket)];
            self.frames.push(Frame { to, kind: FrameKind::Replies, answer: answer.clone() });
        }
        self.answers.insert(number, answer);
    }

    /// A stream to which the server may still send.
    fn streaming(&mut self, stream: StreamId) -> &mut StreamLog {
        let stream = self.streams.get_mut(&stream).expect("a stream that was opened and has not gone");
        assert!(stream.ended.is_none(), "it has ended");
        stream
    }

    /// The request over this socket that is answered now. A client finds it by the ids of the replies or, if all
    /// messages have the same id, by their number.
    fn take_sent(&mut self, socket: SocketId, answer: &Answer) -> (u64, Sent) {
        let ids: Vec<Value> = answer.replies().iter().map(|reply| reply["id"].clone()).collect();
        let asked = |(via, sent): &(SocketId, Sent)| {
            *via == socket && sent.is_as_long_as(answer) && ids.iter().all(|id| sent.has_id(id))
        };
        let number = self.open_on_sockets.iter().find(|(_, sent)| asked(sent)).map(|(number, _)| *number);
        let number = number.unwrap_or_else(|| panic!("answered twice, or never asked: {}", answer.text));
        (number, self.open_on_sockets.remove(&number).unwrap().1)
    }

    fn delivered(&mut self, to: Vec<SocketId>, text: String) {
        assert!(!self.secrets.keys().any(|secret| text.contains(secret)), "a secret in an event: {text}");
        let answer = self.read(Status::Ok, text);
        assert_eq!(answer.replies(), Vec::<Value>::new(), "{to:?}");
        assert_ne!((to.len(), answer.messages.len()), (0, 0));
        self.frames.push(Frame { to, kind: FrameKind::Events, answer });
    }

    fn read(&self, status: Status, text: String) -> Answer {
        let messages = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let messages = Vec::into_iter(messages).map(fields).collect();
        Answer {
            at: self.now,
            order: self.answers.len() + self.frames.len(),
            status,
            format: Format::Json,
            text,
            messages,
        }
    }
}

impl Sent {
    /// Whether each message has a reply. Without an id, the reply to a disconnect looks like a disconnect by the
    /// server.
    fn is_as_long_as(&self, answer: &Answer) -> bool {
        let replies = answer.replies().len();
        let disconnects = answer.events().iter().filter(|event| event["channel"] == "/meta/disconnect").count();
        [replies, replies + disconnects].contains(&self.replies)
    }

    fn has_id(&self, id: &Value) -> bool {
        let sent: Value = serde_json::from_str(&self.text).unwrap();
        sent.as_array().is_some_and(|messages| messages.iter().any(|message| message["id"] == *id))
    }
}

/// One for each message, but only one if there is a handshake.
fn expected_replies(body: &str) -> usize {
    let messages: Vec<&RawValue> =
        serde_json::from_str(body).unwrap_or_else(|_| vec![serde_json::from_str(body).unwrap()]);
    let channels = messages.iter().filter_map(|message| Message::parse(message).ok()?.channel_name());
    if channels.into_iter().any(|name| name.trim_end_matches('/') == "/meta/handshake") { 1 } else { messages.len() }
}

/// A message's fields. What no `Value` can hold, like 1E400, is its text.
fn fields(message: Message) -> Value {
    let value = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().into());
    Value::Object(message.fields().map(|(name, raw)| (name.to_owned(), value(raw))).collect())
}
