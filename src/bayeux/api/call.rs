//! From an HTTP request to a call.

use super::error::ApiError;
use super::page::Page;
use crate::bayeux::app::HttpRequest;
use crate::bayeux::cluster::{API_PATH, Home};

use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::{ChannelPattern, Element, RequestError, RequestLimits, parse_json};

/// What somebody asks of a home.
#[derive(Debug)]
pub enum Call {
    Publish(Vec<Element>),
    Clients(Page<SessionKey>),
    Client(SessionKey),
    Disconnect(SessionKey),
    Channels(Page<ChannelPattern>),
    Trees(Page<Home>),
    /// All figures as OpenMetrics text.
    Metrics,
    /// The same as JSON.
    Stats,
}

impl Call {
    /// # Errors
    /// Where nothing can be done with the request as a whole.
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
            (["clients"], "GET") => Page::of(request, SessionKey::parse).map(Self::Clients),
            (["clients", client], "GET") => named(client).map(Self::Client),
            (["clients", client], "DELETE") => named(client).map(Self::Disconnect),
            (["channels"], "GET") => Page::of(request, ChannelPattern::parse).map(Self::Channels),
            (["trees"], "GET") => Page::of(request, Home::named).map(Self::Trees),
            (["metrics"], "GET") => Ok(Self::Metrics),
            (["stats"], "GET") => Ok(Self::Stats),
            (["publish"], _) => Err(ApiError::MethodNotAllowed("POST")),
            (["clients"] | ["channels"] | ["trees"] | ["metrics"] | ["stats"], _) => {
                Err(ApiError::MethodNotAllowed("GET"))
            }
            (["clients", _], _) => Err(ApiError::MethodNotAllowed("GET, DELETE")),
            _ => Err(ApiError::PathUnknown),
        }
    }
}

fn named(client: &str) -> Result<SessionKey, ApiError> {
    SessionKey::parse(client).ok_or(ApiError::SessionUnknown)
}
