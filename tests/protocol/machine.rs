//! A machine of any speed under load: one core with a cost for each input and each output, and an event loop whose
//! timers fire after all waiting inputs are handled. Its time is in microseconds, and it is computed, not measured.

use std::collections::{BTreeMap, HashMap};

use bayeux_edge::bayeux::{
    Application, BayeuxContext, BayeuxServer, Endpoint, EndpointKey, Forgetful, Home, Input, Millis, Options, Output,
    RequestId, SocketId, StreamId, parse_json,
};
use serde_json::{Value, json};

/// The costs on the machine that is not slowed.
const INPUT: u64 = 60;
const FRAME: u64 = 25;
const ANSWER: u64 = 250;
const TIMER: u64 = 10;

/// The shortest delay of a timer without a time.
const TURN: u64 = 200;

/// The network delay to a client or back, on one machine as in the benchmarks.
const WAY: u64 = 100;

const SECOND: u64 = 1_000_000;
const STARTED: u64 = 1_700_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Sockets,
    Streams,
    Polls,
}

#[derive(Clone, Copy, Debug)]
pub enum Load {
    /// This many messages are under way, and the next one comes when one has reached all clients.
    Saturation(u64),
    /// A message comes every so many microseconds.
    Every(u64),
}

/// The figures of the measured time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub deliveries: usize,
    /// Of the latencies of the deliveries, microseconds.
    pub p50: u64,
    pub p99: u64,
}

pub struct Machine {
    server: BayeuxServer,
    options: Options,
    over: Over,
    slowed: u64,
    clock: u64,
    /// What is under way, by its time of arrival.
    coming: BTreeMap<(u64, u64), Coming>,
    turn: Option<u64>,
    wake: Option<u64>,
    last: u64,
    crowd: Vec<String>,
    /// The client of each request.
    requests: HashMap<u64, usize>,
    /// By number: when a message was sent, and how many clients it has reached.
    published: Vec<(u64, usize)>,
    latencies: Vec<u64>,
    replies: Vec<Value>,
}

enum Coming {
    Publish,
    Connect(usize),
}

