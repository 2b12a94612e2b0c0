//! Messages that wait for the verdict of the hooks Worker.

use crate::bayeux::app::LifecycleEvent;
use crate::bayeux::hooks::{Answers, Hook, HookRequest, Permission, Verdict, request};
use crate::bayeux::io::{Notice, Output};
use crate::bayeux::limits::Charge;
use crate::bayeux::metrics::Metrics;
use crate::bayeux::server::{Batch, BayeuxServer, Checked, PendingId, Step, Subject, SuspendedMessage};
use crate::bayeux::session::Client;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, Realm, Written, patterns};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::time::Duration;

/// Questions of one request. A hooks Worker that takes a millisecond for each is done in a tenth of a second.
const MOST_CALLS: usize = 100;

/// Bytes of one request, beyond which no further question joins it: a few of the longest messages.
const MOST_BYTES: usize = 4 << 20;

/// Questions that wait. 10,000: ten times what an object takes in a second. Past that, messages are refused and events
/// are not reported.
const MOST_WAITING: usize = 10_000;

/// The questions of one home.
#[derive(Default)]
pub(in crate::bayeux) struct Hooks {
    /// The kinds of questions that are asked: none where no Worker is bound.
    wanted: BTreeSet<Hook>,
    /// Whether the answers may limit what is asked.
    exported: bool,
    waiting: VecDeque<PendingHook>,
    /// The questions of the request under way.
    asked: Vec<(ConsultedAbout, Charge)>,
    /// When it was sent.
    asked_at: Millis,
    permissions: BTreeMap<PendingId, Permission>,
}

/// A question that waits.
struct PendingHook {
    about: ConsultedAbout,
    call: String,
    /// The charge for the question, its part of the request, and the message that waits.
    charge: Charge,
}

/// Who waits for a verdict.
enum ConsultedAbout {
    /// A message, and what it asks permission for.
    Message(PendingId, Hook, Client),
    /// Nobody waits for the answer.
    Event(Subject),
}

impl Hooks {
    pub fn want(&self, hook: Hook) -> bool {
        self.wanted.contains(&hook)
    }
}

impl BayeuxServer {
    /// From now on a hooks Worker is asked the questions that `HOOKS_FOR` names.
    pub fn bind_hooks(&mut self) {
        self.hooks.wanted = self.options.hooks_for.iter().copied().collect();
    }

    /// From now on the application that the Worker exports is asked, events included unless `HOOKS_FOR` says otherwise.
    /// Each answer lists the application's methods. They change only when this Worker is deployed again, so after the
    /// first answer nothing else is asked.
    pub fn bind_application(&mut self) {
        self.bind_hooks();
        self.hooks.exported = true;
        if self.options.hooks_for == Hook::DEFAULT {
            self.hooks.wanted.extend(Hook::ALL);
        }
    }

    /// Whether permission must be asked for this message, and of what kind.
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

    /// Asks permission for a message. Messages that would be refused anyway are not asked about.
    pub(super) fn ask_hooks(&mut self, now: Millis, batch: &mut Batch, hook: Hook, checked: Checked) -> Step {
        let Some(client) = self.may_ask(batch, hook, &checked) else {
            return self.step_allowed(now, batch, checked, Permission::default());
        };
        if hook == Hook::Publish && self.was_said_before(now, batch, checked.attempt) {
            return Step::Replied(checked.answered(Ok(())));
        }
        if self.hooks.waiting.len() >= MOST_WAITING {
            return Step::Replied(self.refused(hook, &checked, &hook.failure()));
        }
        let question =
            HookRequest::message(hook, &client, &checked.channel, &checked.message, |name| self.exists(name)).to_json();
        if let Err(error) = self.make_room(now, 3 * question.len()) {
            return Step::Replied(self.refused(hook, &checked, &error));
        }
        let (session, pending_id) = (client.session(), self.pending.next_id());
        let (about, charge) =
            (ConsultedAbout::Message(pending_id, hook, client), self.budget.charge(3 * question.len()));
        self.hooks.waiting.push_back(PendingHook { about, call: question, charge });
        Step::Suspended(pending_id, 1, Box::new(SuspendedMessage::Hook { checked, hook, session, pending_id }))
    }

