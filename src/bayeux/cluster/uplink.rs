//! From a home to an owner: what the home's clients publish, and its interests, in order.
//!
//! One call is under way at a time, and carries everything since the last one: under load calls grow, not multiply. A
//! call without an answer is repeated with the same numbers, and the owner skips what it has done. So no two uplinks
//! may number their items alike: each has a life number that this home has never used before. An idle uplink is
//! forgotten; the next one to the same owner gets another life number.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::deadline_queue::Deadlines;
use super::home_name::Home;
use super::messages::{Call, Failure, Item, LinkAnswer, LinkCall, to_json};
use super::{ANSWER_TIMEOUT, About, Cluster, Context, PendingId, pause};
use crate::bayeux::delivery::Bounds;
use crate::bayeux::persistence::Note;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, EventNumber};

/// Most items of a call, and most bytes of its events: well below the limit of a request.
const MAX_ITEMS: usize = 1000;
const MAX_BYTES: usize = 4 << 20;

/// How long an unused uplink is remembered: longer than any of its calls can be under way.
const REMEMBERED: Duration = Duration::from_secs(600);

/// The number of an uplink's life is the time, shifted left by so many bits. A life is above the last by at most half
/// of their range.
const LIFE_BITS: u32 = 22;

/// The uplinks of a home, by owner.
#[derive(Debug, Default)]
pub struct Uplinks {
    by_owner: BTreeMap<Home, Uplink>,
    /// The last life given to an uplink.
    last_life: u64,
    /// How far each life is above the last. If the clock goes back, an earlier life of the home may have begun at the
    /// same time, but with another step.
    step: u64,
    /// Uplinks with something to send.
    ready: BTreeSet<Home>,
    /// How many have unanswered items.
    busy: usize,
    /// When something times out, or a pause ends.
    deadlines: Deadlines<Home>,
    /// Uplinks that have received more than is saved.
    unnoted: BTreeSet<Home>,
    /// When unused uplinks are forgotten. No wake-up is needed for that.
    idle: Deadlines<Home>,
}

#[derive(Debug, Default)]
pub struct Uplink {
    /// The life in which its items are numbered. A later one is higher, also than all lives of this home's past.
    life: u64,
    /// Unanswered items, oldest first.
    items: VecDeque<Waiting>,
    /// Bytes of events in them.
    bytes: usize,
    /// How many of them are under way.
    under_way: usize,
    last: u64,
    failures: u32,
    rests_until: Option<Millis>,
    /// The number up to which this owner's events were received, and the one with which its life began.
    pub heard: EventNumber,
    pub since: EventNumber,
    /// What the last call told the owner of that.
    heard_when_asked: EventNumber,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    item: Item,
    tell: Tell,
    since: Millis,
    /// Whether it was ever sent: then the owner may have done it, whatever the answer was.
    sent: bool,
}

/// Who is told the result of an item.
#[derive(Debug)]
pub enum Tell {
    Pending(PendingId),
    /// A question of this number about a pattern, and whether a subscribe waits for its answer.
    Question {
        pattern: ChannelPattern,
        number: u64,
        wait: bool,
    },
    Nobody,
}

/// The result of an item.
type ItemOutcome = (Tell, Result<(), BayeuxError>);

/// An item that timed out.
enum GivenUp {
    /// It was never sent.
    Unsent(Tell),
    /// It is under way, and may still be done.
    Sent(Tell),
}

impl Uplinks {
    /// Begins a life of the home. `chance` sets its uplinks apart from those of every other life, should the clock go
    /// back.
    pub fn begin(&mut self, now: Millis, chance: u64) {
        self.last_life = self.last_life.max(now.0 << LIFE_BITS);
        self.step = 1 + (chance & ((1 << (LIFE_BITS - 1)) - 1));
    }

    pub fn to(&mut self, now: Millis, owner: &Home) -> &mut Uplink {
        if !self.by_owner.contains_key(owner) {
            self.idle.set(owner, Some(now + REMEMBERED));
        }
        let (last_life, step) = (&mut self.last_life, self.step);
        self.by_owner.entry(owner.clone()).or_insert_with(|| {
            *last_life = last_life.saturating_add(step);
            Uplink { life: *last_life, ..Uplink::default() }
        })
    }