impl Machine {
    pub fn new(over: Over, crowd: usize, slowed: u64, vars: &[(&str, &str)]) -> Self {
        let options = Options::from_vars(|asked| {
            vars.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned())
        });
        let options = Options { tree_depth: 0, max_queue: usize::MAX, ..options.unwrap() };
        let server = BayeuxServer::new(Home::Root, options.clone(), Application::new(), [7; 32], Box::new(Forgetful));
        let mut machine = Self {
            server,
            options,
            over,
            slowed,
            clock: 0,
            coming: BTreeMap::new(),
            turn: None,
            wake: None,
            last: 0,
            crowd: Vec::new(),
            requests: HashMap::new(),
            published: Vec::new(),
            latencies: Vec::new(),
            replies: Vec::new(),
        };
        for at in 0..crowd {
            machine.join(at);
        }
        machine
    }

    pub fn under(mut self, load: Load) -> Figures {
        let (warm, end) = (self.clock + SECOND / 2, self.clock + 2 * SECOND);
        match load {
            Load::Saturation(window) => (0..window).for_each(|_| self.comes_in(WAY, Coming::Publish)),
            Load::Every(pause) => {
                (0..3 * SECOND / pause).for_each(|number| self.comes_in(number * pause, Coming::Publish));
            }
        }
        let mut before = None;
        while self.clock < end {
            if self.clock >= warm {
                before.get_or_insert(self.latencies.len());
            }
            self.turn_of_the_loop(load);
        }
        let mut latencies = self.latencies.split_off(before.unwrap_or_default());
        latencies.sort_unstable();
        let part = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
        Figures { deliveries: latencies.len(), p50: part(50), p99: part(99) }
    }

    /// All waiting inputs are handled; then the timers that are due fire.
    fn turn_of_the_loop(&mut self, load: Load) {
        let next = self.coming.first_key_value().map(|((time, _), _)| *time);
        let next = next.into_iter().chain(self.turn).chain(self.wake).min().expect("something to come");
        self.clock = self.clock.max(next);
        let later = self.coming.split_off(&(self.clock + 1, 0));
        let (came, now) = (std::mem::replace(&mut self.coming, later), self.clock);
        for ((sent, _), coming) in came {
            match coming {
                Coming::Publish => self.publish(sent - WAY.min(sent), load),
                Coming::Connect(at) => self.connect(at, load),
            }
        }
        if self.turn.take_if(|turn| *turn <= now).is_some() {
            self.clock += TIMER * self.slowed;
            self.handle(Input::TurnOver, load);
        }
        if self.wake.take_if(|wake| *wake <= now).is_some() {
            self.clock += TIMER * self.slowed;
            self.handle(Input::Timeout, load);
        }
    }

    fn join(&mut self, at: usize) {
        let idle = Load::Saturation(0);
        let hello =
            json!([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["websocket"]}]);
        self.send(at, &hello, idle);
        let client_id = self.replies.last().unwrap()["clientId"].as_str().unwrap().to_owned();
        self.crowd.push(client_id.clone());
        self.send(at, &json!([{"channel": "/meta/subscribe", "clientId": client_id, "subscription": "/chat"}]), idle);
        self.connect(at, idle);
        match self.over {
            Over::Streams => {
                let from = StreamId(at as u64);
                self.handle(
                    Input::Listen { from, context: BayeuxContext::default(), client_id, kept_open: false },
                    idle,
                );
            }
            Over::Sockets => self.connect(at, idle),
            Over::Polls => {}
        }
    }

    fn connect(&mut self, at: usize, load: Load) {
        let client_id = self.crowd[at].clone();
        let type_ = if self.over == Over::Polls { "long-polling" } else { "websocket" };
        self.send(at, &json!([{"channel": "/meta/connect", "clientId": client_id, "connectionType": type_}]), load);
    }

    fn publish(&mut self, sent: u64, load: Load) {
        let number = self.published.len();
        self.published.push((sent, 0));
        let body = json!([{"channel": "/chat", "clientId": self.crowd[0], "data": number}]);
        let messages = parse_json(&body.to_string(), &self.options).unwrap();
        self.last += 1;
        let from = Endpoint::LongPolling(RequestId::new(self.last));
        self.clock += INPUT * self.slowed;
        self.handle(Input::Messages { from, context: BayeuxContext::default(), messages }, load);
    }

    fn send(&mut self, at: usize, body: &Value, load: Load) {
        let messages = parse_json(&body.to_string(), &self.options).unwrap();
        self.last += 1;
        let from = if self.over == Over::Sockets {
            Endpoint::WebSocket(SocketId(at as u64))
        } else {
            self.requests.insert(self.last, at);
            Endpoint::LongPolling(RequestId::new(self.last))
        };
        self.clock += INPUT * self.slowed;
        self.handle(Input::Messages { from, context: BayeuxContext::default(), messages }, load);
    }

    fn comes_in(&mut self, time: u64, coming: Coming) {
        self.last += 1;
        self.coming.insert((self.clock + time, self.last), coming);
    }

    fn handle(&mut self, input: Input, load: Load) {
        let now = Millis(STARTED + self.clock / 1000);
        for output in self.server.handle(now, input) {
            match output {
                Output::Deliver { to, messages } => self.reaches(to.len(), FRAME, &messages, load),
                Output::Stream { to, messages } => self.reaches(to.len(), FRAME, &messages, load),
                Output::Send { to, messages, .. } => {
                    self.reaches(1, ANSWER, &messages, load);
                    let waits = self.replies.last().is_some_and(|reply| reply["channel"] == "/meta/connect");
                    if let (true, EndpointKey::LongPolling(number)) = (waits, to.key())
                        && let Some(at) = self.requests.remove(&number)
                        && self.over == Over::Polls
                    {
                        self.comes_in(2 * WAY, Coming::Connect(at));
                    }
                }
                Output::AwaitTurn => self.turn = Some(self.clock + TURN),
                Output::WakeAt(Millis(time)) => self.wake = Some((time - STARTED) * 1000),
                _ => {}
            }
        }
    }

    /// This many clients get the messages, one after the other.
    fn reaches(&mut self, receivers: usize, cost: u64, messages: &str, load: Load) {
        let messages: Vec<Value> = serde_json::from_str(messages).unwrap();
        for _ in 0..receivers {
            self.clock += cost * self.slowed;
            for number in messages.iter().filter_map(|message| message["data"].as_u64()) {
                let (sent, reached) = &mut self.published[number as usize];
                *reached += 1;
                self.latencies.push(self.clock + WAY - *sent);
                if *reached == self.crowd.len()
                    && let Load::Saturation(1..) = load
                {
                    self.last += 1;
                    self.coming.insert((self.clock + 2 * WAY, self.last), Coming::Publish);
                }
            }
        }
        self.replies = messages;
    }
}
