//! The interests of remote homes, as an owner records them. A home has a row with its name and its number, by which
//! rows of events refer to it, and a row for each of its patterns.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::home_name::Home;
use super::messages::{Failure, to_json};
use super::presence_calls::PresenceEffect;
use super::{Cluster, Context};
use crate::bayeux::persistence::Note;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelPattern, EventNumber};

/// The row of a home.
#[derive(Serialize, Deserialize)]
struct SavedHome {
    key: SessionKey,
    #[serde(default)]
    strict: bool,
}

impl Cluster {
    /// Records a home's interest.
    pub(super) fn let_listen(
        &mut self,
        cx: &mut Context,
        key: SessionKey,
        patterns: impl IntoIterator<Item = ChannelPattern>,
        strict: bool,
    ) -> Result<(), Failure> {
        let Some(remote) = self.remote_homes.get_mut(key) else { return Err(Failure::Invalid) };
        remote.asked_since = true;
        let stricter = strict && !remote.strict;
        let new: Vec<_> = patterns.into_iter().filter(|pattern| !remote.patterns.contains(pattern)).collect();
        if !(remote.saved || new.is_empty()) || stricter {
            let (name, row) =
                (Note::RemoteHome(remote.home.to_string()), SavedHome { key, strict: strict || remote.strict });
            if !self.note(cx, &name, Some(&to_json(&row))) {
                return Err(Failure::Storage);
            }
            let Some(remote) = self.remote_homes.get_mut(key) else { return Err(Failure::Invalid) };
            (remote.saved, remote.strict) = (true, remote.strict || strict);
        }
        for pattern in new {
            if !self.note(cx, &Note::Listener(key, pattern.clone()), Some("1")) {
                return Err(Failure::Storage);
            }
            self.listens_from_afar(cx.now, key, pattern);
        }
        Ok(())
    }

    pub(super) fn listens_from_afar(&mut self, now: Millis, key: SessionKey, pattern: ChannelPattern) {
        let spans = self.spans(&pattern);
        let Some(remote) = self.remote_homes.get_mut(key) else { return };
        remote.patterns.insert(pattern.clone());
        if spans {
            self.remote_homes.spanning.insert(key);
        }
        self.remote_homes.subscriptions.add(pattern, key);
        self.remote_homes.review(now, key);
    }

    pub(super) fn stop_listening<'a>(
        &mut self,
        cx: &mut Context,
        key: SessionKey,
        patterns: impl IntoIterator<Item = &'a ChannelPattern>,
    ) -> Result<(), Failure> {
        let mut outcome = Ok(());
        for pattern in patterns {
            let Some(remote) = self.remote_homes.get_mut(key) else { return Ok(()) };
            if !remote.patterns.remove(pattern) {
                continue;
            }
            self.remote_homes.subscriptions.remove(pattern, key);
            if let Some(channel) = pattern.channel() {
                cx.present(PresenceEffect::Absent { home: key, channel });
            }
            if !self.note(cx, &Note::Listener(key, pattern.clone()), None) {
                outcome = Err(Failure::Storage);
            }
        }
        let Some(remote) = self.remote_homes.get_mut(key) else { return outcome };
        // A home without a row is known only in this life of the object: it publishes and has no interests.
        if remote.patterns.is_empty() && remote.saved {
            (remote.saved, remote.strict) = (false, false);
            let name = Note::RemoteHome(remote.home.to_string());
            if !self.note(cx, &name, None) {
                outcome = Err(Failure::Storage);
            }
        }
        self.remote_homes.review(cx.now, key);
        outcome
    }

    /// Ends a home's interests. The number of its last processed item is kept, so that retries
    /// are recognised.
    pub(super) fn silence(&mut self, cx: &mut Context, key: SessionKey) {
        self.has_heard(cx, key, EventNumber(u64::MAX));
        let Some(remote) = self.remote_homes.get(key) else { return };
        // Patterns that span trees are withdrawn by the root, which relies on this tree.
        let own: Vec<_> = remote.patterns.iter().filter(|pattern| !self.spans(pattern)).cloned().collect();
        // If the row stays, the home withdraws again.
        let _ = self.stop_listening(cx, key, &own);
    }

    pub(super) fn restore_remote_home(&mut self, now: Millis, home: &str, text: &str) {
        if let (Some(home), Ok(SavedHome { key, strict })) = (Home::named(home), serde_json::from_str(text)) {
            self.remote_homes.restored(now, key, home, strict);
        }
    }

    /// Gives rows of this version to a home that an earlier version stored as a session. Returns whether all were
    /// written.
    pub fn adopt(
        &mut self,
        cx: &mut Context,
        key: SessionKey,
        home: &str,
        strict: bool,
        patterns: BTreeSet<ChannelPattern>,
    ) -> bool {
        let Some(home) = Home::named(home) else { return true };
        self.remote_homes.restored(cx.now, key, home.clone(), strict);
        let mut saved = self.note(cx, &Note::RemoteHome(home.to_string()), Some(&to_json(&SavedHome { key, strict })));
        for pattern in patterns {
            saved &= self.note(cx, &Note::Listener(key, pattern.clone()), Some("1"));
            self.listens_from_afar(cx.now, key, pattern);
        }
        saved
    }
}
