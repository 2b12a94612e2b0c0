//! How objects work together: a client is at home in one, and talks to trees that others own.
//!
//! ```text
//! client ─▶ home ──Link──▶ owner of /chat ──Relay──▶ every home where somebody listens to /chat/…
//!                 publishes, interests     events, numbered
//! ```
//!
//! * A channel's **owner** is the object named after its tree, the first `TREE_DEPTH` segments. It gives the tree's events
//!   their order. With a depth of 0 the root owns all.
//! * A **home** asks the owner to relay a pattern when its first client subscribes to it, and the client is told of success
//!   when the owner knows. At the owner the home listens like a session: it has a queue, a row, and is told each event once, however
//!   many clients it has.
//! * A pattern that **spans** trees, like `/**`, is the root's affair. It knows every tree and tells each who wants all.
//! * Where home and owner are one object nothing of this happens.
//!
//! | To find | Look in |
//! | --- | --- |
//! | what a home wants to hear | `interests.rs` |
//! | from a home to an owner | `uplink.rs` |
//! | homes as an owner knows them | `remote_home.rs` |
//! | from an owner to homes | `downlink.rs` |
//! | patterns that span trees | at the root `wildcards.rs`, at the others `registration.rs` |
//! | the calls' JSON | `messages.rs` |

mod downlink;
mod home;
mod interests;
mod messages;
mod placement;
mod registration;
mod remote_home;
mod replay;
mod uplink;
mod wildcards;

pub use self::home::{API_PATH, BASE_PATH, Home, MAX_SHARDS, Region, Shard, is_api_path};
pub use self::placement::Homes;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use self::downlink::PassingOn;
use self::interests::Interests;
use self::messages::{Call, parse, to_json};
use self::registration::Standing;
use self::remote_home::Peers;
pub use self::remote_home::{Peer, SavedPeer};
use self::uplink::{Links, Word};
use self::wildcards::Root;
use crate::bayeux::delivery::Want;
use crate::bayeux::io::Output;
use crate::bayeux::persistence::HISTORY_NOTE;
use crate::bayeux::server::{BayeuxServer, PendingId, Publisher};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::replay::ReplayFrom;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern, Endpoint, Event, EventNumber, Status};

/// What an object knows of others.
#[derive(Debug, Default)]
pub(super) struct Trees {
    interests: Interests,
    links: Links,
    pub(super) peers: Peers,
    root: Root,
    standing: Standing,
    passing_on: PassingOn,
    /// Calls under way, by their token.
    asked: BTreeMap<u64, About>,
    last_token: u64,
    /// The number that this life's events began with.
    since: EventNumber,
    /// As far as that is written down.
    noted_since: Option<EventNumber>,
    /// How many events were written down when this was last looked at.
    saves: u64,
}

/// What a call was about.
#[derive(Debug)]
enum About {
    /// Items of the link to this owner.
    Link(Home),
    /// Events for these homes, known here as these sessions.
    Relay(Vec<(SessionKey, Home)>),
    /// Events of another owner that this home passes on: the relay it does that for.
    PassedOn(u64),
    Announce,
    Leave,
    /// From where a pattern is heard, for whoever waits with this pending_id.
    Begin(PendingId, ChannelPattern, ReplayFrom),
    /// A page for this session, by the number of its request.
    Page(SessionKey, u64, Vec<Want>),
    /// What this tree is told of those who listen to all.
    Spans(Home, u64),
}

/// How long someone waits for an object that cannot be reached, before being told so.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the first and the longest pause is between tries to reach an object.
const PAUSE: (u64, u64) = (100, 30_000);

/// How long to leave an object alone that could not be reached so many times in a row.
pub(super) fn pause(failures: u32) -> Duration {
    let (first, longest) = PAUSE;
    Duration::from_millis((first << failures.saturating_sub(1).min(16)).min(longest))
}

/// Whether no tree alone can have all that matches.
fn spans_trees(pattern: &ChannelPattern, depth: usize) -> bool {
    depth > 0 && pattern.tree(depth).is_none()
}

impl Trees {
    /// These patterns may have lost their last subscriber.
    pub fn perhaps_unheard(&mut self, patterns: impl IntoIterator<Item = ChannelPattern>) {
        self.interests.perhaps_unheard(patterns);
    }

    /// Whether other objects count on this one, or it on them.
    pub fn is_idle(&self) -> bool {
        self.interests.is_empty() && self.links.are_empty() && self.root.is_empty() && self.standing.is_idle()
    }

