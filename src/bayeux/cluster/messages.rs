//! What objects say to each other: JSON, in requests that only objects of this deployment can send.
//!
//! What a version does not understand it fails, and the other side tries again: during a gradual deployment until both
//! are of one version.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::home::Home;
use super::presence::{MembersCall, PresenceItem};
use crate::bayeux::delivery::{DedupKey, Want};
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Event, EventNumber};

/// A question.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// From a home to an owner. The answer is a [`LinkAnswer`].
    Link(LinkCall),
    /// From an owner to a home. The answer is a list of [`Heard`].
    Relay(Relay),
    /// From an owner to the root: there is such a tree. The answer is the [`WildcardList`] of now.
    Announce { tree: Home, number: u64 },
    /// From an owner to the root: nobody uses this tree any more. The answer is [`Acknowledged`].
    Leave { tree: Home, number: u64 },
    /// From the root to an owner. The answer is [`Acknowledged`].
    #[serde(rename = "spans")]
    Wildcards(WildcardList),
    /// From a home to an owner: from where is this heard? The answer is a `BeginAnswer`.
    Begin { pattern: ChannelPattern, from: ReplayFrom },
    /// From a home to an owner. The answer is a `PageAnswer`.
    Read(Vec<Want>),
    /// From an owner to a home: who is there? The answer is a `Members`.
    Members(MembersCall),
    /// From a home to an owner: who is there? The answer is what a watcher would be told.
    Who { channel: ChannelPattern },
}

/// Items of one link, in order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkCall {
    pub home: Home,
    /// Which life of the link this is: its items are numbered from 1 in each.
    pub life: u64,
    pub items: Vec<(u64, Item)>,
    /// Up to where the home has heard of this owner's events.
    pub heard: EventNumber,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// `strict`: some of those who listen acknowledge, so nothing may be lost.
    Interest {
        pattern: ChannelPattern,
        strict: bool,
    },
    Withdraw {
        pattern: ChannelPattern,
    },
    /// Who is there.
    Presence(PresenceItem),
    /// `notTo`: the session that does not want to hear what it says. `key`: what comes again has the same.
    Publish {
        event: Box<RawValue>,
        #[serde(default, rename = "notTo", skip_serializing_if = "Option::is_none")]
        not_to: Option<SessionKey>,
        #[serde(default)]
        lazy: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<DedupKey>,
    },
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkAnswer {
    /// The items that failed, by their number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<(u64, Failure)>,
    /// What the home is to hear, as it listens anyway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<Relay>,
    /// The owner knows a later life of the home than this one, and did nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later_life: Option<u64>,
    /// The owner did not know this home before.
    #[serde(default)]
    pub is_new: bool,
}

/// Why an item failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Failure {
    Storage,
    Unreachable,
    Invalid,
    /// There are as many as there may be.
    Exceeded,
}

/// Events in the owner's order. They may begin with some that the home has heard already.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relay {
    pub owner: Home,
    /// The number that this life of the owner began with.
    pub since: EventNumber,
    pub events: Vec<Relayed>,
    /// What the home is not to hear before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// The homes near this one that are to hear the same: it passes it on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Home>,
}

/// Events that had to make room for newer ones, before the home had heard them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// No later event is among them.
    pub upto: EventNumber,
    /// How many, at most.
    pub events: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relayed {
    pub number: EventNumber,
    pub event: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_to: Option<SessionKey>,
    /// It is for this session alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_to: Option<SessionKey>,
    /// It may wait for company, whatever its channel is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lazy: bool,
}

/// Up to where a home has heard, and whether it wants to hear more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    pub home: Home,
    pub heard: EventNumber,
    pub interested: bool,
}

/// Everyone who listens to all trees.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WildcardList {
    /// A later list has a higher number.
    pub version: u64,
    pub spans: Vec<Wildcard>,
}

/// A home that wants what matches a pattern of which no tree is the owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wildcard {
    pub home: Home,
    pub pattern: ChannelPattern,
    pub strict: bool,
}

/// An answer that says no more than that.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Acknowledged {}

impl From<Failure> for BayeuxError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Storage => Self::StorageFailed,
            Failure::Exceeded => Self::SubscriptionsExceeded,
            Failure::Unreachable | Failure::Invalid => Self::OwnerUnreachable,
        }
    }
}

/// An event as it goes over the wire.
pub fn raw(event: &Event) -> Option<Box<RawValue>> {
    RawValue::from_string(event.to_row()).ok()
}

/// Plain data always has a JSON; an empty text is a call that fails.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// None for what is not understood, and for no answer at all.
pub fn parse<T: DeserializeOwned>(json: Option<&str>) -> Option<T> {
    serde_json::from_str(json?).ok()
}