    pub fn has(&self, owner: &Home) -> bool {
        self.by_owner.contains_key(owner)
    }

    pub fn len(&self) -> usize {
        self.by_owner.len()
    }

    /// The owners with unanswered items.
    pub fn busy(&self) -> impl Iterator<Item = &Home> {
        self.by_owner.iter().filter(|(_, uplink)| !uplink.items.is_empty()).map(|(owner, _)| owner)
    }

    pub fn are_empty(&self) -> bool {
        self.busy == 0
    }

    pub fn due(&self) -> Option<Millis> {
        self.deadlines.next()
    }

    pub fn has_heard(&mut self, owner: &Home) {
        self.unnoted.insert(owner.clone());
    }

    /// Changes an uplink and updates the indexes.
    fn change<T>(&mut self, now: Millis, owner: &Home, change: impl FnOnce(&mut Uplink) -> T) -> T {
        let uplink = self.to(now, owner);
        let before = uplink.items.is_empty();
        let result = change(uplink);
        let (empty, due, may_leave) = (uplink.items.is_empty(), uplink.due(), uplink.under_way == 0);
        self.busy = self.busy + usize::from(before) - usize::from(empty);
        self.deadlines.set(owner, due);
        self.idle.set(owner, empty.then(|| now + REMEMBERED));
        if !empty && may_leave {
            self.ready.insert(owner.clone());
        }
        result
    }

    /// The owner knows a later life of this home than the uplink's: begins another one.
    fn begin_anew(&mut self, now: Millis, owner: &Home, later: u64) {
        self.last_life = self.last_life.max(later).saturating_add(self.step);
        let life = self.last_life;
        self.change(now, owner, |uplink| uplink.renumber(life));
    }
}

impl Uplink {
    fn push(&mut self, now: Millis, item: Item, tell: Tell, bounds: Bounds) -> Result<(), BayeuxError> {
        // A withdrawal always fits, so that every interest can be withdrawn.
        let withdraws = matches!(item, Item::Withdraw { .. });
        if !withdraws && (self.items.len() >= bounds.events || self.bytes + item.size() > bounds.bytes) {
            return Err(BayeuxError::OwnerUnreachable);
        }
        self.last += 1;
        self.bytes += item.size();
        self.items.push_back(Waiting { number: self.last, item, tell, since: now, sent: false });
        Ok(())
    }

    fn due(&self) -> Option<Millis> {
        let timeout = self.items.iter().find(|waiting| waiting.tell.waits());
        let timeout = timeout.map(|waiting| waiting.since + ANSWER_TIMEOUT);
        let rest = self.rests_until.filter(|_| !self.items.is_empty());
        timeout.into_iter().chain(rest).min()
    }

    fn next_items(&mut self, now: Millis) -> Option<Vec<(u64, Item)>> {
        if self.under_way > 0 || self.items.is_empty() || self.rests_until.is_some_and(|until| now < until) {
            return None;
        }
        self.rests_until = None;
        let mut bytes = 0;
        let fits = |waiting: &&Waiting| {
            bytes += waiting.item.size();
            bytes <= MAX_BYTES || bytes == waiting.item.size()
        };
        let next = self.items.iter().take(MAX_ITEMS).take_while(fits);
        let items: Vec<_> = next.map(|waiting| (waiting.number, waiting.item.clone())).collect();
        self.under_way = items.len();
        self.items.iter_mut().take(items.len()).for_each(|waiting| waiting.sent = true);
        Some(items)
    }

    fn succeeded(&mut self, failed: &[(u64, Failure)]) -> Vec<ItemOutcome> {
        self.failures = 0;
        let done: Vec<_> = self.items.drain(..std::mem::take(&mut self.under_way)).collect();
        let outcome = |Waiting { number, item, tell, .. }: Waiting| {
            self.bytes -= item.size();
            let failure = failed.iter().find(|(failed, _)| *failed == number);
            (tell, failure.map_or(Ok(()), |(_, failure)| Err((*failure).into())))
        };
        done.into_iter().map(outcome).collect()
    }

