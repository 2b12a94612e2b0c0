//! The events that the channels of a tree keep for replay.
//!
//! The store keeps the rows; this file decides on them: the numbers, the bounds, and the numbers that a client may
//! begin after. A number is the tree's own event number, so one number is a cursor for a pattern like `/chat/**` too.
//! It is never given twice.
//!
//! Divided by [`STRIDE`], the numbers of all kept events of a tree leave the same remainder, taken from the tree's
//! name. So a number of another tree is recognised. A channel drops events in ranges of an eighth of what it keeps, not
//! one by one; before it is read it drops everything past its bounds.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::history_store::{ChannelSummary, Cut, HistoryRange, HistoryRow};
use super::notes::Note;
use super::store::{Store, StoreError};
use crate::bayeux::delivery::{DedupKey, HistoryBounds};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelId, ChannelPattern, EventNumber};

/// Only every 128th number can be a kept event's. A life has 1,000 numbers a millisecond, so 8,000 kept events a
/// second.
pub const STRIDE: u64 = 128;

/// Channels whose bounds are cached: at 200 bytes each, 2 MB.
const MOST_KNOWN: usize = 10_000;

/// In a replay of a pattern with more channels than this, events past the bounds may be included.
const MOST_TRIMMED: usize = 256;

/// How many channels one step of a sweep looks at.
const SWEPT_AT_ONCE: usize = 500;

/// The pause between sweeps where no event expires.
const RARELY: Duration = Duration::from_secs(7 * 86_400);

/// The pause after a sweep that failed.
const SOON: Duration = Duration::from_secs(60);

/// What an owner knows of its tree's history.
#[derive(Debug, Default)]
pub struct History {
    /// The tag of this tree's numbers.
    tag: u64,
    noted: Option<Noted>,
    channels: BTreeMap<ChannelId, ChannelSummary>,
    /// Bytes that came since the total size was last read.
    bytes: u64,
    /// The channel after which the sweep under way goes on.
    sweeping: Option<ChannelId>,
}

/// The note of a tree's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    /// The first number that a client can have.
    begin: EventNumber,
    /// Events up to this one may be missing in any channel.
    floor: EventNumber,
    /// When the next sweep is due, ms since the epoch.
    sweep: u64,
}

/// How an event is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    pub history: Option<HistoryBounds>,
    pub retain: bool,
}

/// Why there is no replay after a number.
#[derive(Debug, PartialEq, Eq)]
pub enum ReplayRefused {
    NotKept,
    Storage(StoreError),
}

impl From<StoreError> for ReplayRefused {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

/// Events that were read, and how far.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HistoryPage {
    pub rows: Vec<HistoryRow>,
    /// The page has everything up to here.
    pub upto: EventNumber,
    /// Events up to here may be missing, where that is more than was asked for.
    pub floor: EventNumber,
    /// Whether the page reaches the end that was asked for.
    pub complete: bool,
}

