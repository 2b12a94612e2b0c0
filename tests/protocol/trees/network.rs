//! A few objects, driven by hand: calls arrive at once, unless an object is cut off or slow, or the test passes each
//! call itself. Rows survive crashes, and each object is woken at the time that it asked for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bayeux_edge::bayeux::{
    Application, BayeuxContext, BayeuxServer, Endpoint, EndpointKey, Home, Input, Millis, Options, Output, RequestId,
    Status, parse_json,
};
use serde_json::{Value, json};

use crate::rows::Rows;

pub struct Network {
    options: Options,
    now: u64,
    last: u64,
    objects: BTreeMap<Home, Object>,
    cut_off: BTreeSet<Home>,
    /// Objects whose answers to others are late, and those answers.
    slow: BTreeSet<Home>,
    late: Vec<Packet>,
    /// Calls and answers under way.
    under_way: VecDeque<Packet>,
    /// Whether the test passes each of them itself.
    held: bool,
    /// Calls that wait for an answer: who asked, and the token.
    asked: BTreeMap<u64, (Home, Home, u64)>,
    answers: BTreeMap<u64, String>,
    calls: Vec<(Home, Home)>,
    /// Where the clients' requests come from.
    address: &'static str,
}

#[derive(Default)]
struct Object {
    rows: Rows,
    server: Option<BayeuxServer>,
    wake: Option<u64>,
}

/// A call, or an answer to one: `None` if the object could not be reached.
enum Packet {
    Call { from: Home, whom: Home, token: u64, text: String },
    Answer { to: Home, from: Home, token: u64, text: Option<String> },
}

/// A session and its home.
pub struct Client {
    home: Home,
    id: String,
    acked: Option<std::cell::Cell<i64>>,
}

fn named(name: &str) -> Home {
    Home::named(name).unwrap()
}

impl Network {
    pub fn new(options: Options) -> Self {
        Self {
            options,
            now: 1_700_000_000_000,
            last: 0,
            objects: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            slow: BTreeSet::new(),
            late: Vec::new(),
            under_way: VecDeque::new(),
            held: false,
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            calls: Vec::new(),
            address: "192.0.2.1",
        }
    }

    /// Sessions that are not lost while a test waits for hours.
    pub fn patient() -> Self {
        Self::new(Options {
            max_interval: std::time::Duration::from_secs(24 * 3600),
            spanning_patterns: true,
            rate_trees: None,
            ..Options::default()
        })
    }

    /// A client at that home, whose first connect was answered.
    pub fn join(&mut self, home: &str) -> Client {
        self.join_with(home, false)
    }

    /// One with the ack extension.
    pub fn join_acking(&mut self, home: &str) -> Client {
        self.join_with(home, true)
    }

    /// One that reads replay ids in `ext`.
    pub fn join_replaying(&mut self, home: &str) -> Client {
        self.join_as(home, &json!({"replay": "ext"}))
    }

    fn join_with(&mut self, home: &str, acks: bool) -> Client {
        self.join_as(home, &json!({"ack": acks}))
    }

    fn join_as(&mut self, home: &str, ext: &Value) -> Client {
        let acks = ext["ack"] == true;
        let home = named(home);
        let handshake = json!([{"channel": "/meta/handshake", "version": "1.0",
            "supportedConnectionTypes": ["long-polling", "websocket"], "ext": ext}]);
        let reply = self.post(&home, &handshake);
        let id = reply[0]["clientId"].as_str().unwrap().to_owned();
        let client = Client { home, id, acked: acks.then(std::cell::Cell::default) };
        self.connect(&client);
        client
    }

    pub fn subscribe(&mut self, client: &Client, pattern: &str) {
        let reply = self.try_subscribe(client, pattern).expect("an answer");
        assert_eq!(reply["successful"], true, "{reply}");
    }

    /// The reply to a subscribe, if it is there at once.
    pub fn try_subscribe(&mut self, client: &Client, pattern: &str) -> Option<Value> {
        let number = self.ask(client, json!({"channel": "/meta/subscribe", "subscription": pattern}));
        self.reply(number)
    }

    pub fn unsubscribe(&mut self, client: &Client, pattern: &str) {
        let reply = self.say(client, json!({"channel": "/meta/unsubscribe", "subscription": pattern}));
        assert_eq!(reply[0]["successful"], true, "{reply}");
    }

    pub fn publish(&mut self, client: &Client, channel: &str, data: impl Into<Value>) {
        let reply = self.try_publish(client, channel, data).expect("an answer");
        assert_eq!(reply["successful"], true, "{reply}");
    }

