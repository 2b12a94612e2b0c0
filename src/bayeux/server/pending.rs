//! Requests that wait for another object's word.
//!
//! A message that needs it takes a ticket and leaves its place in the batch empty. The batch goes on with the next message,
//! and when all words have come its answer goes out. What comes behind a subscribe waits until the subscription stands:
//! else a client would miss what it publishes in the same breath.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::BayeuxServer;
use super::actions::Subject;
use super::batch::{Batch, Checked, Step};
use super::beginnings::{Begun, Past};
use crate::bayeux::app::Action;
use crate::bayeux::delivery::PublishKey;
use crate::bayeux::hooks::Hook;
use crate::bayeux::limits::Charge;
use crate::bayeux::session::{Client, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, Bearer, ChannelId, ChannelPattern, Event};

/// Whoever waits for a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::bayeux) struct Ticket(u64);

#[derive(Default)]
pub(in crate::bayeux) struct Waiting {
    last: u64,
    /// By their number, those of which some place is empty.
    batches: BTreeMap<u64, Batch>,
    tasks: BTreeMap<Ticket, Task>,
    /// Words that have come.
    words: VecDeque<(Ticket, Result<(), BayeuxError>)>,
}

/// What is to be done when the words have come.
struct Task {
    /// How many are still to come.
    words: usize,
    /// The first bad one.
    error: Option<BayeuxError>,
    /// What owners have said of where subscriptions begin.
    begun: Vec<(ChannelPattern, Begun)>,
    then: Then,
}

pub(in crate::bayeux) enum Then {
    /// Fill this place of this batch.
    Reply { batch: u64, place: usize, asked: Box<Asked> },
    /// It was the server or the application who published: tell the application.
    Publish(Published),
}

/// A message that waits.
pub(in crate::bayeux) enum Asked {
    Publish {
        checked: Checked,
        sent: Sent,
    },
    Subscribe {
        checked: Checked,
        client: Client,
        session: SessionKey,
        patterns: Vec<ChannelPattern>,
        past: Past,
        /// Of the session's names.
        under_way: Charge,
    },
    /// The hooks Worker is asked.
    Leave {
        hook: Hook,
        ticket: Ticket,
        checked: Checked,
    },
    /// The keys are fetched by which this handshake's token is to be checked.
    Keys {
        checked: Checked,
        token: Option<Bearer>,
    },
}

/// What a client published, and what the application wants done when that is through.
pub(in crate::bayeux) struct Sent {
    pub published: Published,
    pub on: Subject,
    pub actions: Vec<Action>,
}

/// Who published what.
pub(in crate::bayeux) struct Published {
    pub publisher: Client,
    pub channel: ChannelId,
    pub event: Event,
    /// By which it is known should it come again.
    pub key: Option<PublishKey>,
    /// For the event here and on its way, as long as that is not through.
    pub _charge: Charge,
}

impl Waiting {
    pub fn draw_ticket(&mut self) -> Ticket {
        self.last += 1;
        Ticket(self.last)
    }

    /// A number for a batch of which a place stays empty.
    pub fn number(&mut self, batch: &mut Batch) -> u64 {
        *batch.number.get_or_insert_with(|| self.draw_ticket().0)
    }

    /// `then` is done when so many words have come.
    pub fn wait(&mut self, ticket: Ticket, words: usize, then: Then) {
        self.tasks.insert(ticket, Task { words, error: None, begun: Vec::new(), then });
    }

    /// Keeps a batch until its empty places are filled.
    pub fn park(&mut self, batch: Batch) {
        if let Some(number) = batch.number {
            self.batches.insert(number, batch);
        }
    }

    /// An owner has said from where a subscription is heard.
    pub fn begun(&mut self, ticket: Ticket, pattern: ChannelPattern, begun: Begun) {
        self.tasks.get_mut(&ticket).into_iter().for_each(|task| task.begun.push((pattern.clone(), begun)));
    }

    /// One word has come. What follows is done by [`BayeuxServer::go_on`].
    pub fn word(&mut self, ticket: Ticket, outcome: Result<(), BayeuxError>) {
        self.words.push_back((ticket, outcome));
    }
}

impl BayeuxServer {
    /// Does what waited for the words that have come.
    pub(in crate::bayeux) fn go_on(&mut self, now: Millis) {
        while let Some((ticket, outcome)) = self.waiting.words.pop_front() {
            let Some(task) = self.waiting.tasks.get_mut(&ticket) else { continue };
            task.words -= 1;
            task.error = task.error.take().or(outcome.err());
            if task.words > 0 {
                continue;
            }
            let Some(Task { error, begun, then, .. }) = self.waiting.tasks.remove(&ticket) else { continue };
            let outcome = error.map_or(Ok(()), Err);
            match (then, outcome) {
                (Then::Reply { batch, place, asked }, outcome) => {
                    self.reply_at(now, batch, place, asked, outcome, begun)
                }
                (Then::Publish(published), Ok(())) => self.published(&published),
                (Then::Publish(_), Err(error)) => self.publish_failed(&error),
            }
        }
    }

    fn reply_at(
        &mut self,
        now: Millis,
        number: u64,
        place: usize,
        asked: Box<Asked>,
        outcome: Result<(), BayeuxError>,
        begun: Vec<(ChannelPattern, Begun)>,
    ) {
        let Some(mut batch) = self.waiting.batches.remove(&number) else { return };
        let reply = match *asked {
            Asked::Publish { checked, sent: Sent { published, on, actions } } => {
                if outcome.is_ok() {
                    self.was_taken(now, published.key);
                    self.published(&published);
                    self.perform(now, &on, &mut batch.parting, actions);
                }
                checked.answered(outcome)
            }
            Asked::Subscribe { checked, client, session, patterns, past, under_way } => {
                drop(under_way);
                let outcome = outcome.and_then(|()| {
                    self.apply_subscriptions(&client, session, &patterns, &checked.message, &past, &begun)
                });
                self.trees.perhaps_unheard(patterns);
                checked.answered_subscribe(outcome)
            }
            Asked::Leave { hook, ticket, checked } => {
                let failure = internal_error(&checked);
                return self.step_at(now, batch, place, failure, |server, batch| {
                    server.leave_decided(now, batch, (hook, ticket, checked), outcome)
                });
            }
            Asked::Keys { checked, token } => {
                let failure = internal_error(&checked);
                return self.step_at(now, batch, place, failure, |server, batch| {
                    server.step_handshake(now, batch, checked, token)
                });
            }
        };
        batch.fill(place, reply);
        self.run(now, batch);
    }

    /// Goes on with a message that had to wait before its step.
    fn step_at(
        &mut self,
        now: Millis,
        mut batch: Batch,
        place: usize,
        failure: String,
        step: impl FnOnce(&mut Self, &mut Batch) -> Step,
    ) {
        // What the application panics on now is no longer the input of whoever asked, so the shell cannot answer them.
        let step = catch_unwind(AssertUnwindSafe(|| step(self, &mut batch))).unwrap_or(Step::Replied(failure));
        match step {
            Step::Replied(reply) | Step::Refused(reply) => batch.fill(place, reply),
            Step::Hold(key, hold) => return self.hold(key, hold, batch),
            Step::Asked(ticket, words, asked) => self.wait_at(&mut batch, place, ticket, words, asked),
        }
        self.run(now, batch);
    }
}

fn internal_error(checked: &Checked) -> String {
    checked.failed(&BayeuxError::Service(500, "internal_error".to_owned())).into_json()
}
