//! Objects, a network and a clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use bayeux_edge::bayeux::{
    Application, BayeuxServer, Endpoint, EndpointKey, Home, Input, Millis, Origin, Output, RequestId, SocketId, Status,
    parse_json,
};
use serde_json::Value;

use super::actor::Actor;
use super::client::{self, Client, Did};
use super::history::History;
use super::plan::{HISTORY_MS, HOURS_FROM_MS, HOURS_MS, Plan, Random};
use super::replayer::Replayer;
use crate::rows::Rows;

/// Ten times as many events as a run has.
const MOST_EVENTS: u64 = 500_000;

/// The longest that anyone may wait for an answer.
const PATIENCE_MS: u64 = 45_000;

/// How long an object waits for another's answer: `cloudflare/outbound/calls.rs`.
const ANSWER_MS: u64 = 10_000;

/// How long anything takes on a socket, on which nothing overtakes.
const SOCKET_MS: u64 = 10;

/// One Durable Object: its rows stay when it crashes.
#[derive(Default)]
struct Object {
    rows: Rows,
    server: Option<BayeuxServer>,
    life: u64,
    /// How much its clock is behind.
    behind: u64,
}

/// What is going to happen.
enum Event {
    /// A call arrives. Whoever asked is told unless this is a double.
    Call {
        whom: Home,
        call: String,
        asker: Option<Asker>,
    },
    Answer {
        asker: Asker,
        answer: Option<String>,
    },
    Wake(Home),
    TurnOver(Home),
    /// This and that goes wrong, or does not.
    Trouble,
    /// An object is out of reach for hours, to one other or to all.
    Hours,
    StorageIsWell(Home),
    Hooks {
        home: Home,
        life: u64,
        answer: String,
    },
    /// A client's request arrives at its home.
    Request {
        client: usize,
        number: u64,
    },
    /// What a client reads; none where the connection broke.
    Read {
        client: usize,
        number: u64,
        text: Option<String>,
    },
    /// What arrives on a client's socket.
    Frame {
        socket: u64,
        text: String,
    },
    /// The platform notices that a socket is closed.
    Closed {
        home: Home,
        socket: u64,
    },
    /// Somebody publishes everywhere.
    Anonymous,
    /// A client does the next thing.
    Act(usize),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asker {
    home: Home,
    life: u64,
    token: u64,
}

/// Who waits at an endpoint.
enum Waiting {
    Client { client: usize, number: u64 },
    Object(Option<Asker>),
}

pub struct Simulation {
    plan: Plan,
    random: Random,
    now: u64,
    started: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    by_number: BTreeMap<u64, Event>,
    last: u64,
    objects: BTreeMap<Home, Object>,
    waiting: BTreeMap<u64, (Home, Waiting)>,
    /// Calls that are not answered.
    open: BTreeSet<Asker>,
    clients: Vec<Box<dyn Actor>>,
    /// Whose socket is open, by its number.
    sockets: BTreeMap<u64, usize>,
    /// Pairs of objects that cannot talk, until then. One whose other is itself talks to nobody.
    cut: Vec<(Home, Home, u64)>,
    /// What homes have asked for, ever.
    asked_for: BTreeSet<(Home, String)>,
    history: History,
    aloud: bool,
}

impl Simulation {
    pub fn new(seed: u64, plan: Plan, aloud: bool) -> Self {
        if aloud {
            println!("seed {seed}: {plan:#?}");
        }
        let mut random = Random::new(seed);
        let actor = |number: usize| -> Box<dyn Actor> {
            if number >= plan.clients {
                return Box::new(Replayer::new(number, &plan, &mut random));
            }
            let home = if plan.crowd { plan.homes[number].clone() } else { random.pick(&plan.homes) };
            Box::new(Client::new(number, home, random.chance(600), &plan, &mut random))
        };
        let clients: Vec<_> = (0..plan.clients + plan.replayers).map(actor).collect();
        let started = 1_700_000_000_000;
        let mut simulation = Self {
            history: History::new(plan.clone()),
            plan,
            random,
            now: started,
            started,
            events: BinaryHeap::new(),
            by_number: BTreeMap::new(),
            last: 0,
            objects: BTreeMap::new(),
            waiting: BTreeMap::new(),
            open: BTreeSet::new(),
            clients,
            sockets: BTreeMap::new(),
            cut: Vec::new(),
            asked_for: BTreeSet::new(),
            aloud,
        };
        for client in 0..simulation.clients.len() {
            simulation.open_socket(client);
            let wait = simulation.random.below(2000);
            simulation.after(wait, Event::Act(client));
        }
        simulation.after(100, Event::Trouble);
        if simulation.plan.hours {
            simulation.after(HOURS_FROM_MS, Event::Hours);
        }
        simulation
    }

