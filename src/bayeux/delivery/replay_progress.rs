//! How far each replay of one session has come: which earlier events it has still to receive. The events themselves are
//! read in `persistence/history.rs`, and sent by `server/replay_pages.rs`.
//!
//! A subscription that begins in the past is read page by page from the history of its channel's owner. While it is
//! behind, newly published events are not queued for its session: a later page brings them. When a page reaches the
//! present the subscription is live, and events with a number of that page or below are skipped. So every event comes
//! once, in the order of its tree, and no replay fills a queue.
//!
//! Retained values are different: the values at the moment of the subscribe are read, and everything published later is
//! live.
//!
//! Without the ack extension a page counts as received when it is sent. With it a page stays in the queue until it is
//! acknowledged, and the session's row says what to read again after a restart.

use serde::{Deserialize, Serialize};

use super::weighed_event::Weighed;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelId, ChannelPattern, Event, EventNumber, Kept};

/// The replays of one session.
#[derive(Debug, Default)]
pub struct Replays {
    list: Vec<Replay>,
    /// The page that was sent and is not acknowledged.
    sent: Option<SentPage>,
    /// The sent page must be read again: an earlier life sent it.
    again: bool,
    page: Option<ReplayPage>,
    /// The number of the request under way, if one is.
    reading: Option<u64>,
    requests: u64,
    failures: u32,
    rests_until: Option<Millis>,
}

/// One subscription that does not begin at the present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replay {
    pattern: ChannelPattern,
    /// Where retained values are read: those up to this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retained: Option<EventNumber>,
    /// Where it began.
    start: EventNumber,
    /// Everything up to here was sent.
    after: EventNumber,
    /// It has reached the present.
    #[serde(default)]
    live: bool,
    /// Another object relays events of this channel, so a new event may have been read already.
    #[serde(default)]
    relayed: bool,
    /// Events up to here may be missing.
    #[serde(default)]
    floor: EventNumber,
    /// The newest event that a later page has to bring.
    #[serde(skip)]
    skipped: EventNumber,
}

/// A page that was sent, and waits to be acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SentPage {
    /// The first batch that carried it.
    batch: u64,
    wants: Vec<Want>,
}

/// What is written down of a session's replays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavedReplays {
    list: Vec<Replay>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<SentPage>,
}

/// From where a subscription is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// All after this number.
    pub after: EventNumber,
    /// Retained values, up to this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retained: Option<EventNumber>,
    /// Events up to here may be missing.
    #[serde(default)]
    pub floor: EventNumber,
}

/// A part of what is to be read next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    pub pattern: ChannelPattern,
    /// Whether retained values are wanted instead of a history.
    #[serde(default)]
    pub retained: bool,
    pub after: EventNumber,
    /// None reads to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upto: Option<EventNumber>,
}

/// How far one part was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    pub upto: EventNumber,
    pub complete: bool,
    /// Events up to here may be missing.
    #[serde(default)]
    pub floor: EventNumber,
    /// How many events it has.
    pub events: usize,
}

/// The page that was read and is not sent yet.
#[derive(Debug)]
struct ReplayPage {
    events: Vec<Weighed>,
    progress: Vec<(ChannelPattern, EventNumber, bool)>,
}

/// What is sent now.
#[derive(Debug)]
pub struct TurnedPage {
    pub events: Vec<Weighed>,
    /// The batch that carried it first, in an earlier life.
    pub again: Option<u64>,
}

impl SavedReplays {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.sent.is_none()
    }
}

impl Replays {
    pub fn restored(SavedReplays { list, sent }: SavedReplays) -> Self {
        Self { again: sent.is_some(), list, sent, ..Self::default() }
    }

    pub fn to_saved(&self) -> SavedReplays {
        SavedReplays { list: self.list.clone(), sent: self.sent.clone() }
    }

    /// Whether new events need not be checked against these replays.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A subscription begins. `relayed`: another object is its channel's owner.
    pub fn begin(&mut self, pattern: ChannelPattern, start: Start, relayed: bool) {
        self.end(&pattern);
        let Start { after, retained, floor } = start;
        let (live, skipped) = Default::default();
        self.list.push(Replay { pattern, retained, start: after, after, live, relayed, floor, skipped });
    }

    /// A subscription has ended.
    pub fn end(&mut self, pattern: &ChannelPattern) {
        let before = self.list.len();
        self.list.retain(|replay| replay.pattern != *pattern);
        if self.list.len() < before && !self.again {
            // The page that was read included it, so it is read again for the others.
            (self.page, self.reading) = (None, None);
        }
    }