    /// The sender, if it is known and the message could be allowed.
    fn may_ask(&mut self, batch: &mut Batch, hook: Hook, checked: &Checked) -> Option<Client> {
        let (anonymous, names) = match hook {
            Hook::Handshake => (true, Vec::new()),
            Hook::Subscribe => (false, patterns(&checked.message).ok()?),
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
    pub(super) fn hook_answered(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        (hook, pending_id, checked): (Hook, PendingId, Checked),
        outcome: Result<(), BayeuxError>,
    ) -> Step {
        let permission = self.hooks.permissions.remove(&pending_id).unwrap_or_default();
        match outcome {
            Ok(()) => self.step_allowed(now, batch, checked, permission),
            Err(error) => Step::Replied(self.refused(hook, &checked, &error)),
        }
    }

    fn refused(&mut self, hook: Hook, checked: &Checked, error: &BayeuxError) -> Written {
        match hook {
            Hook::Handshake => self.refuse_handshake(checked, error),
            Hook::Subscribe => checked.answered_subscription(Err(error.clone())),
            _ => checked.failed(error).into_json(),
        }
    }

    /// Reports an event.
    pub(super) fn tell_hooks(&mut self, event: &LifecycleEvent) {
        let LifecycleEvent::Told(event) = event else { return };
        if self.hooks.want(Hook::Event) && self.hooks.waiting.len() < MOST_WAITING {
            let about = ConsultedAbout::Event(Subject::of_event(event).by_hooks());
            let call = HookRequest::event(event).to_json();
            // Nobody waits for the answer, so it is dropped where there is no room.
            if self.memory() + 2 * call.len() <= self.options.max_memory {
                let charge = self.budget.charge(2 * call.len());
                self.hooks.waiting.push_back(PendingHook { about, call, charge });
            }
        }
    }

    /// Sends the next request, unless one is under way.
    pub(super) fn consult(&mut self) {
        let hooks = &mut self.hooks;
        if hooks.waiting.is_empty() || !hooks.asked.is_empty() {
            return;
        }
        let (mut calls, mut bytes) = (Vec::new(), 0);
        while calls.len() < MOST_CALLS
            && bytes < MOST_BYTES
            && let Some(PendingHook { about, call, charge }) = hooks.waiting.pop_front()
        {
            bytes += call.len();
            calls.push(call);
            hooks.asked.push((about, charge));
        }
        hooks.asked_at = self.clock.now();
        self.outputs.push(Output::Consult { request: request(self.home.name(), &calls) });
    }

    /// The hooks Worker has answered; none where it did not in time, or not with a 200.
    pub(super) fn consulted(&mut self, now: Millis, answer: Option<&str>) {
        let asked = mem::take(&mut self.hooks.asked);
        let took = Duration::from_millis(now.0.saturating_sub(self.hooks.asked_at.0));
        self.metrics.hook_time.observe(took, 1);
        let calls = asked.len();
        let answers = answer.and_then(|answer| Answers::parse(answer, asked.len()));
        if let Some(hooks) = answers.as_ref().and_then(Answers::hooks).filter(|_| self.hooks.exported) {
            self.hooks.wanted.retain(|hook| hooks.contains(&hook.name()));
        }
        let mut failed = 0;
        for (place, (about, _charge)) in asked.into_iter().enumerate() {
            let answer = answers.as_ref().and_then(|answers| answers.get(place));
            match about {
                ConsultedAbout::Message(pending_id, hook, client) => {
                    let verdict = answer.and_then(|answer| Verdict::read(answer, hook));
                    failed += usize::from(verdict.is_none());
                    let outcome = verdict
                        .map_or_else(|| Err(hook.failure()), |verdict| self.judge(pending_id, hook, client, verdict));
                    self.pending.resolve(pending_id, outcome);
                }
                ConsultedAbout::Event(on) => {
                    let actions = answer.and_then(Verdict::actions);
                    failed += usize::from(actions.is_none());
                    self.apply(now, &on, &mut Vec::new(), actions.into_iter().flatten());
                }
            }
        }
        Metrics::count(&mut self.metrics.hook_calls, "answered", (calls - failed) as u64);
        Metrics::count(&mut self.metrics.hook_calls, "failed", failed as u64);
        if failed > 0 {
            self.tell(Notice::HooksFailed { calls: failed });
        }
    }

    fn judge(
        &mut self,
        pending_id: PendingId,
        hook: Hook,
        client: Client,
        verdict: Verdict,
    ) -> Result<(), BayeuxError> {
        match verdict {
            Verdict::Allowed(permission) => {
                self.hooks.permissions.insert(pending_id, Permission { client: Some(client), ..permission });
                Ok(())
            }
            Verdict::Denied(denial) => Err(BayeuxError::Denied(hook.operation(), denial)),
        }
    }
}
