//! From one life of the object to the next: what is saved about other objects, and where numbers continue.

use std::collections::BTreeSet;

use super::{Cluster, ClusterEffect, Context};
use crate::bayeux::persistence::{Note, Notes, Store, StoreError};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelPattern, EventNumber};

impl Cluster {
    /// Begins a life. `chance` sets its uplinks apart from those of every other life. Returns the number after which
    /// its events are numbered.
    pub fn begin_life(&mut self, now: Millis, chance: u64) -> EventNumber {
        self.uplinks.begin(now, chance);
        // Leaves a thousand numbers for each millisecond since 1970.
        self.since = EventNumber(now.0 << 10);
        self.since
    }

    /// Restores a note of an earlier life.
    fn restore_note(&mut self, now: Millis, note: &Note, text: &str) {
        match note {
            Note::Heard(owner) => self.restore_heard(now, owner, text),
            Note::Done(home) => self.restore_done(home, text),
            Note::RemoteHome(home) => self.restore_remote_home(now, home, text),
            Note::Tree(tree) => self.wildcards.restore_tree(tree, text),
            Note::Since => {
                // The next life's numbers must be higher even if its clock goes back: this leaves 16 million.
                let before: u64 = text.parse().unwrap_or_default();
                self.since = self.since.max(EventNumber(before + (1 << 24)));
            }
            Note::Registration => self.registration.restore(text),
            // Below, when all homes and trees are there.
            Note::Listener(..) | Note::Wildcards => (),
            // Not the cluster's. Each note is named here, so that no new one is forgotten.
            Note::Away | Note::Keys | Note::History | Note::PresenceUntold | Note::Points | Note::Member(..) => (),
        }
    }

    /// Restores the notes about other objects. Returns the number after which this life's events are numbered.
    pub fn restore_notes(&mut self, now: Millis, notes: &Notes) -> EventNumber {
        for (note, text) in notes.iter() {
            self.restore_note(now, note, text);
        }
        // These need all homes and trees restored first.
        for (note, text) in notes.iter() {
            match note {
                Note::Listener(key, pattern) => self.listens_from_afar(now, *key, pattern.clone()),
                Note::Wildcards => self.wildcards.restore_list(text),
                _ => (),
            }
        }
        self.restore_own_wildcards(now);
        self.since
    }

    /// A restored session is subscribed to this.
    pub fn restore_listening(&mut self, pattern: &ChannelPattern, strict: bool) {
        self.restore_interest(pattern, strict);
    }

    /// Gives rows of this version to homes that earlier versions stored as sessions. Returns whether all were written.
    pub fn adopt_home(
        &mut self,
        now: Millis,
        key: SessionKey,
        home: &str,
        strict: bool,
        patterns: BTreeSet<ChannelPattern>,
        store: &mut dyn Store,
    ) -> bool {
        let mut cx = Context { now, store, effects: Vec::new(), released: false };
        self.adopt(&mut cx, key, home, strict, patterns)
    }

    /// The number with which this life's events began.
    pub fn since(&self) -> EventNumber {
        self.since
    }

    /// The highest reserved event number.
    pub fn noted_since(&self) -> Option<EventNumber> {
        self.noted_since
    }

    /// Reserves event numbers up to this one and some more.
    ///
    /// # Errors
    /// The error of the store.
    pub fn note_since_at(&mut self, number: EventNumber, store: &mut dyn Store) -> Result<(), StoreError> {
        Note::Since.save(store, &number.0.to_string())?;
        self.noted_since = Some(number);
        Ok(())
    }

    /// Saves the reserved numbers before the first is used.
    pub(super) fn note_since(&mut self, cx: &mut Context) {
        if self.noted_since.is_none()
            && let Err(error) = self.note_since_at(self.since, cx.store)
        {
            cx.effects.push(ClusterEffect::StoreFailed(error));
        }
    }

    /// The same, where failure needs no reply.
    pub(super) fn note(&self, cx: &mut Context, note: &Note, text: Option<&str>) -> bool {
        let saved = match text {
            Some(text) => note.save(cx.store, text),
            None => note.forget(cx.store),
        };
        saved.map_err(|error| cx.effects.push(ClusterEffect::StoreFailed(error))).is_ok()
    }
}