    /// Whether an event that is published now is queued for this session. `otherwise` says whether another of its
    /// subscriptions matches.
    pub fn let_pass(
        &mut self,
        channel: &ChannelId,
        number: EventNumber,
        otherwise: impl FnOnce(&[&ChannelPattern]) -> bool,
    ) -> bool {
        let (mut matching, mut live, mut later) = (Vec::new(), false, false);
        for replay in self.list.iter_mut().filter(|replay| replay.pattern.matches(channel)) {
            let from = replay.retained.unwrap_or(replay.start);
            if from < number {
                if replay.retained.is_none() && number <= replay.after {
                    return false;
                }
                live |= replay.is_live();
                later |= !replay.is_live();
                replay.relayed &= !replay.is_live();
            }
            matching.push(&*replay);
        }
        if live || later {
            if !live {
                let behind = |replay: &&mut Replay| !replay.is_live() && replay.pattern.matches(channel);
                self.list.iter_mut().filter(behind).for_each(|replay| replay.skipped = replay.skipped.max(number));
            }
            self.forget_live();
            return live;
        }
        matching.is_empty() || otherwise(&matching.iter().map(|replay| &replay.pattern).collect::<Vec<_>>())
    }

    /// Whether a page of a replay has brought this event, or will bring it. Then a restart must not queue it too: when
    /// a subscription began again, its events left the queue, but the row of one may still be there.
    pub fn bring(&self, event: &Event) -> bool {
        let (Some(Kept { number, .. }), Some(channel)) = (event.kept(), event.channel()) else { return false };
        self.list.iter().any(|replay| {
            let brings = replay.retained.is_none() && replay.start < number && (!replay.live || number <= replay.after);
            brings && replay.pattern.matches(&channel)
        })
    }

    /// Whether a subscription to this pattern is behind.
    pub fn is_behind_with(&self, pattern: &ChannelPattern) -> bool {
        self.again || self.list.iter().any(|replay| replay.pattern == *pattern && !replay.live)
    }

    /// Whether some subscription is behind.
    fn is_behind(&self) -> bool {
        self.again || self.list.iter().any(|replay| !replay.live)
    }

    /// Whether the session's queue must wait: a page that an earlier life sent comes first.
    pub fn holds_back(&self) -> bool {
        self.again
    }

    /// Whether a page was read that can be sent.
    pub fn has_page(&self) -> bool {
        self.page.is_some()
    }

    /// Drops the page that was read; it is read again when needed.
    pub fn discard_page(&mut self) {
        self.page = None;
    }

    /// Whether a page may be read now.
    pub fn may_read(&self, now: Millis) -> bool {
        let waits = self.page.is_some() || self.reading.is_some() || self.sent.is_some() && !self.again;
        self.is_behind() && !waits && self.rests_until.is_none_or(|until| until <= now)
    }

    /// The next page is not read before this time.
    pub fn rest_until(&mut self, time: Millis) -> bool {
        self.rests_until = Some(time);
        self.is_behind()
    }

    /// The parts of the next page, in their order.
    pub fn wants(&self) -> Vec<Want> {
        match self.sent.as_ref().filter(|_| self.again) {
            Some(sent) => sent.wants.clone(),
            None => self.list.iter().filter(|replay| !replay.live).map(Replay::want).collect(),
        }
    }

    /// A page is asked for. The request's number.
    pub fn read(&mut self) -> u64 {
        self.requests += 1;
        self.reading = Some(self.requests);
        self.requests
    }

    /// The request with this number failed. Returns how many failed in a row; none where nobody waits for it.
    pub fn failed(&mut self, request: u64) -> Option<u32> {
        self.reading.take_if(|reading| *reading == request)?;
        self.failures += 1;
        // Another owner may be reachable.
        if !self.list.is_empty() {
            self.list.rotate_left(1);
        }
        Some(self.failures)
    }

