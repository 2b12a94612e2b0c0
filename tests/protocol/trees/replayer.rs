//! A client without the ack extension that comes and goes with its cursor. Whenever something broke, it subscribes
//! again with its last replay id: on the same session, or on a new one, which may have another home. Some send their
//! last replay id with the next connect of the same session.

use std::collections::BTreeMap;

use bayeux_edge::bayeux::Home;
use serde_json::{Value, json};

use super::actor::{self, Actor};
use super::client::{Did, matches};
use super::history::History;
use super::plan::{Plan, Random};

const PATTERNS: &[&str] = &["/a/x", "/a/y", "/a/*", "/a/**", "/a", "/b", "/b/x", "/b/y/z", "/b/y/*", "/b/**", "/c/x"];

/// The replay ids for new events only, and for all kept events.
const NEW: i64 = -1;
const ALL: i64 = -2;

pub struct Replayer {
    name: usize,
    home: Home,
    homes: Vec<Home>,
    pattern: &'static str,
    /// The last replay id that it received.
    heard: i64,
    /// What it asks for: that replay id, or how it begins.
    cursor: i64,
    /// It reads replay ids in the events' `ext`, not in their data.
    in_ext: bool,
    /// It sends its last replay id with a connect, as long as its session lives.
    tells: bool,
    /// It has subscribed in this session.
    subscribed: bool,
    /// Some events may be deleted before it has received them.
    few_kept: bool,
    /// No event may come twice. After a crash of the home, its owner repeats events that may have reached the client.
    strict: bool,
    client_id: Option<String>,
    /// Something broke since it subscribed.
    behind: bool,
    /// It does nothing for this many turns.
    rests: u64,
    sent: u64,
    waiting: BTreeMap<u64, Waiting>,
    socket: Option<u64>,
    gone: bool,
}

struct Waiting {
    did: Did,
    since: u64,
    home: Home,
    body: String,
    /// The replay id that it asks for.
    asks: Option<i64>,
}

impl Replayer {
    pub fn new(name: usize, plan: &Plan, random: &mut Random) -> Self {
        let in_ext = random.chance(500);
        let patterns: Vec<_> = PATTERNS.iter().copied().filter(|pattern| plan.replays(pattern)).collect();
        Self {
            name,
            home: random.pick(&plan.homes),
            homes: plan.homes.clone(),
            pattern: random.pick(&patterns),
            heard: 0,
            cursor: random.pick(&[NEW, ALL]),
            in_ext,
            tells: in_ext && random.chance(700),
            subscribed: false,
            few_kept: plan.few_kept,
            strict: !plan.few_kept && plan.crash == 0,
            client_id: None,
            behind: true,
            rests: random.below(10),
            sent: 0,
            waiting: BTreeMap::new(),
            socket: None,
            gone: false,
        }
    }

    fn waits(&self, wanted: impl Fn(&Did) -> bool) -> bool {
        self.waiting.values().any(|waiting| wanted(&waiting.did))
    }

    fn has_no_session(&mut self) {
        (self.client_id, self.subscribed, self.behind) = (None, false, true);
    }

    /// It forgets all but its cursor, and comes to any home.
    fn begins_anew(&mut self, random: &mut Random) {
        self.has_no_session();
        self.home = random.pick(&self.homes);
        self.waiting.clear();
    }

    /// Its connect breaks off, and its home does not notice: events sent there are lost.
    fn loses_its_poll(&mut self) {
        let before = self.waiting.len();
        self.waiting.retain(|_, waiting| !matches!(waiting.did, Did::Connect));
        self.behind |= self.waiting.len() < before;
    }

    fn hear(&mut self, event: &Value, now: u64, history: &mut History) {
        let channel = event["channel"].as_str().unwrap();
        if channel == "/service/dropped" {
            self.behind = true;
            return history.dropped(self.name, event["data"]["events"].as_u64().unwrap());
        }
        let replay = if self.in_ext { &event["ext"]["replay"] } else { &event["data"]["event"] };
        let number = replay["replayId"].as_i64().unwrap_or_else(|| panic!("client {}: no number: {event}", self.name));
        let (by, of) = (event["data"]["by"].as_u64().unwrap() as usize, event["data"]["number"].as_u64().unwrap());
        if self.behind {
            // Earlier events may be missing. This one comes again with the replay.
            return;
        }
        if number <= self.heard {
            assert!(!self.strict, "client {} has heard {} already: {event}", self.name, self.heard);
            return;
        }
        assert!(matches(self.pattern, channel), "client {} did not subscribe to {channel}", self.name);
        (self.heard, self.cursor) = (number, number);
        history.replayed(self.name, by, of, channel, now);
    }

    fn refused(&mut self, error: &str, history: &mut History) {
        match error {
            _ if error.starts_with("402:") => self.has_no_session(),
            _ if error.ends_with(":replay_id_not_kept") => {
                history.forgot(self.name);
                self.cursor = ALL;
            }
            _ => assert!(error.starts_with("503:") || error.starts_with("409:"), "client {}: {error}", self.name),
        }
    }
}

impl Actor for Replayer {
    fn home(&self) -> &Home {
        &self.home
    }

    fn socket(&mut self) -> &mut Option<u64> {
        &mut self.socket
    }

