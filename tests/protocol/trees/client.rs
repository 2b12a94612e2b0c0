//! A client: it polls, subscribes, publishes, and remembers what it was told.

use std::collections::BTreeMap;

use bayeux_edge::bayeux::Home;
use serde_json::{Value, json};

use super::actor::{self, Actor};
use super::history::{History, Published};
use super::plan::{Plan, Random};

const CHANNELS: &[&str] = &["/a/x", "/a/y", "/a", "/b", "/b/x", "/b/y/z", "/c/x"];
const PATTERNS: &[&str] = &["/a/x", "/a/y", "/a/*", "/a/**", "/b/x", "/b/**", "/c/x", "/c/*", "/**", "/*", "/a"];

/// What a client sends.
#[derive(Clone, Debug)]
pub enum Did {
    Handshake,
    Connect,
    Subscribe(Vec<&'static str>),
    Unsubscribe(&'static str),
    /// To these channels, in one batch.
    Publish(Vec<&'static str>),
    /// A subscribe, and a publish for it in the same batch.
    SubscribeAndPublish(&'static str, &'static str),
    /// A publish again that was not answered with success.
    Again(String),
    Disconnect,
    /// A subscribe with the last replay id that it received.
    Replay,
    /// It closes its socket, if it has one.
    HangUp,
}

pub struct Client {
    name: usize,
    home: Home,
    /// Whether it has the ack extension.
    acks: bool,
    client_id: Option<String>,
    acked: i64,
    sent: u64,
    published: u64,
    waiting: BTreeMap<u64, (Did, u64, String)>,
    /// What it may publish again.
    unsure: Option<String>,
    /// Refused patterns, to which it may subscribe again.
    refused: Option<Vec<&'static str>>,
    /// Whether its publishes have no id, so that a repeat cannot be recognised.
    nameless: bool,
    /// Whether it publishes before the last publish is answered.
    pipelining: bool,
    /// It subscribes to the channel that all subscribe to, and to no other.
    one_of_a_crowd: bool,
    channels: &'static [&'static str],
    patterns: &'static [&'static str],
    /// False if a repeat would not be recognised any more: with a hooks Worker, or after an hour.
    may_repeat: bool,
    /// Bytes of padding in each event.
    padding: usize,
    socket: Option<u64>,
    gone: bool,
    vanished: bool,
}

impl Client {
    pub fn new(name: usize, home: Home, acks: bool, plan: &Plan, random: &mut Random) -> Self {
        Self {
            name,
            home,
            acks,
            client_id: None,
            acked: 0,
            sent: 0,
            published: 0,
            waiting: BTreeMap::new(),
            unsure: None,
            refused: None,
            nameless: random.chance(plan.nameless),
            pipelining: random.chance(plan.pipelining),
            one_of_a_crowd: plan.crowd,
            channels: if plan.narrow { &CHANNELS[..2] } else { CHANNELS },
            patterns: if plan.narrow { &PATTERNS[..3] } else { PATTERNS },
            may_repeat: !plan.hooks && !plan.hours,
            padding: plan.padding,
            socket: None,
            gone: false,
            vanished: false,
        }
    }

    fn waits(&self, wanted: impl Fn(&Did) -> bool) -> bool {
        self.waiting.values().any(|(did, ..)| wanted(did))
    }

    fn publish(&mut self, channel: &'static str, now: u64, history: &mut History) -> Value {
        self.published += 1;
        let number = self.published;
        if self.pipelining {
            history.has_no_order(self.name);
        }
        history.published(Published {
            by: self.name,
            number,
            channel,
            sent: now,
            successful: None,
            own: false,
            refused: false,
            repeated: false,
        });
        let (mut data, key) = (json!({ "by": self.name, "number": number }), number.to_string());
        if self.padding > 0 {
            data["padding"] = "x".repeat(self.padding).into();
        }
        json!({ "channel": channel, "clientId": self.client_id, "data": data, "ext": { "idempotencyKey": key } })
    }

    fn hear(&self, event: &Value, now: u64, history: &mut History) {
        let channel = event["channel"].as_str().unwrap();
        if channel == "/service/dropped" {
            return history.dropped(self.name, event["data"]["events"].as_u64().unwrap());
        }
        let (by, number) = (event["data"]["by"].as_u64().unwrap() as usize, event["data"]["number"].as_u64().unwrap());
        history.received(self.name, self.acks, by, number, channel, now);
    }
}

impl Actor for Client {
    fn vanish(&mut self, name: usize, plan: &Plan, random: &mut Random) -> Option<Box<dyn Actor>> {
        (self.gone, self.vanished) = (true, true);
        self.socket = None;
        Some(Box::new(Self::new(name, self.home.clone(), self.acks, plan, random)))
    }

