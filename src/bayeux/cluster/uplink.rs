//! From a home to an owner: what the home's clients publish and want to hear, in order.
//!
//! One call is under way at a time, and carries all that has gathered since the last: under load calls get bigger, not more.
//! A call that brings no answer is made again with the same numbers, and the owner passes over what it has done. So no two links may
//! ever number their items alike: each has a life of its own, one that this home has never used.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::home::Home;
use super::messages::{Call, Failure, Item, LinkAnswer, LinkCall};
use super::{About, PATIENCE, pause};
use crate::bayeux::delivery::Bounds;
use crate::bayeux::server::{BayeuxServer, PendingId};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, EventNumber};

/// The most items of one call, and the most bytes of events in it: well below what one request may weigh.
const MAX_ITEMS: usize = 1000;
const MAX_BYTES: usize = 4 << 20;

/// The links of a home, by owner.
#[derive(Debug, Default)]
pub struct Links {
    by_owner: BTreeMap<Home, Link>,
    /// The last life that a link was given.
    last_life: u64,
    /// Those of whom more was heard than is written down.
    pub unnoted: BTreeSet<Home>,
}

#[derive(Debug, Default)]
pub struct Link {
    /// In which its items are numbered. A later one has a higher number, also than all of this home's earlier lives.
    life: u64,
    /// Those that the owner has not answered yet, oldest first.
    items: VecDeque<Pending>,
    /// Bytes of events in them.
    bytes: usize,
    /// How many of them are under way.
    under_way: usize,
    last: u64,
    failures: u32,
    rests_until: Option<Millis>,
    /// Up to where events of this owner were heard, and the number its life began with.
    pub heard: EventNumber,
    pub since: EventNumber,
}

#[derive(Debug)]
struct Pending {
    number: u64,
    item: Item,
    word: Word,
    since: Millis,
}

/// Who is told what became of an item.
#[derive(Debug)]
pub enum Word {
    Waits(PendingId),
    /// The question of this number about a pattern, and whether somebody waits for its answer.
    Interest {
        pattern: ChannelPattern,
        number: u64,
        wait: bool,
    },
    Nobody,
}

/// What became of one.
type Outcome = (Word, Result<(), BayeuxError>);

/// Bits of a link's life that are not the time: a million links fit into each millisecond that the home has ever lived.
const LIFE_BITS: u32 = 22;

impl Links {
    /// A life of the home begins. `chance` sets it apart from one that began in the same millisecond, should the clock go back.
    pub fn begin(&mut self, now: Millis, chance: u64) {
        let below = (1 << (LIFE_BITS - 1)) - 1;
        self.last_life = self.last_life.max((now.0 << LIFE_BITS) | (chance & below));
    }

    pub fn has(&self, owner: &Home) -> bool {
        self.by_owner.contains_key(owner)
    }

    pub fn len(&self) -> usize {
        self.by_owner.len()
    }

    /// The owners who have not answered all that they were told.
    pub fn busy(&self) -> impl Iterator<Item = &Home> {
        self.by_owner.iter().filter(|(_, link)| !link.items.is_empty()).map(|(owner, _)| owner)
    }

    pub fn to(&mut self, owner: &Home) -> &mut Link {
        let last_life = &mut self.last_life;
        self.by_owner.entry(owner.clone()).or_insert_with(|| {
            *last_life += 1;
            Link { life: *last_life, ..Link::default() }
        })
    }

    /// The owner knows a later life of this home than the link's: it begins anew.
    fn begin_anew(&mut self, owner: &Home, later: u64) {
        self.last_life = self.last_life.max(later) + 1;
        let life = self.last_life;
        self.to(owner).renumber(life);
    }

    pub fn are_empty(&self) -> bool {
        self.by_owner.values().all(|link| link.items.is_empty())
    }

    pub fn due(&self) -> Option<Millis> {
        self.by_owner.values().filter_map(Link::due).min()
    }
}

impl Link {
    fn push(&mut self, now: Millis, item: Item, word: Word, bounds: Bounds) -> Result<(), BayeuxError> {
        if self.items.len() >= bounds.events || self.bytes + item.size() > bounds.bytes {
            return Err(BayeuxError::OwnerUnreachable);
        }
        self.last += 1;
        self.bytes += item.size();
        self.items.push_back(Pending { number: self.last, item, word, since: now });
        Ok(())
    }

    fn due(&self) -> Option<Millis> {
        let patience = self.items.iter().find(|pending| pending.word.waits());
        let patience = patience.map(|pending| pending.since + PATIENCE);
        let rest = self.rests_until.filter(|_| !self.items.is_empty());
        patience.into_iter().chain(rest).min()
    }

    fn next_items(&mut self, now: Millis) -> Option<Vec<(u64, Item)>> {
        if self.under_way > 0 || self.items.is_empty() || self.rests_until.is_some_and(|until| now < until) {
            return None;
        }
        self.rests_until = None;
        let mut bytes = 0;
        let fits = |pending: &&Pending| {
            bytes += pending.item.size();
            bytes <= MAX_BYTES || bytes == pending.item.size()
        };
        let next = self.items.iter().take(MAX_ITEMS).take_while(fits);
        let items: Vec<_> = next.map(|pending| (pending.number, pending.item.clone())).collect();
        self.under_way = items.len();
        Some(items)
    }

