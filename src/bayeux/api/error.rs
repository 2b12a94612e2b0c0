//! Why a call of the server API as a whole is refused. Errors of one message of a publish are in its reply.

use std::time::Duration;

use super::guarded;
use super::keys::Scope;
use crate::bayeux::app::HttpResponse;
use crate::bayeux::wire::RequestError;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// No `Authorization: Bearer …`.
    KeyMissing,
    /// A key that is none of `API_KEYS`.
    KeyInvalid,
    /// The key opens other calls than this one, which takes this scope.
    ScopeMissing(Scope),
    /// This address has shown too many wrong keys; it may try again after so much time.
    TooManyKeys(Duration),
    /// Nothing is at this path.
    PathUnknown,
    /// The path is there, but only for these methods.
    MethodNotAllowed(&'static str),
    /// `tree` is no tree's name.
    TreeInvalid,
    /// `limit` is no number from 1 to 1,000.
    LimitInvalid,
    /// `after` does not name what the list is of.
    AfterInvalid,
    /// `channel` is none, or a pattern that spans trees, or a pattern where one channel is asked about.
    ChannelInvalid,
    /// `after` is a number that is not kept any more, or is of another tree or of the future.
    ReplayIdNotKept,
    /// The channel does not tell who is there.
    NoPresence,
    /// The rows cannot be read.
    StorageFailed,
    /// No session here has this name.
    SessionUnknown,
    /// The body cannot be taken.
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
            Self::PathUnknown | Self::SessionUnknown | Self::NoPresence => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::TooManyKeys(_) => 429,
            Self::StorageFailed => 503,
            Self::Body(error) => error.status(),
        }
    }

    /// As all errors here: a list with one unsuccessful reply.
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
            // In whole seconds (RFC 9110, section 10.2.3).
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
