//! Requests of the server API that this home answers.
//!
//! Messages that carry a key instead of a clientId:
//!
//! * The policy binds clients, so it is not asked: a key is trusted. Listeners and services receive the message as any
//!   other, with [`Client::by_api`](crate::bayeux::app::Client::by_api), and may change or veto it.
//! * A message with `client` goes to that session alone, subscribed or not, and skips the listeners: CometD's
//!   `deliver`.
//! * The sender has no session, so meta messages are refused.

use crate::bayeux::api::{ApiCall, ApiError, Scope};
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::bayeux::hooks::Permission;
use crate::bayeux::limits::BayeuxContext;
use crate::bayeux::metrics::Platform;
use crate::bayeux::server::{Batch, BayeuxServer, Checked, Step};
use crate::bayeux::session::{Ending, Sender, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, Endpoint, Realm};

impl BayeuxServer {
    /// Answers a request of the server API.
    pub(super) fn serve_api(
        &mut self,
        now: Millis,
        from: Endpoint,
        request: &HttpRequest,
        scope: Scope,
        platform: Platform,
    ) {
        let response = match ApiCall::of(request, (&self.options).into()) {
            Ok(ApiCall::Publish(messages)) => {
                let context = BayeuxContext { address: request.address.clone(), ..BayeuxContext::default() };
                return self.receive_by_api(now, from, context, messages);
            }
            Ok(ApiCall::Clients(page)) => self.list_clients(&page, scope),
            Ok(ApiCall::Client(key)) => self.show_client(key, scope),
            Ok(ApiCall::Disconnect(key)) => self.disconnect_by_api(key),
            Ok(ApiCall::Channels(page)) => self.list_channels(&page),
            Ok(ApiCall::Trees(page)) => self.list_trees(&page),
            Ok(ApiCall::Metrics) => self.show_metrics(platform),
            Ok(ApiCall::Stats) => self.show_stats(platform),
            Ok(ApiCall::History(pattern, page)) => self.list_history(pattern, &page),
            Ok(ApiCall::Tail(pattern, after)) => self.list_tail(now, pattern, after),
            Ok(ApiCall::Presence(channel)) => self.list_members(&channel),
            Err(error) => error.into_response(),
        };
        self.respond(from, response);
    }

    /// Ends a session. Its client is told, and advised not to reconnect.
    fn disconnect_by_api(&mut self, key: SessionKey) -> HttpResponse {
        if self.sessions.get(key).is_none() {
            return ApiError::SessionUnknown.into_response();
        }
        self.dismiss(key, Ending::Dismissed);
        HttpResponse::new(204)
    }
}

impl BayeuxServer {
    pub(in crate::bayeux) fn step_of_api(&mut self, now: Millis, batch: &mut Batch, mut checked: Checked) -> Step {
        checked.attempt = checked.attempt.by_api();
        if checked.channel.realm() == Realm::Meta {
            return Step::Replied(checked.failed(&BayeuxError::MetaChannelUnknown).into_json());
        }
        if checked.message.field("client").is_none() {
            return self.publish(now, batch, checked, Permission::default());
        }
        let pushed = self.push_by_api(now, batch, &checked);
        Step::Replied(checked.answered(pushed))
    }

    fn push_by_api(&mut self, now: Millis, batch: &mut Batch, checked: &Checked) -> Result<(), BayeuxError> {
        let Checked { message, channel, attempt, .. } = checked;
        if self.was_said_before(now, batch, *attempt) {
            return Ok(());
        }
        let named = message.get::<String>("client").and_then(|name| SessionKey::parse(&name));
        let session = named.ok_or(BayeuxError::SessionUnknown)?;
        let data = message.field("data").ok_or(BayeuxError::DataMissing)?;
        self.push(now, session, channel.clone(), data.to_owned(), &Sender::Server)?;
        self.was_taken(now, attempt.key);
        Ok(())
    }
}
