//! Carries out an application's actions, and tells it of events.

use std::collections::VecDeque;
use std::rc::Rc;

use serde_json::value::RawValue;

use super::BayeuxServer;
use super::publish::Taken;
use super::suspended_messages::{Continuation, Published};
use crate::bayeux::app::{Action, CallAnswer, LifecycleEvent, Publication, ServerEvent};
use crate::bayeux::delivery::Weighed;
use crate::bayeux::hooks::Hook;
use crate::bayeux::io::Notice;
use crate::bayeux::session::{Client, Ending, Sender, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::timestamp::Stamp;
use crate::bayeux::wire::{BayeuxError, ChannelId, Event, Message, MessageId, Realm};

/// How many events may follow from what the application does on events, for one input. Two bots that answer each other
/// would never come to an end; 1,000 is more than an object publishes in a second. Their data may have
/// `MAX_QUEUE_BYTES` together: a bot that quotes another doubles the data each time.
const MAX_FOLLOWING: usize = 1000;

/// The name of the hooks Worker as a publisher.
const HOOKS: &str = "hooks";

/// The events that the application has not been told of yet.
pub(in crate::bayeux) type LifecycleEvents = VecDeque<LifecycleEvent>;

/// The client and the message that actions refer to.
#[derive(Clone, Default)]
pub(in crate::bayeux) struct Subject {
    client: Client,
    /// The channel of the message.
    channel: Option<ChannelId>,
    /// The id of that message.
    id: MessageId,
    /// Who publishes: the local session of this name, or the server itself.
    author: Option<Rc<str>>,
}

impl BayeuxServer {
    /// Carries out actions in order. Events for a sender without a queue go to `piggybacked`. Storage failures are only
    /// logged, as the message itself has succeeded.
    pub(in crate::bayeux) fn apply(
        &mut self,
        now: Millis,
        on: &Subject,
        piggybacked: &mut Vec<Event>,
        actions: impl IntoIterator<Item = Action>,
    ) {
        let sender = on.client.session();
        for action in actions {
            match action {
                Action::Reply(data) => {
                    let event = on.channel.as_ref().map(|channel| Event::of_server(channel, &data, &self.stamp));
                    self.give(now, sender, piggybacked, event);
                }
                Action::Answer(answer) => match on.answered(&answer, &self.stamp) {
                    Some(event) => self.give(now, sender, piggybacked, Some(event)),
                    None => self.impossible("an answer to what is no remote call"),
                },
                Action::Publish { channel, data, lazy } => {
                    let event = Event::of_server(&channel, &data, &self.stamp);
                    let charge = self.budget.charge(2 * Weighed::weight(&event));
                    let published =
                        Published { publisher: on.author().into(), channel, event, key: None, _charge: charge };
                    self.publish_as_server(now, published, lazy);
                }
                Action::Push { session, channel, data } => drop(self.push(now, session, channel, data, &on.author())),
                Action::Disconnect(named) => match named.or(sender) {
                    // The sender must not read another session's last events.
                    Some(other) if Some(other) != sender => self.dismiss(other, Ending::Dismissed),
                    Some(sender) => piggybacked.extend(self.end(sender, Ending::Dismissed)),
                    None => (),
                },
                Action::SetAttribute { name, value } => {
                    let Some(key) = sender else { continue };
                    let Some(session) = self.sessions.get_mut(key) else { continue };
                    session.attributes.set(&name, value);
                    self.sessions.mark_changed(key);
                    self.shows_anew(key, &name);
                }
                Action::Subscribe { local, pattern } => match self.app.locals.subscribe(&local, &pattern) {
                    Some((_, false)) => (),
                    Some((name, true)) => {
                        self.happened(|| ServerEvent::Subscribe { client: Sender::Local(name).into(), pattern })
                    }
                    None => self.impossible("a local session that is not there"),
                },
                Action::Unsubscribe { local, pattern } => match self.app.locals.unsubscribe(&local, &pattern) {
                    Some((_, false)) => (),
                    Some((name, true)) => {
                        self.happened(|| ServerEvent::Unsubscribe { client: Sender::Local(name).into(), pattern })
                    }
                    None => self.impossible("a local session that is not there"),
                },
                Action::Ask(ask) => self.ask(now, on, ask),
                Action::Impossible(reason) => self.impossible(&reason),
            }
        }
    }

    /// Gives the sender an event: in its queue, or with its reply.
    pub(super) fn give(
        &mut self,
        now: Millis,
        sender: Option<SessionKey>,
        piggybacked: &mut Vec<Event>,
        event: Option<Event>,
    ) {
        match sender {
            // A storage failure is logged.
            Some(session) => event.iter().for_each(|event| drop(self.enqueue_for(now, session, event))),
            None => {
                self.metrics.piggybacked += u64::from(event.is_some());
                piggybacked.extend(event);
            }
        }
    }

    /// Delivers to one session alone, for this author.
    ///
    /// # Errors
    /// [`BayeuxError::SessionUnknown`] or [`BayeuxError::StorageFailed`].
    pub(in crate::bayeux) fn push(
        &mut self,
        now: Millis,
        session: SessionKey,
        channel: ChannelId,
        data: Box<RawValue>,
        author: &Sender,
    ) -> Result<(), BayeuxError> {
        self.sessions.get(session).ok_or(BayeuxError::SessionUnknown)?;
        self.enqueue_for(now, session, &Event::of_server(&channel, &data, &self.stamp))?;
        self.happened_by(author, || ServerEvent::ClientPush { session, channel, data });
        Ok(())
    }

    fn impossible(&mut self, reason: &str) {
        self.tell(Notice::ActionFailed { reason: reason.to_owned() });
    }

    /// Queues an event that the application is told of at the end of this input.
    pub(in crate::bayeux) fn happened(&mut self, event: impl FnOnce() -> ServerEvent) {
        if self.app.hears_of_events() || self.hooks.want(Hook::Event) {
            self.lifecycle_events.push_back(LifecycleEvent::Told(event()));
        }
    }

    /// The same for a message of this author.
    fn happened_by(&mut self, author: &Sender, event: impl FnOnce() -> ServerEvent) {
        if !matches!(author, Sender::Local(name) if **name == *HOOKS) {
            self.happened(event);
        } else if self.app.hears_of_events() {
            self.lifecycle_events.push_back(LifecycleEvent::ByHooks(event()));
        }
    }

    /// Publishes for the server or the application. A failure is only logged.
    fn publish_as_server(&mut self, now: Millis, published: Published, lazy: bool) {
        match self.deliver(now, &published, lazy) {
            Ok(Taken::Here) => (),
            Ok(Taken::Pending(pending_id)) => self.pending.expect(pending_id, 1, Continuation::Publish(published)),
            Err(error) => self.publish_failed(&error),
        }
    }

    /// Logs that a publish of the server or the application failed.
    pub(in crate::bayeux) fn publish_failed(&mut self, error: &BayeuxError) {
        self.impossible(&format!("a publish: {error}"));
    }

    /// Queues the events of a message that was published.
    pub(in crate::bayeux) fn published(&mut self, published: &Published) {
        let Published { publisher, channel, event, .. } = published;
        let publication = || {
            let message = serde_json::from_str::<Message>(event.as_json()).unwrap_or_default();
            Publication::new(publisher.clone(), channel.clone(), message)
        };
        for place in self.app.locals.matching(channel, publisher.local()) {
            self.lifecycle_events.push_back(LifecycleEvent::Received(place, publication()));
        }
        self.happened_by(&publisher.sender, || ServerEvent::Publish(publication()));
    }

    /// Tells the application of events, and carries out the actions that it returns. The events are past, so a panic
    /// only loses the handler's own actions.
    pub(in crate::bayeux) fn dispatch(&mut self, now: Millis) {
        let mut first = self.lifecycle_events.len();
        let (mut following, mut bytes) = (0, 0);
        while let Some(event) = self.lifecycle_events.pop_front() {
            if first > 0 {
                first -= 1;
            } else {
                following += 1;
                bytes += event.size();
            }
            if following > MAX_FOLLOWING || bytes > self.options.max_queue_bytes {
                self.lifecycle_events.clear();
                return self.impossible("events without end: what was done on one led to the next");
            }
            self.tell_hooks(&event);
            let (actions, faults) = self.app.react(&event);
            faults.into_iter().for_each(|fault| drop(self.blame(fault)));
            let author = match &event {
                LifecycleEvent::Told(_) | LifecycleEvent::ByHooks(_) => None,
                LifecycleEvent::Received(place, _) => self.app.locals.name(*place),
            };
            let on = Subject { author, ..Subject::of(&event) };
            // No answer is left that could carry events.
            self.apply(now, &on, &mut Vec::new(), actions);
        }
    }
}

impl Subject {
    /// A message that a client sent.
    pub fn sent(publication: &Publication) -> Self {
        let Publication { client, channel, .. } = publication;
        let calls = channel.realm() == Realm::Service;
        let id = if calls { publication.message().id().unwrap_or_default() } else { MessageId::default() };
        Self { client: client.clone(), channel: Some(channel.clone()), id, author: None }
    }

    /// The answer to the remote call that the message was.
    fn answered(&self, answer: &CallAnswer, stamp: &Stamp) -> Option<Event> {
        let channel = self.channel.as_ref().filter(|channel| channel.realm() == Realm::Service)?;
        let outcome = if answer.successful { Ok(()) } else { Err(answer.error.as_ref()) };
        Some(Event::of_call(channel, &self.id, outcome, &answer.data, stamp))
    }

    fn author(&self) -> Sender {
        self.author.clone().map_or(Sender::Server, Sender::Local)
    }

    /// The same subject, where the hooks Worker acts on it.
    pub fn by_hooks(self) -> Self {
        Self { author: Some(HOOKS.into()), ..self }
    }

    fn of(event: &LifecycleEvent) -> Self {
        match event {
            LifecycleEvent::Received(_, publication) => Self::sent(publication),
            LifecycleEvent::Told(event) | LifecycleEvent::ByHooks(event) => Self::of_event(event),
        }
    }

    pub fn of_event(event: &ServerEvent) -> Self {
        let (client, channel) = match event {
            ServerEvent::Publish(publication) => return Self::sent(publication),
            ServerEvent::ClientPush { session, channel, .. } => {
                (Sender::Session(*session).into(), Some(channel.clone()))
            }
            ServerEvent::ClientConnect { client }
            | ServerEvent::ClientDisconnect { client, .. }
            | ServerEvent::Subscribe { client, .. }
            | ServerEvent::Unsubscribe { client, .. } => (client.clone(), None),
        };
        Self { client, channel, ..Self::default() }
    }
}
