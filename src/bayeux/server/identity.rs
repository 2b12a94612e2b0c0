//! Verifies the token of a handshake, perhaps after its keys are fetched.

use crate::bayeux::auth::Identity;
use crate::bayeux::auth::tokens::keys::Keys;
use crate::bayeux::server::{Batch, BayeuxServer, Checked, Step, SuspendedMessage};
use crate::bayeux::session::Ending;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{BayeuxError, Bearer, Message, TokenError};
use std::time::Duration;

/// Why a token is not verified.
enum Unidentified {
    Refused(BayeuxError),
    /// Newer keys may exist.
    KeysWanted,
}

impl BayeuxServer {
    /// Removes the token from a message. Where no keys are configured it stays, for the application.
    pub(in crate::bayeux) fn take_token(&self, message: &mut Message) -> Option<Bearer> {
        if !self.options.tokens.are_in_use() {
            return None;
        }
        let mut ext: Message = message.get("ext")?;
        ext.field("token")?;
        // A token is a string.
        let token: String = ext.get("token").unwrap_or_default();
        ext.set("token", &());
        if ext.fields().next().is_some() {
            message.set("ext", &ext);
        } else {
            message.set("ext", &());
        }
        Some(Bearer::new(&token))
    }

    /// Goes on with a handshake after its token is verified, for which it may have to wait.
    pub(in crate::bayeux) fn step_handshake(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        mut checked: Checked,
        token: Option<Bearer>,
    ) -> Step {
        let error = match self.identify(token.as_ref()) {
            Ok(identity) => {
                checked.identity = identity;
                return self.step_identified(now, batch, checked);
            }
            Err(Unidentified::Refused(error)) => error,
            Err(Unidentified::KeysWanted) => match self.await_keys() {
                Some(pending_id) => {
                    return Step::Suspended(pending_id, 1, Box::new(SuspendedMessage::Keys { checked, token }));
                }
                None => BayeuxError::TokenKeysUnavailable,
            },
        };
        Step::Replied(self.refuse_handshake(&checked, &error))
    }

    /// The identity that a token proves.
    fn identify(&self, token: Option<&Bearer>) -> Result<Option<Identity>, Unidentified> {
        let tokens = &self.options.tokens;
        let token = match token {
            _ if !tokens.are_in_use() => return Ok(None),
            None if tokens.optional => return Ok(None),
            None => return Err(Unidentified::Refused(BayeuxError::TokenMissing)),
            Some(token) => token,
        };
        let none = Keys::default();
        match tokens.verify(tokens.keys.as_ref().unwrap_or(&none), token, self.time_outside()) {
            Ok(identity) => Ok(Some(identity)),
            // A key that is not known yet may have signed it.
            Err(TokenError::KeyUnknown | TokenError::AlgorithmRefused | TokenError::SignatureInvalid)
                if tokens.jwks_url.is_some() =>
            {
                self.identify_remotely(token).map(Some)
            }
            Err(error) => Err(Unidentified::Refused(BayeuxError::Token(error))),
        }
    }

    /// The same by the keys of others.
    fn identify_remotely(&self, token: &Bearer) -> Result<Identity, Unidentified> {
        let (now, remote) = (self.now(), &self.jwks.keys);
        let newer_may_come = remote.may_come(now);
        if newer_may_come && !remote.are_fresh(now) {
            return Err(Unidentified::KeysWanted);
        }
        let keys = remote.usable(now).ok_or(Unidentified::Refused(BayeuxError::TokenKeysUnavailable))?;
        self.options.tokens.verify(keys, token, self.time_outside()).map_err(|error| match error {
            TokenError::KeyUnknown if newer_may_come => Unidentified::KeysWanted,
            error => Unidentified::Refused(BayeuxError::Token(error)),
        })
    }

    /// Ends the sessions whose token has expired.
    pub(in crate::bayeux) fn expire(&mut self) {
        let outside = self.time_outside();
        while let Some(key) = self.sessions.first_expired(outside) {
            self.end(key, Ending::TokenExpired);
        }
    }

    /// When the next token expires.
    pub(in crate::bayeux) fn next_expiry(&self) -> Option<Millis> {
        let left = self.sessions.next_expiry()?.0.saturating_sub(self.time_outside().0);
        Some(self.now() + Duration::from_millis(left))
    }
}
