//! The server of one home: [`BayeuxServer::handle`], the order of its phases.
//!
//! | File | Has |
//! |---|---|
//! | `mod` | the server's state, and the order of its phases |
//! | `batch`, `checked_message`, `batch_processing` | processing a request's messages in order |
//! | `suspended_messages`, `session_order`, `subscriptions_commit` | messages that wait: for other objects, for earlier messages, for a row |
//! | `publish`, `dedup` | a publish on its way to the owner and the subscribers; retries |
//! | `held_connects`, `event_stream` | how clients wait for events |
//! | `sending`, `rows`, `notices` | what is sent, saved and logged |
//! | `session_end`, `hibernation`, `restore` | the end of a session; deadlines while the home sleeps; its next life |
//! | `actions`, `fetches`, `hooks`, `api`, `api_lists` | the application's actions, HTTP requests, the hooks Worker, the server API |
//! | `access`, `identity`, `jwks` | access rules asked of a message; tokens verified; handshakes that wait for keys |
//! | `throttle` | rates of messages, by network (`RATE_…`) |
//! | `memory` | limits on sessions, subscriptions and memory |
//! | `cluster` | calls to other objects |
//! | `metrics` | the report of this home, and its gauges |
//! | `history` | keeps published events, as their owner |
//! | `replay_start` | where a subscription begins: -1, -2 or a number |
//! | `replay_pages` | reads the pages of kept events and sends them |
//! | `replay_on_connect` | a connect that names numbers: its session goes on after them |
//! | `live_tail` | the events that an operator watches live |
//! | `presence` | joins, leaves and changed data: from a subscription or an attribute to the owner's roster |
//! | `presence_member` | a session's attributes as the member that watchers see: user, info, their limits |
//! | `presence_homes` | as an owner: members at other homes, and homes that vanished |
//! | `presence_watchers` | who may watch; all members for a new watcher; `/service/presence` |
//! | `deadlines` | when the server must be woken |

mod access;
mod actions;
mod api;
mod api_lists;
mod batch;
mod batch_processing;
mod checked_message;
mod cluster;
mod deadlines;
mod dedup;
mod event_stream;
mod fetches;
mod held_connects;
mod hibernation;
mod history;
mod hooks;
mod identity;
mod jwks;
mod live_tail;
mod memory;
mod metrics;
mod notices;
mod presence;
mod presence_homes;
mod presence_member;
mod presence_watchers;
mod publish;
mod replay_on_connect;
mod replay_pages;
mod replay_start;
mod restore;
mod rows;
mod sending;
mod session_end;
mod session_order;
mod subscriptions_commit;
mod suspended_messages;
mod throttle;

use std::collections::BTreeSet;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use self::actions::LifecycleEvents;
use self::fetches::Fetches;
use self::hooks::Hooks;
use self::jwks::JwksFetch;
use self::presence::Presence;
use self::replay_pages::Replaying;
use self::subscriptions_commit::Uncommitted;
use self::suspended_messages::Pending;
use crate::bayeux::app::{Application, Fault, HttpRequest};
use crate::bayeux::clock::Clock;
use crate::bayeux::cluster::{Cluster, ClusterInput, ClusterOptions, Home};
use crate::bayeux::delivery::{Dedup, FlushPace, Subscriptions, Tails, Unanswered};
use crate::bayeux::io::{Input, Notice, Output};
use crate::bayeux::limits::{Budget, Rates};
use crate::bayeux::metrics::{Metrics, Points};
use crate::bayeux::options::Options;
use crate::bayeux::persistence::{History, Journal, Store};
use crate::bayeux::session::{ClientId, PendingDisconnects, Refusals, SessionKey, Sessions};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::timestamp::Stamp;
use crate::bayeux::wire::{BayeuxError, Endpoint};

pub(in crate::bayeux) use self::actions::Subject;
pub use self::batch::has_handshake;
pub(in crate::bayeux) use self::batch::{Batch, Hold, Rides, Step, Subscribed, is_handshake};
pub(in crate::bayeux) use self::checked_message::Checked;
pub use self::event_stream::STREAM_BEAT;
pub(in crate::bayeux) use self::replay_start::Past;
pub(in crate::bayeux) use self::suspended_messages::SuspendedMessage;
pub(in crate::bayeux) use crate::bayeux::cluster::{Begun, PendingId, Publisher};

