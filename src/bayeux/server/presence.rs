//! Presence: the members of channels that `PRESENCE` names.
//!
//! ```text
//! → [{"channel":"/meta/subscribe","subscription":["/chat/a","/chat/a/$presence"], …}]
//! ← [{"channel":"/chat/a/$presence","data":{"count":1,"members":{"alice":[{"session":"17"}]}}}]
//! ← [{"channel":"/chat/a/$presence","data":{"count":2,"joins":{"bob":[{"session":"18"}]},"leaves":{}}}]
//! ```
//!
//! * A member is a session that is subscribed to the channel by its exact name. It stays one while its client is away.
//! * Members are grouped by user: the application's attribute `presence`, else the token's claim `sub`, else the
//!   session itself.
//! * The tree's owner gathers changes for a second, and publishes them as one event. A new watcher is sent all members
//!   first.
//! * A note marks changes as unpublished, from the first one until all are published and saved. Where a restart finds
//!   the note, every watcher is sent all members again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::value::RawValue;

use super::BayeuxServer;
use super::presence_homes::HomesPresent;
use super::presence_member::{PRESENCE, shown};
use crate::bayeux::auth::CLAIMS;
use crate::bayeux::cluster::{ClusterInput, PresenceInput};
use crate::bayeux::delivery::{Member, Place, Roster};
use crate::bayeux::limits::Budget;
use crate::bayeux::persistence::{Note, Notes};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::{Millis, pop_due};
use crate::bayeux::wire::{ChannelId, ChannelPattern, Event, Realm};

/// How long changes are gathered, from the first one on.
const GATHER: Duration = Duration::from_secs(1);

/// How long it takes at most until everything that was published is saved: events get their rows within a second.
const SETTLE: Duration = Duration::from_secs(3);

/// The part of `MAX_MEMORY` that members may take. Members beyond that are not shown.
const PART: usize = 4;

#[derive(Debug)]
pub(in crate::bayeux) struct Presence {
    pub(super) rosters: BTreeMap<ChannelId, Roster<SessionKey>>,
    /// When the changes of a channel are published.
    due: BTreeSet<(Millis, ChannelId)>,
    gathering: BTreeSet<ChannelId>,
    /// Watchers of other owners' channels who have not been sent all members yet.
    pub(super) awaiting: BTreeSet<(ChannelId, SessionKey)>,
    pub(super) homes: HomesPresent,
    /// The version of this home's next change: higher than all earlier ones, also those of earlier lives.
    pub(super) version: u64,
    /// When all changes will be published and saved, as far as is known now.
    unsettled: Option<Millis>,
    /// An earlier life may have left changes unpublished.
    recover: bool,
    pub(super) budget: Budget,
}

