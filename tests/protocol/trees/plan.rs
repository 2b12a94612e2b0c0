//! What goes wrong in a run, who takes part in it, and chance.

use std::time::Duration;

use bayeux_edge::bayeux::{ChannelId, ChannelPattern, Durability, HistoryRules, Home, Hook, Options};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Numbers are thousandths, unless they say otherwise.
#[derive(Clone, Debug)]
pub struct Plan {
    pub lost: u64,
    pub doubled: u64,
    pub cut_off: u64,
    pub crash: u64,
    /// Calls between objects that take about as long as their caller waits.
    pub slow: u64,
    /// How often an object's clock goes back, by up to a minute.
    pub clock_back: u64,
    /// How often an object's storage fails for some seconds.
    pub storage: u64,
    /// An object is out of reach for longer than an hour: to one other, or to all.
    pub hours: bool,
    /// A hooks Worker is asked, and answers slowly.
    pub hooks: bool,
    /// Clients use WebSockets.
    pub sockets: bool,
    /// Clients vanish without a word.
    pub vanish: bool,
    /// Queues are short.
    pub overflow: bool,
    /// Clients whose publishes have no id.
    pub nameless: u64,
    /// Clients that publish before the last publish is answered.
    pub pipelining: u64,
    /// Every client has a home of its own, and most listen to the same.
    pub crowd: bool,
    /// All use the same few channels, so several sessions of a home want them, with and without ack.
    pub narrow: bool,
    pub options: Options,
    pub homes: Vec<Home>,
    pub clients: usize,
    /// Clients that come and go with their cursor. Where there are any, channels keep their events.
    pub replayers: usize,
    /// Channels keep so few events that clients are told that some are missing.
    pub few_kept: bool,
    /// Bytes of padding in each event: with many, not all events fit on a page.
    pub padding: usize,
}

/// How long clients are busy and failures occur, and how long it takes until all must be healed.
const TROUBLE_MS: u64 = 20_000;
const HEALED_MS: u64 = 60_000;

/// How late an event may come if one object of many is unreachable: after a connect a client comes back within 80 s.
pub const LATE_MS: u64 = 120_000;

