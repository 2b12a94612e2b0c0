//! The server of one home.

mod access;
mod actions;
mod api;
mod batch;
mod beginnings;
mod checked;
mod cluster;
mod commit;
mod deadlines;
mod dedup;
mod event_stream;
mod hibernation;
mod history;
mod hooks;
mod identity;
mod jwks;
mod lanes;
mod lists;
mod memory;
mod pending;
mod publish;
mod replay;
mod restore;
mod step;
mod throttle;

use std::collections::BTreeSet;
use std::time::Duration;

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

use self::actions::LifecycleEvents;
use self::commit::Uncommitted;
use self::hooks::Hooks;
use self::jwks::JwksFetch;
use self::pending::Pending;
use self::replay::Replaying;
use crate::bayeux::app::{Application, Fault, HttpRequest, HttpResponse, ServerEvent};
use crate::bayeux::clock::Clock;
use crate::bayeux::cluster::{Cluster, ClusterInput, ClusterOptions, Home};
use crate::bayeux::delivery::{
    Dedup, FlushPace, Frames, Sending, Sent, Subscriptions, Unanswered, array, pacing as flush, split,
};
use crate::bayeux::io::{Input, Notice, Output};
use crate::bayeux::limits::{Budget, Rates};
use crate::bayeux::options::{Durability, Options};
use crate::bayeux::persistence::{History, Journal, SavedSession, Store, StoreError};
use crate::bayeux::session::{
    Client, ClientId, Delivery, Ending, HeldConnect, News, PendingDisconnects, Sender, SessionKey, Sessions,
};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::timestamp::Stamp;
use crate::bayeux::wire::{
    Advice, BayeuxError, Endpoint, EndpointKey, Event, Reply, ReplyExt, SocketId, Status, TokenError,
};

pub(in crate::bayeux) use self::actions::{HOOKS, Subject};
pub use self::batch::has_handshake;
pub(in crate::bayeux) use self::batch::{Batch, Hold, Rides, Step, Subscribed, is_handshake};
pub(in crate::bayeux) use self::beginnings::Past;
pub(in crate::bayeux) use self::checked::Checked;
pub(in crate::bayeux) use self::pending::Suspended;
pub(in crate::bayeux) use crate::bayeux::cluster::{Begun, PendingId, Publisher};

/// How long a session at least lives on whose message waits, before that is looked at again.
const WAITS: Duration = Duration::from_secs(1);

/// Everything a home knows, and [`BayeuxServer::handle`], the one way in and out.
pub struct BayeuxServer {
    pub(in crate::bayeux) options: Options,
    pub(in crate::bayeux) app: Application,
    /// Bytes that it holds: `MAX_MEMORY`.
    pub(in crate::bayeux) budget: Budget,
    pub(in crate::bayeux) sessions: Sessions,
    pub(in crate::bayeux) subscriptions: Subscriptions<SessionKey>,
    pub(in crate::bayeux) pace: FlushPace,
    /// Sessions that got events since their connect was held.
    pub(in crate::bayeux) ready: BTreeSet<SessionKey>,
    /// The next one's turn to be answered, or that of whoever comes after it.
    turn: SessionKey,
    /// `RATE_HANDSHAKES`, and who shook hands.
    pub(in crate::bayeux) handshakes: Rates,
    /// `RATE_PUBLISHES`, and who published.
    pub(in crate::bayeux) publishes: Rates,
    /// `RATE_SUBSCRIBES`, and who subscribed to how many names.
    subscribes: Rates,
    /// `RATE_REQUESTS`, and who sent any.
    requests: Rates,
    /// `RATE_TREES`, and who named new ones.
    new_trees: Rates,
    pub(in crate::bayeux) lifecycle_events: LifecycleEvents,
    pub(in crate::bayeux) pending_disconnects: PendingDisconnects,
    pub(in crate::bayeux) journal: Journal,
    pub(in crate::bayeux) dedup: Dedup,
    unanswered: Unanswered,
    /// What the channels of this tree keep for those who come later.
    pub(in crate::bayeux) history: History,
    pub(in crate::bayeux) replaying: Replaying,
    pub(in crate::bayeux) store: Box<dyn Store>,
    /// What every message carries that is made now.
    pub(in crate::bayeux) stamp: Stamp,
    pub(in crate::bayeux) pending: Pending,
    uncommitted: Uncommitted,
    pub(in crate::bayeux) hooks: Hooks,
    pub(in crate::bayeux) jwks: JwksFetch,
    pub(in crate::bayeux) cluster: Cluster,
    pub(in crate::bayeux) home: Home,
    random: ChaCha12Rng,
    /// The wake-up that was asked for and has not come.
    wake: Option<Millis>,
    pub(in crate::bayeux) clock: Clock,
    pub(in crate::bayeux) outputs: Vec<Output>,
}

