//! Presence between objects: a home tells a channel's owner which of its sessions joined and left, and which watch; now
//! and then the owner asks a home whether that still holds.
//!
//! What a home tells goes over its uplink, in order. What an owner tells watchers are events, relayed like all others.
//! The members themselves are kept outside: here calls only pass.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::messages::{Call, Item, to_json};
use super::uplink::Tell;
use super::{About, Cluster, ClusterEffect, Context};
use crate::bayeux::delivery::Member;
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::{ChannelId, ChannelPattern, Endpoint, MessageId, Status};

/// Sessions with what watchers see of them; none for one that left.
pub type Changes = Vec<(SessionKey, Option<Member>)>;

/// What a home tells an owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PresenceItem {
    /// Its members joined or left. `version`: later changes have a higher one.
    Changed { channel: ChannelPattern, version: u64, changes: Changes },
    /// This session begins to watch; without one, all watchers of the home missed something.
    Watch {
        channel: ChannelPattern,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionKey>,
    },
    /// The home may have lost changes: the owner is to ask.
    Recheck,
}

/// An owner asks a home for its members. `have`: the version that the owner knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MembersCall {
    pub channels: Vec<ChannelPattern>,
    pub have: u64,
}

/// A home's answer: all of its members, none where nothing changed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Members {
    pub version: u64,
    #[serde(default)]
    pub all: Option<Vec<MembersOfChannel>>,
}

/// A home's members of one channel.
pub type MembersOfChannel = (ChannelPattern, Vec<(SessionKey, Member)>);

/// A session that asked for the members.
#[derive(Clone, Debug)]
pub struct Asker {
    pub session: SessionKey,
    /// The id of its message.
    pub id: MessageId,
}

/// What this object tells or asks.
#[derive(Debug)]
pub enum PresenceInput {
    Changed {
        channel: ChannelId,
        version: u64,
        changes: Changes,
    },
    Watch {
        channel: ChannelId,
        session: Option<SessionKey>,
    },
    /// This channel's owner is to ask for the members here.
    Recheck {
        channel: ChannelId,
    },
    /// A home is asked for its members.
    AskHome {
        home: SessionKey,
        call: MembersCall,
    },
    /// A channel's owner is asked for the event that a watcher gets.
    AskOwner {
        channel: ChannelId,
        asker: Asker,
    },
}

/// What other objects have told.
#[derive(Debug)]
pub enum PresenceEffect {
    Changed {
        home: SessionKey,
        channel: ChannelId,
        version: u64,
        changes: Changes,
    },
    Watch {
        home: SessionKey,
        channel: ChannelId,
        session: Option<SessionKey>,
    },
    Recheck {
        home: SessionKey,
    },
    /// A home has withdrawn its interest.
    Absent {
        home: SessionKey,
        channel: ChannelId,
    },
    /// An owner has lost this home, which has these interests.
    Forgotten {
        patterns: Vec<ChannelPattern>,
    },
    /// An owner asks for the members here.
    Asked {
        to: Endpoint,
        call: MembersCall,
    },
    /// A home's answer; none where it was unreachable.
    Answered {
        home: SessionKey,
        call: MembersCall,
        members: Option<Members>,
    },
    /// Another home asks for the event that a watcher gets.
    Who {
        to: Endpoint,
        channel: ChannelId,
    },
    /// The owner's answer; none where it was unreachable.
    Told {
        asker: Asker,
        whole: Option<Box<RawValue>>,
    },
}

impl Cluster {
    pub(super) fn tell_presence(&mut self, cx: &mut Context, input: PresenceInput) {
        match input {
            PresenceInput::Changed { channel, version, changes } => {
                self.tell_present(cx, &channel, |channel| PresenceItem::Changed { channel, version, changes });
            }
            PresenceInput::Watch { channel, session } => {
                self.tell_present(cx, &channel, |channel| PresenceItem::Watch { channel, session });
            }
            PresenceInput::Recheck { channel } => self.tell_present(cx, &channel, |_| PresenceItem::Recheck),
            PresenceInput::AskHome { home: key, call } => {
                let home = self.remote_homes.get(key).map(|remote| remote.home.clone());
                match home {
                    Some(home) => self.call(cx, home, About::Members(key, call.clone()), &Call::Members(call)),
                    None => cx.present(PresenceEffect::Answered { home: key, call, members: None }),
                }
            }
            PresenceInput::AskOwner { channel, asker } => {
                let (owner, channel) = (self.owner_of(&channel), channel.into());
                // From now on it is no new tree.
                self.uplinks.to(cx.now, &owner);
                self.call(cx, owner, About::Who(asker), &Call::Who { channel });
            }
        }
    }

    /// Where too much is queued for the owner, it asks for the members itself later.
    fn tell_present(&mut self, cx: &Context, channel: &ChannelId, item: impl FnOnce(ChannelPattern) -> PresenceItem) {
        let (owner, item) = (self.owner_of(channel), item(channel.clone().into()));
        drop(self.tell_owner(cx, &owner, Item::Presence(item), Tell::Nobody));
    }

    /// As the owner.
    pub(super) fn take_presence(&self, cx: &mut Context, home: SessionKey, item: PresenceItem) {
        let owned = |channel: ChannelPattern| channel.channel().filter(|channel| self.owner_of(channel) == self.home);
        match item {
            PresenceItem::Changed { channel, version, changes } => {
                if let Some(channel) = owned(channel) {
                    cx.present(PresenceEffect::Changed { home, channel, version, changes });
                }
            }
            PresenceItem::Watch { channel, session } => {
                if let Some(channel) = owned(channel) {
                    cx.present(PresenceEffect::Watch { home, channel, session });
                }
            }
            PresenceItem::Recheck => cx.present(PresenceEffect::Recheck { home }),
        }
    }

    pub(super) fn take_who(&self, cx: &mut Context, to: Endpoint, channel: &ChannelPattern) {
        match channel.channel().filter(|channel| self.owner_of(channel) == self.home) {
            Some(channel) => cx.present(PresenceEffect::Who { to, channel }),
            None => cx.reply(to, Status::Misunderstood, String::new()),
        }
    }

    /// Whether presence for owners is still under way.
    pub fn is_telling(&self) -> bool {
        !self.uplinks.are_empty()
    }

    /// Whether there is a home with this number.
    pub fn knows_home(&self, home: SessionKey) -> bool {
        self.remote_homes.get(home).is_some()
    }

    /// The channels that homes subscribe to by exact name.
    pub fn channels_of_homes(&self) -> impl Iterator<Item = ChannelId> {
        self.remote_homes.patterns().filter_map(ChannelPattern::channel)
    }
}

impl Context<'_> {
    pub(super) fn present(&mut self, effect: PresenceEffect) {
        self.effects.push(ClusterEffect::Presence(effect));
    }
}

/// A home's answer to [`PresenceEffect::Asked`].
pub fn members_answer(members: &Members) -> String {
    to_json(members)
}
