//! How objects work together: a client has its home in one, and uses trees that others own.
//!
//! ```text
//! client ─▶ home ──uplink──▶ owner of /chat ──downlink──▶ every home where somebody listens to /chat/…
//!                 publishes, interests       events, numbered
//! ```
//!
//! * A channel's **owner** is the object named after its tree, the first `TREE_DEPTH` segments. It gives the tree's
//!   events their order. With a depth of 0 the root owns all.
//! * A **home** asks the owner to relay a pattern when its first client subscribes to it; the client is told of success
//!   when the owner has recorded that. The owner relays each event once to each home, however many clients it has.
//! * A pattern that **spans** trees, like `/**`, goes to the root. It knows every tree, and tells each the list of such
//!   patterns.
//! * Where home and owner are the same object, none of this is needed.
//!
//! [`Cluster`] is a state machine: [`Cluster::handle`] takes what happened and returns what to do. It knows patterns
//! and pending ids, but no sessions and no clients. **Where an owner accepts an event** and numbers it is
//! `BayeuxServer::accept` in `server/publish.rs`, for its own clients' events and for those of homes
//! ([`ClusterEffect::Accept`]); [`ClusterInput::Relay`] tells the cluster the number.
//!
//! | To find | Look in |
//! | --- | --- |
//! | what a home wants to hear | `own_interests.rs` |
//! | from a home to an owner | `uplink.rs`; as the owner takes it: `uplink_received.rs` |
//! | homes as an owner knows them | `remote_home.rs`; what they listen to: `remote_interests.rs`; their calls so far: `done_calls.rs` |
//! | from an owner to homes | `downlink.rs`, by way of others: `relay_groups.rs`; as the home takes it: `downlink_received.rs` |
//! | patterns that span trees | at the root `wildcards.rs`, at the others `registration_at_root.rs` |
//! | what it is told and wants done | `io.rs` |
//! | calls of others and answers, by what they are | `calls.rs`; their JSON: `messages.rs` |
//! | what an earlier life wrote down | `restore.rs` |
//! | joins, leaves and watchers, between a home and an owner | `presence_calls.rs` |
//! | a home's questions about kept events | `replay_calls.rs` |
//! | names of homes, and which is whose | `home_name.rs`, `placement.rs`, `shard.rs` |
//!
//! The cost of an input grows with what it touches, not with the number of homes, owners, trees or patterns: those are
//! found by a key, or by the next deadline (`deadline_queue.rs`).

mod calls;
mod deadline_queue;
mod done_calls;
mod downlink;
mod downlink_received;
mod home_name;
mod io;
mod messages;
mod own_interests;
mod placement;
mod presence_calls;
mod registration_at_root;
mod relay_groups;
mod remote_home;
mod remote_interests;
mod replay_calls;
mod restore;
mod shard;
mod uplink;
mod uplink_received;
mod wildcards;

pub use self::home_name::{API_PATH, BASE_PATH, Home, is_api_path};
pub use self::io::{ClusterEffect, ClusterInput, ListeningHome, PendingId, Publish, Publisher, Received, ToRelay};
pub use self::placement::Placement;
pub use self::presence_calls::{Asker, Members, MembersCall, PresenceEffect, PresenceInput, members_answer};
pub use self::replay_calls::{Begun, MOST_EVENTS, PageWanted, begin_answer, page_answer};
pub use self::shard::{MAX_SHARDS, Region, Shard};

use std::collections::BTreeMap;
use std::time::Duration;

use self::calls::About;
use self::downlink_received::Receiving;
use self::messages::{Failure, Item, raw};
use self::own_interests::Interests;
use self::registration_at_root::Registration;
use self::relay_groups::RelayTree;
use self::remote_home::RemoteHomes;
use self::uplink::{Tell, Uplinks};
use self::uplink_received::HomeCall;
use self::wildcards::Wildcards;
use crate::bayeux::delivery::Bounds;
use crate::bayeux::limits::Budget;
use crate::bayeux::persistence::Store;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, EventNumber};

/// What this object knows of other objects.
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
    /// How many relays have left: the homes of a group take turns at passing on.
    relays: usize,
    /// Calls under way, by token.
    calls: BTreeMap<u64, About>,
    last_token: u64,
    /// Calls and relays in progress, until their events are accepted or delivered outside.
    accepting: BTreeMap<u64, Accepting>,
    last_accepting: u64,
    /// The number with which this life's events began.
    since: EventNumber,
    /// How far that is saved.
    noted_since: Option<EventNumber>,
}

