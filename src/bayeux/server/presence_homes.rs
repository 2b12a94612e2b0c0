//! As an owner: the members at other homes. Each has a row, so that this object knows them after it has slept.
//!
//! A home sends joins and leaves. Those that a crashed home could not send are found by asking it every two minutes. A
//! home that fails to answer three times in a row, within a minute, has vanished: its members leave until it answers
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::BayeuxServer;
use crate::bayeux::cluster::{ClusterInput, Members, MembersCall, PresenceEffect, PresenceInput, members_answer};
use crate::bayeux::delivery::{Member, Place};
use crate::bayeux::persistence::{Note, Notes};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::{ChannelId, ChannelPattern, Status};

/// How often a home is asked, and how soon again after a failure.
const ASK: Duration = Duration::from_secs(120);
const ASK_AGAIN: Duration = Duration::from_secs(30);

/// Failures in a row after which a home has vanished.
const VANISHED: u32 = 3;

/// The homes with members of this tree's channels.
#[derive(Debug, Default)]
pub(super) struct HomesPresent {
    by_key: BTreeMap<SessionKey, HomePresent>,
    /// When each is asked next.
    due: BTreeSet<(Millis, SessionKey)>,
}

#[derive(Debug, Default)]
struct HomePresent {
    channels: BTreeSet<ChannelId>,
    /// The version up to which its members are known.
    version: u64,
    /// The version up to which all its members are known: earlier changes say nothing new.
    whole: u64,
    failures: u32,
    due: Option<Millis>,
}

impl HomesPresent {
    pub fn due(&self) -> Option<Millis> {
        self.due.first().map(|(time, _)| *time)
    }

    /// A home has members in this channel.
    fn has(&mut self, home: SessionKey, channel: &ChannelId, first: Millis) -> &mut HomePresent {
        let due = &mut self.due;
        let present = self.by_key.entry(home).or_insert_with(|| {
            due.insert((first, home));
            HomePresent { due: Some(first), ..HomePresent::default() }
        });
        present.channels.insert(channel.clone());
        present
    }

    fn ask_at(&mut self, home: SessionKey, time: Millis) {
        let Some(present) = self.by_key.get_mut(&home) else { return };
        if let Some(before) = present.due.replace(time) {
            self.due.remove(&(before, home));
        }
        self.due.insert((time, home));
    }

    /// A home has no members there any more.
    fn left(&mut self, home: SessionKey, channel: &ChannelId) {
        let Some(present) = self.by_key.get_mut(&home) else { return };
        present.channels.remove(channel);
        if present.channels.is_empty()
            && let Some(due) = self.by_key.remove(&home).and_then(|present| present.due)
        {
            self.due.remove(&(due, home));
        }
    }
}

impl BayeuxServer {
    /// Takes changes and answers of other objects.
    pub(super) fn take_presence(&mut self, now: Millis, effect: PresenceEffect) {
        match effect {
            PresenceEffect::Changed { home, channel, version, changes } => {
                if !self.has_presence(&channel) {
                    return;
                }
                let present = self.presence.homes.has(home, &channel, now + ASK);
                if version <= present.whole {
                    return;
                }
                present.version = present.version.max(version);
                for (session, change) in changes {
                    self.take_change(now, &channel, Place { home: Some(home), session }, change);
                }
            }
            PresenceEffect::Watch { home, channel: watched, session } => {
                let Some(channel) = watched.presence().filter(|_| self.has_presence(&watched)) else { return };
                let event = self.whole(&channel, &watched);
                if event.is_some_and(|event| self.tell_listeners(now, &channel, &event, Some((home, session))).is_err())
                {
                    self.tell_everything(now, &watched);
                }
            }
            PresenceEffect::Recheck { home } => self.presence.homes.ask_at(home, now),
            PresenceEffect::Absent { home, channel } => {
                if self.presence.homes.by_key.contains_key(&home) {
                    self.all_go(now, home, &channel);
                    self.presence.homes.left(home, &channel);
                }
            }
            PresenceEffect::Forgotten { patterns } => self.tell_again(now, patterns),
            PresenceEffect::Asked { to, call } => {
                let answer = members_answer(&self.members_here(call));
                self.answer_call(to, Ok(answer));
            }
            PresenceEffect::Answered { home, call, members } => self.home_answered(now, home, &call, members),
            PresenceEffect::Who { to, channel } => {
                let whole = self.whole_of(&channel).map(|whole| whole.get().to_owned());
                self.answer_call(to, whole.ok_or(Status::Unavailable));
            }
            PresenceEffect::Told { asker, whole } => {
                let event = self.answer_who(&asker.id, whole.as_deref());
                self.give(now, Some(asker.session), &mut Vec::new(), event);
            }
        }
    }

    /// As a home: its members of these channels.
    fn members_here(&self, MembersCall { channels, have }: MembersCall) -> Members {
        let version = self.presence.version;
        if have == version {
            return Members { version, all: None };
        }
        let members = |channel: ChannelPattern| {
            let present = channel.channel().is_some_and(|channel| self.has_presence(&channel));
            let sessions = self.subscriptions.of(&channel).filter(|_| present);
            let members = sessions.map(|key| (key, self.member(key))).collect();
            (channel, members)
        };
        Members { version, all: Some(channels.into_iter().map(members).collect()) }
    }