impl Keeping {
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl History {
    /// Of the tree of this name.
    pub fn of(name: &str) -> Self {
        // Any hash does; this one is stable (FNV-1a).
        let hash = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { tag: hash % STRIDE, ..Self::default() }
    }

    pub fn restore(&mut self, text: &str) {
        self.noted = serde_json::from_str(text).ok();
    }

    /// The next number after this one that a kept event may have.
    pub fn number_after(&self, EventNumber(last): EventNumber) -> EventNumber {
        let next = last + 1;
        EventNumber(next + (self.tag + STRIDE - next % STRIDE) % STRIDE)
    }

    /// The highest number up to this one that a kept event may have.
    fn number_before(&self, EventNumber(last): EventNumber) -> EventNumber {
        EventNumber(last.saturating_sub((last % STRIDE + STRIDE - self.tag) % STRIDE))
    }

    /// Whether any event may be kept here.
    pub fn is_empty(&self) -> bool {
        self.noted.is_none()
    }

    /// When [`History::sweep`] has something to do, in the time outside.
    pub fn due(&self) -> Option<Millis> {
        self.noted.as_ref().map(|noted| Millis(noted.sweep))
    }

    /// A sweep failed, and is tried again in a while.
    pub fn sweep_later(&mut self, at: Millis) {
        if let Some(noted) = &mut self.noted {
            noted.sweep = (at + SOON).0;
        }
    }

    /// Writes down the first number, before any client reads one. `first` is the number that this life began with.
    fn begin(
        &mut self,
        at: Millis,
        first: EventNumber,
        age: Option<Duration>,
        store: &mut dyn Store,
    ) -> Result<Noted, StoreError> {
        if let Some(noted) = self.noted {
            return Ok(noted);
        }
        let sweep = at + age.unwrap_or(RARELY);
        let noted = Noted { begin: self.number_before(first), floor: EventNumber::default(), sweep: sweep.0 };
        self.note(noted, store)?;
        Ok(noted)
    }

    fn note(&mut self, noted: Noted, store: &mut dyn Store) -> Result<(), StoreError> {
        Note::History.save(store, &serde_json::to_string(&noted).unwrap_or_default())?;
        self.noted = Some(noted);
        Ok(())
    }

    /// Keeps an event, before anyone receives it.
    pub fn keep(
        &mut self,
        row: &HistoryRow,
        keeping: Keeping,
        key: Option<DedupKey>,
        (first, longest): (EventNumber, Option<Duration>),
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        self.begin(row.at, first, longest, store)?;
        let mut summary = self.summary(&row.channel, store)?;
        if keeping.history.is_some() {
            store.keep(row, key)?;
        }
        if keeping.retain {
            // A retained event alone counts as kept since the one before it.
            let floor = if keeping.history.is_some() { summary.floor } else { summary.last };
            if let Err(error) = store.retain(row, floor) {
                if keeping.history.is_some() {
                    store.unkeep(&row.channel, row.number)?;
                }
                return Err(error);
            }
            summary.floor = floor;
        }
        summary.last = row.number;
        if keeping.history.is_some() {
            summary.oldest = if summary.events == 0 { row.at } else { summary.oldest };
            summary.events += 1;
            summary.bytes += row.json.len() as u64;
        }
        self.bytes += row.json.len() as u64;
        self.know(row.channel.clone(), summary);
        Ok(())
    }

    /// Takes back an event whose publish failed after all.
    pub fn unkeep(
        &mut self,
        channel: &ChannelId,
        number: EventNumber,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        self.channels.remove(channel);
        store.unkeep(channel, number)
    }

    fn know(&mut self, channel: ChannelId, summary: ChannelSummary) {
        if self.channels.len() >= MOST_KNOWN {
            self.channels.clear();
        }
        self.channels.insert(channel, summary);
    }

    fn summary(&self, channel: &ChannelId, store: &dyn Store) -> Result<ChannelSummary, StoreError> {
        match self.channels.get(channel) {
            Some(summary) => Ok(*summary),
            None => store.summary(channel),
        }
    }

    /// Whether nothing is known of this channel yet in this life.
    pub fn is_new(&self, channel: &ChannelId) -> bool {
        !self.channels.contains_key(channel)
    }

    /// Drops a range of a channel's events once it is past its bounds by an eighth, and the oldest of all channels past
    /// `most` bytes.
    pub fn trim(
        &mut self,
        at: Millis,
        channel: &ChannelId,
        bounds: HistoryBounds,
        most: u64,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        if self.bytes > most / 64 {
            self.bytes = 0;
            if store.size()? > most {
                let floor = store.trim_oldest()?;
                self.channels.clear();
                if let Some(noted) = self.noted {
                    self.note(Noted { floor: floor.max(noted.floor), ..noted }, store)?;
                }
            }
        }
        let summary = self.summary(channel, store)?;
        let HistoryBounds { events, age, bytes } = bounds;
        let late = age.is_some_and(|age| summary.oldest + age + age / 8 < at);
        let large = bytes.is_some_and(|bytes| summary.bytes > bytes + bytes / 8);
        if summary.events > events + events / 8 || late || large {
            self.trim_now(at, channel, bounds, store)?;
        }
        Ok(())
    }

    /// Drops a channel's events past its bounds.
    fn trim_now(
        &mut self,
        at: Millis,
        channel: &ChannelId,
        bounds: HistoryBounds,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        let since = bounds.age.map_or(Millis::default(), |age| Millis(at.0.saturating_sub(age.as_millis() as u64)));
        let cut = Cut { events: bounds.events, since, bytes: bounds.bytes.unwrap_or(u64::MAX) };
        if let Some(upto) = store.cut(channel, cut)? {
            store.trim(channel, upto)?;
            self.channels.remove(channel);
        }
        Ok(())
    }

    /// Drops events past the bounds of a pattern's channels, so that they are not read any more.
    fn trim_matching(
        &mut self,
        at: Millis,
        pattern: &ChannelPattern,
        bounds: &dyn Fn(&ChannelId) -> Option<HistoryBounds>,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        for channel in store.channels(pattern, "", MOST_TRIMMED)? {
            if let Some(bounds) = bounds(&channel) {
                self.trim_now(at, &channel, bounds, store)?;
            }
        }
        Ok(())
    }

    /// The number after which only new events come, for a client to begin at. `last` is the newest event.
    pub fn cursor(
        &mut self,
        at: Millis,
        (first, last): (EventNumber, EventNumber),
        longest: Option<Duration>,
        store: &mut dyn Store,
    ) -> Result<EventNumber, StoreError> {
        self.begin(at, first, longest, store)?;
        Ok(self.number_before(last))
    }

    /// The lowest number after which nothing is missing, of all channels that match.
    fn floor(&self, pattern: &ChannelPattern, store: &dyn Store) -> Result<EventNumber, StoreError> {
        let Some(Noted { begin, floor, .. }) = self.noted else { return Ok(EventNumber(u64::MAX)) };
        Ok(store.floor(pattern)?.max(begin).max(floor))
    }

    /// Where a replay of everything begins: the number to read after, and the number to tell the client. The latter is
    /// none for a pattern whose channels have dropped different ranges.
    pub fn all(
        &mut self,
        at: Millis,
        pattern: &ChannelPattern,
        bounds: &dyn Fn(&ChannelId) -> Option<HistoryBounds>,
        store: &mut dyn Store,
    ) -> Result<(EventNumber, Option<EventNumber>), StoreError> {
        self.trim_matching(at, pattern, bounds, store)?;
        let floor = self.floor(pattern, store)?;
        if ChannelId::parse(pattern.as_str()).is_some() {
            return Ok((floor, Some(floor)));
        }
        // Channels have dropped different ranges.
        let begin = self.noted.map_or(floor, |noted| noted.begin.max(noted.floor));
        Ok((EventNumber::default(), Some(begin).filter(|begin| *begin == floor)))
    }

    /// Whether all events after this number are kept.
    pub fn admits(
        &mut self,
        at: Millis,
        pattern: &ChannelPattern,
        after: EventNumber,
        last: EventNumber,
        bounds: &dyn Fn(&ChannelId) -> Option<HistoryBounds>,
        store: &mut dyn Store,
    ) -> Result<(), ReplayRefused> {
        let given = after <= last && after.0 % STRIDE == self.tag;
        if given {
            self.trim_matching(at, pattern, bounds, store)?;
        }
        if given && self.floor(pattern, store)? <= after { Ok(()) } else { Err(ReplayRefused::NotKept) }
    }

    /// One page of what is kept. `alone` tells of a channel whether it is retained without having a history.
    pub fn read(
        &self,
        range: &HistoryRange,
        alone: &dyn Fn(&ChannelId) -> bool,
        store: &dyn Store,
    ) -> Result<HistoryPage, StoreError> {
        let mut rows = store.history(range)?;
        let history_ends = ends(&rows, range);
        let mut retained = store.retained(range)?;
        let retained_ends = ends(&retained, range);
        retained.retain(|row| alone(&row.channel));
        rows.extend(retained);
        rows.sort_by_key(|row| row.number);
        let upto = history_ends.unwrap_or(range.upto).min(retained_ends.unwrap_or(range.upto));
        rows.retain(|row| row.number <= upto);
        let floor = self.floor(&range.pattern, store)?;
        Ok(HistoryPage { rows, upto, floor, complete: history_ends.is_none() && retained_ends.is_none() })
    }

    /// One page of what is retained.
    pub fn read_retained(range: &HistoryRange, store: &dyn Store) -> Result<HistoryPage, StoreError> {
        let rows = store.retained(range)?;
        let ends = ends(&rows, range);
        let upto = ends.unwrap_or(range.upto);
        Ok(HistoryPage { rows, upto, floor: EventNumber::default(), complete: ends.is_none() })
    }

    /// Drops events that are too old, [`SWEPT_AT_ONCE`] channels at a time. When nothing is left, the note goes too.
    pub fn sweep(
        &mut self,
        at: Millis,
        everything: &ChannelPattern,
        bounds: &dyn Fn(&ChannelId) -> Option<HistoryBounds>,
        longest: Option<Duration>,
        store: &mut dyn Store,
    ) -> Result<(), StoreError> {
        let Some(noted) = self.noted.filter(|noted| noted.sweep <= at.0) else { return Ok(()) };
        let from = self.sweeping.take();
        let channels = store.channels(everything, from.as_ref().map_or("", ChannelId::as_str), SWEPT_AT_ONCE)?;
        for channel in &channels {
            // No rule keeps this channel any more.
            let gone = HistoryBounds { events: 0, age: Some(Duration::ZERO), bytes: None };
            let bounds = bounds(channel).unwrap_or(gone);
            self.trim_now(at, channel, bounds, store)?;
        }
        if channels.len() == SWEPT_AT_ONCE {
            self.sweeping = channels.last().cloned();
            return Ok(());
        }
        if store.keeps_anything()? {
            return self.note(Noted { sweep: (at + longest.unwrap_or(RARELY)).0, ..noted }, store);
        }
        Note::History.forget(store)?;
        self.noted = None;
        self.channels.clear();
        Ok(())
    }
}

/// The number of the last row, where more may follow.
fn ends(rows: &[HistoryRow], range: &HistoryRange) -> Option<EventNumber> {
    let bytes: usize = rows.iter().map(|row| row.json.len()).sum();
    let full = rows.len() >= range.events || bytes >= range.bytes;
    rows.last().filter(|_| full).map(|row| row.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_numbers_increase_and_have_the_remainder_of_their_tree() {
        let (a, b) = (History::of("/a"), History::of("/b"));
        assert_ne!(a.tag, b.tag);
        for last in [0, 1, 127, 128, 129, 1_740_800_000_000_000] {
            let next = a.number_after(EventNumber(last));
            assert!(last < next.0 && next.0 <= last + STRIDE && next.0 % STRIDE == a.tag, "{last} {next:?}");
            assert_eq!(a.number_before(next), next);
            assert_eq!(a.number_before(EventNumber(next.0 + STRIDE - 1)), next);
        }
    }
}