impl Presence {
    pub fn within(budget: &Budget) -> Self {
        Self {
            rosters: BTreeMap::new(),
            due: BTreeSet::new(),
            gathering: BTreeSet::new(),
            awaiting: BTreeSet::new(),
            homes: HomesPresent::default(),
            version: 0,
            unsettled: None,
            recover: false,
            budget: budget.part(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rosters.is_empty() && self.unsettled.is_none()
    }

    pub fn due(&self) -> Option<Millis> {
        let first = self.due.first().map(|(time, _)| *time);
        [first, self.unsettled, self.homes.due()].into_iter().flatten().min()
    }

    pub(super) fn begin_life(&mut self, now: Millis) {
        self.version = now.0 << 10;
    }

    pub(super) fn next_version(&mut self, now: Millis) -> u64 {
        self.version = (self.version + 1).max(now.0 << 10);
        self.version
    }

    /// Whether this session has yet to be sent all members, so that changes would mean nothing to it.
    pub(super) fn awaits_whole(&self, channel: &ChannelId, session: SessionKey) -> bool {
        !self.awaiting.is_empty() && self.awaiting.contains(&(channel.clone(), session))
    }

    pub(super) fn gather(&mut self, now: Millis, channel: &ChannelId) {
        if self.gathering.insert(channel.clone()) {
            self.due.insert((now + GATHER, channel.clone()));
        }
    }
}

impl BayeuxServer {
    /// Whether any channel has presence.
    pub(super) fn keeps_presence(&self) -> bool {
        !self.options.presence.is_empty() || self.app.has_any_presence()
    }

    /// Whether this channel has presence.
    pub(super) fn has_presence(&self, channel: &ChannelId) -> bool {
        channel.realm() == Realm::Broadcast
            && channel.watched().is_none()
            && (self.options.presence.iter().any(|pattern| pattern.matches(channel)) || self.app.has_presence(channel))
    }

    pub(super) fn owns(&self, channel: &ChannelId) -> bool {
        self.cluster.owner_of(channel) == self.home
    }

    /// A session subscribed: it may be a member or a watcher now.
    pub(super) fn comes(&mut self, pattern: &ChannelPattern, key: SessionKey) {
        if !self.keeps_presence() {
            return;
        }
        let Some(channel) = pattern.channel() else { return };
        if let Some(watched) = channel.watched() {
            self.begins_to_watch(&channel, &watched, key);
        } else if self.has_presence(&channel) {
            let member = self.member(key);
            self.change_presence(&channel, key, Some(member));
        }
    }

    /// A session unsubscribed.
    pub(super) fn goes(&mut self, pattern: &ChannelPattern, key: SessionKey) {
        if !self.keeps_presence() {
            return;
        }
        let Some(channel) = pattern.channel() else { return };
        if self.has_presence(&channel) {
            self.change_presence(&channel, key, None);
        } else {
            self.presence.awaiting.remove(&(channel, key));
        }
    }

    /// A session attribute has changed.
    pub(super) fn shows_anew(&mut self, key: SessionKey, attribute: &str) {
        if ![PRESENCE, CLAIMS].contains(&attribute) || !self.keeps_presence() {
            return;
        }
        let Some(session) = self.sessions.get(key) else { return };
        let channels = session.subscriptions.iter().filter_map(ChannelPattern::channel);
        let channels: Vec<_> = channels.filter(|channel| self.has_presence(channel)).collect();
        for channel in channels {
            let member = self.member(key);
            self.change_presence(&channel, key, Some(member));
        }
    }

    fn change_presence(&mut self, channel: &ChannelId, key: SessionKey, change: Option<Member>) {
        let now = self.now();
        if self.owns(channel) {
            return self.take_change(now, channel, Place { home: None, session: key }, change);
        }
        self.unsettle(now);
        let (channel, version) = (channel.clone(), self.presence.next_version(now));
        let changed = PresenceInput::Changed { channel, version, changes: vec![(key, change)] };
        self.cluster(now, ClusterInput::Presence(changed));
    }

    /// As the owner: a member joined, changed or left.
    pub(super) fn take_change(
        &mut self,
        now: Millis,
        channel: &ChannelId,
        place: Place<SessionKey>,
        change: Option<Member>,
    ) {
        let known = self.presence.rosters.get(channel).and_then(|roster| roster.get(place));
        if known == change.as_ref() {
            return;
        }
        let size = change.as_ref().map_or(0, Member::size);
        if size > 0 && !self.has_room_for_member(size) {
            return;
        }
        self.write_member(channel, place, change.as_ref());
        let charge = self.presence.budget.charge(size);
        let roster = self.presence.rosters.entry(channel.clone()).or_default();
        match change {
            Some(member) => roster.come(place, member, charge),
            None => roster.go(place),
        }
        self.presence.gather(now, channel);
        self.unsettle(now);
    }

    fn has_room_for_member(&self, size: usize) -> bool {
        let most = self.options.max_memory;
        self.presence.budget.used() + size <= most / PART && self.memory() + size <= most
    }

    /// A restored session is a member of its channels: watchers were told in an earlier life.
    pub(super) fn was_there(&mut self, pattern: &ChannelPattern, key: SessionKey) {
        let Some(channel) = pattern.channel().filter(|channel| self.keeps_presence() && self.has_presence(channel))
        else {
            return;
        };
        if self.owns(&channel) {
            let member = self.member(key);
            self.restore_member(&channel, Place { home: None, session: key }, member);
        }
    }

    pub(super) fn restore_member(&mut self, channel: &ChannelId, place: Place<SessionKey>, member: Member) {
        let size = member.size();
        if self.has_room_for_member(size) {
            let (charge, most) = (self.presence.budget.charge(size), self.options.max_presence);
            self.presence.rosters.entry(channel.clone()).or_default().restore(place, member, charge, most);
        }
    }

    /// What watchers see of a session.
    pub(super) fn member(&self, key: SessionKey) -> Member {
        self.sessions.get(key).map(|session| shown(&session.attributes)).unwrap_or_default()
    }

    /// Marks changes as unpublished or unsaved.
    pub(super) fn unsettle(&mut self, now: Millis) {
        if self.presence.unsettled.is_none()
            && let Err(error) = Note::PresenceUntold.save(&mut *self.store, "1")
        {
            self.storage_failed(&error);
        }
        self.presence.unsettled = Some(now + SETTLE);
    }

    /// As a home: an event of the owner carries presence, which is not saved for the watchers yet.
    pub(super) fn unsettle_watchers(&mut self, now: Millis, channel: &ChannelId) {
        if channel.watched().is_some() {
            self.unsettle(now);
        }
    }

    /// Publishes gathered changes, and asks homes for their members.
    pub(super) fn tell_presence(&mut self, now: Millis) {
        while let Some(watched) = pop_due(&mut self.presence.due, now) {
            self.presence.gathering.remove(&watched);
            self.tell_changes(now, &watched);
        }
        self.ask_homes(now);
        if self.presence.unsettled.is_some_and(|until| until <= now) {
            self.settle_presence(now);
        }
    }

    fn tell_changes(&mut self, now: Millis, watched: &ChannelId) {
        let most = self.options.max_presence;
        let Some(roster) = self.presence.rosters.get_mut(watched) else { return };
        let news = roster.news(most);
        if roster.is_empty() {
            self.presence.rosters.remove(watched);
        }
        let news = news.and_then(|news| RawValue::from_string(news).ok());
        let (Some(news), Some(channel)) = (news, watched.presence()) else { return };
        let event = Event::of_server(&channel, &news, &self.stamp);
        if self.tell_listeners(now, &channel, &event, None).is_err() {
            self.tell_everything(now, watched);
        }
        self.unsettle(now);
    }

    /// Deletes the note if everything is published and saved; otherwise looks again later.
    fn settle_presence(&mut self, now: Millis) {
        let on_its_way = self.cluster.is_telling();
        if !on_its_way {
            // The questions or their answers were lost: asks again.
            let awaiting: Vec<_> = self.presence.awaiting.iter().cloned().collect();
            for (channel, session) in awaiting {
                if let Some(watched) = channel.watched() {
                    self.ask_for_whole(&watched, Some(session));
                }
            }
        }
        if on_its_way || !self.presence.awaiting.is_empty() || !self.presence.gathering.is_empty() {
            self.presence.unsettled = Some(now + SETTLE);
            return;
        }
        match Note::PresenceUntold.forget(&mut *self.store) {
            Ok(()) => self.presence.unsettled = None,
            Err(error) => {
                self.storage_failed(&error);
                self.presence.unsettled = Some(now + SETTLE);
            }
        }
    }

    pub(super) fn restore_presence(&mut self, notes: &Notes) {
        self.presence.recover = notes.get(&Note::PresenceUntold).is_some();
        self.restore_members(notes);
    }

    /// The last life may have left changes unpublished: sends all members to all watchers again, and owners ask homes
    /// for their members.
    pub(super) fn recover_presence(&mut self, now: Millis) {
        if !std::mem::take(&mut self.presence.recover) {
            return;
        }
        self.presence.unsettled = Some(now + SETTLE);
        let watched_here = self.watched_here();
        let from_afar: Vec<_> = self.cluster.channels_of_homes().filter_map(|channel| channel.watched()).collect();
        for watched in watched_here.iter().chain(&from_afar) {
            if self.owns(watched) {
                self.tell_everything(now, watched);
            }
        }
        for watched in watched_here.iter().filter(|watched| !self.owns(watched)).cloned().collect::<Vec<_>>() {
            self.ask_for_whole(&watched, None);
        }
        let here: Vec<_> = self.subscriptions.after(None).filter_map(|(pattern, _)| pattern.channel()).collect();
        let elsewhere = here.into_iter().filter(|channel| self.has_presence(channel) && !self.owns(channel));
        let owners: BTreeMap<_, _> = elsewhere.map(|channel| (self.cluster.owner_of(&channel), channel)).collect();
        for channel in owners.into_values() {
            self.cluster(now, ClusterInput::Presence(PresenceInput::Recheck { channel }));
        }
    }
}
