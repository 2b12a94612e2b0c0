//! Why a request, a socket or a stream is refused as a whole, before any message of it is read.

use std::fmt;
use std::time::Duration;

use super::{Advice, BayeuxError, MessageId, Reply};

/// A refusal: an HTTP status, and a reply to no message in particular.
///
/// ```
/// use bayeux_edge::bayeux::Refusal;
///
/// assert_eq!(Refusal::NoSuchHome.body(), r#"[{"successful":false,"error":"404::no_such_home"}]"#);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The path leads to no home, or to one that `TREES` does not have.
    NoSuchHome,
    MethodNotAllowed,
    /// `CONNECTION_TYPES` does not have it.
    ConnectionTypeUnsupported,
    /// A page of an origin that may not read the answer.
    OriginNotAllowed,
    /// Past one of the rates, and how long until the next request is accepted.
    RateExceeded(Duration),
    /// `CLIENT_MAX_CONNECTIONS` sockets of this network are open.
    ConnectionsExceeded,
    /// The platform takes no more sockets for this object.
    SocketsExceeded,
    /// The platform opens no stream.
    StreamRefused,
    /// An internal error, here or in another object.
    InternalError,
    /// The session's home cannot be called.
    HomeUnreachable,
    /// A socket carries sessions of too many homes.
    HomesExceeded,
}

/// `Retry-After` of a server that is full and cannot know when it will have room.
const USUAL_WAIT: Duration = Duration::from_secs(5);

impl Refusal {
    /// The HTTP status (RFC 9110).
    pub fn status(self) -> u16 {
        match self {
            Self::ConnectionTypeUnsupported | Self::OriginNotAllowed => 403,
            Self::NoSuchHome => 404,
            Self::MethodNotAllowed => 405,
            Self::RateExceeded(_) => 429,
            Self::InternalError => 500,
            Self::ConnectionsExceeded
            | Self::SocketsExceeded
            | Self::StreamRefused
            | Self::HomeUnreachable
            | Self::HomesExceeded => 503,
        }
    }

    /// When it may be tried again, for `Retry-After`.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::RateExceeded(wait) => Some(wait),
            _ => (self.status() == 503).then_some(USUAL_WAIT),
        }
    }

    pub fn body(self) -> String {
        let Self::RateExceeded(wait) = self else {
            return format!(r#"[{{"successful":false,"error":"{self}"}}]"#);
        };
        let id = MessageId::default();
        let reply = Reply::failed(None, &id, &BayeuxError::RateExceeded(wait));
        let reply = Reply { advice: Some(Advice::retry_after(wait)), ..reply }.into_json().json;
        format!("[{reply}]")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::NoSuchHome => "no_such_home",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::ConnectionTypeUnsupported => "connection_type_unsupported",
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::RateExceeded(_) => "rate_exceeded",
            Self::ConnectionsExceeded => "connections_exceeded",
            Self::SocketsExceeded => "sockets_exceeded",
            Self::StreamRefused => "stream_refused",
            Self::InternalError => "internal_error",
            Self::HomeUnreachable => "home_unreachable",
            Self::HomesExceeded => "homes_exceeded",
        };
        write!(f, "{}::{name}", self.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_a_rate_retry_after_says_how_long_to_wait() {
        let refusal = Refusal::RateExceeded(Duration::from_millis(1500));
        assert_eq!((refusal.status(), refusal.retry_after()), (429, Some(Duration::from_millis(1500))));
        let body =
            r#"[{"successful":false,"error":"429::rate_exceeded","advice":{"reconnect":"retry","interval":1500}}]"#;
        assert_eq!(refusal.body(), body);
    }

    #[test]
    fn a_full_server_sends_retry_after_and_a_forbidden_origin_gets_none() {
        assert_eq!(Refusal::SocketsExceeded.retry_after(), Some(USUAL_WAIT));
        assert_eq!(Refusal::OriginNotAllowed.retry_after(), None);
    }
}