    fn succeeded(&mut self, failed: &[(u64, Failure)]) -> Vec<Outcome> {
        self.failures = 0;
        let done: Vec<_> = self.items.drain(..std::mem::take(&mut self.under_way)).collect();
        let outcome = |Pending { number, item, word, .. }: Pending| {
            self.bytes -= item.size();
            let failure = failed.iter().find(|(failed, _)| *failed == number);
            (word, failure.map_or(Ok(()), |(_, failure)| Err((*failure).into())))
        };
        done.into_iter().map(outcome).collect()
    }

    fn failed(&mut self, now: Millis) {
        self.under_way = 0;
        self.failures += 1;
        self.rests_until = Some(now + pause(self.failures));
    }

    /// Those who have waited for too long. What is under way meanwhile stays, for its number's sake.
    fn give_up(&mut self, now: Millis) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        let mut place = 0;
        let (under_way, bytes) = (self.under_way, &mut self.bytes);
        self.items.retain_mut(|pending| {
            place += 1;
            if now < pending.since + PATIENCE {
                return true;
            }
            // Nobody waits, but it must come to the owner all the same.
            if !pending.word.waits() {
                return true;
            }
            let word = std::mem::replace(&mut pending.word, Word::Nobody);
            outcomes.push((word, Err(BayeuxError::OwnerUnreachable)));
            if place > under_way {
                *bytes -= pending.item.size();
            }
            place <= under_way
        });
        outcomes
    }

    /// Everything is numbered anew. The owner has done nothing of it.
    fn renumber(&mut self, life: u64) {
        (self.life, self.under_way) = (life, 0);
        for (pending, number) in self.items.iter_mut().zip(1..) {
            pending.number = number;
        }
        self.last = self.items.len() as u64;
    }
}

impl Word {
    /// Whether somebody is told when it takes too long.
    fn waits(&self) -> bool {
        match self {
            Self::Waits(_) => true,
            Self::Interest { wait, .. } => *wait,
            Self::Nobody => false,
        }
    }
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Interest { .. } | Self::Withdraw { .. } => 0,
            Self::Publish { event, .. } => event.get().len(),
        }
    }
}

impl BayeuxServer {
    /// Sends an item to an owner, after all before it.
    ///
    /// # Errors
    /// [`BayeuxError::OwnerUnreachable`] where too many wait already.
    pub(super) fn tell_owner(&mut self, now: Millis, owner: &Home, item: Item, word: Word) -> Result<(), BayeuxError> {
        self.trees.links.to(owner).push(now, item, word, self.options.relay_bounds())
    }

    pub(super) fn send_links(&mut self, now: Millis) {
        let mut calls = Vec::new();
        for (owner, link) in &mut self.trees.links.by_owner {
            if let Some(items) = link.next_items(now) {
                let (home, life, heard) = (self.home.clone(), link.life, link.heard);
                calls.push((owner.clone(), LinkCall { home, life, items, heard }));
            }
        }
        for (owner, call) in calls {
            self.ask(owner.clone(), About::Link(owner), &Call::Link(call));
        }
    }

    pub(super) fn link_answered(&mut self, now: Millis, owner: &Home, answer: Option<LinkAnswer>) {
        let link = self.trees.links.to(owner);
        let Some(LinkAnswer { failed, relay, later_life, is_new }) = answer else { return link.failed(now) };
        if let Some(later) = later_life {
            return self.trees.links.begin_anew(owner, later);
        }
        let (interests, publishes): (Vec<_>, Vec<_>) =
            link.succeeded(&failed).into_iter().partition(|(word, _)| matches!(word, Word::Interest { .. }));
        if is_new {
            // All but what this very call was about.
            self.ask_again(now, owner);
            (self.trees.links.to(owner).since, self.trees.links.to(owner).heard) = Default::default();
        }
        // First the subscriptions that were waited for, then what is for them, then the publishers who may be among them: they
        // read their own events before the reply.
        self.tell_words(now, interests);
        self.resume_ready(now);
        if let Some(relay) = relay {
            self.take_relay(now, &relay);
        }
        self.tell_words(now, publishes);
    }

    pub(super) fn give_up_links(&mut self, now: Millis) {
        let outcomes: Vec<_> = self.trees.links.by_owner.values_mut().flat_map(|link| link.give_up(now)).collect();
        self.tell_words(now, outcomes);
    }

    fn tell_words(&mut self, now: Millis, outcomes: Vec<Outcome>) {
        for (word, outcome) in outcomes {
            match word {
                Word::Waits(pending_id) => self.pending.resolve(pending_id, outcome),
                Word::Interest { pattern, number, .. } => self.interest_settled(now, &pattern, number, &outcome),
                Word::Nobody => (),
            }
        }
    }

    pub(super) fn restore_heard(&mut self, owner: &str, text: &str) {
        let (Some(owner), Ok((since, heard))) = (Home::named(owner), serde_json::from_str(text)) else { return };
        let link = self.trees.links.to(&owner);
        (link.since, link.heard) = (since, heard);
    }
}
