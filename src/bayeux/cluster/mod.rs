//! How objects work together: a client is at home in one, and talks to trees that others own.
//!
//! ```text
//! client ─▶ home ──uplink──▶ owner of /chat ──downlink──▶ every home where somebody listens to /chat/…
//!                 publishes, interests       events, numbered
//! ```
//!
//! * A channel's **owner** is the object named after its tree, the first `TREE_DEPTH` segments. It gives the tree's
//!   events their order. With a depth of 0 the root owns all.
//! * A **home** asks the owner to relay a pattern when its first client subscribes to it, and the client is told of
//!   success when the owner knows. The owner tells each home each event once, however many clients it has.
//! * A pattern that **spans** trees, like `/**`, is the root's affair. It knows every tree and tells each who wants
//!   all.
//! * Where home and owner are one object nothing of this happens.
//!
//! [`Cluster`] is a state machine: [`Cluster::handle`] takes what happened and gives back what to do. It knows neither
//! sessions nor clients, only patterns that are listened to here and numbers of those who wait. **Where an owner
//! accepts an event** and gives it its number is `BayeuxServer::accept` in `server/publish.rs`, for the events of its
//! own clients and for those that homes bring ([`ClusterEffect::Accept`]): the cluster is told of the number with
//! [`ClusterInput::Relay`].
//!
//! | To find | Look in |
//! | --- | --- |
//! | what a home wants to hear | `interests.rs` |
//! | from a home to an owner | `uplink.rs`; as the owner takes it: `home_calls.rs` |
//! | homes as an owner knows them | `remote_home.rs` |
//! | from an owner to homes | `downlink.rs`, by way of others: `relay_tree.rs`; as the home takes it: `received.rs` |
//! | patterns that span trees | at the root `wildcards.rs`, at the others `registration.rs` |
//! | the calls' JSON | `messages.rs` |
//! | who is where | `presence.rs` |
//! | names of homes, and which is whose | `home.rs`, `placement.rs` |
//!
//! What one input costs grows with what it touches, not with how many homes, owners, trees or patterns there are: those
//! are found by a key, or by the next deadline (`deadlines.rs`).

mod deadlines;
mod downlink;
mod home;
mod home_calls;
mod interests;
mod messages;
mod placement;
mod presence;
mod received;
mod registration;
mod relay_tree;
mod remote_home;
mod replay;
mod uplink;
mod wildcards;

pub use self::home::{API_PATH, BASE_PATH, Home, MAX_SHARDS, Region, Shard, is_api_path};
pub use self::placement::Placement;
pub use self::presence::{Asker, Members, MembersCall, PresenceEffect, PresenceInput, members_answer};
pub use self::replay::{Begun, MOST_EVENTS, PageWanted, begin_answer, page_answer};

use std::collections::BTreeMap;
use std::time::Duration;

use self::home_calls::HomeCall;
use self::interests::Interests;
use self::messages::{Call, Failure, Item, parse, raw, to_json};
use self::received::Receiving;
use self::registration::Registration;
use self::relay_tree::RelayTree;
use self::remote_home::RemoteHomes;
use self::uplink::{Tell, Uplinks};
use self::wildcards::Wildcards;
use crate::bayeux::delivery::{Bounds, DedupKey, Read, Want, Weighed};
use crate::bayeux::limits::Budget;
use crate::bayeux::persistence::{Note, Notes, Store, StoreError};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, Endpoint, Event, EventNumber, Status};

/// What an object knows of others.
#[derive(Debug)]
pub struct Cluster {
    home: Home,
    options: ClusterOptions,
    interests: Interests,
    uplinks: Uplinks,
    remote_homes: RemoteHomes,
    wildcards: Wildcards,
    registration: Registration,
    relay_tree: RelayTree,
    /// How many relays have left, so that each home in turn passes one on.
    relays: usize,
    /// Calls under way, by their token.
    calls: BTreeMap<u64, About>,
    last_token: u64,
    /// What waits until events are accepted or delivered outside.
    accepting: BTreeMap<u64, Accepting>,
    last_accepting: u64,
    /// The number that this life's events began with.
    since: EventNumber,
    /// As far as that is written down.
    noted_since: Option<EventNumber>,
}

