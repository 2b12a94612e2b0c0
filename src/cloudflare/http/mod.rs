//! Requests and responses: reads headers, and writes responses.
//!
//! | File | Has |
//! |---|---|
//! | `request` | a request's path, headers and body, within limits |
//! | `response` | answers, refusals, streams, preflights |
//! | `cors` | whose page sends a request: `ALLOWED_ORIGINS` |
//! | `browser_cookie` | `BROWSER_COOKIE` |
//! | `token_sources` | the tokens that come beside the messages |
//! | `app_http` | requests and responses as the application's plain values |
//!
//! This room calls no object.

pub mod app_http;
pub mod browser_cookie;
pub mod cors;
pub mod request;
pub mod response;
pub mod token_sources;