    fn home(&self) -> &Home {
        &self.home
    }

    fn socket(&mut self) -> &mut Option<u64> {
        &mut self.socket
    }

    fn act(&mut self, random: &mut Random, busy: bool) -> Vec<Did> {
        if self.gone {
            return Vec::new();
        }
        if self.client_id.is_none() {
            return if self.waiting.is_empty() { vec![Did::Handshake] } else { vec![] };
        }
        let mut dids = Vec::new();
        if !self.waits(|did| matches!(did, Did::Connect)) {
            dids.push(Did::Connect);
        }
        // One message at a time: only then is there an order to check.
        if busy && self.pipelining && self.waits(|did| matches!(did, Did::Publish(_))) {
            if random.chance(300) && !self.waits(|did| !matches!(did, Did::Connect | Did::Publish(_))) {
                dids.push(Did::Publish(vec![random.pick(self.channels)]));
            }
        } else if busy && !self.waits(|did| !matches!(did, Did::Connect)) {
            if let Some(patterns) = self.refused.take()
                && random.chance(700)
            {
                dids.push(Did::Subscribe(patterns));
                return dids;
            }
            if let Some(body) = self.unsure.take()
                && random.chance(800)
            {
                dids.push(Did::Again(body));
                return dids;
            }
            if self.one_of_a_crowd {
                match random.below(20) {
                    0..3 => dids.push(Did::Subscribe(vec!["/a/x"])),
                    3..5 => dids.push(Did::Publish(vec!["/a/x"])),
                    _ => (),
                }
                return dids;
            }
            match random.below(10) {
                0 => dids.push(Did::Subscribe(vec![random.pick(self.patterns)])),
                1 => dids.push(Did::Subscribe(vec![random.pick(self.patterns), random.pick(self.patterns)])),
                2 => dids.push(Did::Unsubscribe(random.pick(self.patterns))),
                3 => dids.push(Did::Publish((0..1 + random.below(4)).map(|_| random.pick(self.channels)).collect())),
                4 => {
                    let channel = random.pick(self.channels);
                    let patterns: Vec<_> =
                        self.patterns.iter().copied().filter(|pattern| matches(pattern, channel)).collect();
                    dids.push(Did::SubscribeAndPublish(random.pick(&patterns), channel));
                }
                5..9 => dids.push(Did::Publish(vec![random.pick(self.channels)])),
                _ => (),
            }
        }
        dids
    }

    fn leave(&mut self) -> Did {
        self.gone = true;
        Did::Disconnect
    }

    fn sent(&mut self, did: Did, now: u64, history: &mut History) -> u64 {
        self.sent += 1;
        let number = self.sent;
        let mut messages = Vec::new();
        let id = self.client_id.clone();
        match &did {
            Did::Handshake => messages.push(json!({ "channel": "/meta/handshake", "version": "1.0",
                "supportedConnectionTypes": ["long-polling"], "ext": { "ack": self.acks } })),
            Did::Connect => messages.push(json!({ "channel": "/meta/connect", "clientId": id,
                "connectionType": "long-polling", "ext": { "ack": self.acked } })),
            Did::Subscribe(patterns) => {
                messages.push(json!({ "channel": "/meta/subscribe", "clientId": id, "subscription": patterns }));
                patterns.iter().for_each(|pattern| history.asked(self.name, pattern, now));
            }
            Did::Unsubscribe(pattern) => {
                messages.push(json!({ "channel": "/meta/unsubscribe", "clientId": id, "subscription": pattern }));
                history.unsubscribing(self.name, pattern, now);
            }
            Did::Publish(channels) => {
                let all: Vec<_> = channels.iter().map(|channel| self.publish(channel, now, history)).collect();
                messages.extend(all);
            }
            Did::SubscribeAndPublish(pattern, channel) => {
                messages.push(json!({ "channel": "/meta/subscribe", "clientId": id, "subscription": pattern }));
                history.asked(self.name, pattern, now);
                messages.push(self.publish(channel, now, history));
            }
            Did::Again(body) => {
                let body = body.clone();
                for message in serde_json::from_str::<Vec<Value>>(&body).unwrap() {
                    history.repeated(self.name, message["data"]["number"].as_u64().unwrap());
                }
                self.waiting.insert(number, (did, now, body));
                return number;
            }
            Did::Replay | Did::HangUp => panic!("{did:?}"),
            Did::Disconnect => messages.push(json!({ "channel": "/meta/disconnect", "clientId": id })),
        }
        for (at, message) in messages.iter_mut().enumerate() {
            // In a batch a client must know which reply is which.
            let nameless = self.nameless && matches!(&did, Did::Publish(channels) if channels.len() == 1);
            if !nameless || self.socket.is_some() {
                message["id"] = json!(format!("{number}.{at}"));
            }
        }
        self.waiting.insert(number, (did, now, Value::from(messages).to_string()));
        number
    }