/// What of the server's options concerns others.
#[derive(Clone, Copy, Debug)]
pub struct ClusterOptions {
    pub tree_depth: usize,
    pub relay_fanout: usize,
    /// How many patterns may span trees, as the root knows them.
    pub max_spanning_patterns: usize,
    /// How many trees the root knows at a time.
    pub max_known_trees: usize,
    /// How much may wait for another object.
    pub relay_bounds: Bounds,
    /// Whether every event has a row that does not leave at once.
    pub lasting: bool,
}

/// Whoever waits for a word of another object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PendingId(pub u64);

/// What happened.
#[derive(Debug)]
pub enum ClusterInput {
    /// A session is about to subscribe: a word comes for each of the patterns. `strict`: it acknowledges, so nothing
    /// may be lost.
    Subscribe { patterns: Vec<ChannelPattern>, strict: bool, pending: PendingId },
    /// A client here listens to a pattern, or none does any more.
    Listens { pattern: ChannelPattern, heard: bool },
    /// An event for an owner that is not this object, or that waits until this tree is registered: a word comes.
    Publish { publish: Publish, pending: PendingId },
    /// The answer to [`ClusterEffect::Accept`].
    Accepted { number: u64, outcome: Result<(), BayeuxError> },
    /// The answer to [`ClusterEffect::Deliver`]: the events up to this one are delivered, and to these channels nobody
    /// listens.
    Delivered { number: u64, upto: EventNumber, unheard: Vec<ChannelId> },
    /// The answer to [`ClusterEffect::GoOn`].
    GoOn,
    /// An event was accepted that homes are to hear.
    Relay(ToRelay),
    /// From where a pattern of another owner is heard: a word comes.
    AskToBegin { pattern: ChannelPattern, from: ReplayFrom, pending: PendingId },
    /// A session is to read what the owner of the first of these keeps.
    AskForPage(PageWanted),
    /// Who is there is to be told.
    Presence(PresenceInput),
    /// Another object calls.
    Call { from: Endpoint, call: String },
    /// Another object has answered; none where it could not be reached or did not understand.
    Answer { token: u64, answer: Option<String> },
    /// Time passes: those are told who have waited long enough.
    Due,
    /// An input is worked through: what has gathered leaves.
    Send { has_sessions: bool },
    /// Events were written down: so is how far this object has come with others.
    Written,
}

/// What is to be done.
#[derive(Debug)]
pub enum ClusterEffect {
    /// Call another object, and bring its answer back.
    Call {
        token: u64,
        whom: Home,
        call: String,
    },
    /// Answer another object's call.
    Reply {
        to: Endpoint,
        status: Status,
        json: String,
    },
    /// A word has come for whoever waits.
    Resolve {
        pending: PendingId,
        outcome: Result<(), BayeuxError>,
    },
    /// As its owner, accept an event.
    Accept {
        number: u64,
        channel: ChannelId,
        event: Event,
        publisher: Publisher,
        lazy: bool,
    },
    /// Go on with what waited, when all effects before this one are done.
    GoOn,
    /// Deliver events to the clients here, in order. Whoever was told of success before hears them.
    Deliver {
        number: u64,
        events: Vec<Received>,
    },
    /// Events of this owner are missing here, at most so many.
    Missed {
        owner: Home,
        events: usize,
    },
    /// Answer from where a pattern of this owner is heard: see [`begin_answer`].
    Begin {
        to: Endpoint,
        pattern: ChannelPattern,
        from: ReplayFrom,
    },
    /// Answer with what this owner keeps: see [`page_answer`].
    Read {
        to: Endpoint,
        wants: Vec<Want>,
    },
    /// From there a pattern is heard. The word comes next.
    Begun {
        pending: PendingId,
        pattern: ChannelPattern,
        begun: Begun,
    },
    /// What an owner has read, none where it could not.
    Page {
        wanted: PageWanted,
        page: Option<(Vec<Read>, Vec<Event>)>,
    },
    /// Others have told who is there.
    Presence(PresenceEffect),
    /// Too much waited for homes.
    EventsDropped {
        events: usize,
    },
    StoreFailed(StoreError),
    /// Rows of events may have become useless.
    Released,
}

/// What was published.
#[derive(Debug)]
pub struct Publish {
    pub channel: ChannelId,
    pub event: Event,
    pub publisher: Publisher,
    pub lazy: bool,
}