    /// The trees that are in use, as far as the root knows them, which is asked by all.
    pub fn known(&self) -> impl Iterator<Item = &Home> {
        self.root.trees()
    }

    /// The number that this life's events began with.
    pub fn since(&self) -> EventNumber {
        self.since
    }

    /// Up to where it is written down that numbers were given.
    pub fn noted_since(&self) -> Option<EventNumber> {
        self.noted_since
    }

    pub fn due(&self) -> Option<Millis> {
        let all = [self.interests.due(), self.links.due(), self.peers.due(), self.root.due(), self.standing.due()];
        all.into_iter().flatten().min()
    }
}

impl BayeuxServer {
    pub(in crate::bayeux) fn owner_of(&self, channel: &ChannelId) -> Home {
        match self.options.tree_depth {
            0 => Home::Root,
            depth => Home::Tree(channel.tree(depth)),
        }
    }

    /// Who is asked to relay a pattern.
    pub(in crate::bayeux) fn owner_of_pattern(&self, pattern: &ChannelPattern) -> Home {
        match self.options.tree_depth {
            0 => Home::Root,
            depth => pattern.tree(depth).map_or(Home::Root, Home::Tree),
        }
    }

    /// Whether to talk to this owner starts an object, as far as this home knows.
    pub(in crate::bayeux) fn is_new_tree(&self, owner: &Home) -> bool {
        matches!(owner, Home::Tree(_)) && *owner != self.home && !self.trees.links.has(owner)
    }

    /// Whether it would talk to more than `MAX_TREES` owners, with so many new ones. Those count from which it wants to hear, or which have not
    /// answered yet; to look for them is worth it only where more are known than that.
    pub(in crate::bayeux) fn has_too_many_trees(&self, new: usize) -> bool {
        let most = self.options.max_trees;
        if self.trees.links.len() + new <= most {
            return false;
        }
        let mut in_use: BTreeSet<_> = self.trees.links.busy().cloned().collect();
        in_use.extend(self.trees.interests.patterns().map(|pattern| self.owner_of_pattern(pattern)));
        in_use.remove(&self.home);
        in_use.len() + new > most
    }

    /// Whether only all trees together have what matches.
    pub(in crate::bayeux) fn spans_trees(&self, pattern: &ChannelPattern) -> bool {
        spans_trees(pattern, self.options.tree_depth)
    }

    /// Brings an event to another object that must have its word in it. None where this one may deliver it at once.
    ///
    /// # Errors
    /// [`BayeuxError::OwnerUnreachable`] where too much waits for that object.
    pub(super) fn ask_to_publish(
        &mut self,
        now: Millis,
        channel: &ChannelId,
        event: &Event,
        publisher: Publisher,
        lazy: bool,
    ) -> Result<Option<PendingId>, BayeuxError> {
        let owner = self.owner_of(channel);
        if owner == self.home {
            return self.wait_to_be_known(now, channel, event, publisher, lazy);
        }
        let event = messages::raw(event).ok_or(BayeuxError::OwnerUnreachable)?;
        let pending_id = self.pending.next_id();
        let Publisher { session: not_to, key, .. } = publisher;
        let item = messages::Item::Publish { event, not_to, lazy, key };
        self.tell_owner(now, &owner, item, Word::Waits(pending_id))?;
        Ok(Some(pending_id))
    }

    /// Another object asks.
    pub(super) fn answer_call(&mut self, now: Millis, from: Endpoint, call: &str) {
        match parse(Some(call)) {
            Some(Call::Link(call)) => self.take_link(now, from, call),
            Some(Call::Relay(relay)) => self.take_relay_call(now, from, relay),
            Some(Call::Announce { tree, number }) => self.take_announcement(from, tree, number),
            Some(Call::Leave { tree, number }) => self.take_leave(now, from, &tree, number),
            Some(Call::Spans(spans)) => self.take_spans(from, spans),
            Some(Call::Begin { pattern, from: start }) => self.take_begin(from, &pattern, start),
            Some(Call::Read(wants)) => self.take_read(from, &wants),
            None => self.reply_to_call(from, Status::Misunderstood, String::new()),
        }
    }