    fn failed(&mut self, now: Millis) {
        self.under_way = 0;
        // A publish that timed out is not repeated in another life: an owner may have done it and forgotten.
        let bytes = &mut self.bytes;
        self.items.retain(|Waiting { item, tell, .. }| {
            let stays = tell.waits() || !matches!(item, Item::Publish { .. });
            *bytes -= if stays { 0 } else { item.size() };
            stays
        });
        self.failures += 1;
        self.rests_until = Some(now + pause(self.failures));
    }

    /// Returns items that timed out. An item under way stays queued, because its number is used.
    fn give_up(&mut self, now: Millis) -> Vec<GivenUp> {
        self.rests_until.take_if(|until| *until <= now);
        let mut given_up = Vec::new();
        let mut place = 0;
        let (under_way, bytes) = (self.under_way, &mut self.bytes);
        self.items.retain_mut(|waiting| {
            place += 1;
            // The owner must take it although nothing waits for it.
            if now < waiting.since + ANSWER_TIMEOUT || !waiting.tell.waits() {
                return true;
            }
            // The owner may have recorded the interest: it is withdrawn when that is known.
            let asked = waiting.sent && matches!(waiting.tell, Tell::Question { .. });
            if place <= under_way || asked {
                given_up.push(GivenUp::Sent(waiting.tell.wait_no_more()));
                return true;
            }
            *bytes -= waiting.item.size();
            given_up.push(GivenUp::Unsent(std::mem::replace(&mut waiting.tell, Tell::Nobody)));
            false
        });
        given_up
    }

    /// Numbers all items anew: the owner has done none of them.
    fn renumber(&mut self, life: u64) {
        (self.life, self.under_way) = (life, 0);
        for (waiting, number) in self.items.iter_mut().zip(1..) {
            waiting.number = number;
        }
        self.last = self.items.len() as u64;
    }
}

impl Tell {
    /// Whether something is told when this times out.
    fn waits(&self) -> bool {
        match self {
            Self::Pending(_) => true,
            Self::Question { wait, .. } => *wait,
            Self::Nobody => false,
        }
    }

    /// Tells what waits that it timed out. The answer to a question is still of use.
    fn wait_no_more(&mut self) -> Self {
        match self {
            Self::Question { pattern, number, wait } => {
                *wait = false;
                Self::Question { pattern: pattern.clone(), number: *number, wait: true }
            }
            _ => std::mem::replace(self, Self::Nobody),
        }
    }
}

impl Item {
    fn size(&self) -> usize {
        match self {
            Self::Interest { .. } | Self::Withdraw { .. } => 0,
            Self::Presence(item) => to_json(item).len(),
            Self::Publish { event, .. } => event.get().len(),
        }
    }
}

impl Cluster {
    /// Queues an item for an owner, behind all earlier ones.
    ///
    /// # Errors
    /// [`BayeuxError::OwnerUnreachable`] where too many are queued.
    pub(super) fn tell_owner(&mut self, cx: &Context, owner: &Home, item: Item, tell: Tell) -> Result<(), BayeuxError> {
        let bounds = self.options.relay_bounds;
        self.uplinks.change(cx.now, owner, |uplink| uplink.push(cx.now, item, tell, bounds))
    }

    pub(super) fn send_uplinks(&mut self, cx: &mut Context) {
        for owner in std::mem::take(&mut self.uplinks.ready) {
            let (home, now) = (self.home.clone(), cx.now);
            let call = self.uplinks.change(now, &owner, |uplink| {
                let items = uplink.next_items(now)?;
                uplink.heard_when_asked = uplink.heard;
                Some(LinkCall { home, life: uplink.life, items, heard: uplink.heard })
            });
            if let Some(call) = call {
                let life = call.life;
                self.call(cx, owner.clone(), About::Uplink { owner, life }, &Call::Link(call));
            }
        }
        // An uplink is ready again when its pause ends.
        self.uplinks.ready.clear();
    }

