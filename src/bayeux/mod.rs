//! The protocol: pure Rust, without clock, randomness, async or platform.
//!
//! [`BayeuxServer::handle`] takes an [`Input`] and gives back what to do, a list of [`Output`]. Everything else is a
//! part of it, in rooms. A room imports only from those above it in this table:
//!
//! | Room | Has |
//! |---|---|
//! | `time`, `clock` | time as a value |
//! | `wire` | channels, messages, replies, events, errors, extensions' fields |
//! | `limits` | what each network may send, accounts of what is held, who sent a request ([`BayeuxContext`]) |
//! | `delivery` | subscribers, queues, frames, when a flush may leave |
//! | `session` | one client's session, and the registry of all |
//! | `metrics` | what is counted, and how it is told |
//! | `persistence` | the rows that outlive the object |
//! | `auth` | access rules, tokens, keys |
//! | `cluster` | homes and owners of channel trees, and what they say to each other |
//! | `app`, `hooks` | what an application and another Worker can decide |
//! | `options` | the options of a server, with units and defaults |
//! | `api` | what a program with a key can ask |
//! | `io` | what goes into the core and what comes out, as values |
//! | `server` | [`BayeuxServer`]: the order in which all of this happens |
//! | `meta` | one file for each meta channel |
//!
//! `tests/architecture.rs` reads the imports, so that this stays so. The files of `meta` add methods to `BayeuxServer`,
//! which `server/batch_processing.rs` calls. Where `server` and another room have a file of the same name, the other
//! one has the data and its rules, and `server`'s does the work with sessions.
//!
//! | To add | Change |
//! |---|---|
//! | a wire error | `wire/error.rs` |
//! | a meta channel | a file in `meta`, the dispatch in `server/batch_processing.rs`, its name in `cluster/home_name.rs` and `metrics` |
//! | an option | a row in `options/table/` (unit, default, text), a field in `options/mod.rs`, how it is read in `options/vars.rs`; only origins, cookies, API keys, links and the log are in `src/cloudflare/config.rs` |
//! | a metric | `metrics/mod.rs` and `metrics/report.rs`; a gauge `server/metrics.rs`; of messages refused and events dropped `server/notices.rs`; of what leaves for clients `session/delivery_counts.rs`; for Analytics Engine `metrics/points.rs` too; a time is observed in its phase's own file (`hook_time` in `server/hooks.rs`) |
//! | a limit on what a session or an address holds | `server/memory.rs`: `may_open`, which `meta/handshake.rs` asks, and `may_have`, which `meta/subscribe.rs` asks; what is counted `session/memory_by_address.rs` |
//! | a rate | a field of `server/mod.rs`, taken from in `server/throttle.rs`; of sockets, streams and frames `limits/network_connections.rs` |
//! | an extension | a file in `wire/extensions/`, its field in `ReplyExt` of `wire/extensions/mod.rs`; agreed in `meta/handshake.rs`, kept as `Negotiated` in `session/session.rs` |
//! | a connection type | `wire/connection_type.rs` and `wire/endpoint.rs`; how a request shows it, `asked_for` in `src/cloudflare/worker/mod.rs`; a file in `src/cloudflare/transport/` |
//! | a column of the rows in SQLite | `MIGRATIONS` in `src/cloudflare/object/store.rs`; of kept events `object/history_rows.rs`; as the core sees them `persistence/store.rs` and `persistence/history_store.rs` |
//! | how long a session lives | `server/held_connects.rs` (`kept_until`, `sweep`), and `server/batch_processing.rs` for each message; an end that comes whatever the client does: as `expire` and `next_expiry` in `server/identity.rs`, with a line in `server/deadlines.rs` |
//! | a flag of a publish | beside `lazy`: `server/publish.rs`, `cluster/io.rs`, `cluster/messages.rs`; what it means for history `server/history.rs` (`keep_for_later`) |
//! | a queue's bounds | `delivery/queue.rs`; what a full one costs its session `server/publish.rs` (`overflowed`); of the home `server/memory.rs` |
//! | a call of the server API | `api/call.rs`, `server/api.rs`, `server/api_lists.rs`, `api/openapi.json`; its scope follows from the method, `Scope::of_call` in `api/keys.rs` |
//! | a call for all homes | its `Route` in `api/gateway.rs`; who asks the homes `src/cloudflare/worker/fan_out.rs`; each home's part `server/api.rs` |
//! | a message between objects | `cluster/messages.rs` |
//! | what a session's row has | `persistence/store.rs` (`SavedSession`) and `saved_session.rs`; when it is written `server/rows.rs` |
//! | a row that is no session's and no event's | `persistence/notes.rs`, and who reads it: `cluster/restore.rs` or `server/restore.rs` |
//! | a log line | `Notice` in `io.rs`, `tell` in `server/notices.rs`, its text in `src/cloudflare/log.rs`; of the cluster, `ClusterEffect` and `server/cluster.rs` |
//! | how long an event waits | `server/publish.rs` (`laziness`, `urgency`); when a flush leaves, `delivery/flush_pace.rs` |
//! | what an access rule can ask | `auth/access_rules.rs`; what it knows of the client, `session/client.rs`, filled in `server/batch_processing.rs` |
//! | an output | `io.rs`, and `src/cloudflare/object/outputs.rs`, which performs it |
//! | when another object is tried again | `cluster/mod.rs` (`pause`, `ANSWER_TIMEOUT`); to an owner `cluster/uplink.rs`, to a home `cluster/downlink.rs` |
//! | what a hooks Worker that is silent means | `server/hooks.rs` (`consulted`), `hooks/mod.rs` (`failure`) |
//! | what a channel keeps | the rule `delivery/history_rules.rs`; what is cut, and where a client may begin, `persistence/history.rs`; a replay's start `server/replay_start.rs` |
//! | when joins and leaves are told | `server/presence.rs`; what is told `delivery/roster.rs`; a home that vanished `server/presence_homes.rs` |
//! | a deadline | `server/deadlines.rs`, and a phase of `handle` in `server/mod.rs`; of the cluster, `cluster/mod.rs` (`Cluster::due`) |
//! | another way to recognise a retry | `delivery/dedup_key.rs` and `server/dedup.rs`; at the owner `server/publish.rs`, after a restart `server/history.rs` |
//! | a bound on what is under way | `server/fetches.rs`, `server/hooks.rs`, `server/session_order.rs`, `api/fan_out.rs`: each at its queue |
//! | a field of the client | `session/client.rs`; for hooks `hooks/question.rs`, for the API `server/api_lists.rs` |
//! | a response header | `src/cloudflare/http/response.rs`; of the API and of routes `http/app_http.rs`; of upgrades `transport/sockets.rs` and `object/links/`; of polls with `LINKS`, `worker/links/links.js` too |
//! | a timer of the platform | `src/cloudflare/object/mod.rs`, by `js::set_timeout`; that of the deadlines and the alarm is `object/wake.rs` |
//!
//! A server is driven by values alone. Alice shakes hands, subscribes, and holds a connect; Bob, who needs no session
//! here, publishes; Alice's connect is answered with the event:
//!
//! ```
//! use bayeux_edge::bayeux::{
//!     Application, BayeuxContext, BayeuxServer, Endpoint, Forgetful, Home, Input, Millis, Options, Output, RequestId,
//!     parse_json,
//! };
//!
//! // With a tree depth of 0 this home owns all channels, so no other object is asked.
//! let options = Options { anon_publish: true, tree_depth: 0, ..Options::default() };
//! let mut server = BayeuxServer::new(Home::Root, options.clone(), Application::new(), [7; 32], Box::new(Forgetful));
//! let mut requests = 0;
//! // A request with these messages, one second after the last one. The answers that leave are what comes back.
//! let mut post = |body: &str| -> Vec<String> {
//!     requests += 1;
//!     let from = Endpoint::LongPolling(RequestId::new(requests));
//!     let messages = parse_json(body, &options).unwrap();
//!     let input = Input::Messages { from, context: BayeuxContext::default(), messages };
//!     let mut outputs = server.handle(Millis(1000 * requests), input);
//!     // A flush may wait for its turn: the shell calls back when the time has come.
//!     while let Some(Output::WakeAt(time)) = outputs.last()
//!         && time.0 <= 1000 * requests + 10
//!     {
//!         let time = *time;
//!         outputs.extend(server.handle(time, Input::Timeout));
//!     }
//!     let sent = |output| if let Output::Send { messages, .. } = output { Some(messages) } else { None };
//!     outputs.into_iter().filter_map(sent).collect()
//! };
//!
//! let handshake = r#"{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}"#;
//! let reply: serde_json::Value = serde_json::from_str(&post(handshake)[0]).unwrap();
//! let alice = reply[0]["clientId"].as_str().unwrap();
//! post(&format!(r#"{{"channel":"/meta/subscribe","clientId":"{alice}","subscription":"/chat/*"}}"#));
//!
//! let connect = format!(r#"{{"channel":"/meta/connect","clientId":"{alice}","connectionType":"long-polling"}}"#);
//! assert_eq!(post(&connect).len(), 1, "the first connect is answered at once");
//! assert!(post(&connect).is_empty(), "the second one is held");
//!
//! let answers = post(r#"{"channel":"/chat/demo","data":"Hello!"}"#);
//! let event = r#"[{"channel":"/chat/demo","data":"Hello!"},"#;
//! assert!(answers.iter().any(|answer| answer.starts_with(event)), "{answers:?}");
//! ```

