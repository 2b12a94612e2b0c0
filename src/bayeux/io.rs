//! The inputs and outputs of the core, as values.

use std::rc::Rc;

use crate::bayeux::api::Scope;
use crate::bayeux::app::{Fetch, FetchError, FetchResponse, HttpRequest, HttpResponse};
use crate::bayeux::auth::FetchedKeys;
use crate::bayeux::cluster::Home;
use crate::bayeux::limits::BayeuxContext;
use crate::bayeux::metrics::Platform;
use crate::bayeux::session::{Ending, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::{Element, Endpoint, EndpointKey, SocketId, Status, StreamId};

/// What happened outside.
#[derive(Debug)]
pub enum Input {
    /// A request came. It is answered exactly once, now or when its connect is released.
    Messages { from: Endpoint, context: BayeuxContext, messages: Vec<Element> },
    /// A request for one of the application's routes. It is answered at once.
    Http { from: Endpoint, request: HttpRequest },
    /// A client opens an event stream for its session. `kept_open`: somebody else sends the comments that keep it open,
    /// so that the object may sleep.
    Listen { from: StreamId, context: BayeuxContext, client_id: String, kept_open: bool },
    /// A stream's client reads more slowly than it is sent to.
    Stalled(StreamId),
    /// It has caught up.
    Drained(StreamId),
    /// A call of the server API with a key of this scope, and the platform's current figures. It is answered like a
    /// request of a client, or like one for a route.
    Api { from: Endpoint, request: HttpRequest, scope: Scope, platform: Platform },
    /// The platform says that nobody waits at this endpoint any more.
    Closed(EndpointKey),
    /// Another object's [`Output::Ask`]. It is answered like a request, perhaps later.
    Call { from: Endpoint, call: String },
    /// The answer to an [`Output::Ask`]; none where the object was unreachable for ten seconds, or refused.
    Answer { token: u64, answer: Option<String> },
    /// The answer of the hooks Worker to the last [`Output::Consult`]; none where it failed or took longer than
    /// `HOOKS_TIMEOUT`.
    Consulted(Option<String>),
    /// The keys of the last [`Output::FetchKeys`], or the reason for its failure.
    KeysFetched(Result<FetchedKeys, String>),
    /// The response to an [`Output::Fetch`], or the reason for its failure.
    Fetched { token: u64, response: Result<FetchResponse, FetchError> },
    /// The turn of the last [`Output::AwaitTurn`] is over.
    TurnOver,
    /// The time of the last [`Output::WakeAt`] has come.
    Timeout,
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Answer. `messages` is a JSON array. Sockets ignore `status` and `format`, callbacks ignore `format`. A stream
    /// ends with its answer; with a status other than [`Status::Ok`] without waiting for its client to read.
    Send { to: Endpoint, status: Status, format: Format, messages: String },
    /// Answer a request for a route, or a call.
    Respond { to: Endpoint, response: HttpResponse },
    /// Send these events to each of these sockets. `messages` is a JSON array.
    Deliver { to: Vec<SocketId>, messages: String },
    /// Send these events to each of these streams. `messages` is a JSON array.
    Stream { to: Vec<StreamId>, messages: String },
    /// Send this stream a comment, to keep it open.
    Beat(StreamId),
    /// Send this to another object of this deployment, as its [`Input::Call`], and return its answer as
    /// [`Input::Answer`].
    Ask { token: u64, whom: Home, call: String },
    /// Send this to the hooks Worker. There is one such request at a time.
    Consult { request: String },
    /// Fetch the keys at this URL. There is one such fetch at a time.
    FetchKeys { url: String },
    /// Send this HTTP request with its timeout, and return the response as [`Input::Fetched`].
    Fetch { token: u64, fetch: Fetch },
    /// Keep this text with the socket: it is what [`BayeuxServer::restore`](super::BayeuxServer::restore) asks for.
    Keep { socket: SocketId, held: String },
    /// Start the platform's shortest timer, and call with [`Input::TurnOver`] when it fires. By then everything that
    /// had arrived is handled, and everything sent has left. One such timer runs at a time.
    AwaitTurn,
    /// Call with [`Input::Timeout`] at this time. It replaces an earlier one; a call too early does no harm.
    WakeAt(Millis),
    /// Log this, with the session that it is about.
    Tell(Notice, Option<Who>),
}

/// A session as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Its number, as in the server API.
    pub client: SessionKey,
    /// The claim `sub`.
    pub user: Option<String>,
    /// Its connection type.
    pub transport: &'static str,
}

/// What a server logs. Never contains a clientId.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    SessionOpened {
        sessions: usize,
    },
    SessionClosed {
        why: Ending,
        sessions: usize,
    },
    /// A session's queue was full: its oldest events were dropped, or all of them with the session.
    EventsDropped {
        events: usize,
    },
    ConnectionRefused {
        address: Rc<str>,
    },
    /// Too many of these messages or connections came from this address for their rate. Logged once until the rate is
    /// kept again.
    RateExceeded {
        what: &'static str,
        address: Rc<str>,
    },
    HandshakeRefused {
        error: String,
    },
    /// A message was refused for any other reason.
    MessageRefused {
        /// The message's channel and subscription, as far as they are known; long ones are cut.
        channel: Option<Box<str>>,
        subscription: Option<Box<str>>,
        /// The error as the client reads it.
        error: String,
        /// The error's name; the first one of a name in a minute is logged.
        name: &'static str,
        /// What denied it: the access rules, the claims, or the policy's own words.
        reason: Option<Box<str>>,
        /// The access rule that allows it to others.
        rule: Option<Box<str>>,
    },
    /// The application's own code panicked; the log line before this one says where.
    ApplicationPanicked {
        what: &'static str,
    },
    /// An action of the application was impossible, or a handler failed.
    ActionFailed {
        reason: String,
    },
    /// The hooks Worker failed to answer this many questions.
    HooksFailed {
        calls: usize,
    },
    /// `TOKEN_JWKS_URL` returned this many keys.
    TokenKeysFetched {
        keys: usize,
    },
    /// `TOKEN_JWKS_URL` returned no keys, for this reason.
    TokenKeysFailed {
        reason: String,
    },
    /// This many sessions of an earlier life did not fit into `MAX_MEMORY`.
    SessionsGivenUp {
        sessions: usize,
    },
    /// A row could not be written, for this reason of the storage.
    StoreFailed {
        error: String,
    },
}