    fn request(&self, number: u64) -> Option<(Home, String)> {
        Some((self.home.clone(), self.waiting.get(&number)?.2.clone())).filter(|_| !self.vanished)
    }

    fn connection_breaks(&mut self, now: u64, history: &mut History) {
        for number in self.waiting.keys().copied().collect::<Vec<_>>() {
            self.read(number, None, now, history);
        }
    }

    fn read_frame(&mut self, text: &str, now: u64, history: &mut History) {
        let messages: Vec<Value> = serde_json::from_str(text).unwrap();
        let waiting = self.waiting.iter().map(|(number, (.., body))| (*number, body.as_str()));
        match actor::asked(&messages, waiting) {
            Some(Some(number)) => self.read(number, Some(text), now, history),
            _ if self.gone => (),
            None => messages.iter().for_each(|event| self.hear(event, now, history)),
            Some(None) => panic!("an answer to nothing: {text}"),
        }
    }

    fn read(&mut self, number: u64, text: Option<&str>, now: u64, history: &mut History) {
        let Some((did, _, body)) = self.waiting.remove(&number) else {
            assert!(self.socket.is_some() || self.vanished, "an answer to nothing: {text:?}");
            return;
        };
        if self.gone {
            return;
        }
        let published = matches!(did, Did::Publish(_) | Did::Again(_));
        let failed = text.is_none_or(|text| text.contains("503::"));
        let repeats = self.may_repeat && !self.pipelining && body.contains(r#""id":"#);
        if published && failed && repeats {
            self.unsure = Some(body.clone());
        }
        if let Did::Subscribe(patterns) = &did
            && failed
        {
            self.refused = Some(patterns.clone());
        }
        let answer: Vec<Value> = text.map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
        for message in &answer {
            if message.get("successful").is_none() {
                self.hear(message, now, history);
                continue;
            }
            let successful = message["successful"] == true;
            let error = message["error"].as_str().unwrap_or_default();
            assert!(!error.starts_with("402"), "client {}'s session is lost: {message}", self.name);
            assert!(successful || error.starts_with("503") || error.starts_with("409"), "{message}");
            match message["channel"].as_str().unwrap() {
                "/meta/handshake" => self.client_id = message["clientId"].as_str().map(str::to_owned),
                "/meta/connect" => self.acked = message["ext"]["ack"].as_i64().unwrap_or(self.acked).max(self.acked),
                "/meta/subscribe" if successful => {
                    let subscription = &message["subscription"];
                    let many = subscription.as_array().cloned().unwrap_or_else(|| vec![subscription.clone()]);
                    for pattern in many {
                        history.subscribed(self.name, self.acks, pattern.as_str().unwrap(), now);
                    }
                }
                "/meta/unsubscribe" => history.unsubscribed(self.name, message["subscription"].as_str().unwrap(), now),
                channel if !channel.starts_with("/meta") => {
                    let sent: Vec<Value> = serde_json::from_str(&body).unwrap();
                    let sent = sent.iter().find(|sent| sent["id"] == message["id"]).unwrap();
                    let number = sent["data"]["number"].as_u64().unwrap();
                    let own = answer.iter().any(|reply| {
                        let subscribed = reply["channel"] == "/meta/subscribe" && reply["successful"] == true;
                        subscribed
                            && reply["subscription"].as_str().is_none_or(|pattern| history.all_trees_know(pattern))
                    });
                    history.answered(self.name, number, successful, own);
                }
                _ => (),
            }
        }
    }

    fn assert_served(&self, now: u64, patience: u64) {
        if self.vanished {
            return;
        }
        for (did, since, body) in self.waiting.values() {
            // On a socket a connect is held for an hour.
            if self.socket.is_some() && matches!(did, Did::Connect) {
                continue;
            }
            assert!(now - since < patience, "client {} waits in vain for {did:?}: {body}", self.name);
        }
        assert!(self.client_id.is_some(), "client {} never got a session", self.name);
    }
}

/// A batch without a client.
pub fn to_everyone() -> String {
    let messages: Vec<_> = CHANNELS.iter().map(|channel| json!({ "channel": channel, "data": 0 })).collect();
    Value::from(messages).to_string()
}

pub fn matches(pattern: &str, channel: &str) -> bool {
    let pattern = bayeux_edge::bayeux::ChannelPattern::parse(pattern).unwrap();
    pattern.matches(&bayeux_edge::bayeux::ChannelId::parse(channel).unwrap())
}
