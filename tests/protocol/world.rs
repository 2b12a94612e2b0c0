//! What a shell does, done by hand, and what must hold after every step.

use std::collections::BTreeMap;

use bayeux_edge::bayeux::{
    Application, BayeuxServer, Endpoint, EndpointKey, Home, Input, Message, Millis, Notice, Options, Origin, Output,
    RequestId, SocketId, Status, parse_json,
};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::client::Answer;

/// One server, its clock, and all that was asked and answered.
pub struct World {
    server: BayeuxServer,
    pub options: Options,
    pub now: Millis,
    /// When the server wants to be woken.
    pub wake: Option<Millis>,
    requests: u64,
    pub message_ids: u64,
    /// The requests that wait for their answer.
    pub open: BTreeMap<EndpointKey, Sent>,
    /// The answers, by the number of their request.
    pub answers: BTreeMap<u64, Answer>,
    /// What sockets were sent, in order.
    pub frames: Vec<(SocketId, String)>,
    /// Each clientId, with the name of its owner.
    pub secrets: BTreeMap<String, &'static str>,
    pub notices: Vec<Notice>,
}

/// A request on its way.
pub struct Sent {
    by: &'static str,
    pub text: String,
    replies: usize,
}

impl World {
    pub fn new(app: impl Application + 'static, options: Options) -> Self {
        Self {
            server: BayeuxServer::new(Home::Root, options.clone(), Box::new(app), [7; 32]),
            options,
            now: Millis(1_700_000_000_000),
            wake: None,
            requests: 0,
            message_ids: 0,
            open: BTreeMap::new(),
            answers: BTreeMap::new(),
            frames: Vec::new(),
            secrets: BTreeMap::new(),
            notices: Vec::new(),
        }
    }

    /// Sends a request, and gives back its number.
    pub fn post(&mut self, by: &'static str, address: Option<&str>, body: &str) -> u64 {
        let messages = parse_json(body, &self.options).unwrap_or_else(|error| panic!("{error:?}: {body}"));
        self.requests += 1;
        let endpoint = Endpoint::LongPolling(RequestId::new(self.requests));
        self.open.insert(endpoint.key(), Sent { by, text: body.to_owned(), replies: expected_replies(body) });
        let origin = Origin { address: address.map(Into::into) };
        self.step(Input::Messages { from: endpoint, origin, messages });
        self.requests
    }

    /// What a shell does with an input, and what must hold after every one.
    pub fn step(&mut self, input: Input) {
        for output in self.server.handle(self.now, input) {
            match output {
                Output::Send { to: Endpoint::WebSocket(socket), messages, .. } => self.frames.push((socket, messages)),
                Output::Deliver { to, messages } => {
                    self.frames.extend(to.into_iter().map(|socket| (socket, messages.clone())));
                }
                Output::Send { to: Endpoint::LongPolling(request), status, messages } => {
                    self.answered(Endpoint::LongPolling(request).key(), status, messages);
                }
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

    fn answered(&mut self, to: EndpointKey, status: Status, text: String) {
        let EndpointKey::LongPolling(number) = to else { panic!("a socket has no request: {text}") };
        let sent = self.open.remove(&to).unwrap_or_else(|| panic!("answered twice, or never asked: {text}"));
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

/// A message's fields. What no `Value` can hold, like 1E400, is its text.
fn fields(message: Message) -> Value {
    let value = |raw: &RawValue| serde_json::from_str(raw.get()).unwrap_or_else(|_| raw.get().into());
    Value::Object(message.fields().map(|(name, raw)| (name.to_owned(), value(raw))).collect())
}
