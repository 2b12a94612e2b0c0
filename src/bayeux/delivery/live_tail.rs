//! The events that an operator watches live, with `GET /cometd/api/tail`. No client's replay reads them: a replay's
//! events come from `persistence/history.rs`.
//!
//! A tail begins with the first call for its pattern and keeps the events that match, for the next call. Nobody
//! subscribes: clients, listeners and presence do not notice. It ends when nobody has called for a while.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::weighed_event::Weighed;
use crate::bayeux::limits::Budget;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelId, ChannelPattern, Event};

/// How long a tail goes on without a call. Our command line and console call every second.
const IDLE: Duration = Duration::from_secs(30);

/// Patterns that are looked at at a time. Each event of a home is compared with each of them.
const PATTERNS: usize = 8;

/// JSON of one tail's events: what an answer may have.
const BYTES: usize = 256 << 10;

/// The first number is the time of the first call, in milliseconds, times this. So the numbers after a restart are
/// above those before it, and they are small enough for JavaScript to hold them exactly.
const A_MILLISECOND: u64 = 1000;

/// The tails of a home.
#[derive(Debug)]
pub struct Tails {
    tails: BTreeMap<ChannelPattern, Tail>,
    /// The number of the next event; 0 before the first tail.
    next: u64,
    budget: Budget,
}

#[derive(Debug)]
struct Tail {
    until: Millis,
    events: VecDeque<(u64, Weighed)>,
    bytes: usize,
    /// Every event that matched, with this number or a later one, is here.
    complete_from: u64,
}

/// What is new in a tail.
#[derive(Debug, PartialEq, Eq)]
pub struct TailPage {
    pub events: Vec<Event>,
    /// Where the next call continues.
    pub next: u64,
    /// Whether events are missing that came since the number that was asked for.
    pub missed: bool,
}

impl Tails {
    pub fn within(budget: &Budget) -> Self {
        Self { tails: BTreeMap::new(), next: 0, budget: budget.clone() }
    }

    /// Keeps an event for the tails that match, at most this many for each.
    pub fn add(&mut self, now: Millis, channel: &ChannelId, event: &Event, most: usize) {
        // Runs with each event, and nearly always finds no tail.
        if self.tails.is_empty() {
            return;
        }
        self.end_idle(now);
        let mut matching = self.tails.iter_mut().filter(|(pattern, _)| pattern.matches(channel)).peekable();
        if matching.peek().is_none() {
            return;
        }
        let event = Weighed::new(event.clone(), &self.budget, now);
        for (_, tail) in matching {
            tail.push(self.next, event.clone(), most);
        }
        self.next += 1;
    }

    /// What came after this number, or from now on. None where too many patterns are looked at already.
    pub fn read(&mut self, now: Millis, pattern: ChannelPattern, after: Option<u64>) -> Option<TailPage> {
        self.end_idle(now);
        if self.next == 0 {
            self.next = now.0.saturating_mul(A_MILLISECOND).min(1 << 52);
        }
        if !self.tails.contains_key(&pattern) {
            if self.tails.len() >= PATTERNS {
                return None;
            }
            // An earlier tail of this pattern may have told the number before. A caller who goes on from there has
            // missed events, and must hear that.
            self.next += 1;
            let tail = Tail { until: now, events: VecDeque::new(), bytes: 0, complete_from: self.next };
            self.tails.insert(pattern.clone(), tail);
        }
        let next = self.next;
        let tail = self.tails.get_mut(&pattern)?;
        tail.until = now + IDLE;
        let from = after.unwrap_or(next);
        let events = tail.events.iter().filter(|(number, _)| *number >= from);
        let events = events.map(|(_, weighed)| weighed.event.clone()).collect();
        // A number of a life whose clock was ahead says nothing about this one.
        Some(TailPage { events, next, missed: from < tail.complete_from || from > next })
    }

    /// A clock that was set back ends no tail early.
    fn end_idle(&mut self, now: Millis) {
        self.tails.retain(|_, tail| now < tail.until);
    }
}

impl Tail {
    fn push(&mut self, number: u64, event: Weighed, most: usize) {
        self.bytes += Weighed::weight(&event.event);
        self.events.push_back((number, event));
        while self.events.len() > most || self.bytes > BYTES {
            let Some((number, event)) = self.events.pop_front() else { return };
            self.bytes -= Weighed::weight(&event.event);
            self.complete_from = number + 1;
        }
    }
}