    pub fn run(mut self) {
        let trouble = self.started + self.plan.trouble_ms();
        let end = trouble + self.plan.healed_ms();
        while let Some((time, event)) = self.next(end) {
            self.now = time;
            self.happen(event);
        }
        for client in &self.clients {
            client.assert_served(self.now, PATIENCE_MS);
        }
        self.history.check();
        self.say(|| format!("{} events", self.last));
        self.all_leave();
    }

    /// When everyone has gone nothing stays behind.
    fn all_leave(mut self) {
        for client in 0..self.clients.len() {
            let did = self.clients[client].leave();
            self.send(client, did);
        }
        // Sessions whose handshake was never answered stay as long as any.
        let sessions = self.plan.options.max_interval.as_millis() as u64 + 7_200_000;
        self.events_for_all_come(0);
        let mut end = self.now + sessions;
        if self.plan.replayers > 0 {
            // So do those that were left without a word. What is kept goes with the second sweep.
            self.events_for_all_come(sessions);
            end += 2 * HISTORY_MS + 600_000;
        }
        while let Some((time, event)) = self.next(end) {
            self.now = time;
            if !matches!(event, Event::Act(_)) {
                self.happen(event);
            }
        }
        for (home, object) in &self.objects {
            let empty = object.server.as_ref().is_none_or(BayeuxServer::is_empty);
            assert!(empty, "{home} keeps something: {:?}", object.rows);
        }
    }

    /// What a home asked for in the moment of its crash it takes back when an event comes, and not while events of what
    /// it took back last may be on their way.
    fn events_for_all_come(&mut self, ms: u64) {
        for minutes in 1..8 {
            self.after(ms + minutes * 60_000, Event::Anonymous);
        }
    }

    fn in_trouble(&self) -> bool {
        self.now < self.started + self.plan.trouble_ms()
    }

    fn is_quiet(&self) -> bool {
        self.plan.is_quiet(self.now - self.started)
    }

    fn after(&mut self, ms: u64, event: Event) {
        self.last += 1;
        self.by_number.insert(self.last, event);
        self.events.push(Reverse((self.now + ms, self.last)));
    }

    fn next(&mut self, end: u64) -> Option<(u64, Event)> {
        let Reverse((time, number)) = *self.events.peek()?;
        if time > end {
            return None;
        }
        self.events.pop();
        Some((time, self.by_number.remove(&number)?))
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.aloud {
            println!("{:>7} {}", self.now - self.started, what());
        }
    }

