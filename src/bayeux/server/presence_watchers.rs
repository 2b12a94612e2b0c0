//! Watchers of presence: the owner sends each all members first, then the changes.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::BayeuxServer;
use super::checked_message::Checked;
use crate::bayeux::cluster::{Asker, ClusterInput, Home, PresenceInput};
use crate::bayeux::delivery::Roster;
use crate::bayeux::session::{Client, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, Denial, Event, Message, MessageId, Operation};

/// The data of a call to `/service/presence`.
#[derive(Deserialize)]
struct PresenceRequest {
    channel: String,
}

impl BayeuxServer {
    /// # Errors
    /// The denial: members are told to whoever may subscribe, within the rules and claims about `presence`.
    pub(in crate::bayeux) fn may_watch(
        &mut self,
        client: &Client,
        watched: &ChannelId,
        message: &Message,
    ) -> Result<(), BayeuxError> {
        if !self.has_presence(watched) {
            return Err(BayeuxError::Denied(Operation::Presence, Denial::because("no_presence")));
        }
        let name: ChannelPattern = watched.clone().into();
        self.check_access(client, Operation::Subscribe, &name)?;
        self.check_access(client, Operation::Presence, &name)?;
        self.app.can_subscribe(client, &name, message).map_err(|fault| self.blame(fault))
    }

    /// A session starts to watch: it is sent all members first.
    pub(super) fn begins_to_watch(&mut self, channel: &ChannelId, watched: &ChannelId, key: SessionKey) {
        let now = self.now();
        self.unsettle(now);
        if self.owns(watched) {
            let event = self.whole(channel, watched);
            // Where the row cannot be written, the members are sent with the next change.
            if event.is_some_and(|event| self.enqueue_for(now, key, &event).is_err()) {
                self.tell_everything(now, watched);
            }
            return;
        }
        self.presence.awaiting.insert((channel.clone(), key));
        self.ask_for_whole(watched, Some(key));
    }

    pub(super) fn ask_for_whole(&mut self, watched: &ChannelId, session: Option<SessionKey>) {
        let watch = PresenceInput::Watch { channel: watched.clone(), session };
        self.cluster(self.now(), ClusterInput::Presence(watch));
    }

    /// Sends all members to all watchers of this channel.
    pub(super) fn tell_everything(&mut self, now: Millis, watched: &ChannelId) {
        self.presence.rosters.entry(watched.clone()).or_default().tell_everything();
        self.presence.gather(now, watched);
    }

    /// The event with all members, as JSON.
    pub(super) fn whole_of(&mut self, watched: &ChannelId) -> Option<Box<RawValue>> {
        let json = match self.presence.rosters.get_mut(watched) {
            Some(roster) => roster.whole(),
            None => Roster::<SessionKey>::default().whole(),
        };
        RawValue::from_string(json.to_string()).ok()
    }

    pub(super) fn whole(&mut self, channel: &ChannelId, watched: &ChannelId) -> Option<Event> {
        let json = self.whole_of(watched)?;
        Some(Event::of_server(channel, &json, &self.stamp))
    }

    /// As a home: the owner sent all members to one session.
    ///
    /// # Errors
    /// [`BayeuxError::StorageFailed`] or [`BayeuxError::MemoryExceeded`].
    pub(super) fn deliver_whole(
        &mut self,
        now: Millis,
        session: SessionKey,
        channel: &ChannelId,
        event: &Event,
    ) -> Result<(), BayeuxError> {
        let pattern: ChannelPattern = channel.clone().into();
        if self.sessions.get(session).is_some_and(|session| session.subscriptions.contains(&pattern)) {
            self.enqueue_for(now, session, event)?;
        }
        self.presence.awaiting.remove(&(channel.clone(), session));
        Ok(())
    }

    /// Events of this owner were lost: its watchers are sent all members again.
    pub(super) fn watch_again(&mut self, owner: &Home) {
        for watched in self.watched_here() {
            if self.cluster.owner_of(&watched) == *owner {
                self.ask_for_whole(&watched, None);
            }
        }
    }

    /// The channels that sessions of this home watch.
    pub(super) fn watched_here(&self) -> BTreeSet<ChannelId> {
        if !self.keeps_presence() {
            return BTreeSet::new();
        }
        let channels = self.subscriptions.after(None).filter_map(|(pattern, _)| pattern.channel());
        channels.filter_map(|channel| channel.watched()).collect()
    }

    /// Whether this is the server's own service and not the application's.
    pub(super) fn is_presence_service(&self, channel: &ChannelId) -> bool {
        channel.as_str() == "/service/presence" && self.keeps_presence() && !self.app.serves(channel)
    }

    /// The channel whose members a message asks for, if it has presence.
    pub(super) fn presence_channel(&self, checked: &Checked) -> Option<ChannelId> {
        let asks = self.is_presence_service(&checked.channel);
        let PresenceRequest { channel } = checked.message.get("data").filter(|_| asks)?;
        ChannelId::parse(&channel).filter(|channel| self.has_presence(channel))
    }

    /// Answers a remote call for the members of a channel.
    ///
    /// # Errors
    /// [`BayeuxError::DataInvalid`], or the denial.
    pub(super) fn serve_presence(
        &mut self,
        now: Millis,
        client: &Client,
        message: &Message,
        piggybacked: &mut Vec<Event>,
    ) -> Result<(), BayeuxError> {
        let PresenceRequest { channel } = message.get("data").ok_or(BayeuxError::DataInvalid)?;
        let watched = ChannelId::parse(&channel).ok_or(BayeuxError::DataInvalid)?;
        self.options.check_tree(&watched.clone().into())?;
        self.may_watch(client, &watched, message)?;
        let id = message.id()?;
        if self.owns(&watched) {
            let whole = self.whole_of(&watched);
            let event = self.answer_who(&id, whole.as_deref());
            self.give(now, client.session(), piggybacked, event);
            return Ok(());
        }
        let session = client.session().ok_or(BayeuxError::SessionUnknown)?;
        let ask = PresenceInput::AskOwner { channel: watched, asker: Asker { session, id } };
        self.cluster(now, ClusterInput::Presence(ask));
        Ok(())
    }

    /// The answer to such a call; none where the owner did not answer.
    pub(super) fn answer_who(&self, id: &MessageId, whole: Option<&RawValue>) -> Option<Event> {
        let service = ChannelId::parse("/service/presence")?;
        match whole {
            Some(whole) => Some(Event::of_call(&service, id, Ok(()), whole, &self.stamp)),
            None => {
                let error = BayeuxError::OwnerUnreachable;
                let data = RawValue::from_string(format!(r#"{{"error":"{error}"}}"#)).ok()?;
                Some(Event::of_call(&service, id, Err(Some(&error)), &data, &self.stamp))
            }
        }
    }
}
