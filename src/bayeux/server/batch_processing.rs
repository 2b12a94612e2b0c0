//! Processes a batch, message by message. `step_allowed` dispatches each message: to its file in `meta`, or to
//! `publish`.

use super::BayeuxServer;
use super::batch::{Batch, Hold, Rides, Spoke, Step, is_connect, is_last_word, is_subscribe};
use super::checked_message::{Checked, Invalid};
use super::suspended_messages::{Continuation, SuspendedMessage};
use crate::bayeux::cluster::Begun;
use crate::bayeux::hooks::Permission;
use crate::bayeux::io::Notice;
use crate::bayeux::limits::BayeuxContext;
use crate::bayeux::metrics::{Metrics, message_kind};
use crate::bayeux::session::{Client, HeldConnect, Sender, Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Element, Endpoint, Message, Realm, Status};

impl BayeuxServer {
    /// Takes the messages of a request.
    pub(super) fn receive(&mut self, now: Millis, from: Endpoint, context: BayeuxContext, messages: Vec<Element>) {
        Metrics::count(&mut self.metrics.requests, from.key().transport(), 1);
        let number = self.pending.next_batch_number();
        let mut batch = Batch::new(number, from, context, messages, self.options.max_messages_per_batch);
        self.count_request(now, &mut batch);
        self.run(now, batch);
    }

    /// Takes the messages of a request to the server API.
    pub(in crate::bayeux) fn receive_by_api(
        &mut self,
        now: Millis,
        from: Endpoint,
        context: BayeuxContext,
        messages: Vec<Element>,
    ) {
        let number = self.pending.next_batch_number();
        self.run(now, Batch::of_api(number, from, context, messages));
    }

    /// Processes a batch until it is answered, its connect is held, or it must wait.
    pub(super) fn run(&mut self, now: Millis, mut batch: Batch) {
        while let Some(next) = batch.peek() {
            if !self.may_begin(&batch, next) {
                break;
            }
            if !is_subscribe(next) {
                self.commit(now, Some(&mut batch));
            }
            let Some((place, element, within_limit)) = batch.begin() else { break };
            let step = if within_limit {
                self.step(now, &mut batch, element)
            } else {
                Metrics::count(&mut self.metrics.messages, "invalid", 1);
                Step::Replied(Checked::refuse(now, element, &BayeuxError::BatchTooLarge))
            };
            match self.apply_step(batch, place, step) {
                Some(goes_on) => batch = goes_on,
                None => return,
            }
        }
        if !batch.is_complete() {
            self.park(now, &mut batch);
        }
        if batch.is_complete() { self.finish(now, batch) } else { self.pending.park(batch) }
    }

    /// Whether the next message of a batch need not wait for earlier ones, of this batch or of earlier requests of its
    /// session.
    fn may_begin(&self, batch: &Batch, next: &Element) -> bool {
        if batch.must_wait(next) {
            return false;
        }
        if self.pending.lanes.is_empty() || is_connect(next) {
            return true;
        }
        let speaker = self.speaker_of(next, &batch.context);
        !speaker.is_some_and(|session| self.pending.lanes.must_wait(session, batch.number, is_last_word(next)))
    }

    fn speaker_of(&self, element: &Element, context: &BayeuxContext) -> Option<SessionKey> {
        let client_id = element.as_ref().ok()?.client_id()?;
        self.session_of(&client_id, context)
    }

    /// Records a message's outcome in its place. None where the batch ended with a held connect.
    pub(super) fn apply_step(&mut self, mut batch: Batch, place: usize, step: Step) -> Option<Batch> {
        match step {
            Step::Replied(reply) => batch.fill(place, reply),
            Step::Refused(reply) => {
                batch.status = Status::Unavailable;
                batch.fill(place, reply);
            }
            Step::Subscribed(subscribed) => {
                batch.is_uncommitted = true;
                let reply = self.uncommitted.add(batch.number, place, *subscribed);
                batch.fill(place, reply);
            }
            Step::Suspended(pending_id, outcomes, suspended) => {
                batch.wait_at(place, &suspended);
                let then = Continuation::Reply { batch: batch.number, place, suspended };
                self.pending.expect(pending_id, outcomes, then);
            }
            Step::Hold(key, hold) => {
                self.hold(key, hold, batch);
                return None;
            }
        }
        Some(batch)
    }