    fn happen(&mut self, event: Event) {
        assert!(self.last < MOST_EVENTS, "they talk without end");
        match event {
            Event::Act(client) => {
                let busy = self.in_trouble();
                let long = self.is_quiet() || (!busy && self.plan.hours);
                let wait = if long { 20_000 + self.random.below(60_000) } else { 50 + self.random.below(1500) };
                self.after(wait, Event::Act(client));
                if busy && self.plan.vanish && self.random.chance(10) {
                    self.vanish(client);
                }
                for did in self.clients[client].act(&mut self.random, busy) {
                    self.send(client, did);
                }
            }
            Event::Request { client, number } => self.request(client, number),
            Event::Anonymous => {
                let home = self.plan.homes[0].clone();
                let messages = parse_json(&client::to_everyone(), &self.plan.options).unwrap();
                let waits = Waiting::Object(None);
                self.input_from(&home, waits, |from| Input::Messages { from, origin: Origin::default(), messages });
            }
            Event::Read { client, number, text } => {
                self.say(|| format!("client {client} reads of {number}: {text:?}"));
                self.clients[client].read(number, text.as_deref(), self.now, &mut self.history);
            }
            Event::Frame { socket, text } => {
                let Some(client) = self.sockets.get(&socket).copied() else { return };
                if self.in_trouble() && self.random.chance(self.plan.lost / 10) {
                    return self.socket_breaks(client);
                }
                self.say(|| format!("client {client} reads on its socket: {text}"));
                self.clients[client].read_frame(&text, self.now, &mut self.history);
            }
            Event::Closed { home, socket } => {
                if self.objects.get(&home).is_some_and(|object| object.server.is_some()) {
                    self.input(&home, Input::Closed(EndpointKey::WebSocket(socket)));
                }
            }
            Event::Call { whom, call, asker } => self.call(whom, call, asker),
            Event::Answer { asker, answer } => self.answer(&asker, answer),
            Event::Wake(home) => {
                if self.is_down(&home) {
                    self.after(10_000, Event::Wake(home));
                } else {
                    self.input(&home, Input::Timeout);
                }
            }
            Event::TurnOver(home) => {
                if self.objects.get(&home).is_some_and(|object| object.server.is_some()) {
                    self.input(&home, Input::TurnOver);
                }
            }
            Event::Hooks { home, life, answer } => {
                if self.objects.get(&home).is_some_and(|object| object.life == life && object.server.is_some()) {
                    self.input(&home, Input::Consulted(Some(answer)));
                }
            }
            Event::StorageIsWell(home) => self.objects[&home].rows.are_full(false),
            Event::Trouble => {
                if self.in_trouble() {
                    self.trouble();
                    let wait = if self.is_quiet() { 30_000 } else { 100 };
                    self.after(wait, Event::Trouble);
                }
            }
            Event::Hours => self.hours(),
        }
    }

    fn open_socket(&mut self, client: usize) {
        if self.plan.sockets {
            self.last += 1;
            self.sockets.insert(self.last, client);
            *self.clients[client].socket() = Some(self.last);
        }
    }

    /// A client's socket breaks, with all that is on its way.
    fn socket_breaks(&mut self, client: usize) {
        let Some(socket) = *self.clients[client].socket() else { return };
        self.say(|| format!("client {client}'s socket breaks"));
        self.sockets.remove(&socket);
        let home = self.clients[client].home().clone();
        let wait = self.random.below(2000);
        self.after(wait, Event::Closed { home, socket });
        self.clients[client].connection_breaks(self.now, &mut self.history);
        self.open_socket(client);
    }

    fn vanish(&mut self, client: usize) {
        self.say(|| format!("client {client} vanishes"));
        if let Some(socket) = *self.clients[client].socket() {
            self.sockets.remove(&socket);
            let home = self.clients[client].home().clone();
            self.after(1000, Event::Closed { home, socket });
        }
        let fresh = self.clients.len();
        let Some(successor) = self.clients[client].vanish(fresh, &self.plan, &mut self.random) else {
            return self.open_socket(client);
        };
        self.history.vanished(client);
        self.clients.push(successor);
        self.open_socket(fresh);
        self.after(100, Event::Act(fresh));
    }

    /// A client sends something: it may get lost, or what it is answered.
    fn send(&mut self, client: usize, did: Did) {
        if matches!(did, Did::HangUp) {
            return self.socket_breaks(client);
        }
        let number = self.clients[client].sent(did, self.now, &mut self.history);
        if self.plan.sockets {
            return self.after(SOCKET_MS, Event::Request { client, number });
        }
        let delay = 1 + self.random.below(30);
        if self.in_trouble() && self.random.chance(self.plan.lost) {
            self.say(|| format!("client {client}: request {number} is lost"));
            self.after(delay + 100, Event::Read { client, number, text: None });
        } else {
            self.after(delay, Event::Request { client, number });
        }
    }