    /// What was read: for each want how far, and all events in that order. Returns how many events may be missing
    /// before it; none where nobody waits for it.
    pub fn take_page(&mut self, request: u64, wants: &[Want], reads: &[Read], events: Vec<Weighed>) -> Option<u64> {
        self.reading.take_if(|reading| *reading == request)?;
        (self.failures, self.rests_until) = (0, None);
        let (mut missing, mut progress, mut page) = (0, Vec::new(), Vec::new());
        let mut events = events.into_iter();
        for (want, read) in wants.iter().zip(reads) {
            let replay = self.list.iter_mut().find(|replay| replay.pattern == want.pattern);
            if let Some(replay) = replay.filter(|_| !want.retained) {
                missing += read.floor.0.saturating_sub(replay.floor.max(want.after).0);
                replay.floor = replay.floor.max(read.floor);
            }
            for event in events.by_ref().take(read.events) {
                if self.again || !self.came_otherwise(want, &event.event, &progress) {
                    page.push(event);
                }
            }
            progress.push((want.pattern.clone(), read.upto, read.complete));
        }
        let nothing = page.is_empty();
        self.page = Some(ReplayPage { events: page, progress });
        if nothing {
            self.turn_page(None);
        }
        Some(missing)
    }

    /// Whether another of these subscriptions has brought an event already.
    fn came_otherwise(&self, want: &Want, event: &Event, progress: &[(ChannelPattern, EventNumber, bool)]) -> bool {
        if self.list.len() < 2 {
            return false;
        }
        let (Some(Kept { number, .. }), Some(channel)) = (event.kept(), event.channel()) else { return false };
        self.list.iter().any(|other| {
            let read = progress.iter().find(|(pattern, ..)| *pattern == other.pattern);
            let after = read.map_or(other.after, |(_, upto, _)| other.after.max(*upto));
            other.pattern != want.pattern
                && other.pattern.matches(&channel)
                && match other.retained {
                    Some(upto) => upto < number,
                    None => other.start < number && (other.live || number <= after),
                }
        })
    }

    /// The page that was read is sent now, as this batch where it has to be acknowledged.
    pub fn turn_page(&mut self, batch: Option<u64>) -> Option<TurnedPage> {
        let ReplayPage { events, progress } = self.page.take()?;
        if std::mem::take(&mut self.again) {
            return Some(TurnedPage { events, again: self.sent.as_ref().map(|sent| sent.batch) });
        }
        let mut wants = Vec::new();
        for (pattern, upto, complete) in progress {
            let Some(replay) = self.list.iter_mut().find(|replay| replay.pattern == pattern) else { continue };
            wants.push(Want { upto: Some(upto), ..replay.want() });
            replay.after = replay.after.max(upto);
            replay.live = complete && replay.skipped <= replay.after;
        }
        if !events.is_empty() {
            self.sent = batch.map(|batch| SentPage { batch, wants });
        }
        self.forget_live();
        Some(TurnedPage { events, again: None })
    }

    /// The client has everything up to this batch. Returns whether that changes anything.
    pub fn acknowledge(&mut self, batch: u64) -> bool {
        let acknowledged = self.sent.take_if(|sent| sent.batch <= batch).is_some();
        if acknowledged && std::mem::take(&mut self.again) {
            (self.page, self.reading) = (None, None);
        }
        acknowledged
    }

    /// Forgets replays that are live, where no event can come that was read already.
    fn forget_live(&mut self) {
        if self.list.iter().all(|replay| replay.live && !replay.relayed) {
            self.list.clear();
        }
    }
}

impl Replay {
    fn is_live(&self) -> bool {
        self.live || self.retained.is_some()
    }

