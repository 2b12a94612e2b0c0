//! The rows of events that channels keep for replay.
//!
//! Two tables: one row for each kept event, by channel and number; one row for each channel that has dropped events or
//! retains its latest.

use super::store::StoreError;
use crate::bayeux::delivery::DedupKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelId, ChannelPattern, EventNumber};

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    pub channel: ChannelId,
    pub number: EventNumber,
    /// When it was published, in the time outside.
    pub at: Millis,
    pub json: String,
}

/// What is known of one channel's rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelSummary {
    pub events: usize,
    /// Of JSON.
    pub bytes: u64,
    /// When the oldest was published.
    pub oldest: Millis,
    /// Of the newest event, kept or retained.
    pub last: EventNumber,
    /// Events up to this one may be missing.
    pub floor: EventNumber,
}

/// Which rows are read: those after one number and up to another, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRange {
    pub pattern: ChannelPattern,
    pub after: EventNumber,
    pub upto: EventNumber,
    /// The most events, and the most bytes of them; the first one is read whatever its size.
    pub events: usize,
    pub bytes: usize,
}

/// What a channel may keep now: see `HistoryBounds`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    pub events: usize,
    /// Older events are dropped.
    pub since: Millis,
    pub bytes: u64,
}

type Result<T> = std::result::Result<T, StoreError>;

/// Keeps the rows of events for replay. The default methods keep none.
///
/// # Errors
/// Of all methods: nothing was written, or nothing can be read.
#[expect(clippy::missing_errors_doc, reason = "said once for all")]
pub trait HistoryStore {
    fn keep(&mut self, _row: &HistoryRow, _key: Option<DedupKey>) -> Result<()> {
        Ok(())
    }

    /// Takes a row back that was written for an event which then failed.
    fn unkeep(&mut self, _channel: &ChannelId, _number: EventNumber) -> Result<()> {
        Ok(())
    }

    /// The latest event of a channel, in place of the one before.
    fn retain(&mut self, _row: &HistoryRow, _floor: EventNumber) -> Result<()> {
        Ok(())
    }

    fn summary(&self, _channel: &ChannelId) -> Result<ChannelSummary> {
        Ok(ChannelSummary::default())
    }

    /// The number of the newest event that must be dropped, if any. The newest of all stays.
    fn cut(&self, _channel: &ChannelId, _cut: Cut) -> Result<Option<EventNumber>> {
        Ok(None)
    }

    /// Drops a channel's events up to this one, and remembers that they are missing.
    fn trim(&mut self, _channel: &ChannelId, _upto: EventNumber) -> Result<()> {
        Ok(())
    }

    /// Drops the oldest eighth of all events, and retained ones that are as old. Returns the number of the newest
    /// dropped event.
    fn trim_oldest(&mut self) -> Result<EventNumber> {
        Ok(EventNumber::default())
    }

    /// Kept events that match.
    fn history(&self, _range: &HistoryRange) -> Result<Vec<HistoryRow>> {
        Ok(Vec::new())
    }

    /// Retained events that match.
    fn retained(&self, _range: &HistoryRange) -> Result<Vec<HistoryRow>> {
        Ok(Vec::new())
    }

    /// The highest floor of the channels that match.
    fn floor(&self, _pattern: &ChannelPattern) -> Result<EventNumber> {
        Ok(EventNumber::default())
    }

    /// The first channels with kept events that match, after this one in the order of names.
    fn channels(&self, _pattern: &ChannelPattern, _after: &str, _most: usize) -> Result<Vec<ChannelId>> {
        Ok(Vec::new())
    }

    /// The keys of a channel's latest publishes.
    fn recent_keys(&self, _channel: &ChannelId, _since: Millis) -> Result<Vec<DedupKey>> {
        Ok(Vec::new())
    }

    /// Whether there is any row.
    fn keeps_anything(&self) -> Result<bool> {
        Ok(false)
    }

    /// Bytes of all rows, as far as the storage tells.
    fn size(&self) -> Result<u64> {
        Ok(0)
    }
}
