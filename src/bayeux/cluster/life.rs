//! From one life of the object to the next: what is written down of others, and from where numbers go on.

use std::collections::BTreeSet;

use super::{Cluster, ClusterEffect, Context};
use crate::bayeux::persistence::{Note, Notes, Store, StoreError};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelPattern, EventNumber};

impl Cluster {
    /// A life begins: what it says must come after all that earlier ones said. `chance` sets its uplinks apart from
    /// those of every other life. The number after which its events are numbered.
    pub fn begin_life(&mut self, now: Millis, chance: u64) -> EventNumber {
        self.uplinks.begin(now, chance);
        // Room for a thousand events in each millisecond that the object has ever lived.
        self.since = EventNumber(now.0 << 10);
        self.since
    }

    /// A note of an earlier life.
    fn restore_note(&mut self, now: Millis, note: &Note, text: &str) {
        match note {
            Note::Heard(owner) => self.restore_heard(now, owner, text),
            Note::Done(home) => self.restore_done(home, text),
            Note::RemoteHome(home) => self.restore_remote_home(now, home, text),
            Note::Tree(tree) => self.wildcards.restore_tree(tree, text),
            Note::Since => {
                // The next life's numbers are to be higher, though its clock may go back. There is room for 16 million
                // events.
                let before: u64 = text.parse().unwrap_or_default();
                self.since = self.since.max(EventNumber(before + (1 << 24)));
            }
            Note::Registration => self.registration.restore(text),
            _ => (),
        }
    }

    /// The notes that speak of what others have said. The number after which this life's events are numbered.
    pub fn restore_notes(&mut self, now: Millis, notes: &Notes) -> EventNumber {
        for (note, text) in notes.iter() {
            self.restore_note(now, note, text);
        }
        // Those that only make sense when all homes and trees are known.
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

    /// A session here listens, that is of an earlier life.
    pub fn restore_listening(&mut self, pattern: &ChannelPattern, strict: bool) {
        self.restore_interest(pattern, strict);
    }

    /// Homes whose rows are those of earlier versions, which took them for sessions, get the rows of this one. Whether
    /// all could be written.
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

    /// The number that this life's events began with.
    pub fn since(&self) -> EventNumber {
        self.since
    }

    /// Up to where it is written down that numbers were given.
    pub fn noted_since(&self) -> Option<EventNumber> {
        self.noted_since
    }

    /// Writes down that numbers have come so far.
    ///
    /// # Errors
    /// The store's.
    pub fn note_since_at(&mut self, number: EventNumber, store: &mut dyn Store) -> Result<(), StoreError> {
        Note::Since.save(store, &number.0.to_string())?;
        self.noted_since = Some(number);
        Ok(())
    }

    /// Writes down which numbers this life has, before anyone hears of them.
    pub(super) fn note_since(&mut self, cx: &mut Context) {
        if self.noted_since.is_none()
            && let Err(error) = self.note_since_at(self.since, cx.store)
        {
            cx.effects.push(ClusterEffect::StoreFailed(error));
        }
    }

    /// Whether it is written down, where the caller has no one to tell.
    pub(super) fn note(&self, cx: &mut Context, note: &Note, text: Option<&str>) -> bool {
        let saved = match text {
            Some(text) => note.save(cx.store, text),
            None => note.forget(cx.store),
        };
        saved.map_err(|error| cx.effects.push(ClusterEffect::StoreFailed(error))).is_ok()
    }
}
