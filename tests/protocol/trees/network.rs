//! A few objects by hand: calls arrive at once, but for those of an object that is cut off.

use std::collections::{BTreeMap, BTreeSet};

use bayeux_edge::bayeux::{
    Application, BayeuxServer, Endpoint, EndpointKey, Home, Input, Millis, Options, Origin, Output, RequestId, Status,
    Stored, parse_json,
};
use serde_json::{Value, json};

use crate::rows::Rows;

pub struct Network {
    options: Options,
    now: u64,
    last: u64,
    servers: BTreeMap<Home, BayeuxServer>,
    cut_off: BTreeSet<Home>,
    /// Objects whose answers to others are on their way for long, and those answers: for whom, and its token.
    slow: BTreeSet<Home>,
    late: Vec<(Home, u64, Option<String>)>,
    /// Calls that wait for an answer: who asked, and the token.
    asked: BTreeMap<u64, (Home, u64)>,
    answers: BTreeMap<u64, String>,
    calls: usize,
}

/// A session and its home.
pub struct Client {
    home: Home,
    id: String,
}

impl Network {
    pub fn new(options: Options) -> Self {
        let (servers, cut_off, slow, late) = Default::default();
        let (asked, answers) = Default::default();
        Self { options, now: 1_700_000_000_000, last: 0, servers, cut_off, slow, late, asked, answers, calls: 0 }
    }

    /// A client at that home, whose first connect was answered.
    pub fn join(&mut self, home: &str) -> Client {
        let home = Home::named(home).unwrap();
        let handshake =
            json!([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}]);
        let reply = self.post(&home, &handshake);
        let client = Client { home, id: reply[0]["clientId"].as_str().unwrap().to_owned() };
        self.connect(&client);
        client
    }

    pub fn subscribe(&mut self, client: &Client, pattern: &str) {
        let reply = self.say(client, json!({"channel": "/meta/subscribe", "subscription": pattern}));
        assert_eq!(reply[0]["successful"], true, "{reply}");
    }

    pub fn publish(&mut self, client: &Client, channel: &str, data: impl Into<Value>) {
        let reply = self.say(client, json!({"channel": channel, "data": data.into()}));
        let reply = reply.as_array().unwrap().last().unwrap().clone();
        assert_eq!(reply["successful"], true, "{reply}");
    }

    /// All that is answered to a connect that is not held.
    pub fn connect(&mut self, client: &Client) -> Vec<Value> {
        let connect = json!({"channel": "/meta/connect", "connectionType": "long-polling", "advice": {"timeout": 0}});
        let answer = self.say(client, connect);
        answer.as_array().unwrap().clone()
    }

    /// The data of the events that come with a connect.
    pub fn hears(&mut self, client: &Client) -> Vec<Value> {
        let answer = self.connect(client);
        answer.iter().filter(|message| message.get("successful").is_none()).map(|event| event["data"].clone()).collect()
    }

    fn say(&mut self, client: &Client, mut message: Value) -> Value {
        message["clientId"] = json!(client.id);
        self.post(&client.home, &json!([message]))
    }

    fn post(&mut self, home: &Home, messages: &Value) -> Value {
        let messages = parse_json(&messages.to_string(), &self.options).unwrap();
        self.last += 1;
        let number = self.last;
        let from = Endpoint::LongPolling(RequestId::new(number));
        self.input(home, Input::Messages { from, origin: Origin::default(), messages });
        serde_json::from_str(&self.answers.remove(&number).expect("an answer")).unwrap()
    }

    /// No call comes to it or from it, or all do again.
    pub fn cut_off(&mut self, home: &str, cut: bool) {
        let home = Home::named(home).unwrap();
        if cut {
            self.cut_off.insert(home)
        } else {
            self.cut_off.remove(&home)
        };
    }

    /// From now on what it answers to others comes late.
    pub fn answers_late(&mut self, home: &str) {
        self.slow.insert(Home::named(home).unwrap());
    }

    /// All that is late comes now, and nothing is late any more.
    pub fn late_answers_come(&mut self) {
        self.slow.clear();
        for (asker, token, answer) in std::mem::take(&mut self.late) {
            self.input(&asker, Input::Answer { token, answer });
        }
    }

    /// It begins anew, with nothing.
    pub fn forgets_all(&mut self, home: &str) {
        self.servers.remove(&Home::named(home).unwrap());
    }

    /// How many calls there were between objects since this was asked last.
    pub fn calls(&mut self) -> usize {
        std::mem::take(&mut self.calls)
    }

    pub fn after(&mut self, ms: u64) {
        self.now += ms;
        for home in self.servers.keys().cloned().collect::<Vec<_>>() {
            self.input(&home, Input::Timeout);
        }
    }

    fn input(&mut self, home: &Home, input: Input) {
        let now = Millis(self.now);
        if !self.servers.contains_key(home) {
            let rows = Box::new(Rows::default());
            let seed = [self.last as u8; 32];
            let mut server = BayeuxServer::new(home.clone(), self.options.clone(), Application::new(), seed, rows);
            server.restore(now, Stored::default(), Vec::new());
            self.servers.insert(home.clone(), server);
        }
        for output in self.servers.get_mut(home).unwrap().handle(now, input) {
            match output {
                Output::Send { to, status, messages, .. } => {
                    let EndpointKey::LongPolling(number) = to.key() else { panic!("{to:?}") };
                    let Some((asker, token)) = self.asked.remove(&number) else {
                        self.answers.insert(number, messages);
                        continue;
                    };
                    let answer = (status == Status::Ok).then_some(messages);
                    if self.slow.contains(home) {
                        self.late.push((asker, token, answer));
                        continue;
                    }
                    self.input(&asker, Input::Answer { token, answer });
                }
                Output::Ask { token, whom, .. } if self.cut_off.contains(&whom) || self.cut_off.contains(home) => {
                    self.input(home, Input::Answer { token, answer: None });
                }
                Output::Ask { token, whom, call } => {
                    self.calls += 1;
                    self.last += 1;
                    self.asked.insert(self.last, (home.clone(), token));
                    let from = Endpoint::LongPolling(RequestId::new(self.last));
                    self.input(&whom, Input::Call { from, call });
                }
                _ => (),
            }
        }
    }
}