    fn request(&mut self, client: usize, number: u64) {
        // What was on its way when the socket broke.
        let Some((home, body)) = self.clients[client].request(number) else { return };
        self.say(|| format!("client {client} to {home}, {number}: {body}"));
        if self.is_down(&home) {
            if self.plan.sockets {
                return self.socket_breaks(client);
            }
            return self.after(100, Event::Read { client, number, text: None });
        }
        let messages = parse_json(&body, &self.plan.options).unwrap();
        if let Some(socket) = *self.clients[client].socket() {
            let from = Endpoint::WebSocket(SocketId(socket));
            return self.input(&home, Input::Messages { from, origin: Origin::default(), messages });
        }
        let waits = Waiting::Client { client, number };
        self.input_from(&home, waits, |from| Input::Messages { from, origin: Origin::default(), messages });
    }

    fn call(&mut self, whom: Home, call: String, asker: Option<Asker>) {
        self.say(|| format!("{whom} is asked by {:?}: {call}", asker.as_ref().map(|asker| asker.home.to_string())));
        self.input_from(&whom, Waiting::Object(asker), |from| Input::Call { from, call });
    }

    fn answer(&mut self, asker: &Asker, answer: Option<String>) {
        let lives =
            self.objects.get(&asker.home).is_some_and(|object| object.life == asker.life && object.server.is_some());
        // Who has waited for long enough has been told so.
        if self.open.remove(asker) && lives {
            self.say(|| format!("{} is answered {}: {answer:?}", asker.home, asker.token));
            self.input(&asker.home.clone(), Input::Answer { token: asker.token, answer });
        }
    }

    fn input_from(&mut self, home: &Home, waits: Waiting, input: impl FnOnce(Endpoint) -> Input) {
        self.last += 1;
        let endpoint = self.last;
        self.waiting.insert(endpoint, (home.clone(), waits));
        self.input(home, input(Endpoint::LongPolling(RequestId::new(endpoint))));
    }

    fn input(&mut self, home: &Home, input: Input) {
        let object = self.objects.entry(home.clone()).or_default();
        let now = Millis(self.now - object.behind);
        let mut outputs = Vec::new();
        if object.server.is_none() {
            object.life += 1;
            let seed = [(self.random.below(256)) as u8; 32].map(|byte: u8| byte);
            let seed = std::array::from_fn(|at| seed[at] ^ (self.random.below(256) as u8));
            let rows = Box::new(object.rows.clone());
            let mut server = BayeuxServer::new(home.clone(), self.plan.options.clone(), Application::new(), seed, rows);
            let stored = object.rows.load();
            if self.aloud {
                println!("{:>7} {home} comes back with {:?}", self.now - self.started, object.rows);
            }
            if self.plan.hooks {
                server.bind_hooks();
            }
            server.restore(now, stored, Vec::new());
            outputs.extend(server.handle(now, Input::Timeout));
            object.server = Some(server);
        }
        outputs.extend(object.server.as_mut().unwrap().handle(now, input));
        // A crash in the moment when all is written down, and nothing has left the object.
        if self.in_trouble() && self.random.chance(self.plan.crash) {
            self.crash(home);
            return;
        }
        for output in outputs {
            self.perform(home, output);
        }
    }