/// Who published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Publisher {
    /// The session that is not to hear what it says, if there is one.
    pub session: Option<SessionKey>,
    /// The home of that session, where that is another one.
    pub home: Option<SessionKey>,
    /// By which the publish is known should it come again.
    pub key: Option<DedupKey>,
}

/// An event that its owner relayed.
#[derive(Debug)]
pub struct Received {
    pub number: EventNumber,
    pub event: Event,
    pub not_to: Option<SessionKey>,
    /// It is for this session alone.
    pub only_to: Option<SessionKey>,
    pub lazy: bool,
}

/// An event that homes are to hear.
#[derive(Debug)]
pub struct ToRelay {
    pub number: EventNumber,
    pub event: Weighed,
    pub homes: Vec<Listener>,
    /// One session of one home is not to hear it.
    pub not_to: Option<(SessionKey, SessionKey)>,
    /// It is for one session of the home alone.
    pub only_to: Option<SessionKey>,
    pub lazy: bool,
}

/// A home that is to hear an event.
#[derive(Clone, Copy, Debug)]
pub struct Listener {
    pub key: SessionKey,
    /// Whether the event must be written down before its publisher hears of success.
    pub lasts: bool,
}

/// What a call was about.
#[derive(Debug)]
enum About {
    /// Items for this owner, in this life of the uplink.
    Uplink {
        owner: Home,
        life: u64,
    },
    /// Events for these homes.
    Relay(Vec<(SessionKey, Home)>),
    /// Events of another owner that this home passes on: the relay it does that for.
    PassedOn(u64),
    Announce,
    Leave,
    /// From where a pattern is heard, for whoever waits.
    Begin(PendingId, ChannelPattern, ReplayFrom),
    /// A page of what is kept.
    Page(PageWanted),
    /// Who is at this home.
    Members(SessionKey, MembersCall),
    /// Who is in a channel, for whoever has asked.
    Who(Asker),
    /// What this tree is told of those who listen to all.
    Wildcards(Home, u64),
}

/// What goes on when an event is accepted, or events are delivered.
#[derive(Debug)]
enum Accepting {
    Call(Box<HomeCall>),
    Publish(PendingId),
    Relay(Receiving),
}

/// What an input is worked through with.
pub struct Context<'a> {
    now: Millis,
    store: &'a mut dyn Store,
    effects: Vec<ClusterEffect>,
    /// Whether an event was let go that has a row.
    released: bool,
}

/// How long someone waits for an object that cannot be reached, before being told so.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the first and the longest pause is between tries to reach an object.
const PAUSE: (u64, u64) = (100, 30_000);

/// How long to leave an object alone that could not be reached so many times in a row.
pub fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSE;
    Duration::from_millis((first << failures.saturating_sub(1).min(16)).min(longest))
}

/// Whether no tree alone can have all that matches.
fn spans_trees(pattern: &ChannelPattern, depth: usize) -> bool {
    depth > 0 && pattern.tree(depth).is_none()
}

impl Cluster {
    /// What waits for other homes is charged to `budget`.
    pub fn new(home: Home, options: ClusterOptions, budget: &Budget) -> Self {
        Self {
            home,
            options,
            interests: Interests::default(),
            uplinks: Uplinks::default(),
            remote_homes: RemoteHomes::within(budget.clone()),
            wildcards: Wildcards::default(),
            registration: Registration::default(),
            relay_tree: RelayTree::default(),
            relays: 0,
            calls: BTreeMap::new(),
            last_token: 0,
            accepting: BTreeMap::new(),
            last_accepting: 0,
            since: EventNumber::default(),
            noted_since: None,
        }
    }

