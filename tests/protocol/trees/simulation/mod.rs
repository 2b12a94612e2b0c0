//! Objects, a network and a clock: a run of the simulation.
//!
//! | File | Has |
//! |---|---|
//! | `clients` | requests and sockets between clients and their homes |
//! | `objects` | inputs and outputs of objects, and calls between them |
//! | `trouble` | what goes wrong |
//! | `checks` | what must hold, above all when the run is over |

mod checks;
mod clients;
mod objects;
mod trouble;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use bayeux_edge::bayeux::{BayeuxContext, BayeuxServer, EndpointKey, Home, Input, parse_json};

use super::actor::Actor;
use super::client::{self, Client};
use super::history::History;
use super::plan::{HOURS_FROM_MS, Plan, Random};
use super::replayer::Replayer;
use crate::rows::Rows;

/// Ten times as many events as a run has.
const MOST_EVENTS: u64 = 500_000;

/// The delay on a socket, which keeps the order.
const SOCKET_MS: u64 = 10;

/// One Durable Object: its rows stay when it crashes.
#[derive(Default)]
struct Object {
    rows: Rows,
    server: Option<BayeuxServer>,
    life: u64,
    /// How far its clock is behind, ms.
    behind: u64,
}

/// What is going to happen.
enum Event {
    /// A call arrives. The caller gets the answer unless this is a duplicate.
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
    /// Something may go wrong.
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
    /// What a client reads; `None` if the connection broke.
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
    /// Pairs of objects that cannot talk, until then. An object paired with itself talks to nobody.
    cut: Vec<(Home, Home, u64)>,
    /// All patterns that homes ever requested.
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
        let end = self.started + self.plan.trouble_ms() + self.plan.healed_ms();
        while let Some((time, event)) = self.next(end) {
            self.now = time;
            self.happen(event);
        }
        self.check();
        self.all_leave();
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
        assert!(self.last < MOST_EVENTS, "the objects call each other without end");
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
                self.input_from(&home, waits, |from| Input::Messages {
                    from,
                    context: BayeuxContext::default(),
                    messages,
                });
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
}