/// For a run with an object that is unreachable for hours: for how long, from when on, and how long failures go on
/// afterwards.
pub const HOURS_MS: u64 = 3_700_000;
pub const HOURS_FROM_MS: u64 = 8_000;
/// How long events are kept: longer than any run, except its last part, in which everything expires.
pub const HISTORY_MS: u64 = 6 * 3_600_000;
const AFTER_HOURS_MS: u64 = 20_000;

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(!seed);
        let fails = |random: &mut Random, most: u64| if random.chance(500) { random.below(most) } else { 0 };
        let named = |names: &[&str]| names.iter().map(|name| Home::named(name).unwrap()).collect::<Vec<_>>();
        let mut options = Options {
            tree_depth: [1, 1, 1, 0, 2][random.below(5) as usize],
            relay_fanout: if random.chance(300) { 1 } else { 32 },
            durability: if random.chance(300) { Durability::Strict } else { Durability::Relaxed },
            broadcast_to_publisher: random.chance(800),
            max_interval: Duration::from_secs(24 * 3600),
            client_max_connections: usize::MAX,
            anon_publish: true,
            spanning_patterns: true,
            max_spanning_patterns: 1000,
            rate_trees: None,
            // Otherwise a client that waits for two answers at once reads events in another order.
            meta_connect_deliver_only: true,
            ..Options::default()
        };
        let mut homes = match random.below(4) {
            0 => named(&["/"]),
            1 => named(&["/", "/a", "/b"]),
            2 => named(&["@0", "@1", "@2", "/a"]),
            _ => named(&["@weur.0", "@weur.1", "@apac.0", "@apac.1", "/", "/b"]),
        };
        let mut plan = Self {
            lost: fails(&mut random, 150),
            doubled: fails(&mut random, 100),
            cut_off: fails(&mut random, 20),
            crash: fails(&mut random, 10),
            slow: if random.chance(200) { random.below(60) } else { 0 },
            clock_back: if random.chance(300) { random.below(20) } else { 0 },
            storage: if random.chance(150) { random.below(20) } else { 0 },
            hours: random.chance(100),
            hooks: random.chance(100),
            sockets: random.chance(200),
            vanish: random.chance(150),
            overflow: random.chance(100),
            nameless: if random.chance(300) { 500 } else { 0 },
            pipelining: if random.chance(300) { 500 } else { 0 },
            crowd: random.chance(50),
            narrow: random.chance(150),
            clients: 3 + random.below(6) as usize,
            homes: Vec::new(),
            options: Options::default(),
            replayers: if random.chance(400) { 1 + random.below(3) as usize } else { 0 },
            few_kept: random.chance(150),
            padding: if random.chance(150) { 20_000 } else { 0 },
        };
        if random.chance(200) {
            options.lazy_channels = ["/c/x", "/a/y"].map(|name| ChannelPattern::parse(name).unwrap()).to_vec();
        }
        if plan.crowd {
            homes = (0..8 + random.below(30)).map(|n| Home::named(&format!("@weur.{n}")).unwrap()).collect();
            plan.clients = homes.len();
            options.relay_fanout = 4;
            // One owner for all.
            homes.extend(named(&["/a"]));
            if random.chance(300) {
                (plan.lost, plan.doubled, plan.cut_off, plan.crash) = (0, 0, 0, 0);
                (plan.slow, plan.clock_back, plan.storage) = (0, 0, 0);
                (plan.hours, plan.overflow) = (true, false);
            }
        }
        if plan.narrow && !plan.crowd {
            homes = named(&["@0", "/a"]);
            plan.clients = 8;
        }
        if plan.overflow {
            (options.max_relays, plan.crash) = (4, 0);
        }
        if plan.storage > 0 {
            // Data that could not be written is not known after a crash.
            plan.crash = 0;
        }
        if plan.hooks {
            options.hooks_for = vec![Hook::Subscribe, Hook::Publish];
        }
        if plan.sockets {
            options.meta_connect_deliver_only = false;
        }
        if plan.replayers == 0 {
            (plan.few_kept, plan.padding) = (false, 0);
        } else {
            let patterns: &[&str] = if random.chance(500) { &["/**"] } else { &["/a", "/a/**"] };
            let count = if plan.few_kept { 8 } else { 10_000 };
            let rules: Vec<_> = patterns.iter().map(|pattern| format!("{pattern} {count} 6h")).collect();
            options.history = HistoryRules::parse(&rules.join("; ")).unwrap();
        }
        plan.vanish &= !plan.hours;
        if plan.vanish {
            options.max_interval = Duration::from_secs(40);
        }
        Self { options, homes, ..plan }
    }

    pub fn is_calm(&self) -> bool {
        self.is_reliable() && !self.hours && !self.overflow && !self.sockets
    }

    /// The only failure is that one object of many is unreachable.
    pub fn one_is_away(&self) -> bool {
        self.is_reliable() && self.hours && self.crowd && !self.overflow
    }

    /// No call is lost, and no object fails.
    fn is_reliable(&self) -> bool {
        let failures = [self.lost, self.doubled, self.cut_off, self.crash, self.slow, self.clock_back, self.storage];
        failures.iter().all(|thousandths| *thousandths == 0)
    }

    /// Whether all channels that match keep their events, and one tree has them all.
    pub fn replays(&self, pattern: &str) -> bool {
        let kept = ChannelId::parse("/c/x").is_some_and(|channel| self.options.history.of(&channel).is_some());
        (kept || pattern == "/a" || pattern.starts_with("/a/")) && !self.spans(pattern)
    }

    /// Whether channels of more than one tree match.
    pub fn spans(&self, pattern: &str) -> bool {
        let depth = self.options.tree_depth;
        let fixed = pattern.split('/').skip(1).take_while(|segment| !segment.starts_with('*')).count();
        depth > 0 && fixed < depth && pattern.ends_with('*')
    }

    /// How long failures occur.
    pub fn trouble_ms(&self) -> u64 {
        if self.hours { HOURS_FROM_MS + HOURS_MS + AFTER_HOURS_MS } else { TROUBLE_MS }
    }

    /// How long it takes until all must be healed: an object that was unreachable for hours may be called once an hour.
    pub fn healed_ms(&self) -> u64 {
        if self.hours { HOURS_MS + HEALED_MS } else { HEALED_MS }
    }

    /// While an object is unreachable for hours little happens; otherwise no run would end.
    pub fn is_quiet(&self, elapsed: u64) -> bool {
        self.hours && (HOURS_FROM_MS + 5000..HOURS_FROM_MS + HOURS_MS - 1000).contains(&elapsed)
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
