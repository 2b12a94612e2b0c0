//! The lists of the server API: clients, channels, trees and history, a page at a time; members, all at once.
//!
//! A list is sorted by name, and the next page starts after the last name of this one: what comes and goes in between
//! moves no entry to another page.

use std::collections::BTreeMap;
use std::iter;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::bayeux::api::{ApiError, ListPage, Scope, json};
use crate::bayeux::app::HttpResponse;
use crate::bayeux::cluster::Home;
use crate::bayeux::delivery::Want;
use crate::bayeux::server::BayeuxServer;
use crate::bayeux::session::{PastRefusal, Session, SessionKey};
use crate::bayeux::wire::extensions::replay::{Numbers, ReplayFrom};
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, EventNumber, RefusedMessage};

/// A client as the API shows it, without anything that could be used to take over its session.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedClient<'a> {
    client: SessionName,
    /// When it shook hands, ms since 1970; none for a session of an older version.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    /// When its last message came; none where that was in an earlier life of its home.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activity: Option<u64>,
    /// The connection type of its last connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    /// The address of its last message, for a key with the scope for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    /// Whether it has a held connect.
    connected: bool,
    /// How many channels and patterns it is subscribed to.
    subscriptions: usize,
    /// How many events are queued for it, including unacknowledged ones.
    queued: usize,
    /// Session attributes that `API_ATTRIBUTES` names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'a str, Value>,
    /// For a single client only: the names may be 1 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<Vec<&'a str>>,
    /// For a single client only: its last refused messages, the latest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refusals: Vec<RefusalView<'a>>,
}

/// A refused message, in the words of the log.
#[derive(Serialize)]
struct RefusalView<'a> {
    /// In ms since 1970.
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription: Option<&'a str>,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
}

#[derive(Serialize)]
struct ChannelView<'a> {
    channel: &'a str,
    subscribers: usize,
}

#[derive(Serialize)]
struct TreeView<'a> {
    tree: &'a str,
}

/// A [`SessionKey`] as text: it may exceed what JavaScript's numbers keep exactly.
#[derive(Serialize)]
#[serde(transparent)]
struct SessionName(String);

#[derive(Serialize)]
struct Clients<'a> {
    clients: Vec<ListedClient<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<SessionName>,
}

#[derive(Serialize)]
struct Channels<'a> {
    channels: Vec<ChannelView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

/// Events as a client reads them that takes their numbers in `ext`.
#[derive(Serialize)]
struct KeptEvents {
    events: Vec<Box<RawValue>>,
    /// The number after which the next page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

#[derive(Serialize)]
struct Trees<'a> {
    trees: Vec<TreeView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl BayeuxServer {
    pub(in crate::bayeux) fn list_clients(&self, page: &ListPage<SessionKey>, scope: Scope) -> HttpResponse {
        let clients = self.sessions.after(page.after);
        let (clients, more) = page.cut(clients);
        let next = clients.last().filter(|_| more).map(|(key, _)| SessionName::of(*key));
        json(Clients { clients: clients.iter().map(|(key, session)| self.view(*key, session, scope)).collect(), next })
    }

    pub(in crate::bayeux) fn show_client(&self, key: SessionKey, scope: Scope) -> HttpResponse {
        let Some(session) = self.sessions.get(key) else { return ApiError::SessionUnknown.into_response() };
        let channels = session.subscriptions.iter().map(ChannelPattern::as_str).collect();
        let refusals = self.refusals.of(key).map(RefusalView::of).collect();
        json(ListedClient { channels: Some(channels), refusals, ..self.view(key, session, scope) })
    }

    pub(in crate::bayeux) fn list_channels(&self, page: &ListPage<ChannelPattern>) -> HttpResponse {
        let channels = self
            .subscriptions
            .after(page.after.as_ref())
            .map(|(pattern, all)| ChannelView { channel: pattern.as_str(), subscribers: all.len() });
        let (channels, more) = page.cut(channels);
        let next = channels.last().filter(|_| more).map(|last| last.channel);
        json(Channels { channels, next })
    }

    /// As the root: itself and the registered trees.
    pub(in crate::bayeux) fn list_trees(&self, page: &ListPage<Home>) -> HttpResponse {
        let behind = |home: &&Home| page.after.as_ref().is_none_or(|after| **home > *after);
        let trees = iter::once(&Home::Root).chain(self.cluster.known_trees()).filter(behind);
        let (trees, more) = page.cut(trees.map(|home| TreeView { tree: home.name() }));
        let next = trees.last().filter(|_| more).map(|last| last.tree);
        json(Trees { trees, next })
    }

    /// As the owner: the kept events of the channels that match, after a number or from the start.
    pub(in crate::bayeux) fn list_history(
        &mut self,
        pattern: ChannelPattern,
        page: &ListPage<EventNumber>,
    ) -> HttpResponse {
        let from = page.after.map_or(ReplayFrom::All, ReplayFrom::After);
        let start = match self.begin_here(&pattern, from) {
            Ok(begun) => begun.start,
            Err(BayeuxError::StorageFailed) => return ApiError::StorageFailed.into_response(),
            Err(_) => return ApiError::ReplayIdNotKept.into_response(),
        };
        let want = Want { pattern, retained: false, after: start.after, upto: None };
        let (reads, events) = match self.read_wants(&[want], page.limit) {
            Ok(read) => read,
            Err(error) => {
                self.storage_failed(&error);
                return ApiError::StorageFailed.into_response();
            }
        };
        let next = reads.first().filter(|read| !read.complete).map(|read| read.upto.0);
        let events = events.into_iter().map(|event| event.with_number(Numbers::Ext));
        let events = events.filter_map(|event| RawValue::from_string(event.as_json().to_owned()).ok()).collect();
        json(KeptEvents { events, next })
    }

    /// As the owner: the members of a channel.
    pub(in crate::bayeux) fn list_members(&mut self, channel: &ChannelId) -> HttpResponse {
        if !self.has_presence(channel) {
            return ApiError::NoPresence.into_response();
        }
        json(self.whole_of(channel))
    }

    fn view<'a>(&'a self, key: SessionKey, session: &'a Session, scope: Scope) -> ListedClient<'a> {
        let shown = self.options.api_attributes.iter();
        let attributes = shown.filter_map(|name| Some((name.as_str(), session.attributes.get(name)?)));
        ListedClient {
            client: SessionName::of(key),
            since: Some(session.negotiated.since).filter(|since| *since > 0),
            last_activity: session.heard.at.map(|at| at.0),
            transport: Some(session.transport()).filter(|transport| *transport != "none"),
            address: session.heard.address.as_deref().filter(|_| scope == Scope::Admin),
            connected: session.is_held(),
            subscriptions: session.subscriptions.len(),
            queued: session.queue.count(),
            attributes: attributes.collect(),
            channels: None,
            refusals: Vec::new(),
        }
    }
}

impl<'a> RefusalView<'a> {
    fn of(PastRefusal { at, message }: &'a PastRefusal) -> Self {
        let RefusedMessage { channel, subscription, error, reason, rule, .. } = message;
        let [channel, subscription, reason, rule] = [channel, subscription, reason, rule].map(Option::as_deref);
        Self { at: at.0, channel, subscription, error, reason, rule }
    }
}

impl SessionName {
    fn of(SessionKey(key): SessionKey) -> Self {
        Self(key.to_string())
    }
}