    /// Continues a suspended message with its outcome.
    pub(super) fn resume_message(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        suspended: SuspendedMessage,
        outcome: Result<(), BayeuxError>,
        begun: &[(ChannelPattern, Begun)],
    ) -> Step {
        match suspended {
            SuspendedMessage::Publish { checked, sent } => {
                match &outcome {
                    Ok(()) => {
                        self.was_taken(now, sent.published.key);
                        self.published(&sent.published);
                        self.act(now, batch, sent.then);
                    }
                    // A client that left is recorded already.
                    Err(BayeuxError::OwnerUnreachable) if !batch.has_aborted => {
                        self.may_be_taken(now, checked.attempt, sent.published.key);
                    }
                    Err(_) => (),
                }
                Step::Replied(checked.answered(outcome))
            }
            SuspendedMessage::Subscribe { checked, client, session, patterns, past, under_way } => {
                drop(under_way);
                let step = match outcome {
                    Ok(()) => self.apply_subscriptions(&checked, client, session, &patterns, &past, begun),
                    Err(error) => Step::Replied(checked.answered_subscription(Err(error))),
                };
                patterns.iter().for_each(|pattern| self.review_interest(pattern));
                step
            }
            SuspendedMessage::Connect { checked, session, past, .. } => {
                self.caught_up(now, batch, checked, session, &past, outcome.map(|()| begun))
            }
            SuspendedMessage::Hook { checked, hook, pending_id, .. } => {
                self.hook_answered(now, batch, (hook, pending_id, checked), outcome)
            }
            SuspendedMessage::Keys { checked, token } => self.step_handshake(now, batch, checked, token),
        }
    }

    /// Parks a batch until its turn; what cannot wait is refused.
    fn park(&mut self, now: Millis, batch: &mut Batch) {
        if batch.rest().is_empty() {
            return self.unblock(batch);
        }
        if batch.charge.amount() == 0 {
            let weight = batch.weight();
            if let Err(error) = self.make_room(now, weight) {
                return refuse_rest(now, batch, &error);
            }
            batch.charge = self.budget.charge(weight);
            let mut lanes: Vec<_> =
                batch.rest().iter().filter_map(|element| self.speaker_of(element, &batch.context)).collect();
            lanes.sort_unstable();
            lanes.dedup();
            if lanes.iter().any(|session| self.pending.lanes.is_full(*session)) {
                return refuse_rest(now, batch, &BayeuxError::PendingExceeded);
            }
            lanes.iter().for_each(|session| self.pending.lanes.block(*session, batch.number));
            batch.lanes = lanes;
        }
    }

    /// A batch has no message left that could wait for its turn.
    fn unblock(&mut self, batch: &mut Batch) {
        for session in std::mem::take(&mut batch.lanes) {
            self.pending.lanes.unblock(session, batch.number);
        }
    }

    fn finish(&mut self, now: Millis, mut batch: Batch) {
        self.unblock(&mut batch);
        if batch.is_uncommitted { self.uncommitted.complete(batch) } else { self.answer(now, batch) }
    }

    /// Answers a batch: the events of sessions that connected or published, then the replies.
    pub(super) fn answer(&mut self, now: Millis, mut batch: Batch) {
        if !batch.refused.is_empty() {
            let speaker = batch.sessions().first().map(|spoke| spoke.session).or(batch.refused_early);
            for refused in std::mem::take(&mut batch.refused) {
                self.was_refused(speaker, Some(refused.into()));
            }
        }
        let mut events = std::mem::take(&mut batch.piggybacked);
        let outside = self.time_outside();
        for Spoke { session, rides } in batch.sessions() {
            self.sessions.extend(*session, now + self.options.max_interval);
            self.sessions.heard(*session, outside, &batch.context);
            // Clients read the answer only where the status is 200.
            let reads = batch.status == Status::Ok && !batch.has_aborted;
            if reads && !self.sessions.get(*session).is_some_and(Session::is_streaming) {
                events.extend(match rides {
                    Rides::Nothing => Vec::new(),
                    Rides::OnPublish => self.sessions.take_events_on_publish(*session),
                    Rides::OnConnect => self.sessions.take_unacknowledged(*session),
                });
            }
        }
        if !batch.has_aborted {
            let replies = batch.take_replies();
            self.send(batch.from, batch.status, batch.format, &events, &replies);
        }
    }

    fn hold(&mut self, key: SessionKey, hold: Hold, mut batch: Batch) {
        self.unblock(&mut batch);
        if batch.has_aborted {
            return;
        }
        let Hold { id, until, advise, timesync } = hold;
        let browser = batch.occupied_browser().cloned();
        let (network, endpoint) = (batch.context.network(), batch.from);
        let held =
            HeldConnect { endpoint, network, browser, id, until, advise, timesync, stalled: false, kept_open: false };
        self.sessions.suspend(key, held);
        let outside = self.time_outside();
        self.sessions.heard(key, outside, &batch.context);
        self.look_for_page(key);
        // The pace of a busy object may still hold events back.
        if self.sessions.get(key).is_some_and(Session::is_ready) {
            self.ready.insert(key);
        }
    }

