//! The protocol as its clients see it: requests in, answers out, and a clock that the test moves.
//!
//! One file per behaviour. [`scenario`] has the clock, [`client`] the actors, [`world`] the checks after every step.
//! docs/WIRE.md describes what a client sees, docs/FROM-COMETD.md where this server differs from CometD.

#![cfg(not(target_arch = "wasm32"))]

mod browser;
mod client;
mod machine;
mod rows;
mod scenario;
mod stream;
mod world;

mod access_rules;
mod ack;
mod actions;
mod advice;
mod anything;
mod api;
mod ask;
mod bad_input;
mod batch;
mod binary;
mod broadcast_to_publisher;
mod budget;
mod catch_up;
mod channel_options;
mod comment_filter;
mod connect;
mod dedup;
mod disconnect;
mod dismissal;
mod event_source;
mod events;
mod expiry;
mod fan_out;
mod handshake;
mod hooks;
mod identity;
mod jwks;
mod lazy;
mod limits;
mod listener;
mod messages_per_frame;
mod meta_connect_deliver_only;
mod metrics;
mod notices;
mod order;
mod overtaken;
mod pacing;
mod panics;
mod policy;
mod presence;
mod publish;
mod rates;
mod reload;
mod remote_calls;
mod replay;
mod restart;
mod routes;
mod service;
mod silent_network;
mod subscribe;
mod tail;
mod timestamp;
mod timesync;
mod tokens;
mod trees;
mod trees_allowed;
mod websocket;
