//! As an owner: keeps published events for replay.

use std::time::Duration;

use super::BayeuxServer;
use crate::bayeux::app::Application;
use crate::bayeux::delivery::{DedupKey, HistoryBounds};
use crate::bayeux::options::Options;
use crate::bayeux::persistence::{HistoryRow, Keeping, StoreError};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, Event, EventNumber, Kept};

/// How many numbers are reserved by one note. A crash skips at most these 16 million.
const NOTED_NUMBERS: u64 = 1 << 23;

/// The history rules of all channels.
pub(super) fn bounds_of<'a>(
    app: &'a Application,
    options: &'a Options,
) -> impl Fn(&ChannelId) -> Option<HistoryBounds> + 'a {
    |channel| app.history(channel).or_else(|| options.history.of(channel))
}

/// The longest time that any event is kept; none where some are kept without limit.
pub(super) fn longest_age(app: &Application, options: &Options) -> Option<Duration> {
    let of_options = if options.history.is_empty() { Some(Duration::ZERO) } else { options.history.longest_age() };
    let ages = app.histories().map(|(_, age)| age).chain([of_options]).collect::<Option<Vec<_>>>()?;
    ages.into_iter().max().filter(|age| !age.is_zero())
}

impl BayeuxServer {
    /// Whether any channel may keep events.
    pub(in crate::bayeux) fn keeps_history(&self) -> bool {
        let Self { app, options, .. } = self;
        !options.history.is_empty()
            || !options.retain.is_empty()
            || app.histories().next().is_some()
            || app.retained().next().is_some()
    }

    pub(super) fn keeping(&self, channel: &ChannelId) -> Keeping {
        let Self { app, options, .. } = self;
        let retain = app.retains(channel) || options.retain.iter().any(|pattern| pattern.matches(channel));
        Keeping { history: bounds_of(app, options)(channel), retain }
    }

    /// Whether a channel that matches keeps its events, and whether one retains its latest.
    pub(super) fn keeps_of(&self, pattern: &ChannelPattern) -> (bool, bool) {
        let Self { app, options, .. } = self;
        let overlaps = |kept: &ChannelPattern| kept.overlaps(pattern);
        let history = options.history.patterns().any(overlaps) || app.histories().any(|(kept, _)| overlaps(kept));
        (history, options.retain.iter().any(overlaps) || app.retained().any(overlaps))
    }

    /// As the channel's owner: numbers an event, and saves it where its channel keeps events.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`], and nobody receives it.
    pub(super) fn keep_for_later(
        &mut self,
        channel: &ChannelId,
        event: &Event,
        key: Option<DedupKey>,
    ) -> Result<(EventNumber, Option<Event>), BayeuxError> {
        let keeping = if self.keeps_history() { self.keeping(channel) } else { Keeping::default() };
        if keeping.is_nothing() {
            return Ok((self.journal.next_number(), None));
        }
        let number = self.history.number_after(self.journal.last());
        self.journal.never_again(number);
        self.note_numbers(number).unwrap_or_else(|error| drop(self.storage_failed(&error)));
        let at = self.time_outside();
        let row = HistoryRow { channel: channel.clone(), number, at, json: event.to_row() };
        let (first, most) = (self.cluster.since(), self.options.max_history_bytes);
        let Self { history, store, app, options, .. } = self;
        let life = (first, longest_age(app, options));
        let mut kept = history.keep(&row, keeping, key, life, &mut **store);
        if let (Ok(()), Some(bounds)) = (&kept, keeping.history) {
            kept = history.trim(at, channel, bounds, most, &mut **store);
        }
        kept.map_err(|error| self.storage_failed(&error))?;
        self.journal.saved_besides();
        Ok((number, Some(event.keep(Kept { number, at }))))
    }

    /// Numbers are never given twice, even if the clock goes back: the note has the highest number, for the next life.
    /// It is written before a client is told a number.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn note_numbers(&mut self, number: EventNumber) -> Result<(), StoreError> {
        if self.cluster.noted_since().is_none_or(|noted| noted.0 + NOTED_NUMBERS < number.0) {
            self.cluster.note_since_at(number, &mut *self.store)?;
        }
        Ok(())
    }

    /// Removes a saved event whose publish failed afterwards.
    pub(super) fn unkeep(&mut self, channel: &ChannelId, number: EventNumber) {
        if let Err(error) = self.history.unkeep(channel, number, &mut *self.store) {
            self.storage_failed(&error);
        }
    }

    /// The dedup keys of a channel's latest publishes, from an earlier life.
    pub(super) fn remember_keys(&mut self, now: Millis, channel: &ChannelId) {
        if self.history.is_empty() || !self.history.is_new(channel) || self.keeping(channel).history.is_none() {
            return;
        }
        let window = self.options.retry_window;
        let since = Millis(self.time_outside().0.saturating_sub(window.as_millis() as u64));
        match self.store.recent_keys(channel, since) {
            Ok(keys) => keys.into_iter().for_each(|key| self.was_taken(now, Some(key))),
            Err(error) => drop(self.storage_failed(&error)),
        }
    }

    /// Deletes events that have expired.
    pub(super) fn sweep_history(&mut self) {
        let at = self.time_outside();
        if self.history.due().is_none_or(|due| at < due) {
            return;
        }
        let Some(everything) = ChannelPattern::parse("/**") else { return };
        let Self { history, store, app, options, .. } = self;
        let longest = longest_age(app, options);
        let swept = history.sweep(at, &everything, &bounds_of(app, options), longest, &mut **store);
        if let Err(error) = swept {
            self.history.sweep_later(at);
            self.storage_failed(&error);
        }
    }

    /// When the next sweep is due.
    pub(super) fn next_history_sweep(&self, now: Millis) -> Option<Millis> {
        let left = self.history.due()?.0.saturating_sub(self.time_outside().0);
        Some(now + Duration::from_millis(left.max(1)))
    }
}
