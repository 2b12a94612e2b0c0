//! A connect that names numbers: its client had no answer to the connect before, and with it has missed events.
//!
//! ```text
//! → {"channel":"/meta/connect", … "ext":{"replay":{"/chat/a":1740800000000128}}}
//! ← {"channel":"/chat/a", … "ext":{"replay":{"replayId":1740800000000256, …}}}   {"channel":"/meta/connect", …}
//! ```
//!
//! * The session's subscriptions go on after these numbers, as if it had subscribed again; other names are ignored.
//! * A number that is not kept fails the connect, and no event comes with that reply.
//! * Between two connects nothing is sent to a session that reads numbers, so nothing but a connect's answer, or what
//!   comes while it is held, can be lost.
//! * With the ack extension what was lost comes again by itself, and numbers are ignored.
//! * One connect of a session waits for owners at a time: each asks them about all its names.

use std::collections::BTreeSet;

use super::batch::{Batch, Step};
use super::replay_start::Past;
use super::suspended_messages::SuspendedMessage;
use super::{BayeuxServer, Checked};
use crate::bayeux::cluster::Begun;
use crate::bayeux::session::{Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::replay::wanted;
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Message};

impl BayeuxServer {
    /// The earlier events that a connect asks for.
    ///
    /// # Errors
    /// `400:…:replay_id_invalid`, or `403:…:replay_spans_trees`.
    pub(in crate::bayeux) fn past_missed(&self, key: SessionKey, connect: &Message) -> Result<Past, BayeuxError> {
        let reads_numbers = |session: &&Session| session.counts_on_numbers() && !session.is_strict();
        let Some(session) = self.sessions.get(key).filter(reads_numbers) else { return Ok(Past::default()) };
        let Some(numbers) = wanted(connect)? else { return Ok(Past::default()) };
        let own = numbers.into_keys().filter(|pattern| session.subscriptions.contains(pattern));
        let names = own.map(|pattern| (pattern.as_str().to_owned(), pattern)).collect();
        self.past_wanted(key, connect, names)
    }

    /// Goes on after the numbers that a connect names.
    pub(in crate::bayeux) fn catch_up(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        mut checked: Checked,
        key: SessionKey,
        past: Past,
    ) -> Step {
        if self.pending.catches_up(key) {
            return self.cannot_catch_up(batch, &checked, key, &BayeuxError::PendingExceeded);
        }
        let pending_id = self.pending.next_id();
        match self.ask_for_beginnings(now, &past, pending_id) {
            0 => self.caught_up(now, batch, checked, key, &past, Ok(&[])),
            outcomes => {
                checked.message.set("ext", &());
                let charge = self.budget.charge(checked.message.weight() + past.weight());
                let suspended = SuspendedMessage::Connect { checked, session: key, past, _charge: charge };
                Step::Suspended(pending_id, outcomes, Box::new(suspended))
            }
        }
    }

    /// The owners have answered a connect that names numbers.
    pub(super) fn caught_up(
        &mut self,
        now: Millis,
        batch: &mut Batch,
        checked: Checked,
        key: SessionKey,
        past: &Past,
        elsewhere: Result<&[(ChannelPattern, Begun)], BayeuxError>,
    ) -> Step {
        let Some(session) = self.sessions.get(key) else {
            return Step::Replied(checked.failed(&BayeuxError::SessionUnknown).into_json());
        };
        if session.is_held() {
            return self.cannot_catch_up(batch, &checked, key, &BayeuxError::ConnectOvertaken);
        }
        match elsewhere.and_then(|elsewhere| self.begun(past, elsewhere)) {
            Ok(begun) => {
                self.begin_replays(key, past, &begun, &BTreeSet::new());
                self.wait_for_events(now, batch, checked, key)
            }
            Err(error) => self.cannot_catch_up(batch, &checked, key, &error),
        }
    }

    /// A connect fails, and its client may try again.
    pub(in crate::bayeux) fn cannot_catch_up(
        &mut self,
        batch: &Batch,
        checked: &Checked,
        key: SessionKey,
        error: &BayeuxError,
    ) -> Step {
        let mut reply = checked.failed(error);
        reply.advice = Some(self.advise(key, &batch.from));
        Step::Replied(reply.into_json())
    }
}