    fn perform(&mut self, home: &Home, output: Output) {
        match output {
            Output::Send { to, status, messages, .. } => self.answered(to.key(), status, messages),
            Output::Deliver { to, messages } => {
                for SocketId(socket) in to {
                    self.after(SOCKET_MS, Event::Frame { socket, text: messages.clone() });
                }
            }
            Output::Consult { request } => self.consult(home, &request),
            Output::Fetch { fetch, .. } => panic!("no handler asks: {fetch:?}"),
            Output::FetchKeys { url } => panic!("no tokens are asked for: {url}"),
            Output::Ask { token, whom, call } => self.ask(home, token, whom, call),
            Output::AwaitTurn => self.after(1, Event::TurnOver(home.clone())),
            Output::WakeAt(Millis(time)) => {
                let now = self.now - self.objects[home].behind;
                assert!(time > now, "what is due now must be done now: a timer would run in circles");
                self.after(time - now, Event::Wake(home.clone()));
            }
            Output::Tell(notice, _) => self.say(|| format!("{home} says {notice:?}")),
            Output::Keep { .. } => (),
            other => panic!("{other:?}"),
        }
    }

    /// The hooks Worker allows all, in its time.
    fn consult(&mut self, home: &Home, request: &str) {
        let request: Value = serde_json::from_str(request).unwrap();
        let answers: Vec<_> =
            request["calls"].as_array().unwrap().iter().map(|_| serde_json::json!({"allow": true})).collect();
        let answer = serde_json::json!({ "answers": answers }).to_string();
        let delay = 1 + self.random.below(1500);
        let life = self.objects[home].life;
        self.after(delay, Event::Hooks { home: home.clone(), life, answer });
    }

    fn answered(&mut self, at: EndpointKey, status: Status, text: String) {
        let endpoint = match at {
            EndpointKey::LongPolling(endpoint) => endpoint,
            EndpointKey::WebSocket(socket) => return self.after(SOCKET_MS, Event::Frame { socket, text }),
            EndpointKey::EventSource(_) => panic!("{at:?}"),
        };
        let Some((home, waiting)) = self.waiting.remove(&endpoint) else { panic!("answered twice: {text}") };
        let lost = self.in_trouble() && self.random.chance(self.plan.lost);
        let delay = 1 + self.random.below(30);
        match waiting {
            Waiting::Client { client, number } => {
                let text = Some(text).filter(|_| !lost);
                self.after(delay, Event::Read { client, number, text });
            }
            Waiting::Object(None) => (),
            Waiting::Object(Some(asker)) => {
                let lost = lost || self.are_cut_off(&home, &asker.home);
                let answer = Some(text).filter(|_| status == Status::Ok && !lost);
                let delay = if lost { ANSWER_MS } else { delay + self.slowness() };
                self.after(delay, Event::Answer { asker, answer });
            }
        }
    }

    /// A slow object takes about as long as its caller waits.
    fn slowness(&mut self) -> u64 {
        let slow = self.in_trouble() && self.random.chance(self.plan.slow);
        if slow { 1000 + self.random.below(ANSWER_MS) } else { 0 }
    }

    fn ask(&mut self, home: &Home, token: u64, whom: Home, call: String) {
        self.check_that_it_was_asked_for(home, &call);
        let asker = Asker { home: home.clone(), life: self.objects[home].life, token };
        self.open.insert(asker.clone());
        let lost = self.in_trouble() && self.random.chance(self.plan.lost);
        if lost || self.are_cut_off(home, &whom) {
            let delay = self.random.pick(&[5, ANSWER_MS]);
            self.after(delay, Event::Answer { asker, answer: None });
            return;
        }
        if self.in_trouble() && self.random.chance(self.plan.doubled) {
            let delay = 1 + self.random.below(3000);
            self.after(delay, Event::Call { whom: whom.clone(), call: call.clone(), asker: None });
        }
        if self.plan.slow > 0 {
            self.after(ANSWER_MS, Event::Answer { asker: asker.clone(), answer: None });
        }
        let delay = 1 + self.random.below(30) + self.slowness();
        self.after(delay, Event::Call { whom, call, asker: Some(asker) });
    }