    /// The reply to a publish, if it is there at once.
    pub fn try_publish(&mut self, client: &Client, channel: &str, data: impl Into<Value>) -> Option<Value> {
        let number = self.ask(client, json!({"channel": channel, "data": data.into()}));
        self.reply(number)
    }

    /// The whole answer to a connect that is not held.
    pub fn connect(&mut self, client: &Client) -> Vec<Value> {
        let mut connect =
            json!({"channel": "/meta/connect", "connectionType": "long-polling", "advice": {"timeout": 0}});
        if let Some(acked) = &client.acked {
            connect["ext"] = json!({"ack": acked.get()});
        }
        let answer = self.say(client, connect);
        let answer = answer.as_array().unwrap().clone();
        if let (Some(acked), Some(ack)) = (&client.acked, answer.last().and_then(|reply| reply["ext"]["ack"].as_i64()))
        {
            acked.set(ack);
        }
        answer
    }

    /// The data of the events that come with a connect.
    pub fn hears(&mut self, client: &Client) -> Vec<Value> {
        let answer = self.connect(client);
        answer.iter().filter(|message| message.get("successful").is_none()).map(|event| event["data"].clone()).collect()
    }

    /// Sends a connect, which must be held, and returns its number.
    pub fn holds(&mut self, client: &Client) -> u64 {
        let number = self.ask(client, json!({"channel": "/meta/connect", "connectionType": "long-polling"}));
        assert!(!self.answers.contains_key(&number), "not held: {:?}", self.answers[&number]);
        number
    }

    fn say(&mut self, client: &Client, message: Value) -> Value {
        let number = self.ask(client, message);
        serde_json::from_str(&self.answers.remove(&number).expect("an answer")).unwrap()
    }

    /// Sends a message whose answer may come later, under this number.
    pub fn ask(&mut self, client: &Client, message: Value) -> u64 {
        self.ask_all(client, [message])
    }

    /// The same with several messages.
    pub fn ask_all<const N: usize>(&mut self, client: &Client, messages: [Value; N]) -> u64 {
        let mine = messages.map(|mut message| {
            message["clientId"] = json!(client.id);
            message
        });
        self.send(&client.home, &Value::from(mine.to_vec()))
    }

    /// The client gives up the request with this number.
    pub fn gives_up(&mut self, client: &Client, number: u64) {
        self.input(&client.home, Input::Closed(EndpointKey::LongPolling(number)));
    }

    /// The last message of an answer, if it has come.
    pub fn reply(&mut self, number: u64) -> Option<Value> {
        let answer: Vec<Value> = serde_json::from_str(self.answers.get(&number)?).unwrap();
        answer.into_iter().next_back()
    }

    /// The whole answer to a request, if it has come.
    pub fn answer(&mut self, number: u64) -> Option<Vec<Value>> {
        self.answers.remove(&number).map(|answer| serde_json::from_str(&answer).unwrap())
    }

    fn post(&mut self, home: &Home, messages: &Value) -> Value {
        let number = self.send(home, messages);
        serde_json::from_str(&self.answers.remove(&number).expect("an answer")).unwrap()
    }

    fn send(&mut self, home: &Home, messages: &Value) -> u64 {
        let messages = parse_json(&messages.to_string(), &self.options).unwrap();
        self.last += 1;
        let number = self.last;
        let from = Endpoint::LongPolling(RequestId::new(number));
        self.input(home, Input::Messages { from, context: self.context(), messages });
        number
    }

    /// A call as another object would send it.
    pub fn call(&mut self, whom: &str, call: &str) {
        self.last += 1;
        let from = Endpoint::LongPolling(RequestId::new(self.last));
        self.input(&named(whom), Input::Call { from, call: call.to_owned() });
    }

    /// The answer to several messages in one request.
    pub fn say_all(&mut self, client: &Client, messages: Vec<Value>) -> Value {
        self.post(&client.home, &signed(client, messages))
    }

    /// The answer to messages without a session.
    pub fn says_anonymously(&mut self, home: &str, messages: Vec<Value>) -> Value {
        self.post(&named(home), &messages.into())
    }

    /// Sends a message whose answer nobody reads.
    pub fn sends(&mut self, client: &Client, message: Value) {
        let messages = parse_json(&signed(client, vec![message]).to_string(), &self.options).unwrap();
        self.last += 1;
        let from = Endpoint::LongPolling(RequestId::new(self.last));
        self.input(&client.home.clone(), Input::Messages { from, context: self.context(), messages });
    }