    /// Takes what happened, gives back what to do, in this order. Rows are written at once.
    #[must_use]
    pub fn handle(&mut self, now: Millis, input: ClusterInput, store: &mut dyn Store) -> Vec<ClusterEffect> {
        let mut cx = Context { now, store, effects: Vec::new(), released: false };
        let cx = &mut cx;
        match input {
            ClusterInput::Subscribe { patterns, strict, pending } => self.subscribe(cx, patterns, strict, pending),
            ClusterInput::Listens { pattern, heard } => self.listens(now, &pattern, heard),
            ClusterInput::Publish { publish, pending } => self.publish(cx, publish, pending),
            ClusterInput::Accepted { number, outcome } => self.accepted(cx, number, outcome),
            ClusterInput::Delivered { number, upto, unheard } => {
                if let Some(Accepting::Relay(receiving)) = self.accepting.remove(&number) {
                    self.received(cx, receiving, upto, unheard);
                }
            }
            ClusterInput::GoOn => self.next_goes_on(cx),
            ClusterInput::Relay(relay) => self.relay(cx, relay),
            ClusterInput::AskToBegin { pattern, from, pending } => self.ask_to_begin(cx, pending, pattern, from),
            ClusterInput::AskForPage(wanted) => self.ask_for_page(cx, wanted),
            ClusterInput::Presence(input) => self.tell_presence(cx, input),
            ClusterInput::Call { from, call } => self.take_call(cx, from, &call),
            ClusterInput::Answer { token, answer } => self.take_answer(cx, token, answer.as_deref()),
            ClusterInput::Due => {
                self.uplinks_are_due(cx);
                self.passing_on_is_due(cx);
                self.registration_is_due(cx);
                self.wildcards_are_due(cx);
            }
            ClusterInput::Send { has_sessions } => {
                self.interests_are_due(cx);
                self.send_uplinks(cx);
                self.send_relays(cx);
                self.send_wildcards(cx);
                self.register(cx, has_sessions);
                self.forget_idle_homes(cx);
            }
            ClusterInput::Written => {
                self.note_done(cx);
                self.note_heard(cx);
            }
        }
        if cx.released {
            cx.effects.push(ClusterEffect::Released);
        }
        std::mem::take(&mut cx.effects)
    }

    /// Whether other objects count on this one, or it on them.
    pub fn is_idle(&self) -> bool {
        self.remote_homes.are_silent()
            && self.interests.is_empty()
            && self.uplinks.are_empty()
            && self.wildcards.is_empty()
            && self.registration.is_idle()
    }

    /// The trees that are in use, as far as the root knows them, which is asked by all.
    pub fn known_trees(&self) -> impl Iterator<Item = &Home> {
        self.wildcards.trees()
    }

    /// When [`ClusterInput::Due`] has something to do.
    pub fn due(&self) -> Option<Millis> {
        let all = [
            self.interests.due(),
            self.uplinks.due(),
            self.remote_homes.due(),
            self.relay_tree.due(),
            self.wildcards.due(),
            self.registration.due(),
        ];
        all.into_iter().flatten().min()
    }

    /// Whether an event may be accepted here and now: this object owns its channel, and the root knows of it.
    pub fn accepts(&self, channel: &ChannelId) -> bool {
        self.owner_of(channel) == self.home && self.is_registered()
    }

    /// The homes that are to hear what is published there.
    pub fn listeners(&self, now: Millis, channel: &ChannelId) -> Vec<Listener> {
        if self.remote_homes.are_silent() {
            return Vec::new();
        }
        let lasts = |remote: &remote_home::RemoteHome| remote.strict || self.options.lasting && !remote.is_free(now);
        self.remote_homes.listening(channel).map(|(key, remote)| Listener { key, lasts: lasts(remote) }).collect()
    }

    /// Takes note that an event has a row now. Whether it still waits for this home.
    pub fn mark_saved(&mut self, home: SessionKey, number: EventNumber) -> bool {
        self.remote_homes.mark_saved(home, number)
    }

    /// Bytes that wait for each home.
    pub fn weights(&self) -> impl Iterator<Item = (SessionKey, usize)> {
        self.remote_homes.weights()
    }

    /// Drops the oldest events that wait for a home, until they weigh no more: it is told so. How many, if there is
    /// such a home.
    pub fn lighten(&mut self, home: SessionKey, weight: usize) -> Option<usize> {
        self.remote_homes.lighten(home, weight)
    }

    pub fn owner_of(&self, channel: &ChannelId) -> Home {
        match self.options.tree_depth {
            0 => Home::Root,
            depth => Home::Tree(channel.tree(depth)),
        }
    }

    /// Who is asked to relay a pattern.
    pub fn owner_of_pattern(&self, pattern: &ChannelPattern) -> Home {
        Home::owner_of(pattern, self.options.tree_depth).unwrap_or(Home::Root)
    }

    /// Whether to talk to this owner starts an object, as far as this home knows.
    pub fn is_new_tree(&self, owner: &Home) -> bool {
        matches!(owner, Home::Tree(_)) && *owner != self.home && !self.uplinks.has(owner)
    }

