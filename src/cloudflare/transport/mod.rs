//! The transports, each with its part of the platform.
//!
//! | File | Has |
//! |---|---|
//! | `long_polling`, `callback_polling` | a request's messages; the requests that wait for their answer |
//! | `body_reader` | bodies of requests, awaited by the platform |
//! | `client_aborts` | held requests whose client is gone |
//! | `sockets` | sockets on the hibernation API |
//! | `event_source` | streams of server-sent events |
//!
//! This room reads no message.

pub mod body_reader;
pub mod callback_polling;
pub mod client_aborts;
pub mod event_source;
pub mod long_polling;
pub mod sockets;
