//! Parses HTTP requests to the server API.

use super::error::ApiError;
use super::page::ListPage;
use crate::bayeux::app::HttpRequest;
use crate::bayeux::cluster::{API_PATH, Home};

use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::{
    ChannelId, ChannelPattern, Element, EventNumber, Realm, RequestError, RequestLimits, parse_json,
};

/// A call of the server API to a home.
#[derive(Debug)]
pub enum ApiCall {
    Publish(Vec<Element>),
    Clients(ListPage<SessionKey>),
    Client(SessionKey),
    Disconnect(SessionKey),
    Channels(ListPage<ChannelPattern>),
    Trees(ListPage<Home>),
    /// All metrics as OpenMetrics text.
    Metrics,
    /// The same as JSON.
    Stats,
    History(ChannelPattern, ListPage<EventNumber>),
    /// What was published since the call that told this number.
    Tail(ChannelPattern, Option<u64>),
    Presence(ChannelId),
}

impl ApiCall {
    /// # Errors
    /// The request as a whole is refused.
    pub fn of(request: &HttpRequest, limits: RequestLimits) -> Result<Self, ApiError> {
        let below = request.path.strip_prefix(API_PATH).unwrap_or_default();
        let segments: Vec<&str> = below.split('/').skip(1).collect();
        match (&segments[..], &*request.method) {
            (["publish"], "POST") => {
                let body = std::str::from_utf8(&request.body).map_err(|_| RequestError::JsonInvalid)?;
                let messages = parse_json(body, limits)?;
                if messages.len() > limits.max_messages_per_batch {
                    return Err(RequestError::TooMany.into());
                }
                Ok(Self::Publish(messages))
            }
            (["clients"], "GET") => ListPage::of(request, SessionKey::parse).map(Self::Clients),
            (["clients", client], "GET") => named(client).map(Self::Client),
            (["clients", client], "DELETE") => named(client).map(Self::Disconnect),
            (["channels"], "GET") => ListPage::of(request, ChannelPattern::parse).map(Self::Channels),
            (["trees"], "GET") => ListPage::of(request, Home::named).map(Self::Trees),
            (["metrics"], "GET") => Ok(Self::Metrics),
            (["stats"], "GET") => Ok(Self::Stats),
            (["history"], "GET") => Ok(Self::History(channels(request)?, ListPage::of(request, number)?)),
            (["tail"], "GET") => {
                let after = ListPage::of(request, number)?.after;
                Ok(Self::Tail(channels(request)?, after.map(|number| number.0)))
            }
            (["presence"], "GET") => channels(request)?.channel().map(Self::Presence).ok_or(ApiError::ChannelInvalid),
            (["publish"], _) => Err(ApiError::MethodNotAllowed("POST")),
            (["clients" | "channels" | "trees" | "metrics" | "stats" | "history" | "tail" | "presence"], _) => {
                Err(ApiError::MethodNotAllowed("GET"))
            }
            (["clients", _], _) => Err(ApiError::MethodNotAllowed("GET, DELETE")),
            _ => Err(ApiError::PathUnknown),
        }
    }
}

/// The channel or pattern that a call names.
pub(super) fn channels(request: &HttpRequest) -> Result<ChannelPattern, ApiError> {
    let pattern = request.query_field("channel").and_then(|name| ChannelPattern::parse(&name));
    pattern.filter(|pattern| pattern.realm() == Realm::Broadcast).ok_or(ApiError::ChannelInvalid)
}

/// A number that JavaScript keeps exactly.
fn number(digits: &str) -> Option<EventNumber> {
    digits.parse().ok().filter(|number: &u64| *number < 1 << 53).map(EventNumber)
}

fn named(client: &str) -> Result<SessionKey, ApiError> {
    SessionKey::parse(client).ok_or(ApiError::SessionUnknown)
}