    /// Whether it would talk to more than `most` owners, with so many new ones. Those count from which it wants to
    /// hear, or which have not answered yet; to look for them is worth it only where more are known than that.
    pub fn has_too_many_trees(&self, new: usize, most: usize) -> bool {
        if self.uplinks.len() + new <= most {
            return false;
        }
        let silent = self.uplinks.busy().filter(|owner| !self.interests.has_owner(owner)).count();
        self.interests.owners() + silent + new > most
    }

    /// Brings an event to another object that must have its word in it.
    fn publish(&mut self, cx: &mut Context, publish: Publish, pending: PendingId) {
        let owner = self.owner_of(&publish.channel);
        if owner == self.home {
            return self.wait_with_publish(cx, publish, pending);
        }
        let Publish { event, publisher: Publisher { session: not_to, key, .. }, lazy, .. } = publish;
        let outcome = raw(&event).ok_or(BayeuxError::OwnerUnreachable).and_then(|event| {
            let item = Item::Publish { event, not_to, lazy, key };
            self.tell_owner(cx, &owner, item, Tell::Pending(pending))
        });
        if outcome.is_err() {
            cx.resolve(pending, outcome);
        }
    }

    /// Takes note of what goes on when something is done outside. Its number.
    fn accepting(&mut self, accepting: Accepting) -> u64 {
        self.last_accepting += 1;
        self.accepting.insert(self.last_accepting, accepting);
        self.last_accepting
    }

    fn accepted(&mut self, cx: &mut Context, number: u64, outcome: Result<(), BayeuxError>) {
        match self.accepting.remove(&number) {
            Some(Accepting::Publish(pending)) => cx.resolve(pending, outcome),
            Some(Accepting::Call(call)) => {
                self.item_done(&call, outcome.map_err(|_| Failure::Storage));
                self.work_on(cx, *call);
            }
            Some(Accepting::Relay(_)) | None => (),
        }
    }

    /// Another object asks.
    fn take_call(&mut self, cx: &mut Context, from: Endpoint, call: &str) {
        match parse(Some(call)) {
            Some(Call::Link(call)) => self.take_link(cx, from, call),
            Some(Call::Relay(relay)) => self.take_relay_call(cx, from, relay),
            Some(Call::Announce { tree, number }) => self.take_announcement(cx, from, &tree, number),
            Some(Call::Leave { tree, number }) => self.take_leave(cx, from, &tree, number),
            Some(Call::Wildcards(spans)) => self.take_wildcards(cx, from, spans),
            Some(Call::Begin { pattern, from: start }) => self.take_begin(cx, from, pattern, start),
            Some(Call::Read(wants)) => self.take_read(cx, from, wants),
            Some(Call::Members(call)) => cx.present(PresenceEffect::Asked { to: from, call }),
            Some(Call::Who { channel }) => self.take_who(cx, from, &channel),
            None => cx.reply(from, Status::Misunderstood, String::new()),
        }
    }

    /// Another object has answered; none where it could not be reached or did not understand.
    fn take_answer(&mut self, cx: &mut Context, token: u64, answer: Option<&str>) {
        match self.calls.remove(&token) {
            Some(About::Uplink { owner, life }) => self.uplink_answered(cx, &owner, life, parse(answer)),
            Some(About::Relay(homes)) => self.relay_answered(cx, &homes, parse(answer)),
            Some(About::PassedOn(relay)) => self.passed_on(cx, relay, parse(answer)),
            Some(About::Announce) => self.announcement_answered(cx, parse(answer)),
            Some(About::Wildcards(tree, version)) => self.wildcards_answered(cx, &tree, version, parse(answer)),
            Some(About::Leave) => self.leave_answered(cx, parse(answer)),
            Some(About::Begin(pending, pattern, from)) => {
                Self::begin_answered(cx, pending, pattern, from, parse(answer));
            }
            Some(About::Page(wanted)) => Self::page_answered(cx, wanted, parse(answer)),
            Some(About::Members(home, call)) => {
                cx.present(PresenceEffect::Answered { home, call, members: parse(answer) });
            }
            Some(About::Who(asker)) => cx.present(PresenceEffect::Told { asker, whole: parse(answer) }),
            None => (),
        }
    }

    fn call(&mut self, cx: &mut Context, whom: Home, about: About, call: &Call) {
        self.call_with(cx, whom, about, to_json(call));
    }

