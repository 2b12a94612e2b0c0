//! bayeux-edge: a Bayeux (CometD) publish/subscribe server for Cloudflare Workers and Durable Objects.
//!
//! ```text
//!          browsers, programs
//!                 │ HTTP, WebSocket
//!  ┌──────────────▼───────────────┐
//!  │ cloudflare::worker    site   │  stateless: finds the home by the path; static files, your routes
//!  └──────────────┬───────────────┘
//!                 │ one Durable Object per home: `/`, `/<tree>`; each tree of channels is owned by one
//!  ┌──────────────▼───────────────┐
//!  │ cloudflare::object           │  the Durable Object: one timer, rows in SQLite, panics caught
//!  │   transport/                 │  polls, sockets, streams, links
//!  │   http/                      │  requests read, responses written
//!  │   outbound/                  │  ◀─▶ other objects, the hooks Worker, published keys
//!  └───────┬──────────────▲───────┘
//!    Input │              │ Output      values only; and a Store, which answers at once
//!  ┌───────▼──────────────┴───────┐
//!  │ bayeux::BayeuxServer         │  the protocol: no clock, no randomness, no async, no platform
//!  │   server/   meta/            │  a request's messages, one after the other; one file for each meta channel
//!  │   app/  hooks/  api/         │  what an application, another Worker, a program with a key decides
//!  │   cluster/                   │  homes and owners of channel trees
//!  │   auth/                      │  who a client is, and what it may do
//!  │   persistence/               │  what is written down, and read again
//!  │   session/  delivery/        │  who is here, until when; who listens, what waits, when it leaves
//!  │   limits/   wire/            │  who sends too much; what is on the wire
//!  └───────┬──────────────▲───────┘
//!      ask │              │ verdicts, actions
//!  ┌───────▼──────────────┴───────┐
//!  │ app                          │  the one file that a user edits
//!  └──────────────────────────────┘
//! ```
//!
//! `cloudflare` and the platform's crates are compiled for wasm32 only. So the rest of the crate cannot depend on them,
//! and its tests run natively, in milliseconds, on a clock that they set.

// The guide's examples name the crate, and are pasted into src/app.rs.
extern crate self as bayeux_edge;

pub mod app;
pub mod bayeux;
#[cfg(target_arch = "wasm32")]
mod cloudflare;
#[cfg(feature = "fixture")]
pub mod fixture;
pub mod prelude;

/// The guide's examples, so that they compile and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/APPLICATION.md")]
mod guide {}

/// What this build serves: the fixture's application where that feature is on, otherwise yours.
#[cfg(target_arch = "wasm32")]
fn application(var: &dyn Fn(&str) -> Option<String>) -> bayeux::Application {
    #[cfg(feature = "fixture")]
    return fixture::application(var);
    #[cfg(not(feature = "fixture"))]
    app::application(var)
}