    fn step(&mut self, now: Millis, batch: &mut Batch, element: Element) -> Step {
        let mut checked = match Checked::of(now, element) {
            Ok(checked) => checked,
            Err(Invalid { reply, client_id }) => {
                Metrics::count(&mut self.metrics.messages, "invalid", 1);
                self.refused_early(batch, client_id);
                return Step::Replied(reply);
            }
        };
        Metrics::count(&mut self.metrics.messages, message_kind(checked.channel.as_str()), 1);
        if let Some(reply) = self.refuse_flood(now, batch, &checked) {
            self.refused_early(batch, checked.message.client_id());
            return Step::Replied(reply);
        }
        let token = self.take_token(&mut checked.message);
        if checked.channel.as_str() == "/meta/handshake" && !batch.by_api {
            let token = token.or_else(|| batch.context.token.clone());
            return self.step_handshake(now, batch, checked, token);
        }
        self.step_identified(now, batch, checked)
    }

    /// A message was refused before its sender counted as heard: the log and the API tell whose it was.
    fn refused_early(&self, batch: &mut Batch, client_id: Option<String>) {
        batch.refused_early = client_id.and_then(|id| self.session_of(&id, &batch.context)).or(batch.refused_early);
    }

    /// Processes a message of a known sender.
    pub(in crate::bayeux) fn step_identified(&mut self, now: Millis, batch: &mut Batch, checked: Checked) -> Step {
        match self.hook_for(batch, &checked) {
            Some(hook) => self.ask_hooks(now, batch, hook, checked),
            None => self.step_allowed(now, batch, checked, Permission::default()),
        }
    }

    /// Processes a message that needs no further permission.
    pub(in crate::bayeux) fn step_allowed(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        checked: Checked,
        permission: Permission,
    ) -> Step {
        match (checked.channel.as_str(), checked.channel.realm()) {
            _ if batch.by_api => self.step_of_api(now, batch, checked),
            ("/meta/handshake", _) => Step::Replied(self.handshake(now, batch, &checked, permission)),
            ("/meta/connect", _) => self.connect(now, batch, checked),
            ("/meta/subscribe", _) => self.subscribe(now, batch, checked),
            ("/meta/unsubscribe", _) => Step::Replied(self.unsubscribe(batch, &checked)),
            ("/meta/disconnect", _) => Step::Replied(self.disconnect(batch, &checked)),
            (_, Realm::Meta) => Step::Replied(checked.failed(&BayeuxError::MetaChannelUnknown).into_json()),
            _ => self.publish(now, batch, checked, permission),
        }
    }

    /// The session of this message, recorded as one that spoke in this batch.
    ///
    /// # Errors
    /// `402::session_unknown`.
    pub(in crate::bayeux) fn speaker(&self, batch: &mut Batch, message: &Message) -> Result<SessionKey, BayeuxError> {
        let key = message.client_id().and_then(|id| self.session_of(&id, &batch.context));
        let key = key.ok_or(BayeuxError::SessionUnknown)?;
        if batch.heard(key) {
            let wanted = self.format(key);
            if wanted != Format::Json {
                batch.format = wanted;
            }
        }
        Ok(key)
    }

    /// The session of this clientId, if it belongs to this browser.
    pub(in crate::bayeux) fn session_of(&self, client_id: &str, context: &BayeuxContext) -> Option<SessionKey> {
        let key = self.sessions.find(client_id)?;
        let owner = self.sessions.get(key)?.negotiated.browser.as_deref();
        (owner.is_none() || owner == context.browser.as_deref()).then_some(key)
    }

    /// The sender of this message, as the application sees it.
    pub(in crate::bayeux) fn client(&self, batch: &Batch, session: Option<SessionKey>) -> Client {
        let known = session.and_then(|key| self.sessions.get(key));
        let attributes = known.map(|session| session.attributes.clone()).unwrap_or_default();
        let nobody = if batch.by_api { Sender::Api } else { Sender::Anonymous };
        let sender = session.map_or(nobody, Sender::Session);
        Client { sender, attributes, address: batch.context.address.clone() }
    }

    /// `Step::Refused`, with a log line.
    pub(in crate::bayeux) fn refuse_connection(&mut self, batch: &Batch, checked: &Checked) -> Step {
        self.connection_refused(&batch.context);
        Step::Refused(checked.failed(&BayeuxError::ConnectionsExceeded).into_json())
    }

    /// Whether this endpoint's address holds as many connects as it may.
    pub(in crate::bayeux) fn holds_too_many(&self, context: &BayeuxContext) -> bool {
        let held = context.network().map(|network| self.sessions.held_by(network));
        held.is_some_and(|held| held >= self.options.client_max_connections)
    }

    pub(in crate::bayeux) fn connection_refused(&mut self, context: &BayeuxContext) {
        if let Some(address) = context.address.clone() {
            self.tell(Notice::ConnectionRefused { address });
        }
    }
}

/// Refuses the messages that have not begun: too many are pending.
fn refuse_rest(now: Millis, batch: &mut Batch, error: &BayeuxError) {
    while let Some((place, element, _)) = batch.begin() {
        batch.fill(place, Checked::refuse(now, element, error));
    }
}