    fn call_with(&mut self, cx: &mut Context, whom: Home, about: About, call: String) {
        self.last_token += 1;
        let token = self.last_token;
        self.calls.insert(token, about);
        cx.effects.push(ClusterEffect::Call { token, whom, call });
    }

    /// A life begins: what it says must come after all that earlier ones said. `chance` tells it from one that began in
    /// the same millisecond. The number after which its events are numbered.
    pub fn begin_life(&mut self, now: Millis, chance: u64) -> EventNumber {
        self.uplinks.begin(now, chance);
        // Room for a thousand events in each millisecond that the object has ever lived.
        self.since = EventNumber(now.0 << 10);
        self.since
    }

    /// A note of an earlier life.
    fn restore_note(&mut self, now: Millis, note: &Note, text: &str) {
        match note {
            Note::Heard(owner) => self.restore_heard(now, owner, text),
            Note::Done(home) => self.restore_done(home, text),
            Note::RemoteHome(home) => self.restore_remote_home(now, home, text),
            Note::Tree(tree) => self.wildcards.restore_tree(tree, text),
            Note::Since => {
                // The next life's numbers are to be higher, though its clock may go back. There is room for 16 million
                // events.
                let before: u64 = text.parse().unwrap_or_default();
                self.since = self.since.max(EventNumber(before + (1 << 24)));
            }
            Note::Registration => self.registration.restore(text),
            _ => (),
        }
    }

    /// The notes that speak of what others have said. The number after which this life's events are numbered.
    pub fn restore_notes(&mut self, now: Millis, notes: &Notes) -> EventNumber {
        for (note, text) in notes.iter() {
            self.restore_note(now, note, text);
        }
        // Those that only make sense when all homes and trees are known.
        for (note, text) in notes.iter() {
            match note {
                Note::Listener(key, pattern) => self.listens_from_afar(now, *key, pattern.clone()),
                Note::Wildcards => self.wildcards.restore_list(text),
                _ => (),
            }
        }
        self.restore_own_wildcards(now);
        self.since
    }

    /// A session here listens, that is of an earlier life.
    pub fn restore_listening(&mut self, pattern: &ChannelPattern, strict: bool) {
        self.restore_interest(pattern, strict);
    }

    /// Homes whose rows are those of earlier versions, which took them for sessions, get the rows of this one. Whether
    /// all could be written.
    pub fn adopt_home(
        &mut self,
        now: Millis,
        key: SessionKey,
        home: &str,
        strict: bool,
        patterns: std::collections::BTreeSet<ChannelPattern>,
        store: &mut dyn Store,
    ) -> bool {
        let mut cx = Context { now, store, effects: Vec::new(), released: false };
        self.adopt(&mut cx, key, home, strict, patterns)
    }

    /// The number that this life's events began with.
    pub fn since(&self) -> EventNumber {
        self.since
    }

    /// Up to where it is written down that numbers were given.
    pub fn noted_since(&self) -> Option<EventNumber> {
        self.noted_since
    }

    /// Writes down that numbers have come so far.
    ///
    /// # Errors
    /// The store's.
    pub fn note_since_at(&mut self, number: EventNumber, store: &mut dyn Store) -> Result<(), StoreError> {
        Note::Since.save(store, &number.0.to_string())?;
        self.noted_since = Some(number);
        Ok(())
    }

    /// Writes down which numbers this life has, before anyone hears of them.
    fn note_since(&mut self, cx: &mut Context) {
        if self.noted_since.is_none()
            && let Err(error) = self.note_since_at(self.since, cx.store)
        {
            cx.effects.push(ClusterEffect::StoreFailed(error));
        }
    }

    /// Whether it is written down, where the caller has no one to tell.
    fn note(&self, cx: &mut Context, note: &Note, text: Option<&str>) -> bool {
        let saved = match text {
            Some(text) => note.save(cx.store, text),
            None => note.forget(cx.store),
        };
        saved.map_err(|error| cx.effects.push(ClusterEffect::StoreFailed(error))).is_ok()
    }
}

impl Context<'_> {
    fn reply(&mut self, to: Endpoint, status: Status, json: String) {
        self.effects.push(ClusterEffect::Reply { to, status, json });
    }

    fn answer_with(&mut self, to: Endpoint, answer: &impl serde::Serialize) {
        self.reply(to, Status::Ok, to_json(answer));
    }
}
