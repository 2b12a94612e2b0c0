//! A client: it polls, subscribes, publishes, and remembers what it was told.

use std::collections::BTreeMap;

use bayeux_edge::bayeux::Home;
use serde_json::{Value, json};

use super::history::{History, Published};
use super::simulation::Random;

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
    /// A subscription, and an event for it in the same breath.
    SubscribeAndPublish(&'static str, &'static str),
    /// What it has published, and not been told of success.
    Again(String),
    Disconnect,
}

pub struct Client {
    name: usize,
    home: Home,
    /// Whether it acknowledges.
    acks: bool,
    client_id: Option<String>,
    acked: i64,
    sent: u64,
    published: u64,
    waiting: BTreeMap<u64, (Did, u64, String)>,
    /// What it may publish again.
    unsure: Option<String>,
    gone: bool,
}

impl Client {
    pub fn new(name: usize, home: Home, acks: bool) -> Self {
        let (sent, published, acked) = (0, 0, 0);
        Self {
            name,
            home,
            acks,
            client_id: None,
            acked,
            sent,
            published,
            waiting: BTreeMap::new(),
            unsure: None,
            gone: false,
        }
    }

    /// What it does next; while it is `busy`, this and that.
    pub fn act(&mut self, random: &mut Random, busy: bool, _now: u64) -> Vec<Did> {
        if self.client_id.is_none() {
            return if self.waiting.is_empty() { vec![Did::Handshake] } else { vec![] };
        }
        let mut dids = Vec::new();
        if !self.waits(|did| matches!(did, Did::Connect)) {
            dids.push(Did::Connect);
        }
        // One thing at a time: only so there is an order to keep.
        if busy && !self.waits(|did| !matches!(did, Did::Connect)) {
            if let Some(body) = self.unsure.take()
                && random.chance(800)
            {
                dids.push(Did::Again(body));
                return dids;
            }
            match random.below(10) {
                0 => dids.push(Did::Subscribe(vec![random.pick(PATTERNS)])),
                1 => dids.push(Did::Subscribe(vec![random.pick(PATTERNS), random.pick(PATTERNS)])),
                2 => dids.push(Did::Unsubscribe(random.pick(PATTERNS))),
                3 => dids.push(Did::Publish((0..1 + random.below(4)).map(|_| random.pick(CHANNELS)).collect())),
                4 => {
                    let channel = random.pick(CHANNELS);
                    let patterns: Vec<_> =
                        PATTERNS.iter().copied().filter(|pattern| matches(pattern, channel)).collect();
                    dids.push(Did::SubscribeAndPublish(random.pick(&patterns), channel));
                }
                5..9 => dids.push(Did::Publish(vec![random.pick(CHANNELS)])),
                _ => (),
            }
        }
        dids
    }

    pub fn leave(&mut self) -> Did {
        self.gone = true;
        Did::Disconnect
    }

    fn waits(&self, wanted: impl Fn(&Did) -> bool) -> bool {
        self.waiting.values().any(|(did, ..)| wanted(did))
    }

    /// Takes note of what is sent, and gives it a number.
    pub fn sent(&mut self, did: Did, now: u64, history: &mut History) -> u64 {
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
            Did::Disconnect => messages.push(json!({ "channel": "/meta/disconnect", "clientId": id })),
        }
        for (at, message) in messages.iter_mut().enumerate() {
            message["id"] = json!(format!("{number}.{at}"));
        }
        self.waiting.insert(number, (did, now, Value::from(messages).to_string()));
        number
    }

    fn publish(&mut self, channel: &'static str, now: u64, history: &mut History) -> Value {
        self.published += 1;
        let number = self.published;
        history.published(Published {
            by: self.name,
            number,
            channel,
            sent: now,
            successful: None,
            own: false,
            repeated: false,
        });
        let (data, key) = (json!({ "by": self.name, "number": number }), number.to_string());
        json!({ "channel": channel, "clientId": self.client_id, "data": data, "ext": { "idempotencyKey": key } })
    }

    pub fn request(&self, number: u64) -> (Home, String) {
        (self.home.clone(), self.waiting[&number].2.clone())
    }

    /// Reads an answer; none where the connection broke.
    pub fn read(&mut self, number: u64, text: Option<&str>, now: u64, history: &mut History) {
        let Some((did, _, body)) = self.waiting.remove(&number) else { panic!("an answer to nothing: {text:?}") };
        if self.gone {
            return;
        }
        let published = matches!(did, Did::Publish(_) | Did::Again(_));
        if published && text.is_none_or(|text| text.contains("503::")) {
            self.unsure = Some(body.clone());
        }
        let answer: Vec<Value> = text.map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
        for message in &answer {
            if message.get("successful").is_none() {
                let data = &message["data"];
                let (by, number) = (data["by"].as_u64().unwrap() as usize, data["number"].as_u64().unwrap());
                history.received(self.name, self.acks, by, number, message["channel"].as_str().unwrap(), now);
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
                    let own =
                        answer.iter().any(|reply| reply["channel"] == "/meta/subscribe" && reply["successful"] == true);
                    history.answered(self.name, number, successful, own);
                }
                _ => (),
            }
        }
    }

    pub fn assert_served(&self, now: u64, patience: u64) {
        for (did, since, body) in self.waiting.values() {
            assert!(now - since < patience, "client {} waits in vain for {did:?}: {body}", self.name);
        }
        assert!(self.client_id.is_some(), "client {} never got in", self.name);
    }
}

/// A batch from no client at all.
pub fn to_everyone() -> String {
    let messages: Vec<_> = CHANNELS.iter().map(|channel| json!({ "channel": channel, "data": 0 })).collect();
    Value::from(messages).to_string()
}

pub fn matches(pattern: &str, channel: &str) -> bool {
    let pattern = bayeux_edge::bayeux::ChannelPattern::parse(pattern).unwrap();
    pattern.matches(&bayeux_edge::bayeux::ChannelId::parse(channel).unwrap())
}
