//! Replays kept events, page by page.
//!
//! A page is read when its session can be sent something, and the next one after it was sent: a replay holds one page
//! in memory, and reads as fast as its client.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::BayeuxServer;
use crate::bayeux::delivery::{Read, Want, Weighed};
use crate::bayeux::metrics::Metrics;
use crate::bayeux::persistence::{History, HistoryRange, HistoryRow, STRIDE, StoreError};
use crate::bayeux::session::{Session, SessionKey};
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::{ChannelId, ChannelPattern, Event, Kept};

/// Most events and bytes of a page: quick to send, and small beside a Worker's 128 MB even for 100 clients at a time.
const PAGE_EVENTS: usize = 500;
const PAGE_BYTES: usize = 256 << 10;

/// Most pages that are held for clients that do not collect them: 16 MiB. Beyond that the oldest is dropped, and read
/// again when needed.
const MOST_PAGES: usize = 64;

/// The pause between two pages on one socket or stream, in which other sessions are served: 256 KiB in this time are 50
/// MB/s.
const BETWEEN_PAGES: Duration = Duration::from_millis(5);

/// Sessions that have something to read.
#[derive(Debug, Default)]
pub(in crate::bayeux) struct Replaying {
    look: BTreeSet<SessionKey>,
    resting: BTreeSet<(Millis, SessionKey)>,
    /// Sessions with a page that may not be sent yet, oldest first.
    pages: VecDeque<SessionKey>,
}

impl BayeuxServer {
    /// Removes receivers whose replay reads this event from the history, now or later.
    pub(super) fn leave_to_replays(&mut self, channel: &ChannelId, event: &Event, sessions: &mut Vec<SessionKey>) {
        let Some(Kept { number, .. }) = event.kept() else { return };
        sessions.retain(|key| {
            let Some(session) = self.sessions.get_mut(*key).filter(|session| !session.replays.is_empty()) else {
                return true;
            };
            let Session { replays, subscriptions, .. } = session;
            let otherwise = |named: &[&ChannelPattern]| {
                subscriptions.iter().any(|pattern| pattern.matches(channel) && !named.contains(&pattern))
            };
            let passes = replays.let_pass(channel, number, otherwise);
            if !passes {
                self.replaying.look.insert(*key);
            }
            passes
        });
    }

    /// As an owner: reads the next page of these wants. Returns how far each was read, and the events of all.
    ///
    /// # Errors
    /// The error of the store.
    pub(in crate::bayeux) fn read_wants(
        &mut self,
        wants: &[Want],
        most: usize,
    ) -> Result<(Vec<Read>, Vec<Event>), StoreError> {
        // A page tells up to where it reaches.
        self.note_numbers(self.journal.last())?;
        let (mut reads, mut events) = (Vec::new(), Vec::new());
        let mut bytes = PAGE_BYTES;
        for want in wants {
            let Want { pattern, retained, after, upto } = want;
            let (pattern, upto) = (pattern.clone(), upto.unwrap_or(self.journal.last()));
            let range = HistoryRange { pattern, after: *after, upto, events: most - events.len(), bytes };
            let page = if *retained {
                History::read_retained(&range, &*self.store)?
            } else {
                self.history.read(&range, &|channel| self.keeping(channel).history.is_none(), &*self.store)?
            };
            bytes = bytes.saturating_sub(page.rows.iter().map(|row| row.json.len()).sum());
            reads.push(Read { upto: page.upto, complete: page.complete, floor: page.floor, events: page.rows.len() });
            let row = |HistoryRow { number, at, json, .. }: HistoryRow| Event::kept_as(json, Kept { number, at });
            events.extend(page.rows.into_iter().map(row));
            if !page.complete || bytes == 0 || events.len() >= most {
                break;
            }
        }
        Ok((reads, events))
    }

    /// Reads the next page for sessions that can be sent it.
    pub(super) fn read_pages(&mut self, now: Millis) {
        while let Some(key) = pop_due(&mut self.replaying.resting, now) {
            self.replaying.look.insert(key);
        }
        for key in std::mem::take(&mut self.replaying.look) {
            if self.sessions.get(key).is_some_and(Session::is_open) {
                self.read_page(now, key);
            }
        }
    }

