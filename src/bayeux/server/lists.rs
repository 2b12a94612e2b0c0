//! Who is there, what is subscribed to and which trees there are, a page at a time, and the end of a session.
//!
//! A list is in the order of its names, and the next page begins behind the last name of this one: what comes and goes
//! meanwhile moves nothing else to another page.

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
use crate::bayeux::session::{Ending, Session, SessionKey};
use crate::bayeux::wire::extensions::replay::{Numbers, ReplayFrom};
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, EventNumber};

/// A client, as the API shows it: nothing of it lets anybody take its place.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedClient<'a> {
    client: SessionName,
    /// When it shook hands, in milliseconds since 1970; none of a session of an older version.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
    /// When it was last heard of; none where that was in an earlier life of its home.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activity: Option<u64>,
    /// What it connected by last.
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    /// Where it was heard of last, for a key that may know that.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    /// Whether it holds a connect at this moment.
    connected: bool,
    /// How many channels and patterns it is subscribed to.
    subscriptions: usize,
    /// How many events wait for it, those included that it has not acknowledged.
    queued: usize,
    /// Of what the application noted, what `API_ATTRIBUTES` names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'a str, Value>,
    /// Shown of a single client only: there may be 1 MiB of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<Vec<&'a str>>,
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

/// A [`SessionKey`] as text: JavaScript's numbers are not to be trusted with it.
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

/// Events as those read them who want their numbers in `ext`.
#[derive(Serialize)]
struct KeptEvents {
    events: Vec<Box<RawValue>>,
    /// After which number the next page begins.
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
        json(ListedClient { channels: Some(channels), ..self.view(key, session, scope) })
    }

    /// Ends a session; its client is told, and advised not to come back.
    pub(in crate::bayeux) fn disconnect_by_api(&mut self, key: SessionKey) -> HttpResponse {
        if self.sessions.get(key).is_none() {
            return ApiError::SessionUnknown.into_response();
        }
        self.dismiss(key, Ending::Dismissed);
        HttpResponse::new(204)
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

    /// As the root: itself and the trees that it knows to be in use.
    pub(in crate::bayeux) fn list_trees(&self, page: &ListPage<Home>) -> HttpResponse {
        let behind = |home: &&Home| page.after.as_ref().is_none_or(|after| **home > *after);
        let trees = iter::once(&Home::Root).chain(self.cluster.known_trees()).filter(behind);
        let (trees, more) = page.cut(trees.map(|home| TreeView { tree: home.name() }));
        let next = trees.last().filter(|_| more).map(|last| last.tree);
        json(Trees { trees, next })
    }

    /// As the owner: what the channels that match have kept after a number, or all of it.
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

    /// As the owner: who is in a channel.
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
        }
    }
}

impl SessionName {
    fn of(SessionKey(key): SessionKey) -> Self {
        Self(key.to_string())
    }
}