/// The server options that concern the cluster.
#[derive(Clone, Copy, Debug)]
pub struct ClusterOptions {
    pub tree_depth: usize,
    pub relay_fanout: usize,
    /// How many patterns may span trees, for the root.
    pub max_spanning_patterns: usize,
    /// How many trees the root lists.
    pub max_known_trees: usize,
    /// Bounds of what is queued for another object.
    pub relay_bounds: Bounds,
    /// Whether every event that does not leave at once has a row.
    pub lasting: bool,
}

/// What continues when an event is accepted or events are delivered.
#[derive(Debug)]
enum Accepting {
    Call(Box<HomeCall>),
    Publish(PendingId),
    Relay(Receiving),
}

/// The context of one input.
pub struct Context<'a> {
    now: Millis,
    store: &'a mut dyn Store,
    effects: Vec<ClusterEffect>,
    /// Whether an event with a row was released.
    released: bool,
}

/// How long a suspended message waits for an unreachable object.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The first and the longest pause between two calls to an unreachable object.
const PAUSE: (u64, u64) = (100, 30_000);

/// The pause after this many failures in a row.
pub fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSE;
    Duration::from_millis((first << failures.saturating_sub(1).min(16)).min(longest))
}

/// Whether the pattern spans trees.
fn spans_trees(pattern: &ChannelPattern, depth: usize) -> bool {
    depth > 0 && pattern.tree(depth).is_none()
}

impl Cluster {
    /// Queues for other homes are charged to `budget`.
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

    /// Takes what happened and returns what to do, in this order. Rows are written at once.
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

    /// Whether other objects rely on this one, or it on them.
    pub fn is_idle(&self) -> bool {
        self.remote_homes.are_silent()
            && self.interests.is_empty()
            && self.uplinks.are_empty()
            && self.wildcards.is_empty()
            && self.registration.is_idle()
    }

    /// The registered trees, as far as the root, which lists them, knows.
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

    /// Whether an event may be accepted here now: this object owns its channel, and the tree is registered.
    pub fn accepts(&self, channel: &ChannelId) -> bool {
        self.owner_of(channel) == self.home && self.is_registered()
    }

    /// The homes with subscribers of this channel.
    pub fn listeners(&self, now: Millis, channel: &ChannelId) -> Vec<ListeningHome> {
        if self.remote_homes.are_silent() {
            return Vec::new();
        }
        let lasts = |remote: &remote_home::RemoteHome| remote.strict || self.options.lasting && !remote.is_free(now);
        self.remote_homes.listening(channel).map(|(key, remote)| ListeningHome { key, lasts: lasts(remote) }).collect()
    }

    /// Records that an event has a row. Returns whether it is still queued for this home.
    pub fn mark_saved(&mut self, home: SessionKey, number: EventNumber) -> bool {
        self.remote_homes.mark_saved(home, number)
    }

    /// Queued bytes of each home.
    pub fn weights(&self) -> impl Iterator<Item = (SessionKey, usize)> {
        self.remote_homes.weights()
    }

    /// Drops the oldest events queued for a home until they fit; the home is told. Returns how many, if there is such a
    /// home.
    pub fn lighten(&mut self, home: SessionKey, weight: usize) -> Option<usize> {
        self.remote_homes.lighten(home, weight)
    }

    pub fn owner_of(&self, channel: &ChannelId) -> Home {
        match self.options.tree_depth {
            0 => Home::Root,
            depth => Home::Tree(channel.tree(depth)),
        }
    }

    /// The object that is asked to relay a pattern.
    pub fn owner_of_pattern(&self, pattern: &ChannelPattern) -> Home {
        Home::owner_of(pattern, self.options.tree_depth).unwrap_or(Home::Root)
    }

    /// Whether a call to this owner starts an object, as far as this home knows.
    pub fn is_new_tree(&self, owner: &Home) -> bool {
        matches!(owner, Home::Tree(_)) && *owner != self.home && !self.uplinks.has(owner)
    }

    /// Whether the home would use more than `most` owners with these new ones. Owners count that it has interests in,
    /// or that have yet to answer; the count is needed only where more are known than that.
    pub fn has_too_many_trees(&self, new: usize, most: usize) -> bool {
        if self.uplinks.len() + new <= most {
            return false;
        }
        let silent = self.uplinks.busy().filter(|owner| !self.interests.has_owner(owner)).count();
        self.interests.owners() + silent + new > most
    }

    /// Sends an event to its owner.
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

    /// Records what continues when something is done outside. Returns its number.
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
}
