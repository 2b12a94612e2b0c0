//! An application in another Worker: asked through a service binding, in JSON. docs/HOOKS.md is the contract.
//!
//! A message whose leave is asked takes a ticket and leaves its place in the batch empty, as one that waits for another object
//! does (`pending.rs`). When the verdict has come it goes on where it was. One request is under way at a time, and what is to be asked
//! meanwhile goes with the next one: so a busy home makes longer requests, not more of them, and everything is decided in the order
//! in which it came.
//!
//! | To find | Look in |
//! | --- | --- |
//! | what is asked | `question.rs` |
//! | what is answered | `verdict.rs` |

mod question;
mod verdict;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;

use self::question::{Question, request};
pub(in crate::bayeux) use self::verdict::Leave;
use self::verdict::{Verdict, parse};
use crate::bayeux::app::{Action, ServerEvent};
use crate::bayeux::io::{Notice, Output};
use crate::bayeux::server::{Asked, Batch, BayeuxServer, Checked, HOOKS, Happening, Step, Subject, Ticket};
use crate::bayeux::session::Client;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, Operation, Realm};

/// What a hooks Worker can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    Handshake,
    Subscribe,
    /// To any channel but a service's.
    Publish,
    /// A service that the application here does not have.
    Service,
    /// Told after the fact.
    Event,
}

/// Questions of one request. A hooks Worker that takes a millisecond for each is done in a tenth of a second.
const MOST_CALLS: usize = 100;

/// Bytes of one request, beyond which no further question joins it: a few of the longest messages.
const MOST_BYTES: usize = 4 << 20;

/// Questions that wait. 10,000: ten times what an object takes in a second. What comes then is refused, or not told.
const MOST_WAITING: usize = 10_000;

/// The questions of one home.
#[derive(Default)]
pub(super) struct Hooks {
    /// What is asked: nothing where no Worker is bound.
    wanted: BTreeSet<Hook>,
    waiting: VecDeque<(About, String)>,
    /// Those of the request under way.
    asked: Vec<About>,
    leaves: BTreeMap<Ticket, Leave>,
}

/// Who waits for a verdict.
enum About {
    /// A message, and what it asks leave for.
    Message(Ticket, Hook, Client),
    /// Nobody.
    Event(Subject),
}

impl Hooks {
    pub fn want(&self, hook: Hook) -> bool {
        self.wanted.contains(&hook)
    }
}

impl Hook {
    pub const ALL: [Self; 5] = [Self::Handshake, Self::Subscribe, Self::Publish, Self::Service, Self::Event];

    pub fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Service => "service",
            Self::Event => "event",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }

    /// What it means that no answer came.
    fn failure(self) -> BayeuxError {
        match self {
            Self::Service => BayeuxError::Service(503, "service_unavailable".to_owned()),
            _ => BayeuxError::HooksUnavailable,
        }
    }

    fn operation(self) -> Operation {
        match self {
            Self::Handshake => Operation::Handshake,
            Self::Subscribe => Operation::Subscribe,
            Self::Publish | Self::Service | Self::Event => Operation::Publish,
        }
    }
}

impl BayeuxServer {
    /// From now on a hooks Worker is asked what `HOOKS_FOR` names.
    pub fn bind_hooks(&mut self) {
        self.hooks.wanted = self.options.hooks_for.iter().copied().collect();
    }

    /// Whether leave must be asked for this message, and of what kind.
    pub(super) fn hook_for(&self, batch: &Batch, checked: &Checked) -> Option<Hook> {
        if self.hooks.wanted.is_empty() || batch.by_api {
            return None;
        }
        let hook = match (checked.channel.as_str(), checked.channel.realm()) {
            ("/meta/handshake", _) => Hook::Handshake,
            ("/meta/subscribe", _) => Hook::Subscribe,
            (_, Realm::Meta) => return None,
            (_, Realm::Service) if self.app.has(&checked.channel.clone().into()) => return None,
            (_, Realm::Service) => Hook::Service,
            (_, Realm::Broadcast) => Hook::Publish,
        };
        self.hooks.want(hook).then_some(hook)
    }

    /// Asks leave for a message. What makes no sense here is not asked about.
    pub(super) fn ask_leave(&mut self, now: Millis, batch: &mut Batch, hook: Hook, checked: Checked) -> Step {
        let Some(client) = self.may_ask(batch, hook, &checked) else {
            return self.step_allowed(now, batch, checked, Leave::default());
        };
        if self.hooks.waiting.len() >= MOST_WAITING {
            return Step::Replied(self.refused(hook, &checked, &hook.failure()));
        }
        let question = Question::message(self, hook, &client, &checked).to_json();
        let ticket = self.waiting.draw_ticket();
        self.hooks.waiting.push_back((About::Message(ticket, hook, client), question));
        Step::Asked(ticket, 1, Box::new(Asked::Leave { hook, ticket, checked }))
    }