    fn want(&self) -> Want {
        Want {
            pattern: self.pattern.clone(),
            retained: self.retained.is_some(),
            after: self.after,
            upto: self.retained,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(name: &str) -> ChannelPattern {
        ChannelPattern::parse(name).unwrap()
    }

    fn event(channel: &str, number: u64) -> Event {
        let kept = Kept { number: EventNumber(number), at: Millis(0) };
        Event::thawed(format!(r#"{{"channel":"{channel}","data":{number}}}"#)).keep(kept)
    }

    fn begun(subscriptions: &[(&str, u64)], relayed: bool) -> Replays {
        let mut replays = Replays::default();
        for (name, after) in subscriptions {
            let start = Start { after: EventNumber(*after), retained: None, floor: EventNumber(*after) };
            replays.begin(pattern(name), start, relayed);
        }
        replays
    }

    fn passes(replays: &mut Replays, channel: &str, number: u64) -> bool {
        replays.let_pass(&ChannelId::parse(channel).unwrap(), EventNumber(number), |_| false)
    }

    /// What is read for one want: events by channel and number, up to where, and whether that is all.
    type Part<'a> = (&'a [(&'a str, u64)], u64, bool);

    /// Reads a page with these events for each want, up to there, and sends it.
    fn turns(replays: &mut Replays, parts: &[Part<'_>], batch: Option<u64>) -> Vec<u64> {
        let (wants, request) = (replays.wants(), replays.read());
        let read = |(events, upto, complete): &Part<'_>| Read {
            upto: EventNumber(*upto),
            complete: *complete,
            floor: EventNumber(0),
            events: events.len(),
        };
        let reads: Vec<_> = parts.iter().map(read).collect();
        let events = parts.iter().flat_map(|(events, ..)| events.iter().map(|(name, number)| event(name, *number)));
        assert_eq!(replays.take_page(request, &wants, &reads, events.map(Weighed::from).collect()), Some(0));
        let page = replays.turn_page(batch).map_or(Vec::new(), |page| page.events);
        page.iter().map(|event| event.event.kept().unwrap().number.0).collect()
    }

    #[test]
    fn an_event_published_during_a_replay_comes_with_a_later_page() {
        let mut replays = begun(&[("/a", 10)], false);
        assert!(replays.may_read(Millis(0)) && !passes(&mut replays, "/a", 30) && passes(&mut replays, "/b", 31));
        assert_eq!(turns(&mut replays, &[(&[("/a", 20)], 20, true)], None), [20]);
        assert!(replays.may_read(Millis(0)));
        assert_eq!(turns(&mut replays, &[(&[("/a", 30)], 35, true)], None), [30]);
        assert!(replays.is_empty() && passes(&mut replays, "/a", 40));
    }

    #[test]
    fn an_event_that_its_owner_relays_after_the_replay_had_it_does_not_come_twice() {
        let mut replays = begun(&[("/a", 10)], true);
        assert_eq!(turns(&mut replays, &[(&[("/a", 20)], 25, true)], None), [20]);
        assert!(!passes(&mut replays, "/a", 20) && passes(&mut replays, "/a", 30) && replays.is_empty());
    }

    #[test]
    fn an_event_that_two_subscriptions_match_comes_once() {
        let mut replays = begun(&[("/a/x", 10), ("/a/*", 10)], false);
        assert_eq!(
            turns(&mut replays, &[(&[("/a/x", 20)], 25, true), (&[("/a/x", 20), ("/a/y", 21)], 21, false)], None),
            [20, 21]
        );
        // The first one is live already.
        assert!(passes(&mut replays, "/a/x", 30) && !passes(&mut replays, "/a/y", 31));
        assert_eq!(turns(&mut replays, &[(&[("/a/x", 30), ("/a/y", 31)], 31, true)], None), [31]);
        assert!(replays.is_empty());
    }

    #[test]
    fn the_next_page_waits_for_an_acknowledgement_and_an_unacknowledged_page_is_read_again_after_a_restart() {
        let mut replays = begun(&[("/a", 10)], false);
        assert_eq!(turns(&mut replays, &[(&[("/a", 20)], 20, false)], Some(7)), [20]);
        assert!(!replays.may_read(Millis(0)));
        let mut again = Replays::restored(replays.to_saved());
        assert!(again.holds_back() && again.may_read(Millis(0)));
        assert_eq!(
            again.wants(),
            [Want { pattern: pattern("/a"), retained: false, after: EventNumber(10), upto: Some(EventNumber(20)) }]
        );
        assert_eq!(turns(&mut again, &[(&[("/a", 20)], 20, true)], Some(65)), [20]);
        assert!(!again.may_read(Millis(0)) && again.acknowledge(7) && again.may_read(Millis(0)));
        let mut told = Replays::restored(replays.to_saved());
        assert!(told.acknowledge(7) && !told.holds_back());
        assert_eq!(told.wants()[0].after, EventNumber(20));
    }

    #[test]
    fn after_the_retained_values_no_further_page_is_read() {
        let mut replays = Replays::default();
        let start = Start { after: EventNumber(0), retained: Some(EventNumber(50)), floor: EventNumber(0) };
        replays.begin(pattern("/a/*"), start, true);
        assert!(!passes(&mut replays, "/a/x", 50) && passes(&mut replays, "/a/x", 51));
        assert_eq!(turns(&mut replays, &[(&[("/a/y", 20)], 50, true)], None), [20]);
        assert!(replays.is_empty());
    }

    #[test]
    fn events_deleted_before_the_replay_read_them_are_counted() {
        let mut replays = begun(&[("/a", 10)], false);
        let (wants, request) = (replays.wants(), replays.read());
        let read = Read { upto: EventNumber(99), complete: true, floor: EventNumber(60), events: 0 };
        assert_eq!(replays.take_page(request, &wants, &[read], Vec::new()), Some(50));
        assert_eq!(replays.take_page(request, &wants, &[read], Vec::new()), None);
    }
}