    /// The objects that were started.
    pub fn homes(&self) -> Vec<&Home> {
        self.objects.keys().collect()
    }

    /// No call reaches it or leaves it, or all do again.
    pub fn cut_off(&mut self, home: &str, cut: bool) {
        let home = named(home);
        if cut {
            self.cut_off.insert(home)
        } else {
            self.cut_off.remove(&home)
        };
    }

    /// From now on its answers to others are late.
    pub fn answers_late(&mut self, home: &str) {
        self.slow.insert(named(home));
    }

    /// All late answers arrive now, and later ones are on time.
    pub fn late_answers_come(&mut self) {
        self.slow.clear();
        self.under_way.extend(std::mem::take(&mut self.late));
        self.settle();
    }

    /// The callers of a slow object have waited too long: they give up, and its late answers are lost.
    pub fn late_answers_are_given_up(&mut self) {
        for packet in std::mem::take(&mut self.late) {
            let Packet::Answer { to, from, token, .. } = packet else { continue };
            self.under_way.push_back(Packet::Answer { to, from, token, text: None });
        }
        self.settle();
    }

    /// It starts again without its rows.
    pub fn forgets_all(&mut self, home: &str) {
        self.objects.remove(&named(home));
    }

    /// It starts again with its rows. Requests that waited for it get no answer.
    pub fn crashes(&mut self, home: &str) {
        let home = named(home);
        let object = self.objects.get_mut(&home).unwrap();
        (object.server, object.wake) = (None, None);
        self.under_way.retain(|packet| match packet {
            Packet::Call { from, .. } => *from != home,
            Packet::Answer { to, .. } => *to != home,
        });
        let gone = self.asked.extract_if(.., |_, (_, at, _)| *at == home).collect::<Vec<_>>();
        for (_, (to, from, token)) in gone {
            self.under_way.push_back(Packet::Answer { to, from, token, text: None });
        }
        if !self.held {
            self.settle();
        }
    }

    /// It falls asleep, and loses its memory. Its alarm stays.
    pub fn hibernates(&mut self, home: &str) {
        let home = named(home);
        let server = self.objects.get_mut(&home).unwrap().server.as_mut().unwrap();
        server.fall_asleep().into_iter().for_each(|output| self.perform(&home, output));
        self.objects.get_mut(&home).unwrap().server = None;
    }

    pub fn rows(&self, home: &str) -> &Rows {
        &self.objects[&named(home)].rows
    }

    /// The names of the notes among its rows.
    pub fn notes(&self, home: &str) -> Vec<String> {
        self.rows(home).load().notes.into_iter().map(|(name, _)| name).collect()
    }

    pub fn clock_goes_back(&mut self, ms: u64) {
        self.now -= ms;
    }

    /// From now on the test passes calls and answers itself.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// All calls and answers under way arrive, and those that follow.
    pub fn flow(&mut self) {
        self.held = false;
        self.settle();
    }

    /// The oldest call from one to the other arrives.
    pub fn pass_call(&mut self, from: &str, whom: &str) {
        let packet = self.take_call(from, whom);
        self.arrive(packet);
    }

    /// The oldest answer from one to the other arrives.
    pub fn pass_answer(&mut self, from: &str, to: &str) {
        let (from, to) = (named(from), named(to));
        let wanted =
            |packet: &Packet| matches!(packet, Packet::Answer { to: t, from: f, .. } if *t == to && *f == from);
        let at = self.under_way.iter().position(wanted).expect("an answer");
        let packet = self.under_way.remove(at).unwrap();
        self.arrive(packet);
    }

    /// The oldest call from one to the other never arrives.
    pub fn lose_call(&mut self, from: &str, whom: &str) {
        let Packet::Call { from, whom, token, .. } = self.take_call(from, whom) else { unreachable!() };
        self.under_way.push_back(Packet::Answer { to: from, from: whom, token, text: None });
    }

    fn take_call(&mut self, from: &str, whom: &str) -> Packet {
        let (from, whom) = (named(from), named(whom));
        let wanted =
            |packet: &Packet| matches!(packet, Packet::Call { from: f, whom: w, .. } if *f == from && *w == whom);
        let at = self.under_way.iter().position(wanted).expect("a call");
        self.under_way.remove(at).unwrap()
    }

    /// The number of calls between objects since the last call of this function.
    pub fn calls(&mut self) -> usize {
        std::mem::take(&mut self.calls).len()
    }

    /// The calls since then to this object.
    pub fn calls_to(&mut self, home: &str) -> usize {
        let home = named(home);
        self.calls.extract_if(.., |(_, whom)| *whom == home).count()
    }

