//! The messages between objects: JSON, in requests that only objects of this deployment can send.
//!
//! A call that a version does not understand fails and is retried: during a gradual deployment, until both sides have
//! the same version.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::home_name::Home;
use super::presence_calls::{MembersCall, PresenceItem};
use crate::bayeux::delivery::{DedupKey, Want};
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Event, EventNumber};

/// A call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Call {
    /// From a home to an owner. The answer is a [`LinkAnswer`].
    Link(LinkCall),
    /// From an owner to a home. The answer is a list of [`Heard`].
    Relay(Relay),
    /// From an owner to the root: registers the tree. The answer is the current [`WildcardList`].
    Announce { tree: Home, number: u64 },
    /// From an owner to the root: the tree is unused, deregister it. The answer is [`Acknowledged`].
    Leave { tree: Home, number: u64 },
    /// From the root to an owner. The answer is [`Acknowledged`].
    #[serde(rename = "spans")]
    Wildcards(WildcardList),
    /// From a home to an owner: where does a subscription begin? The answer is a `BeginAnswer`.
    Begin { pattern: ChannelPattern, from: ReplayFrom },
    /// From a home to an owner. The answer is a `PageAnswer`.
    Read(Vec<Want>),
    /// From an owner to a home: which members are there? The answer is a `Members`.
    Members(MembersCall),
    /// From a home to an owner: which members are in a channel? The answer is the event that a watcher gets.
    Who { channel: ChannelPattern },
}

/// Items of one uplink, in order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkCall {
    pub home: Home,
    /// The life of the uplink: in each, items are numbered from 1.
    pub life: u64,
    pub items: Vec<(u64, Item)>,
    /// The number up to which the home has received this owner's events.
    pub heard: EventNumber,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Item {
    /// `strict`: a subscriber acknowledges, so no event may be lost.
    Interest {
        pattern: ChannelPattern,
        strict: bool,
    },
    Withdraw {
        pattern: ChannelPattern,
    },
    /// Presence of the home.
    Presence(PresenceItem),
    /// `notTo`: the session that does not get its own event. `key`: the same again in a retry.
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
    /// The items that failed, by number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<(u64, Failure)>,
    /// Events for the home, as in a relay.
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
    /// The maximum is reached.
    Exceeded,
}

/// Events in the owner's order. The home may have received the first of them already.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relay {
    pub owner: Home,
    /// The number with which this life of the owner began.
    pub since: EventNumber,
    pub events: Vec<Relayed>,
    /// Events before these that the home has missed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// Homes nearby that are to receive the same: this one passes it on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Home>,
}

/// Events that were dropped before the home received them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// All of them are up to this number.
    pub upto: EventNumber,
    /// How many at most.
    pub events: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relayed {
    pub number: EventNumber,
    pub event: Box<RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_to: Option<SessionKey>,
    /// For this session alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_to: Option<SessionKey>,
    /// The home may delay it, whatever its channel's options are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lazy: bool,
}

/// Up to where a home has received, and whether it wants more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    pub home: Home,
    pub heard: EventNumber,
    pub interested: bool,
}

/// All wildcards: the patterns that span trees, and who has subscribed to them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct WildcardList {
    /// Rises with each change.
    pub version: u64,
    pub spans: Vec<Wildcard>,
}

/// A home and its pattern that spans trees.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wildcard {
    pub home: Home,
    pub pattern: ChannelPattern,
    pub strict: bool,
}

/// An answer without content.
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

/// An event on the wire between objects.
pub fn raw(event: &Event) -> Option<Box<RawValue>> {
    RawValue::from_string(event.to_row()).ok()
}

/// This data always serialises; an empty text would be a failed call.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// None where the answer is missing or not understood.
pub fn parse<T: DeserializeOwned>(json: Option<&str>) -> Option<T> {
    serde_json::from_str(json?).ok()
}
