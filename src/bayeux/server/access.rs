//! Access rules and claims, asked of each message.

use crate::bayeux::auth::{CLAIMS, listed};
use crate::bayeux::server::BayeuxServer;
use crate::bayeux::session::Client;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Denial, Operation};
use serde_json::Value;

impl BayeuxServer {
    /// # Errors
    /// The denial that the client reads, with what denies it in its middle.
    pub(in crate::bayeux) fn check_access(
        &self,
        client: &Client,
        operation: Operation,
        name: &ChannelPattern,
    ) -> Result<(), BayeuxError> {
        let denied = |denial| Err(BayeuxError::Denied(operation, denial));
        let claims = client.attributes.value(CLAIMS).and_then(Value::as_object);
        if let Some(rules) = self.options.access_rules.as_ref().filter(|rules| !rules.allow(claims, operation, name)) {
            return denied(Denial::by_rules(rules.allowing_others(operation, name)));
        }
        let claim = claims.and_then(|claims| claims.get(operation.name()));
        if claim.is_some_and(|claim| !listed(claim).any(|pattern| pattern.covers(name))) {
            return denied(Denial::because("denied_by_claims"));
        }
        Ok(())
    }
}