    /// The objects that an object has called, if the call has not arrived yet.
    pub fn called_by(&self, home: &str) -> Vec<String> {
        let home = named(home);
        let asked = |packet: &Packet| match packet {
            Packet::Call { from, whom, .. } if *from == home => Some(whom.to_string()),
            _ => None,
        };
        self.under_way.iter().filter_map(asked).collect()
    }

    /// The data of the events in an answer.
    pub fn events(&self, number: u64) -> Vec<Value> {
        let answer: Vec<Value> =
            self.answers.get(&number).map_or(Vec::new(), |text| serde_json::from_str(text).unwrap());
        answer.iter().filter(|message| message.get("successful").is_none()).map(|event| event["data"].clone()).collect()
    }

    /// Time passes, and each object is woken when it wants to be.
    pub fn after(&mut self, ms: u64) {
        let until = self.now + ms;
        loop {
            let due = |(home, object): (&Home, &Object)| {
                object.wake.filter(|wake| *wake <= until).map(|wake| (wake, home.clone()))
            };
            let Some((time, home)) = self.objects.iter().filter_map(due).min() else { break };
            self.now = self.now.max(time);
            self.objects.get_mut(&home).unwrap().wake = None;
            self.input(&home, Input::Timeout);
        }
        self.now = until;
    }

    /// It wakes, and may send.
    pub fn wakes(&mut self, home: &str) {
        self.input(&named(home), Input::Timeout);
    }

    /// From now on all clients' requests come from this IP address.
    pub fn requests_come_from(&mut self, address: &'static str) {
        self.address = address;
    }

    fn context(&self) -> BayeuxContext {
        BayeuxContext { address: Some(self.address.into()), ..BayeuxContext::default() }
    }

    fn input(&mut self, home: &Home, input: Input) {
        let now = Millis(self.now);
        let object = self.objects.entry(home.clone()).or_default();
        let server = object.server.get_or_insert_with(|| {
            let seed = std::array::from_fn(|at| (self.last >> (8 * (at % 8))) as u8 ^ home.name().len() as u8);
            let rows = Box::new(object.rows.clone());
            let mut server = BayeuxServer::new(home.clone(), self.options.clone(), Application::new(), seed, rows);
            server.restore(now, object.rows.load(), Vec::new());
            server
        });
        let outputs = server.handle(now, input);
        for output in outputs {
            self.perform(home, output);
        }
        if !self.held {
            self.settle();
        }
    }

    fn perform(&mut self, home: &Home, output: Output) {
        match output {
            Output::Send { to, status, messages, .. } => {
                let EndpointKey::LongPolling(number) = to.key() else { return };
                let Some((asker, _, token)) = self.asked.remove(&number) else {
                    self.answers.insert(number, messages);
                    return;
                };
                let text = (status == Status::Ok).then_some(messages);
                let answer = Packet::Answer { to: asker, from: home.clone(), token, text };
                if self.slow.contains(home) {
                    self.late.push(answer);
                } else {
                    self.under_way.push_back(answer);
                }
            }
            Output::Ask { token, whom, call } => {
                self.under_way.push_back(Packet::Call { from: home.clone(), whom, token, text: call });
            }
            Output::WakeAt(Millis(time)) => self.objects.get_mut(home).unwrap().wake = Some(time),
            _ => (),
        }
    }

    fn settle(&mut self) {
        let held = std::mem::replace(&mut self.held, true);
        while let Some(packet) = self.under_way.pop_front() {
            self.arrive(packet);
        }
        self.held = held;
    }

    fn arrive(&mut self, packet: Packet) {
        match packet {
            Packet::Call { from, whom, token, .. } if self.cut_off.contains(&whom) || self.cut_off.contains(&from) => {
                self.under_way.push_back(Packet::Answer { to: from, from: whom, token, text: None });
            }
            Packet::Call { from, whom, token, text } => {
                self.last += 1;
                self.calls.push((from.clone(), whom.clone()));
                self.asked.insert(self.last, (from, whom.clone(), token));
                let from = Endpoint::LongPolling(RequestId::new(self.last));
                self.input(&whom, Input::Call { from, call: text });
            }
            Packet::Answer { to, token, text, .. } => {
                if self.objects.get(&to).is_some_and(|object| object.server.is_some()) {
                    self.input(&to, Input::Answer { token, answer: text });
                }
            }
        }
    }
}

fn signed(client: &Client, messages: Vec<Value>) -> Value {
    let signed = messages.into_iter().map(|mut message| {
        message["clientId"] = json!(client.id);
        message
    });
    signed.collect()
}
