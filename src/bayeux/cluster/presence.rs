//! Who is there, as objects tell each other: a home tells a channel's owner which of its sessions came and went, and
//! who of them watches; the owner asks a home now and then whether that is still so.
//!
//! What a home tells goes over its uplink, in order. What an owner tells those who watch are events, relayed as all
//! others. Who is there is known outside: here it only comes and goes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::messages::{Call, Item, to_json};
use super::uplink::Tell;
use super::{About, Cluster, ClusterEffect, Context};
use crate::bayeux::delivery::Member;
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::{ChannelId, ChannelPattern, Endpoint, MessageId, Status};

/// Sessions, each with what it shows; none where it has gone.
pub type Changes = Vec<(SessionKey, Option<Member>)>;

/// What a home tells an owner.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PresenceItem {
    /// Its sessions came and went. `version`: what it says later has a higher one.
    Changed { channel: ChannelPattern, version: u64, changes: Changes },
    /// This session watches from now on, or all that do have missed something.
    Watch {
        channel: ChannelPattern,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionKey>,
    },
    /// It may have forgotten to say something: the owner is to ask.
    Recheck,
}

/// An owner asks a home who is there. `have`: up to which version it knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MembersCall {
    pub channels: Vec<ChannelPattern>,
    pub have: u64,
}

/// A home's answer: all of its members, none where nothing is new.
#[derive(Debug, Serialize, Deserialize)]
pub struct Members {
    pub version: u64,
    #[serde(default)]
    pub all: Option<Vec<MembersOfChannel>>,
}

/// All of a home's members of one channel.
pub type MembersOfChannel = (ChannelPattern, Vec<(SessionKey, Member)>);

/// A session that has asked who is there.
#[derive(Clone, Debug)]
pub struct Asker {
    pub session: SessionKey,
    /// Of its call.
    pub id: MessageId,
}

/// What is to be told.
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
    /// The owner of this channel is to ask who is here.
    Recheck {
        channel: ChannelId,
    },
    /// A home is asked who is there.
    AskHome {
        home: SessionKey,
        call: MembersCall,
    },
    /// A channel's owner is asked what a watcher would be told.
    AskOwner {
        channel: ChannelId,
        asker: Asker,
    },
}

/// What others have told.
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
    /// A home does not listen there any more.
    Absent {
        home: SessionKey,
        channel: ChannelId,
    },
    /// An owner has forgotten this home, which listens to these.
    Forgotten {
        patterns: Vec<ChannelPattern>,
    },
    /// An owner wants to know who is here.
    Asked {
        to: Endpoint,
        call: MembersCall,
    },
    /// A home was asked: its answer, none where it could not be reached.
    Answered {
        home: SessionKey,
        call: MembersCall,
        members: Option<Members>,
    },
    /// Another home wants to know what a watcher would be told.
    Who {
        to: Endpoint,
        channel: ChannelId,
    },
    /// What the owner has said, none where it could not be reached.
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
                self.call(cx, owner, About::Who(asker), &Call::Who { channel });
            }
        }
    }

    /// Where too much waits for the owner it asks by itself, in its time.
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

    /// Whether what was told to owners is still on its way.
    pub fn is_telling(&self) -> bool {
        !self.uplinks.are_empty()
    }

    /// Whether a home is known here under this number.
    pub fn knows_home(&self, home: SessionKey) -> bool {
        self.remote_homes.get(home).is_some()
    }

    /// The channels that homes listen to by their very names.
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