/// The state of a home, and [`BayeuxServer::handle`], its only entry.
pub struct BayeuxServer {
    pub(in crate::bayeux) options: Options,
    pub(in crate::bayeux) app: Application,
    /// Bytes that the home holds, within `MAX_MEMORY`.
    budget: Budget,
    pub(in crate::bayeux) sessions: Sessions,
    pub(in crate::bayeux) subscriptions: Subscriptions<SessionKey>,
    pub(in crate::bayeux) pace: FlushPace,
    /// Sessions with events for their held connect.
    ready: BTreeSet<SessionKey>,
    pub(in crate::bayeux) metrics: Metrics,
    /// When the metrics began to count, in Unix time.
    since: Millis,
    points: Points,
    /// Where the next flush continues: at this session, or the first one after it.
    turn: SessionKey,
    /// `RATE_HANDSHAKES`, by network.
    handshakes: Rates,
    /// `RATE_PUBLISHES`, by network.
    publishes: Rates,
    /// `RATE_SUBSCRIBES`, by network: how many names.
    subscribes: Rates,
    /// `RATE_REQUESTS`, by network.
    requests: Rates,
    /// `RATE_TREES`, by network: new trees.
    new_trees: Rates,
    lifecycle_events: LifecycleEvents,
    pub(in crate::bayeux) pending_disconnects: PendingDisconnects,
    /// For the server API: what was refused to whom.
    refusals: Refusals,
    /// For the server API: what was said in the channels that somebody looks at.
    tails: Tails,
    journal: Journal,
    dedup: Dedup,
    unanswered: Unanswered,
    /// The history of this tree's channels.
    history: History,
    replaying: Replaying,
    /// The members of this tree's channels, and the watchers at this home.
    pub(in crate::bayeux) presence: Presence,
    store: Box<dyn Store>,
    /// The timestamp of the messages that are made now.
    stamp: Stamp,
    pub(in crate::bayeux) pending: Pending,
    uncommitted: Uncommitted,
    hooks: Hooks,
    fetches: Fetches,
    jwks: JwksFetch,
    pub(in crate::bayeux) cluster: Cluster,
    home: Home,
    random: ChaCha12Rng,
    /// The wake-up that was last requested and has not come yet.
    wake: Option<Millis>,
    clock: Clock,
    outputs: Vec<Output>,
}

impl BayeuxServer {
    /// `seed` must come from a cryptographic source: the secret clientIds are drawn from it.
    pub fn new(home: Home, options: Options, app: Application, seed: [u8; 32], store: Box<dyn Store>) -> Self {
        let budget = Budget::default();
        let cluster = Cluster::new(home.clone(), ClusterOptions::of(&options), &budget);
        Self {
            handshakes: Rates::new(options.rate_handshakes),
            publishes: Rates::new(options.rate_publishes),
            subscribes: Rates::new(options.rate_subscribes),
            requests: Rates::new(options.rate_requests),
            new_trees: Rates::new(options.rate_trees),
            options,
            app,
            sessions: Sessions::within(&budget),
            presence: Presence::within(&budget),
            tails: Tails::within(&budget),
            budget,
            subscriptions: Subscriptions::default(),
            pace: FlushPace::default(),
            ready: BTreeSet::new(),
            metrics: Metrics::default(),
            since: Millis::default(),
            points: Points::default(),
            turn: SessionKey(0),
            lifecycle_events: LifecycleEvents::new(),
            pending_disconnects: PendingDisconnects::default(),
            refusals: Refusals::default(),
            journal: Journal::default(),
            dedup: Dedup::default(),
            unanswered: Unanswered::default(),
            history: History::of(home.name()),
            replaying: Replaying::default(),
            store,
            stamp: Stamp::default(),
            pending: Pending::default(),
            uncommitted: Uncommitted::default(),
            hooks: Hooks::default(),
            fetches: Fetches::default(),
            jwks: JwksFetch::default(),
            cluster,
            home,
            random: ChaCha12Rng::from_seed(seed),
            wake: None,
            clock: Clock::default(),
            outputs: Vec::new(),
        }
    }

    /// Whether there are no sessions, and nothing is stored for anyone.
    pub fn is_empty(&self) -> bool {
        self.sessions.len() == 0 && self.cluster.is_idle() && self.history.is_empty() && self.presence.is_empty()
    }