    pub(super) fn uplink_answered(&mut self, cx: &mut Context, owner: &Home, life: u64, answer: Option<LinkAnswer>) {
        let now = cx.now;
        // An answer only counts for questions of the same life.
        if self.uplinks.by_owner.get(owner).is_none_or(|uplink| uplink.life != life) {
            return;
        }
        let Some(LinkAnswer { failed, relay, later_life, is_new }) = answer else {
            return self.uplinks.change(now, owner, |uplink| uplink.failed(now));
        };
        if let Some(later) = later_life {
            return self.uplinks.begin_anew(now, owner, later);
        }
        let outcomes = self.uplinks.change(now, owner, |uplink| uplink.succeeded(&failed));
        let (questions, publishes): (Vec<_>, Vec<_>) =
            outcomes.into_iter().partition(|(tell, _)| matches!(tell, Tell::Question { .. }));
        if is_new {
            // All but what this very call was about.
            self.ask_again(cx, owner);
            let uplink = self.uplinks.to(now, owner);
            // Unless a relay overtook this answer: its events must not be delivered twice.
            if uplink.heard == uplink.heard_when_asked {
                (uplink.since, uplink.heard) = Default::default();
            }
        }
        // First the subscribes that were waiting, then the events for them, then the publishes: publishers read their
        // own events before the reply.
        self.tell_outcomes(cx, questions);
        if let Some(relay) = relay {
            self.take_relay(cx, relay, None);
        }
        self.tell_outcomes(cx, publishes);
    }

    pub(super) fn uplinks_are_due(&mut self, cx: &mut Context) {
        while let Some(owner) = self.uplinks.deadlines.pop(cx.now) {
            let now = cx.now;
            for given_up in self.uplinks.change(now, &owner, |uplink| uplink.give_up(now)) {
                match given_up {
                    GivenUp::Sent(Tell::Question { pattern, number, .. }) => {
                        self.question_given_up(cx, &pattern, number);
                    }
                    GivenUp::Unsent(tell) | GivenUp::Sent(tell) => {
                        self.tell_outcomes(cx, vec![(tell, Err(BayeuxError::OwnerUnreachable))]);
                    }
                }
            }
        }
        self.forget_idle_uplinks(cx);
    }

    fn forget_idle_uplinks(&mut self, cx: &mut Context) {
        while let Some(owner) = self.uplinks.idle.pop(cx.now) {
            let idle = self.uplinks.by_owner.get(&owner).is_some_and(|uplink| uplink.items.is_empty());
            if !idle || self.interests.concern(&owner) {
                self.uplinks.idle.set(&owner, Some(cx.now + REMEMBERED));
                continue;
            }
            let uplink = self.uplinks.by_owner.remove(&owner).unwrap_or_default();
            self.uplinks.unnoted.remove(&owner);
            self.uplinks.ready.remove(&owner);
            if uplink.heard != EventNumber::default() {
                self.note(cx, &Note::Heard(owner.to_string()), None);
            }
        }
    }

    fn tell_outcomes(&mut self, cx: &mut Context, outcomes: Vec<ItemOutcome>) {
        for (tell, outcome) in outcomes {
            match tell {
                Tell::Pending(pending) => cx.resolve(pending, outcome),
                Tell::Question { pattern, number, .. } => self.question_answered(cx, &pattern, number, &outcome),
                Tell::Nobody => (),
            }
        }
    }

    /// Saves how far owners' events were received, together with the events that were saved: a crash must not deliver
    /// them again.
    pub(super) fn note_heard(&mut self, cx: &mut Context) {
        for owner in std::mem::take(&mut self.uplinks.unnoted) {
            let Some(Uplink { since, heard, .. }) = self.uplinks.by_owner.get(&owner) else { continue };
            let text = to_json(&(*since, *heard, cx.now.0));
            self.note(cx, &Note::Heard(owner.to_string()), Some(&text));
        }
    }

    pub(super) fn restore_heard(&mut self, now: Millis, owner: &str, text: &str) {
        // Earlier versions did not save the time.
        let heard = serde_json::from_str::<(EventNumber, EventNumber, u64)>(text);
        let heard = heard.or_else(|_| serde_json::from_str(text).map(|(since, heard)| (since, heard, now.0)));
        let (Some(owner), Ok((since, heard, at))) = (Home::named(owner), heard) else { return };
        let uplink = self.uplinks.to(now, &owner);
        (uplink.since, uplink.heard) = (since, heard);
        self.uplinks.idle.set(&owner, Some(Millis(at.min(now.0)) + REMEMBERED));
    }
}
