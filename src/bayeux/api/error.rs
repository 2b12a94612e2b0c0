//! Why a call of the server API is refused as a whole. Errors of single messages of a publish are in their replies.

use std::time::Duration;

use super::guarded;
use super::keys::Scope;
use crate::bayeux::app::HttpResponse;
use crate::bayeux::wire::RequestError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// No `Authorization: Bearer …`.
    KeyMissing,
    /// The key is not in `API_KEYS`.
    KeyInvalid,
    /// The key lacks this scope, which the call requires.
    ScopeMissing(Scope),
    /// This address has sent too many wrong keys; it may retry after this time.
    TooManyKeys(Duration),
    /// The path does not exist.
    PathUnknown,
    /// The path exists, but only with these methods.
    MethodNotAllowed(&'static str),
    /// `tree` names no tree.
    TreeInvalid,
    /// `limit` is no number from 1 to 1,000.
    LimitInvalid,
    /// `after` is no entry's name.
    AfterInvalid,
    /// `channel` is missing or invalid, spans trees, or is a pattern where a channel is required.
    ChannelInvalid,
    /// `after` is a number that is no longer kept, of another tree, or of the future.
    ReplayIdNotKept,
    /// The channel has no presence.
    NoPresence,
    /// `TAIL_EVENTS` is 0.
    NoTail,
    /// Too many patterns are looked at at the same time.
    TailsExceeded,
    /// The rows cannot be read.
    StorageFailed,
    /// There is no such session.
    SessionUnknown,
    /// The body is invalid.
    Body(RequestError),
}

impl ApiError {
    /// The HTTP status (RFC 9110).
    pub fn status(&self) -> u16 {
        match self {
            Self::TreeInvalid
            | Self::LimitInvalid
            | Self::AfterInvalid
            | Self::ChannelInvalid
            | Self::ReplayIdNotKept => 400,
            Self::KeyMissing | Self::KeyInvalid => 401,
            Self::ScopeMissing(_) => 403,
            Self::PathUnknown | Self::SessionUnknown | Self::NoPresence | Self::NoTail => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::TooManyKeys(_) => 429,
            Self::StorageFailed | Self::TailsExceeded => 503,
            Self::Body(error) => error.status(),
        }
    }

    /// As the API's other errors: a list with one unsuccessful reply.
    ///
    /// ```
    /// use bayeux_edge::bayeux::api::ApiError;
    ///
    /// let response = ApiError::KeyInvalid.into_response();
    /// assert_eq!(response.status, 401);
    /// assert_eq!(response.body.unwrap(), br#"[{"successful":false,"error":"401::api_key_invalid"}]"#);
    /// ```
    pub fn into_response(self) -> HttpResponse {
        let status = self.status();
        let body = match &self {
            Self::Body(error) => error.body(),
            Self::ScopeMissing(scope) => {
                format!(r#"[{{"successful":false,"error":"{status}:{}:{}"}}]"#, scope.name(), self.name())
            }
            _ => format!(r#"[{{"successful":false,"error":"{status}::{}"}}]"#, self.name()),
        };
        let response = HttpResponse { body: Some(body.into_bytes()), ..HttpResponse::new(status) };
        let response = guarded(response.header("content-type", "application/json;charset=UTF-8"));
        match self {
            Self::KeyMissing | Self::KeyInvalid => response.header("www-authenticate", "Bearer"),
            Self::MethodNotAllowed(allowed) => response.header("allow", allowed),
            // Whole seconds (RFC 9110, section 10.2.3).
            Self::TooManyKeys(wait) => response.header("retry-after", wait.as_millis().div_ceil(1000).to_string()),
            _ => response,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::KeyMissing => "api_key_missing",
            Self::KeyInvalid => "api_key_invalid",
            Self::ScopeMissing(_) => "api_key_scope_missing",
            Self::TooManyKeys(_) => "too_many_keys",
            Self::PathUnknown => "no_such_path",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::TreeInvalid => "tree_invalid",
            Self::LimitInvalid => "limit_invalid",
            Self::AfterInvalid => "after_invalid",
            Self::ChannelInvalid => "channel_invalid",
            Self::ReplayIdNotKept => "replay_id_not_kept",
            Self::NoPresence => "no_presence",
            Self::NoTail => "no_tail",
            Self::TailsExceeded => "tails_exceeded",
            Self::StorageFailed => "storage_failed",
            Self::SessionUnknown => "session_unknown",
            Self::Body(_) => "body_invalid",
        }
    }
}

impl From<RequestError> for ApiError {
    fn from(error: RequestError) -> Self {
        Self::Body(error)
    }
}