    /// Takes what happened and returns what to do. A client's mistake is a reply; nothing that a client sends is an
    /// error here.
    #[must_use]
    pub fn handle(&mut self, now: Millis, input: Input) -> Vec<Output> {
        if self.options.timestamp {
            self.stamp = Stamp::at(now);
        }
        if self.since == Millis::default() {
            self.since = now;
        }
        let now = self.read_clock(now);
        // First: a session with an expired token must not act again.
        self.expire();
        self.recover_presence(now);
        self.handle_input(now, input);
        // Overdue calls fail here. Then the messages continue that waited for them, and those whose outcome has come.
        self.cluster(now, ClusterInput::Due);
        self.resume_ready(now);
        // All sessions that subscribed so far are saved at once; their replies come after that.
        self.commit(now, None);
        // After the input, which may keep a session alive and answer its connect with events.
        self.sweep(now);
        // After everything that joins or leaves members.
        self.tell_presence(now);
        // The application is told of all of the above, sessions that ended included. What it sends leaves with this
        // input.
        self.dispatch(now);
        // Calls to other objects carry what all phases above added.
        self.cluster(now, ClusterInput::Send { has_sessions: self.sessions.len() > 0 });
        self.consult();
        // Replay pages are read for sessions that can be sent something now, so just before sending.
        self.sweep_history();
        self.read_pages(now);
        // Events leave when no phase can add any more.
        self.flush(now);
        // Rows record what was sent, so they come after it; the shell sends nothing before they are durable.
        self.keep(now);
        // Last: every phase above may set a deadline.
        self.plan_wake(now);
        std::mem::take(&mut self.outputs)
    }

    fn handle_input(&mut self, now: Millis, input: Input) {
        match input {
            Input::Messages { from, context, messages } => self.receive(now, from, context, messages),
            Input::Http { from, request } => self.serve(now, from, &request),
            Input::Listen { from, context, client_id, kept_open } => {
                self.open_stream(now, from, context, &client_id, kept_open);
            }
            Input::Stalled(stream) => self.stalled(now, stream, true),
            Input::Drained(stream) => self.stalled(now, stream, false),
            Input::Api { from, request, scope, platform } => self.serve_api(now, from, &request, scope, platform),
            Input::Closed(endpoint) => self.closed(now, endpoint),
            Input::Call { from, call } => {
                Metrics::count(&mut self.metrics.calls, "received", 1);
                self.cluster(now, ClusterInput::Call { from, call });
            }
            Input::Answer { token, answer } => {
                Metrics::count(&mut self.metrics.calls, "failed", u64::from(answer.is_none()));
                self.cluster(now, ClusterInput::Answer { token, answer });
            }
            Input::Consulted(answer) => self.consulted(now, answer.as_deref()),
            Input::KeysFetched(answer) => self.keys_fetched(now, answer),
            Input::Fetched { token, response } => self.fetched(now, token, response),
            Input::Timeout => {
                self.wake = None;
                self.pace.rings(now);
            }
            Input::TurnOver => {
                if self.pace.turn_is_over() {
                    self.outputs.push(Output::AwaitTurn);
                }
            }
        }
    }

    /// The server's own time. Where the clock jumps, the requested wake-up comes early or late: it is forgotten, and
    /// `plan_wake` asks for another one.
    pub(in crate::bayeux) fn read_clock(&mut self, outside: Millis) -> Millis {
        if self.clock.read(outside, self.wake) {
            self.wake = None;
        }
        self.clock.now()
    }

    /// Unix time, which tokens use.
    pub(in crate::bayeux) fn time_outside(&self) -> Millis {
        self.clock.outside(self.clock.now())
    }

    /// The server's own time.
    pub(in crate::bayeux) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Lets the application answer an HTTP request.
    fn serve(&mut self, now: Millis, to: Endpoint, request: &HttpRequest) {
        let (response, actions, fault) = self.app.answer(request);
        fault.into_iter().for_each(|fault| drop(self.blame(fault)));
        self.respond(to, response);
        self.apply(now, &Subject::default(), &mut Vec::new(), actions);
    }

    /// A clientId that nobody can guess.
    pub(in crate::bayeux) fn new_client_id(&mut self) -> ClientId {
        ClientId::random(&self.home.code(), &mut self.random)
    }

    /// A random number, so that two things that begin in the same millisecond differ.
    pub(super) fn random_number(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// The error that a client reads when the application fails its message; the log has the details.
    pub(in crate::bayeux) fn blame(&mut self, fault: Fault) -> BayeuxError {
        match fault {
            Fault::Refused(error) => error,
            Fault::Panicked(what) => {
                self.tell(Notice::ApplicationPanicked { what });
                BayeuxError::Internal
            }
            Fault::Failed(reason) => {
                self.tell(Notice::ActionFailed { reason });
                BayeuxError::Internal
            }
        }
    }
}