    /// Nobody takes back what it never asked for, unless somebody has forgotten what was asked for.
    fn check_that_it_was_asked_for(&mut self, home: &Home, call: &str) {
        let call: Value = serde_json::from_str(call).unwrap();
        for item in call["link"]["items"].as_array().into_iter().flatten() {
            let pattern = |kind: &str| item[1][kind]["pattern"].as_str().map(|name| (home.clone(), name.to_owned()));
            self.asked_for.extend(pattern("interest"));
            if let Some(withdrawn) = pattern("withdraw") {
                let forgets = self.plan.crash > 0 || self.plan.storage > 0 || self.plan.overflow || self.plan.hours;
                let known = forgets || self.asked_for.contains(&withdrawn);
                assert!(known, "{withdrawn:?} is taken back, and was never asked for");
            }
        }
    }

    fn trouble(&mut self) {
        let homes: Vec<Home> = self.objects.keys().cloned().collect();
        for home in &homes {
            if self.random.chance(self.plan.crash) {
                self.crash(home);
            }
            if self.random.chance(self.plan.clock_back) {
                let behind = self.random.below(60_000);
                self.say(|| format!("{home}'s clock goes back by {behind}"));
                self.objects.get_mut(home).unwrap().behind += behind;
            }
            if self.random.chance(self.plan.storage) {
                self.say(|| format!("{home}'s storage fails"));
                self.objects[home].rows.are_full(true);
                let wait = 100 + self.random.below(3000);
                self.after(wait, Event::StorageIsWell(home.clone()));
            }
        }
        if homes.len() > 1 && self.random.chance(self.plan.cut_off) {
            let (one, other) = (self.random.pick(&homes), self.random.pick(&homes));
            let until = (self.now + self.random.below(12_000)).min(self.started + self.plan.trouble_ms());
            self.say(|| format!("{one} and {other} are cut off"));
            if one != other {
                self.cut.push((one, other, until));
            }
        }
    }

    fn hours(&mut self) {
        let homes: Vec<Home> = self.objects.keys().cloned().collect();
        let until = self.now + HOURS_MS;
        let (mut one, mut other) = (self.random.pick(&homes), self.random.pick(&homes));
        if self.plan.one_is_away() {
            // The first is the one that others may depend on.
            let first = self.history.first_subscriber().filter(|_| self.random.chance(500));
            let client = first.unwrap_or_else(|| self.random.below(self.plan.clients as u64) as usize);
            self.history.away(client);
            one = self.clients[client].home().clone();
            other = one.clone();
        }
        self.say(|| format!("{one} is out of reach for {other} for hours"));
        self.cut.push((one, other, until));
    }

    /// The object is gone with all that waits at it; its alarm stays.
    fn crash(&mut self, home: &Home) {
        self.say(|| format!("{home} crashes"));
        self.objects.get_mut(home).unwrap().server = None;
        let gone: Vec<u64> = self.waiting.iter().filter(|(_, (at, _))| at == home).map(|(key, _)| *key).collect();
        for endpoint in gone {
            match self.waiting.remove(&endpoint) {
                Some((_, Waiting::Client { client, number })) => {
                    self.after(5, Event::Read { client, number, text: None })
                }
                Some((_, Waiting::Object(Some(asker)))) => self.after(5, Event::Answer { asker, answer: None }),
                _ => (),
            }
        }
        let open: Vec<usize> = self.sockets.values().copied().filter(|at| self.clients[*at].home() == home).collect();
        open.into_iter().for_each(|client| self.socket_breaks(client));
        let wait = 100 + self.random.below(3000);
        self.after(wait, Event::Wake(home.clone()));
    }

    fn are_cut_off(&self, one: &Home, other: &Home) -> bool {
        let cut = |a: &Home, b: &Home| (a == one && b == other) || (a == other && b == one);
        let now = |(a, b, until): &(Home, Home, u64)| self.now < *until && cut(a, b);
        self.cut.iter().any(now) || self.is_down(one) || self.is_down(other)
    }

    fn is_down(&self, home: &Home) -> bool {
        self.cut.iter().any(|(one, other, until)| one == home && other == home && self.now < *until)
    }
}
