//! Objects, a network and a clock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bayeux_edge::bayeux::{
    Application, BayeuxServer, Durability, Endpoint, EndpointKey, Home, Input, Millis, Options, Origin, Output,
    RequestId, Status, parse_json,
};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::client::{self, Client, Did};
use super::history::History;
use crate::rows::Rows;

/// What goes wrong in a run, in thousandths.
#[derive(Clone, Debug)]
pub struct Plan {
    pub lost: u64,
    pub doubled: u64,
    pub cut_off: u64,
    pub crash: u64,
    pub options: Options,
    pub homes: Vec<Home>,
    pub clients: usize,
}

/// How long things go wrong, and how long it takes until all must be well.
const TROUBLE_MS: u64 = 20_000;
const HEALED_MS: u64 = 60_000;

/// Ten times as many events as a run has.
const MOST_EVENTS: u64 = 500_000;

/// The longest that anyone may wait for an answer.
const PATIENCE_MS: u64 = 45_000;

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(!seed);
        let fails = |random: &mut Random, most: u64| if random.chance(500) { random.below(most) } else { 0 };
        let named = |names: &[&str]| names.iter().map(|name| Home::named(name).unwrap()).collect::<Vec<_>>();
        let options = Options {
            tree_depth: [1, 1, 1, 0, 2][random.below(5) as usize],
            relay_fanout: if random.chance(300) { 1 } else { 32 },
            durability: if random.chance(300) { Durability::Strict } else { Durability::Relaxed },
            broadcast_to_publisher: random.chance(800),
            max_interval: std::time::Duration::from_secs(3600),
            client_max_connections: usize::MAX,
            anon_publish: true,
            // Else a client that waits for two answers at once reads events in an order of its own.
            meta_connect_deliver_only: true,
            spanning_patterns: true,
            max_spanning_patterns: 1000,
            ..Options::default()
        };
        let homes = match random.below(4) {
            0 => named(&["/"]),
            1 => named(&["/", "/a", "/b"]),
            2 => named(&["@0", "@1", "@2", "/a"]),
            _ => named(&["@weur.0", "@weur.1", "@apac.0", "@apac.1", "/", "/b"]),
        };
        Self {
            lost: fails(&mut random, 150),
            doubled: fails(&mut random, 100),
            cut_off: fails(&mut random, 20),
            crash: fails(&mut random, 10),
            options,
            homes,
            clients: 3 + random.below(6) as usize,
        }
    }

    pub fn is_calm(&self) -> bool {
        self.lost == 0 && self.doubled == 0 && self.cut_off == 0 && self.crash == 0
    }
}

pub struct Random(ChaCha8Rng);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.next_u64() % end }
    }

    pub fn chance(&mut self, thousandths: u64) -> bool {
        self.below(1000) < thousandths
    }

    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// One Durable Object: its rows stay when it crashes.
struct Object {
    rows: Rows,
    server: Option<BayeuxServer>,
    life: u64,
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
    Crash,
    CutOff,
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
    /// Somebody publishes everywhere.
    Anonymous,
    /// A client does the next thing.
    Act(usize),
}

#[derive(Clone, Debug)]
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
    clients: Vec<Client>,
    /// Pairs of objects that cannot talk, until then.
    cut: Vec<(Home, Home, u64)>,
    history: History,
    aloud: bool,
}

