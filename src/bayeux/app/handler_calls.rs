//! The boundary to the application's own code, the one place from which it is called.
//!
//! A panic there costs only what it was called for: a message is answered `500::internal_error` and the rest of its
//! batch goes on, a request of a route gets a 500, an event is told to the other listeners.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::fetch::{FetchError, FetchResponse, OnResponse};
use super::server_events::LifecycleEvent;
use super::{Action, Actions, Application, Client, HttpRequest, HttpResponse, Publication, SecurityPolicy, Service};
use crate::bayeux::wire::{BayeuxError, Captures, ChannelId, ChannelPattern, Denial, Message, Operation, Realm};

/// Why the application does not let a message pass.
#[derive(Debug)]
pub(in crate::bayeux) enum Fault {
    /// The sender reads this error, and the log has nothing.
    Refused(BayeuxError),
    /// This part of the application panicked.
    Panicked(&'static str),
    /// A part failed, in words for the log.
    Failed(String),
}

impl From<BayeuxError> for Fault {
    fn from(error: BayeuxError) -> Self {
        Self::Refused(error)
    }
}

impl Application {
    /// Whether a client may have a session.
    pub(in crate::bayeux) fn can_handshake(&mut self, client: &mut Client, message: &Message) -> Result<(), Fault> {
        self.ask_policy(Operation::Handshake, |policy| policy.can_handshake(client, message))
    }

    /// Whether a message may name a channel that nobody has named before.
    pub(in crate::bayeux) fn can_create(
        &mut self,
        client: &Client,
        name: &ChannelPattern,
        message: &Message,
    ) -> Result<(), Fault> {
        self.ask_policy(Operation::Create, |policy| policy.can_create(client, name, message))
    }

    /// Whether a client may publish there.
    pub(in crate::bayeux) fn can_publish(
        &mut self,
        client: &Client,
        channel: &ChannelId,
        message: &Message,
    ) -> Result<(), Fault> {
        self.ask_policy(Operation::Publish, |policy| policy.can_publish(client, channel, message))
    }

    /// Whether a client may subscribe to this.
    pub(in crate::bayeux) fn can_subscribe(
        &mut self,
        client: &Client,
        name: &ChannelPattern,
        message: &Message,
    ) -> Result<(), Fault> {
        self.ask_policy(Operation::Subscribe, |policy| policy.can_subscribe(client, name, message))
    }

    fn ask_policy(
        &mut self,
        operation: Operation,
        ask: impl FnOnce(&mut dyn SecurityPolicy) -> Result<(), Denial>,
    ) -> Result<(), Fault> {
        let Some(policy) = self.policy.as_deref_mut() else { return Ok(()) };
        let verdict = guarded("the security policy", || ask(policy))?;
        verdict.map_err(|denial| BayeuxError::Denied(operation, denial).into())
    }

    /// Lets the listeners hear what a client publishes, then its service.
    pub(in crate::bayeux) fn receive(&mut self, publication: &mut Publication) -> Result<Vec<Action>, Fault> {
        let mut actions = Vec::new();
        for (template, listener) in &mut self.listeners {
            if let Some(captures) = template.matches(&publication.channel) {
                publication.set_captures(captures);
                let outcome = guarded("a listener", || listener(publication))?;
                actions.extend(outcome.map_err(|error| error.blame("a listener"))?);
            }
        }
        if let Some((service, captures)) = self.service_at(&publication.channel) {
            publication.set_captures(captures);
            let outcome = guarded("a service", || service(publication))?;
            actions.extend(outcome.map_err(|error| error.blame("a service"))?);
        }
        possible(actions)
    }

    /// Hands a handler the response that it asked for.
    pub(in crate::bayeux) fn handle_response(
        &mut self,
        then: OnResponse,
        response: Result<FetchResponse, FetchError>,
    ) -> Result<Vec<Action>, Fault> {
        let outcome = guarded("a handler of a response", || then(response))?;
        possible(outcome.map_err(|error| error.blame("a handler of a response"))?)
    }

    fn service_at(&mut self, channel: &ChannelId) -> Option<(&mut Service, Captures)> {
        if let Some(service) = self.services.get_mut(channel) {
            return Some((service, Captures::default()));
        }
        let mut named = self.named_services.iter_mut();
        if let Some(found) = named.find_map(|(template, service)| Some((service, template.matches(channel)?))) {
            return Some(found);
        }
        let fallback = self.fallback.as_mut().filter(|_| channel.realm() == Realm::Service);
        fallback.map(|service| (service, Captures::default()))
    }

    /// What the listeners of an event want done, and what went wrong.
    pub(in crate::bayeux) fn react(&mut self, event: &LifecycleEvent) -> (Vec<Action>, Vec<Fault>) {
        let mut actions = Vec::new();
        let mut faults = Vec::new();
        let mut add = |outcome: Result<Actions, Fault>| match outcome {
            Ok(done) => actions.extend(done),
            Err(fault) => faults.push(fault),
        };
        match event {
            LifecycleEvent::Told(event) | LifecycleEvent::ByHooks(event) => {
                let listeners = self.event_listeners.iter_mut();
                listeners.for_each(|listener| add(guarded("an event listener", || listener(event))));
            }
            LifecycleEvent::Received(place, publication) => {
                add(guarded("a local session", || self.locals.receive(*place, publication)));
            }
        }
        (actions, faults)
    }

    /// The answer of a route, and what it wants done; a 500, and why, where there is none.
    pub(in crate::bayeux) fn answer(&mut self, request: &HttpRequest) -> (HttpResponse, Actions, Option<Fault>) {
        match guarded("a route", || self.routes.answer(request)) {
            Ok(mut response) => {
                let actions = std::mem::take(&mut response.actions);
                (response, actions, None)
            }
            Err(fault) => (internal_error(), Actions::new(), Some(fault)),
        }
    }
}

/// If one action is impossible, all are refused.
fn possible(actions: impl IntoIterator<Item = Action>) -> Result<Vec<Action>, Fault> {
    let actions: Vec<_> = actions.into_iter().collect();
    match actions.iter().find_map(Action::impossible) {
        Some(reason) => Err(Fault::Failed(reason.to_owned())),
        None => Ok(actions),
    }
}

/// The HTTP response for a fault.
fn internal_error() -> HttpResponse {
    let body = format!(r#"[{{"successful":false,"error":"{}"}}]"#, BayeuxError::Internal);
    HttpResponse::text(body).with_status(500).header("content-type", "application/json")
}

/// Calls the application. After a panic its own state may be half changed.
fn guarded<T>(what: &'static str, call: impl FnOnce() -> T) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Fault::Panicked(what))
}