    /// Another object has answered; none where it could not be reached or did not understand.
    pub(super) fn take_answer(&mut self, now: Millis, token: u64, answer: Option<&str>) {
        match self.trees.asked.remove(&token) {
            Some(About::Link(owner)) => self.link_answered(now, &owner, parse(answer)),
            Some(About::Relay(peers)) => self.relay_answered(now, &peers, parse(answer)),
            Some(About::PassedOn(relay)) => self.passed_on(relay, parse(answer)),
            Some(About::Announce) => self.announcement_answered(now, parse(answer)),
            Some(About::Spans(tree, version)) => self.spans_answered(now, &tree, version, parse(answer)),
            Some(About::Leave) => self.leave_answered(now, parse(answer)),
            Some(About::Begin(pending_id, pattern, from)) => {
                self.begin_answered(pending_id, pattern, from, parse(answer))
            }
            Some(About::Page(key, request, wants)) => self.page_answered(now, key, request, &wants, parse(answer)),
            None => (),
        }
    }

    /// Tells those who have waited long enough.
    pub(super) fn give_up(&mut self, now: Millis) {
        self.give_up_links(now);
        self.give_up_passing_on(now);
        self.give_up_standing(now);
        self.give_up_spans(now);
    }

    /// Says to others what is to be said.
    pub(super) fn call_others(&mut self, now: Millis) {
        self.end_interests(now);
        self.send_links(now);
        self.send_relays(now);
        self.send_spans(now);
        self.stand(now);
    }

    fn ask(&mut self, whom: Home, about: About, call: &Call) {
        self.trees.last_token += 1;
        let token = self.trees.last_token;
        self.trees.asked.insert(token, about);
        self.outputs.push(Output::Ask { token, whom, call: to_json(call) });
    }

    fn reply_to_call(&mut self, to: Endpoint, status: Status, json: String) {
        self.outputs.push(Output::Send { to, status, format: Format::Json, messages: json });
    }

    fn answer_with(&mut self, to: Endpoint, answer: &impl serde::Serialize) {
        self.reply_to_call(to, Status::Ok, to_json(answer));
    }

    /// A life begins: what it says must come after all that earlier ones said.
    pub(super) fn begin_life(&mut self, now: Millis) {
        let chance = self.random_number();
        self.trees.links.begin(now, chance);
        // Room for a thousand events in each millisecond that the object has ever lived.
        self.trees.since = EventNumber(now.0 << 10);
        self.journal.never_again(self.trees.since);
    }

    /// The next life's numbers are to be higher, though its clock may go back. There is room for 16 million events.
    fn restore_since(&mut self, text: &str) {
        let before: u64 = text.parse().unwrap_or_default();
        self.trees.since = self.trees.since.max(EventNumber(before + (1 << 24)));
        self.journal.never_again(self.trees.since);
    }

    /// Writes down which numbers this life has, before anyone hears of them.
    fn note_since(&mut self) {
        if self.trees.noted_since.is_none() {
            self.note_since_at(self.trees.since);
        }
    }

    /// Writes down that numbers have come so far.
    pub(super) fn note_since_at(&mut self, number: EventNumber) {
        if self.note("since", Some(&number.0.to_string())) {
            self.trees.noted_since = Some(number);
        }
    }

    /// A note of an earlier life.
    pub(super) fn restore_note(&mut self, name: &str, text: &str) {
        match name.split_once(':') {
            Some(("heard", owner)) => self.restore_heard(owner, text),
            Some(("done", home)) => self.trees.peers.restore_done(home, text),
            Some(("tree", tree)) => self.trees.root.restore_tree(tree, text),
            None if name == HISTORY_NOTE => self.history.restore(text),
            None if name == "since" => self.restore_since(text),
            None if name == "spans" => self.trees.root.restore_spans(text),
            None if name == "standing" => self.trees.standing.restore(text),
            _ => (),
        }
    }

    /// Writes down how far it has come with others, where events were written down: see `DURABILITY`.
    pub(super) fn keep_notes(&mut self) {
        let saves = self.journal.saves();
        if std::mem::replace(&mut self.trees.saves, saves) != saves {
            self.note_done();
            self.note_heard();
        }
    }

    /// Whether it is written down, where the caller has no one to tell.
    pub(super) fn note(&mut self, name: &str, text: Option<&str>) -> bool {
        let saved = match text {
            Some(text) => self.store.save_note(name, text),
            None => self.store.forget_note(name),
        };
        saved.map_err(|error| self.storage_failed(&error)).is_ok()
    }
}