    fn act(&mut self, random: &mut Random, busy: bool) -> Vec<Did> {
        self.rests = if busy { self.rests.saturating_sub(1) } else { 0 };
        if self.gone || self.rests > 0 {
            return Vec::new();
        }
        if busy && random.chance(60) {
            // With or without a disconnect.
            self.rests = random.below(30);
            if self.client_id.is_some() && random.chance(300) {
                return vec![Did::Disconnect];
            }
            self.begins_anew(random);
            return vec![Did::HangUp];
        }
        if self.client_id.is_none() {
            return if self.waiting.is_empty() { vec![Did::Handshake] } else { vec![] };
        }
        if busy && self.socket.is_none() && random.chance(100) {
            self.loses_its_poll();
        }
        // While it subscribes it has no connect under way: events of that could come before the missed ones.
        let connects = self.waits(|did| matches!(did, Did::Connect));
        let dids = match (self.behind, connects) {
            _ if self.waits(|did| matches!(did, Did::Replay)) => vec![],
            (true, false) if self.tells && self.subscribed => vec![Did::Connect],
            (true, false) => vec![Did::Replay],
            (true, true) if self.socket.is_some() => vec![Did::HangUp],
            (false, false) => vec![Did::Connect],
            (_, true) => vec![],
        };
        if busy && random.chance(50) {
            self.rests = random.below(40);
        }
        dids
    }

    fn leave(&mut self) -> Did {
        self.gone = true;
        Did::Disconnect
    }

    fn vanish(&mut self, _name: usize, _plan: &Plan, random: &mut Random) -> Option<Box<dyn Actor>> {
        self.begins_anew(random);
        None
    }

    fn sent(&mut self, did: Did, now: u64, _history: &mut History) -> u64 {
        self.sent += 1;
        let (number, id) = (self.sent, self.client_id.clone());
        let mut message = match &did {
            Did::Handshake => json!({ "channel": "/meta/handshake", "version": "1.0",
                "supportedConnectionTypes": ["long-polling"],
                "ext": { "replay": if self.in_ext { json!("ext") } else { json!(true) } } }),
            Did::Connect => {
                let ext = if self.behind { json!({ "replay": { self.pattern: self.cursor } }) } else { json!({}) };
                json!({ "channel": "/meta/connect", "clientId": id, "connectionType": "long-polling", "ext": ext })
            }
            Did::Disconnect => json!({ "channel": "/meta/disconnect", "clientId": id }),
            Did::Replay => {
                json!({ "channel": "/meta/subscribe", "clientId": id, "subscription": self.pattern,
                    "ext": { "replay": { self.pattern: self.cursor } } })
            }
            other => panic!("{other:?}"),
        };
        message["id"] = json!(format!("{}-{number}", self.name));
        let asks = (self.behind && matches!(did, Did::Replay | Did::Connect)).then_some(self.cursor);
        self.behind &= asks.is_none();
        let (home, body) = (self.home.clone(), json!([message]).to_string());
        self.waiting.insert(number, Waiting { did, since: now, home, body, asks });
        number
    }

    fn request(&self, number: u64) -> Option<(Home, String)> {
        let Waiting { home, body, .. } = self.waiting.get(&number)?;
        Some((home.clone(), body.clone()))
    }

    fn read(&mut self, number: u64, text: Option<&str>, now: u64, history: &mut History) {
        let Some(Waiting { asks, .. }) = self.waiting.remove(&number) else { return };
        let Some(text) = text.filter(|_| !self.gone) else {
            self.behind = true;
            return;
        };
        for message in serde_json::from_str::<Vec<Value>>(text).unwrap() {
            let Some(successful) = message["successful"].as_bool() else {
                self.hear(&message, now, history);
                continue;
            };
            match message["channel"].as_str().unwrap() {
                _ if !successful => {
                    self.behind |= asks.is_some();
                    self.refused(message["error"].as_str().unwrap(), history);
                }
                "/meta/handshake" => {
                    self.has_no_session();
                    self.client_id = message["clientId"].as_str().map(str::to_owned);
                }
                "/meta/subscribe" => {
                    let cursor = message["ext"]["replay"][self.pattern].as_i64().expect("a cursor");
                    let all = self.cursor == ALL && !self.few_kept;
                    // If it asks for all events again, some may be deleted by then.
                    let anew = self.cursor == ALL && self.few_kept;
                    history.replays(self.name, self.pattern, (!all).then_some(now), anew);
                    self.subscribed = true;
                    if self.cursor < 0 {
                        self.cursor = cursor;
                    }
                }
                "/meta/connect" if asks == Some(ALL) => {
                    history.replays(self.name, self.pattern, Some(now), true);
                }
                "/meta/disconnect" => self.has_no_session(),
                _ => (),
            }
        }
    }

    fn read_frame(&mut self, text: &str, now: u64, history: &mut History) {
        let messages: Vec<Value> = serde_json::from_str(text).unwrap();
        let waiting = self.waiting.iter().map(|(number, waiting)| (*number, waiting.body.as_str()));
        match actor::asked(&messages, waiting) {
            Some(Some(number)) => self.read(number, Some(text), now, history),
            None if !self.gone => messages.iter().for_each(|event| self.hear(event, now, history)),
            _ => (),
        }
    }

    fn connection_breaks(&mut self, now: u64, history: &mut History) {
        self.behind = true;
        for number in self.waiting.keys().copied().collect::<Vec<_>>() {
            self.read(number, None, now, history);
        }
    }

    fn assert_served(&self, now: u64, patience: u64) {
        for Waiting { did, since, body, .. } in self.waiting.values() {
            // On a socket a connect is held for an hour.
            let held = self.socket.is_some() && matches!(did, Did::Connect);
            assert!(held || now - since < patience, "client {} waits in vain for {did:?}: {body}", self.name);
        }
        assert!(self.client_id.is_some() && !self.behind, "client {} receives nothing", self.name);
    }
}