    /// Who asks, if that can be told and the message is one that could be allowed.
    fn may_ask(&mut self, batch: &mut Batch, hook: Hook, checked: &Checked) -> Option<Client> {
        let (anonymous, names) = match hook {
            Hook::Handshake => (true, Vec::new()),
            Hook::Subscribe => (false, crate::bayeux::meta::patterns(&checked.message).ok()?),
            _ => {
                checked.message.field("data")?;
                let anonymous = self.options.anon_publish && checked.message.field("clientId").is_none();
                (anonymous, vec![checked.channel.clone().into()])
            }
        };
        let session = if anonymous { None } else { Some(self.speaker(batch, &checked.message).ok()?) };
        let mut client = self.client(batch, session);
        checked.identity.iter().for_each(|identity| identity.note(&mut client));
        let allowed = |name| self.check_access(&client, hook.operation(), name).is_ok();
        names.iter().all(allowed).then_some(client)
    }

    /// Goes on with a message when the verdict has come.
    pub(super) fn leave_decided(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        (hook, ticket, checked): (Hook, Ticket, Checked),
        outcome: Result<(), BayeuxError>,
    ) -> Step {
        let leave = self.hooks.leaves.remove(&ticket).unwrap_or_default();
        match outcome {
            Ok(()) => self.step_allowed(now, batch, checked, leave),
            Err(error) => Step::Replied(self.refused(hook, &checked, &error)),
        }
    }

    fn refused(&mut self, hook: Hook, checked: &Checked, error: &BayeuxError) -> String {
        match hook {
            Hook::Handshake => self.refuse_handshake(checked, error),
            Hook::Subscribe => checked.answered_subscription(Err(error.clone())),
            _ => checked.failed(error).into_json(),
        }
    }

    /// Tells of what has happened, but not of what came of telling: that would never end.
    pub(super) fn tell_hooks(&mut self, happening: &Happening) {
        let Happening::Told(event) = happening else { return };
        let own =
            matches!(event, ServerEvent::Publish(publication) if publication.client.local.as_deref() == Some(HOOKS));
        if self.hooks.want(Hook::Event) && !own && self.hooks.waiting.len() < MOST_WAITING {
            let about = About::Event(Subject::of_hooks(happening));
            self.hooks.waiting.push_back((about, Question::event(event).to_json()));
        }
    }

    /// Sends what is to be asked, where nothing is under way.
    pub(super) fn consult(&mut self) {
        let hooks = &mut self.hooks;
        if hooks.waiting.is_empty() || !hooks.asked.is_empty() {
            return;
        }
        let (mut calls, mut bytes) = (Vec::new(), 0);
        while calls.len() < MOST_CALLS
            && bytes < MOST_BYTES
            && let Some((about, call)) = hooks.waiting.pop_front()
        {
            bytes += call.len();
            calls.push(call);
            hooks.asked.push(about);
        }
        self.outputs.push(Output::Consult { request: request(self.home.name(), &calls) });
    }

    /// The hooks Worker has answered; none where it did not in time, or not with a 200.
    pub(super) fn take_verdicts(&mut self, now: Millis, answer: Option<&str>) {
        let asked = mem::take(&mut self.hooks.asked);
        let verdicts = answer.and_then(|answer| parse(answer, asked.len()));
        let mut failed = 0;
        for (place, about) in asked.into_iter().enumerate() {
            let answer = verdicts.as_ref().and_then(|verdicts| verdicts.get(place)).map(|answer| &**answer);
            match about {
                About::Message(ticket, hook, client) => {
                    let verdict = answer.and_then(|answer| Verdict::read(answer, hook));
                    failed += usize::from(verdict.is_none());
                    let outcome = verdict
                        .map_or_else(|| Err(hook.failure()), |verdict| self.judge(ticket, hook, client, verdict));
                    self.waiting.word(ticket, outcome);
                }
                About::Event(on) => {
                    let actions = answer.and_then(Verdict::actions);
                    failed += usize::from(actions.is_none());
                    self.perform(now, &on, &mut Vec::new(), actions.into_iter().flatten());
                }
            }
        }
        if failed > 0 {
            self.tell(Notice::HooksFailed { calls: failed });
        }
    }

    fn judge(&mut self, ticket: Ticket, hook: Hook, client: Client, verdict: Verdict) -> Result<(), BayeuxError> {
        match verdict {
            Verdict::Allowed(leave) => {
                self.hooks.leaves.insert(ticket, Leave { client: Some(client), ..leave });
                Ok(())
            }
            Verdict::Denied(denial) => Err(BayeuxError::Denied(hook.operation(), denial)),
        }
    }
}

/// What an answer wants done.
pub(super) type Wanted = Vec<Action>;