    /// When the next page may be read.
    pub(super) fn next_page_due(&self) -> Option<Millis> {
        self.replaying.resting.first().map(|(time, _)| *time)
    }

    /// Marks a session as having something to read.
    pub(in crate::bayeux) fn look_for_page(&mut self, key: SessionKey) {
        if self.sessions.get(key).is_some_and(|session| !session.replays.is_empty()) {
            self.replaying.look.insert(key);
        }
    }

    /// Reads a session's next page, if it is behind and has none.
    pub(in crate::bayeux) fn read_page(&mut self, now: Millis, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(key).filter(|session| session.replays.may_read(now)) else { return };
        let mut wants = session.replays.wants();
        let Some(pattern) = wants.first().map(|want| want.pattern.clone()) else { return };
        let request = session.replays.read();
        if !self.is_relayed(&pattern) {
            wants.retain(|want| !self.is_relayed(&want.pattern));
            return match self.read_wants(&wants, PAGE_EVENTS) {
                Ok((reads, events)) => self.page_was_read(now, key, request, &wants, &reads, events),
                Err(error) => {
                    self.storage_failed(&error);
                    self.page_failed(now, key, request);
                }
            };
        }
        self.ask_for_page(now, key, request, wants);
    }

    /// A page for a session was read.
    pub(in crate::bayeux) fn page_was_read(
        &mut self,
        now: Millis,
        key: SessionKey,
        request: u64,
        wants: &[Want],
        reads: &[Read],
        events: Vec<Event>,
    ) {
        Metrics::count(&mut self.metrics.replay_pages, "read", 1);
        if self.make_room(now, events.iter().map(Weighed::weight).sum()).is_err() {
            return self.page_failed(now, key, request);
        }
        let events: Vec<_> = events.into_iter().map(|event| Weighed::replayed(event, &self.budget)).collect();
        let taken = self.sessions.change(key, |session| session.replays.take_page(request, wants, reads, events));
        let Some(missing) = taken.flatten() else { return };
        if missing > 0 {
            self.missed(now, key, usize::try_from(missing / STRIDE).unwrap_or(usize::MAX).max(1));
        }
        self.bound_pages(key);
        match self.sessions.get(key) {
            Some(session) if session.is_ready() => drop(self.ready.insert(key)),
            // Events that came in the meantime are to be read too.
            Some(session) if !session.replays.has_page() => self.read_page(now, key),
            _ => (),
        }
        self.sessions.mark_changed(key);
    }

    /// Records a page that is held, and drops the oldest where there are too many.
    fn bound_pages(&mut self, key: SessionKey) {
        let Self { replaying: Replaying { pages, .. }, sessions, .. } = self;
        let waits = |key: &SessionKey| sessions.get(*key).is_some_and(|session| session.replays.has_page());
        if !waits(&key) {
            return;
        }
        if pages.len() >= MOST_PAGES {
            pages.retain(|other| *other != key && waits(other));
        }
        pages.push_back(key);
        if pages.len() > MOST_PAGES
            && let Some(oldest) = pages.pop_front()
        {
            sessions.change(oldest, |session| session.replays.discard_page());
        }
    }

    /// A page could not be read: tries again.
    pub(in crate::bayeux) fn page_failed(&mut self, now: Millis, key: SessionKey, request: u64) {
        Metrics::count(&mut self.metrics.replay_pages, "failed", 1);
        let failures = self.sessions.get_mut(key).and_then(|session| session.replays.failed(request));
        if let Some(failures) = failures {
            self.rest(key, now + crate::bayeux::cluster::pause(failures));
        }
    }

    fn rest(&mut self, key: SessionKey, until: Millis) {
        if self.sessions.get_mut(key).is_some_and(|session| session.replays.rest_until(until)) {
            self.replaying.resting.insert((until, key));
        }
    }

    /// Adds a session's page to what it is sent now.
    pub(in crate::bayeux) fn turn_page(&mut self, now: Millis, key: SessionKey) {
        let Some(session) = self.sessions.get(key).filter(|session| session.replays.has_page()) else { return };
        let stays_open = session.sink().is_some();
        if self.sessions.change(key, Session::turn_page) == Some(true) {
            self.sessions.mark_changed(key);
        }
        if stays_open {
            self.rest(key, now + BETWEEN_PAGES);
        }
    }
}