pub mod api;
pub mod app;
mod auth;
mod clock;
mod cluster;
mod delivery;
mod hooks;
mod io;
mod limits;
mod meta;
pub mod metrics;
mod options;
mod persistence;
mod server;
mod session;
mod time;
mod wire;

pub use app::Application;
pub use auth::{AccessRules, Claims, FetchedKeys, RuleError, TokenOptions, tokens};
pub use cluster::{API_PATH, BASE_PATH, Home, MAX_SHARDS, Placement, Region, Shard};
pub use delivery::{DedupKey, HistoryBounds, HistoryRules, Queue, SavedReplays, Subscriptions, Urgency};
pub use hooks::Hook;
pub use io::{Input, Notice, Output, Who};
pub use limits::{BayeuxContext, Budget, ConnectionRefused, Connections, Exceeded, Network, Rate, Rates};
pub use meta::refuse_without_token;
pub use options::{Durability, OptionError, Options, QueueOverflow, table};
pub use persistence::{
    ChannelSummary, Cut, Forgetful, HistoryRange, HistoryRow, HistoryStore, KeptSocket, SavedEvent, SavedPeer,
    SavedSession, Store, StoreError, Stored,
};
pub use server::{BayeuxServer, STREAM_BEAT, has_handshake};
pub use session::{ClientId, Delivery, Ending, Session, SessionKey};
pub use time::Millis;
pub use wire::extensions::comment_filter::Format;
pub use wire::{
    Advice, BayeuxError, Callback, Captures, ChannelId, ChannelPattern, ChannelTemplate, ConnectionType, Denial,
    Element, Endpoint, EndpointKey, Event, EventNumber, Message, MessageId, Operation, Realm, Refusal, RefusedMessage,
    Reply, RequestError, RequestId, RequestLimits, RequestedTiming, SocketId, Status, StreamId, Written, is_form,
    parse_form, parse_json, text_of,
};