/// Connects of sockets that are answered before their time with one that is due. Each client comes back with another one, so more
/// of them would be a crowd that wakes an object to keep it from being busy.
const AT_ONCE: usize = 64;

impl BayeuxServer {
    /// `seed` must come from a cryptographic source: the clientIds, which are secrets, are drawn from it.
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
            budget,
            subscriptions: Subscriptions::default(),
            pace: FlushPace::default(),
            ready: BTreeSet::new(),
            turn: SessionKey(0),
            lifecycle_events: LifecycleEvents::new(),
            pending_disconnects: PendingDisconnects::default(),
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
            jwks: JwksFetch::default(),
            cluster,
            home,
            random: ChaCha12Rng::from_seed(seed),
            wake: None,
            clock: Clock::default(),
            outputs: Vec::new(),
        }
    }

    /// Whether nobody is here, and nothing is kept for anyone.
    pub fn is_empty(&self) -> bool {
        self.sessions.len() == 0 && self.cluster.is_idle() && self.history.is_empty()
    }

    /// Takes what happened, gives back what to do. A client's mistake is a reply; nothing a client sends is an error
    /// here.
    #[must_use]
    pub fn handle(&mut self, now: Millis, input: Input) -> Vec<Output> {
        if self.options.timestamp {
            self.stamp = Stamp::at(now);
        }
        let now = self.read_clock(now);
        // A session whose token has expired is not heard once more.
        self.expire();
        self.take_input(now, input);
        // Whoever has waited for too long is told so, and goes on below like those whose outcome has come.
        self.cluster(now, ClusterInput::Due);
        self.resume_ready(now);
        // All that subscribed by now gets its rows in one go; success is told behind them.
        self.commit(now, None);
        // Behind the input: what came just now keeps a session alive, and answers its connect with events.
        self.sweep(now);
        // The application hears of all of the above, what ended included. What it does about it leaves with this input.
        self.dispatch(now);
        // Others are told together of what the phases above had for them.
        self.cluster(now, ClusterInput::Send { has_sessions: self.sessions.len() > 0 });
        self.consult();
        // Pages of what is kept are read for those who can be sent something now, so just before that happens.
        self.sweep_history();
        self.read_pages(now);
        // Events leave when nothing more can join them.
        self.flush(now);
        // Rows say what was sent, so they are written behind it; the shell sends nothing before they are safe.
        self.keep(now);
        // Behind all that sets a deadline.
        self.plan_wake(now);
        std::mem::take(&mut self.outputs)
    }

    fn take_input(&mut self, now: Millis, input: Input) {
        match input {
            Input::Messages { from, origin, messages } => self.receive(now, from, origin, messages),
            Input::Http { from, request } => self.serve(now, from, &request),
            Input::Listen { from, origin, client_id } => self.open_stream(now, from, origin, &client_id),
            Input::Stalled(stream) => self.stalled(now, stream, true),
            Input::Drained(stream) => self.stalled(now, stream, false),
            Input::Api { from, request } => self.serve_api(now, from, &request),
            Input::Closed(endpoint) => self.closed(now, endpoint),
            Input::Call { from, call } => self.cluster(now, ClusterInput::Call { from, call }),
            Input::Answer { token, answer } => self.cluster(now, ClusterInput::Answer { token, answer }),
            Input::Consulted(answer) => self.take_verdicts(now, answer.as_deref()),
            Input::KeysFetched(answer) => self.take_keys(now, answer),
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

    /// The server's own time. Where the clock has jumped, the wake-up that was asked for comes at another time than it should.
    pub(in crate::bayeux) fn read_clock(&mut self, outside: Millis) -> Millis {
        if self.clock.read(outside, self.wake) {
            self.wake = None;
        }
        self.clock.now()
    }

    /// The time outside, which tokens go by.
    pub(in crate::bayeux) fn time_outside(&self) -> Millis {
        self.clock.outside(self.clock.now())
    }

    /// The server's own time.
    pub(in crate::bayeux) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Lets a route answer.
    fn serve(&mut self, now: Millis, to: Endpoint, request: &HttpRequest) {
        let (response, actions, fault) = self.app.answer(request);
        fault.into_iter().for_each(|fault| drop(self.blame(fault)));
        self.respond(to, response);
        self.perform(now, &Subject::default(), &mut Vec::new(), actions);
    }

    pub(in crate::bayeux) fn respond(&mut self, to: Endpoint, response: HttpResponse) {
        self.outputs.push(Output::Respond { to, response });
    }

    /// Nobody waits for this answer any more: what comes from now on is kept for the client's next connect.
    fn closed(&mut self, now: Millis, endpoint: EndpointKey) {
        for key in self.sessions.at(endpoint) {
            self.resume(now, key);
        }
        let said = self.pending.client_aborted(endpoint);
        self.nobody_reads(now, said);
        if let EndpointKey::WebSocket(socket) = endpoint {
            for key in self.sessions.on(SocketId(socket)) {
                // Its client is known to be gone, and needs no time to notice.
                let until = self.kept_until(now, key);
                self.sessions.shorten(key, until);
                self.sessions.moves_to(key, None);
            }
        }
    }

    /// Answers the connects that were held long enough, keeps streams alive, and forgets the sessions that stayed away too long.
    fn sweep(&mut self, now: Millis) {
        self.pending_disconnects.sweep(now);
        // One may have taken so long to be let in.
        self.expire();
        let mut is_due_on_socket = false;
        while let Some(key) = self.sessions.first_due(now) {
            match self.resume(now, key) {
                Some(held) if matches!(held.endpoint, Endpoint::EventSource(_)) => self.beat(now, key, held),
                Some(held) => {
                    is_due_on_socket |= held.endpoint.socket().is_some();
                    self.answer_connect(now, key, held);
                }
                None if self.pending.has_of(key) => {
                    self.sessions.extend(key, now + self.options.max_interval.max(WAITS))
                }
                None => drop(self.end(key, Ending::Expired)),
            }
        }
        if is_due_on_socket {
            self.answer_sockets_nearly_due(now);
        }
    }

    /// While the object is awake for one socket's connect, those of others are answered too of which more than half of the time is
    /// over. So the connects of a room come to end together, and wake an idle object once in that time.
    fn answer_sockets_nearly_due(&mut self, now: Millis) {
        for key in self.sessions.due_on_sockets(now + self.options.websocket_timeout / 2, AT_ONCE) {
            if let Some(held) = self.resume(now, key) {
                self.answer_connect(now, key, held);
            }
        }
    }

    /// Sends what is ready to leave, when the pace allows it: to sockets and streams the events alone, to others, as many as the
    /// pace allows, their held connect's reply with them.
    fn flush(&mut self, now: Millis) {
        if self.ready.is_empty() || !self.pace.allows() {
            return;
        }
        // With `strict` each flush writes a row, whomever it answers.
        let in_turns = !self.options.flush_pace.is_zero() && self.options.durability == Durability::Relaxed;
        let most = if in_turns { flush::most(self.ready.len()) } else { usize::MAX };
        let mut answers = 0;
        let mut frames = Frames::new(self.options.messages_per_frame);
        let first = self.ready.split_off(&self.turn);
        for key in first.into_iter().chain(std::mem::take(&mut self.ready)) {
            let Some(session) = self.sessions.get(key).filter(|session| session.is_ready()) else { continue };
            if let Some(sink) = session.sink() {
                self.turn_page(now, key);
                frames.add(sink, self.sessions.take_events(key));
            } else if answers == most {
                self.ready.insert(key);
            } else if let Some(held) = self.resume(now, key) {
                self.answer_connect(now, key, held);
                self.turn = SessionKey(key.0 + 1);
                answers += 1;
            }
        }
        let sent = Sent { answers, ..frames.sent() };
        frames.into_sendings().for_each(|sending| self.send_events(sending));
        if self.pace.flushed(now, sent, !self.ready.is_empty(), self.options.flush_pace) {
            self.outputs.push(Output::AwaitTurn);
        }
    }

    /// Writes down what must outlive the object, and tells the sockets what they hold.
    fn keep(&mut self, now: Millis) {
        let News { changed, deliveries, released, sockets, away } = self.sessions.take_news();
        if released {
            self.journal.released(now);
        }
        if let Err(error) = self.try_keep(now, &changed, &deliveries) {
            self.storage_failed(&error);
        }
        if away {
            self.forget_away();
        }
        if self.journal.has_saved() {
            self.cluster(now, ClusterInput::Written);
        }
        for socket in sockets {
            let held = self.sessions.held_by_socket(socket);
            self.outputs.push(Output::Keep { socket, held });
        }
    }

    fn try_keep(
        &mut self,
        now: Millis,
        changed: &BTreeSet<SessionKey>,
        deliveries: &[Delivery],
    ) -> Result<(), StoreError> {
        for key in changed {
            self.save_session(*key)?;
        }
        self.journal.delivered(deliveries, &mut *self.store)?;
        self.settle_journal(now)
    }

    /// Saves what waits for too long, and forgets what nobody waits for.
    fn settle_journal(&mut self, now: Millis) -> Result<(), StoreError> {
        let (sessions, cluster) = (&mut self.sessions, &mut self.cluster);
        self.journal.settle(now, sessions, &mut |home, number| cluster.mark_saved(home, number), &mut *self.store)
    }

    /// Writes a session's row.
    pub(in crate::bayeux) fn save_session(&mut self, key: SessionKey) -> Result<(), StoreError> {
        match self.sessions.get(key) {
            Some(session) => self.store.save_session(key, &SavedSession::of(session)),
            None => Ok(()),
        }
    }

    /// What a client is told where a row could not be written; the log has the reason.
    pub(in crate::bayeux) fn storage_failed(&mut self, error: &StoreError) -> BayeuxError {
        self.tell(Notice::StoreFailed { error: error.to_string() });
        BayeuxError::StorageFailed
    }

    /// Lets go of a session's held connect; from now on its next one is awaited.
    pub(in crate::bayeux) fn resume(&mut self, now: Millis, key: SessionKey) -> Option<HeldConnect> {
        let until = self.kept_until(now, key);
        self.sessions.resume(key, until)
    }

    /// How long a session is kept whose connect is answered now.
    pub(in crate::bayeux) fn kept_until(&self, now: Millis, key: SessionKey) -> Millis {
        now + self.interval(key) + self.options.max_interval
    }

    fn interval(&self, key: SessionKey) -> Duration {
        self.sessions.get(key).map_or(self.options.interval, |session| session.timing.interval)
    }

    /// Answers a connect that was held, with the events that wait.
    fn answer_connect(&mut self, now: Millis, key: SessionKey, held: HeldConnect) {
        self.turn_page(now, key);
        if held.endpoint.socket().is_some() {
            let until = self.kept_until(now, key) + self.options.socket_grace();
            self.sessions.extend(key, until);
        }
        let (events, ack) = self.sessions.take_batch(key);
        let mut reply = Reply::successful("/meta/connect", &held.id);
        reply.advice = held.advise.then(|| self.advise(key, &held.endpoint));
        let timesync = held.timesync.and_then(|question| question.answer(now));
        reply.ext = ReplyExt { ack, timesync, ..ReplyExt::default() };
        let reply = reply.into_json();
        self.send(held.endpoint, Status::Ok, self.format(key), &events, &[reply]);
    }

    /// How answers to a session are written.
    pub(in crate::bayeux) fn format(&self, key: SessionKey) -> Format {
        self.sessions.get(key).map_or(Format::Json, |session| session.negotiated.format)
    }

    /// What the reply to a connect tells of the session's timing. The client counts as told from now on, and not before:
    /// a connect that is overtaken or refused has no such reply.
    pub(in crate::bayeux) fn advise(&mut self, key: SessionKey, endpoint: &Endpoint) -> Advice {
        let interval = self.interval(key);
        if let Some(session) = self.sessions.get_mut(key) {
            session.timing.advised = Some(interval);
        }
        Advice::retry(interval, self.options.timeout_at(endpoint))
    }

    /// Answers a connect whose place a newer one took. Its events stay for that one. On a socket it needs no answer.
    pub(in crate::bayeux) fn answer_overtaken(&mut self, key: SessionKey, held: HeldConnect) {
        if matches!(held.endpoint, Endpoint::WebSocket(_)) {
            return;
        }
        let reply = Reply::failed(Some("/meta/connect"), &held.id, &BayeuxError::ConnectOvertaken).into_json();
        self.send(held.endpoint, Status::Overtaken, self.format(key), &[], &[reply]);
    }

    /// A session's name that nobody can guess.
    pub(in crate::bayeux) fn new_client_id(&mut self) -> ClientId {
        ClientId::random(&self.home.code(), &mut self.random)
    }

    /// What tells apart what begins in the same millisecond.
    pub(super) fn random_number(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Ends a session. Its last events go with the connect it holds, or are given back where it holds none.
    pub(in crate::bayeux) fn end(&mut self, key: SessionKey, why: Ending) -> Vec<Event> {
        let Some((mut session, held)) = self.sessions.close(key) else {
            return Vec::new();
        };
        let client = Client { attributes: std::mem::take(&mut session.attributes), ..Sender::Session(key).into() };
        for pattern in std::mem::take(&mut session.subscriptions) {
            self.unlisten(&pattern, key);
            self.happened(|| ServerEvent::Unsubscribe { client: client.clone(), pattern });
        }
        self.happened(|| ServerEvent::ClientDisconnect { client, why });
        if let Err(error) = self.store.forget_session(key) {
            self.storage_failed(&error);
        }
        self.tell(Notice::SessionClosed { why, sessions: self.sessions.len() });
        let unasked = matches!(why, Ending::Dismissed | Ending::Overflowed);
        let goodbye = unasked.then(|| Event::disconnected(&self.stamp));
        let Some(held) = held.filter(|_| why != Ending::Replaced) else {
            return session.take_queue().into_iter().chain(goodbye).collect();
        };
        let (mut events, ack) = session.take_batch();
        events.extend(goodbye);
        let mut reply = match why {
            Ending::TokenExpired => {
                let error = BayeuxError::Token(TokenError::Expired);
                Reply { advice: Some(Advice::handshake()), ..Reply::failed(Some("/meta/connect"), &held.id, &error) }
            }
            _ => Reply { advice: Some(Advice::none()), ..Reply::successful("/meta/connect", &held.id) },
        };
        reply.ext.ack = ack;
        let reply = reply.into_json();
        self.send(held.endpoint, Status::Ok, session.negotiated.format, &events, &[reply]);
        Vec::new()
    }

    /// Ends what a client had on its socket before it shook hands anew: it is told nothing, as it would take that for the new session's.
    pub(in crate::bayeux) fn replace(&mut self, before: &[SessionKey]) {
        before.iter().for_each(|key| drop(self.end(*key, Ending::Replaced)));
    }

    /// Ends the session of a client that is not the one who is answered now. Where it holds no connect it is told on its
    /// return.
    pub(in crate::bayeux) fn dismiss(&mut self, key: SessionKey, why: Ending) {
        let Some(session) = self.sessions.get(key) else { return };
        let (client_id, until) = (session.client_id.clone(), session.due());
        let events = self.end(key, why);
        if !events.is_empty() {
            // As copies: a row goes when nobody holds its event any more.
            let events = events.iter().map(|event| Event::thawed(event.as_json().to_owned())).collect();
            self.pending_disconnects.keep(client_id, until, events, self.options.max_sessions);
        }
    }

    /// One answer: events first, then the replies in the order of their requests. With `MESSAGES_PER_FRAME` the events have
    /// frames of their own on a socket.
    pub(in crate::bayeux) fn send(
        &mut self,
        to: Endpoint,
        status: Status,
        format: Format,
        mut events: &[Event],
        replies: &[String],
    ) {
        if let (Endpoint::WebSocket(socket), Some(count)) = (&to, self.options.messages_per_frame) {
            for sending in split(vec![*socket], Vec::new(), events, count) {
                self.send_events(sending);
            }
            events = &[];
        }
        let replies: Vec<_> = replies.iter().map(|reply| self.stamp.on(reply)).collect();
        let messages = array(events.iter().map(Event::as_json).chain(replies.iter().map(AsRef::as_ref)));
        self.outputs.push(Output::Send { to, status, format, messages });
    }

    fn send_events(&mut self, Sending { sockets, streams, messages }: Sending) {
        if !streams.is_empty() {
            self.outputs.push(Output::Stream { to: streams, messages: messages.clone() });
        }
        if !sockets.is_empty() {
            self.outputs.push(Output::Deliver { to: sockets, messages });
        }
    }

    /// What a client is told where the application does not let its message pass; the log has the rest.
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

    pub(in crate::bayeux) fn tell(&mut self, notice: Notice) {
        self.outputs.push(Output::Tell(notice));
    }
}