    /// Asks the homes that are due.
    pub(super) fn ask_homes(&mut self, now: Millis) {
        while let Some(home) = pop_due(&mut self.presence.homes.due, now) {
            let Some(present) = self.presence.homes.by_key.get_mut(&home) else { continue };
            present.due = None;
            let channels = present.channels.iter().cloned().map(ChannelPattern::from).collect();
            let call = MembersCall { channels, have: present.version };
            self.cluster(now, ClusterInput::Presence(PresenceInput::AskHome { home, call }));
        }
    }

    fn home_answered(&mut self, now: Millis, home: SessionKey, call: &MembersCall, members: Option<Members>) {
        let Some(present) = self.presence.homes.by_key.get_mut(&home) else { return };
        let Some(Members { version, all }) = members else {
            present.failures += 1;
            let vanished = present.failures >= VANISHED;
            self.presence.homes.ask_at(home, now + if vanished { ASK } else { ASK_AGAIN });
            if vanished {
                self.vanished(now, home);
            }
            return;
        };
        // A change that came in the meantime is newer than this answer.
        let outdated = version < present.version;
        present.failures = 0;
        if !outdated {
            present.version = version;
        }
        if all.is_some() && !outdated {
            present.whole = version;
        }
        self.presence.homes.ask_at(home, now + if outdated { ASK_AGAIN } else { ASK });
        for (channel, members) in all.into_iter().flatten().filter(|_| !outdated) {
            if call.channels.contains(&channel)
                && let Some(channel) = channel.channel()
            {
                self.take_members(now, home, &channel, members);
            }
        }
    }

    /// Replaces the members of a home by these.
    fn take_members(&mut self, now: Millis, home: SessionKey, channel: &ChannelId, members: Vec<(SessionKey, Member)>) {
        let before = self.presence.rosters.get(channel).map(|roster| roster.of_home(Some(home))).unwrap_or_default();
        let there: BTreeSet<_> = members.iter().map(|(session, _)| *session).collect();
        for place in before.into_iter().filter(|place| !there.contains(&place.session)) {
            self.take_change(now, channel, place, None);
        }
        for (session, member) in members {
            self.take_change(now, channel, Place { home: Some(home), session }, Some(member));
        }
    }

    /// A home has vanished. It is still asked, and its members return when it answers.
    fn vanished(&mut self, now: Millis, home: SessionKey) {
        let Some(present) = self.presence.homes.by_key.get_mut(&home) else { return };
        (present.version, present.whole) = (0, 0);
        for channel in present.channels.clone() {
            self.all_go(now, home, &channel);
        }
    }

    fn all_go(&mut self, now: Millis, home: SessionKey, channel: &ChannelId) {
        let gone = self.presence.rosters.get(channel).map(|roster| roster.of_home(Some(home))).unwrap_or_default();
        gone.into_iter().for_each(|place| self.take_change(now, channel, place, None));
    }

    /// As a home: an owner has lost this home's members and watchers.
    fn tell_again(&mut self, now: Millis, patterns: Vec<ChannelPattern>) {
        for pattern in patterns {
            let Some(channel) = pattern.channel() else { continue };
            if let Some(watched) = channel.watched() {
                self.ask_for_whole(&watched, None);
            } else if self.has_presence(&channel) {
                let members = self.subscriptions.of(&pattern).map(|key| (key, Some(self.member(key)))).collect();
                let changed =
                    PresenceInput::Changed { channel, version: self.presence.next_version(now), changes: members };
                self.cluster(now, ClusterInput::Presence(changed));
            }
        }
    }

    /// Saves or deletes the row of a member at another home.
    pub(super) fn write_member(&mut self, channel: &ChannelId, place: Place<SessionKey>, member: Option<&Member>) {
        let Place { home: Some(home), session } = place else { return };
        let note = Note::Member(home, session, channel.clone());
        let written = match member {
            Some(member) => note.save(&mut *self.store, &serde_json::to_string(member).unwrap_or_default()),
            None => note.forget(&mut *self.store),
        };
        if let Err(error) = written {
            self.storage_failed(&error);
        }
    }

    /// Restores the members at other homes.
    pub(super) fn restore_members(&mut self, notes: &Notes) {
        let first = self.now() + ASK;
        for (note, text) in notes.iter() {
            let Note::Member(home, session, channel) = note else { continue };
            let member = serde_json::from_str(text).ok().filter(|_| self.has_presence(channel));
            match member.filter(|_| self.cluster.knows_home(*home)) {
                Some(member) => {
                    self.restore_member(channel, Place { home: Some(*home), session: *session }, member);
                    self.presence.homes.has(*home, channel, first);
                }
                None => {
                    if let Err(error) = note.forget(&mut *self.store) {
                        self.storage_failed(&error);
                    }
                }
            }
        }
    }
}