impl Simulation {
    pub fn new(seed: u64, plan: Plan, aloud: bool) -> Self {
        if aloud {
            println!("seed {seed}: {plan:#?}");
        }
        let mut random = Random::new(seed);
        let clients =
            (0..plan.clients).map(|number| Client::new(number, random.pick(&plan.homes), random.chance(600))).collect();
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
            clients,
            cut: Vec::new(),
            aloud,
        };
        for client in 0..simulation.clients.len() {
            let wait = simulation.random.below(2000);
            simulation.after(wait, Event::Act(client));
        }
        simulation.after(100, Event::Crash);
        simulation.after(100, Event::CutOff);
        simulation
    }

    pub fn run(mut self) {
        let trouble = self.started + TROUBLE_MS;
        let end = trouble + HEALED_MS;
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
        for minutes in 1..4 {
            // What a home asked for in the moment of its crash it takes back when an event comes.
            self.after(minutes * 60_000, Event::Anonymous);
        }
        let end = self.now + 7_200_000;
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

    fn in_trouble(&self) -> bool {
        self.now < self.started + TROUBLE_MS
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
                let wait = 50 + self.random.below(1500);
                self.after(wait, Event::Act(client));
                for did in self.clients[client].act(&mut self.random, busy, self.now) {
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
            Event::Call { whom, call, asker } => self.call(whom, call, asker),
            Event::Answer { asker, answer } => self.answer(&asker, answer),
            Event::Wake(home) => self.input(&home, |_| Input::Timeout),
            Event::TurnOver(home) => self.input(&home, |_| Input::TurnOver),
            Event::Crash => {
                if self.in_trouble() {
                    self.perhaps_crash();
                    self.after(100, Event::Crash);
                }
            }
            Event::CutOff => {
                if self.in_trouble() {
                    self.perhaps_cut_off();
                    self.after(100, Event::CutOff);
                }
            }
        }
    }

    /// A client sends something: it may get lost, or what it is answered.
    fn send(&mut self, client: usize, did: Did) {
        let number = self.clients[client].sent(did, self.now, &mut self.history);
        let delay = 1 + self.random.below(30);
        if self.in_trouble() && self.random.chance(self.plan.lost) {
            self.say(|| format!("client {client}: request {number} is lost"));
            self.after(delay + 100, Event::Read { client, number, text: None });
        } else {
            self.after(delay, Event::Request { client, number });
        }
    }

    fn request(&mut self, client: usize, number: u64) {
        let (home, body) = self.clients[client].request(number);
        self.say(|| format!("client {client} to {home}, {number}: {body}"));
        let messages = parse_json(&body, &self.plan.options).unwrap();
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
        if lives {
            self.say(|| format!("{} is answered {}: {answer:?}", asker.home, asker.token));
            let token = asker.token;
            self.input(&asker.home.clone(), |_| Input::Answer { token, answer });
        }
    }

    fn input_from(&mut self, home: &Home, waits: Waiting, input: impl FnOnce(Endpoint) -> Input) {
        self.last += 1;
        let endpoint = self.last;
        self.waiting.insert(endpoint, (home.clone(), waits));
        self.input(home, |_| input(Endpoint::LongPolling(RequestId::new(endpoint))));
    }

    fn input(&mut self, home: &Home, input: impl FnOnce(()) -> Input) {
        let now = Millis(self.now);
        if !self.objects.contains_key(home) {
            self.objects.insert(home.clone(), Object { rows: Rows::default(), server: None, life: 0 });
        }
        let object = self.objects.get_mut(home).unwrap();
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
            server.restore(now, stored, Vec::new());
            outputs.extend(server.handle(now, Input::Timeout));
            object.server = Some(server);
        }
        outputs.extend(object.server.as_mut().unwrap().handle(now, input(())));
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
            Output::Consult { request } => panic!("no hooks Worker is bound: {request}"),
            Output::FetchKeys { url } => panic!("no tokens are asked for: {url}"),
            Output::Ask { token, whom, call } => self.ask(home, token, whom, call),
            Output::AwaitTurn => self.after(1, Event::TurnOver(home.clone())),
            Output::WakeAt(Millis(time)) => {
                assert!(time > self.now, "what is due now must be done now: a timer would run in circles");
                self.after(time - self.now, Event::Wake(home.clone()));
            }
            Output::Tell(notice) => self.say(|| format!("{home} says {notice:?}")),
            other => panic!("{other:?}"),
        }
    }

    fn answered(&mut self, at: EndpointKey, status: Status, text: String) {
        let EndpointKey::LongPolling(endpoint) = at else { panic!("{at:?}") };
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
                let delay = if lost { 10_000 } else { delay };
                self.after(delay, Event::Answer { asker, answer });
            }
        }
    }

    fn ask(&mut self, home: &Home, token: u64, whom: Home, call: String) {
        let asker = Asker { home: home.clone(), life: self.objects[home].life, token };
        let lost = self.in_trouble() && self.random.chance(self.plan.lost);
        if lost || self.are_cut_off(home, &whom) {
            let delay = self.random.pick(&[5, 10_000]);
            self.after(delay, Event::Answer { asker, answer: None });
            return;
        }
        if self.in_trouble() && self.random.chance(self.plan.doubled) {
            let delay = 1 + self.random.below(3000);
            self.after(delay, Event::Call { whom: whom.clone(), call: call.clone(), asker: None });
        }
        let delay = 1 + self.random.below(30);
        self.after(delay, Event::Call { whom, call, asker: Some(asker) });
    }

    fn perhaps_crash(&mut self) {
        let homes: Vec<Home> = self.objects.keys().cloned().collect();
        for home in homes {
            if self.random.chance(self.plan.crash) {
                self.crash(&home);
            }
        }
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
        let wait = 100 + self.random.below(3000);
        self.after(wait, Event::Wake(home.clone()));
    }

    fn perhaps_cut_off(&mut self) {
        let homes: Vec<Home> = self.objects.keys().cloned().collect();
        if homes.len() > 1 && self.random.chance(self.plan.cut_off) {
            let (one, other) = (self.random.pick(&homes), self.random.pick(&homes));
            let until = (self.now + self.random.below(12_000)).min(self.started + TROUBLE_MS);
            self.say(|| format!("{one} and {other} are cut off"));
            self.cut.push((one, other, until));
        }
    }

    fn are_cut_off(&self, one: &Home, other: &Home) -> bool {
        self.cut.iter().any(|(a, b, until)| self.now < *until && ((a == one && b == other) || (a == other && b == one)))
    }
}
