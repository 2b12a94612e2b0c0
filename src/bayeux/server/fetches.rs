//! HTTP requests of handlers that answer later: those under way, and the queue behind them.

use std::collections::{BTreeMap, VecDeque};

use super::BayeuxServer;
use super::actions::Subject;
use crate::bayeux::app::{Action, Actions, Ask, Fault, Fetch, FetchError, FetchResponse, OnResponse};
use crate::bayeux::io::{Notice, Output};
use crate::bayeux::limits::Charge;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::BayeuxError;

/// Requests under way at a time: as many connections as the platform opens at once (Workers limits). It would let more
/// of them wait, while their timeouts run.
const MOST_UNDER_WAY: usize = 6;

/// Requests in the queue. At 50 ms each, the last one leaves after 8 s.
const MOST_WAITING: usize = 1_000;

/// Bytes of a request besides its own: the handler and what it captured.
const HANDLER: usize = 256;

/// The requests of one home.
#[derive(Default)]
pub(super) struct Fetches {
    last_token: u64,
    under_way: BTreeMap<u64, Awaiting>,
    waiting: VecDeque<(Fetch, Awaiting)>,
}

/// What waits for a response.
struct Awaiting {
    on: Subject,
    then: OnResponse,
    is_call: bool,
    _charge: Charge,
}

impl BayeuxServer {
    /// Sends a request, at once or when one under way has ended. A full queue fails it without calling its handler.
    pub(super) fn ask(&mut self, now: Millis, on: &Subject, Ask { fetch, then, is_call }: Ask) {
        let weight = HANDLER + fetch.weight();
        let room = match self.fetches.waiting.len() < MOST_WAITING {
            true => self.make_room(now, weight),
            false => Err(BayeuxError::PendingExceeded),
        };
        if let Err(error) = room {
            return self.ask_failed(now, on, is_call, error.into());
        }
        let awaiting = Awaiting { on: on.clone(), then, is_call, _charge: self.budget.charge(weight) };
        self.fetches.waiting.push_back((fetch, awaiting));
        self.start_fetches();
    }

    /// The response to a request, or the reason for its failure.
    pub(super) fn fetched(&mut self, now: Millis, token: u64, response: Result<FetchResponse, FetchError>) {
        let Some(Awaiting { on, then, is_call, .. }) = self.fetches.under_way.remove(&token) else { return };
        self.start_fetches();
        match self.app.handle_response(then, response) {
            // The session has ended: nobody reads a reply any more.
            Ok(actions) => self.apply(now, &on, &mut Vec::new(), actions),
            Err(fault) => self.ask_failed(now, &on, is_call, fault),
        }
    }

    /// The message is answered already: a remote call fails, other failures are only logged.
    fn ask_failed(&mut self, now: Millis, on: &Subject, is_call: bool, fault: Fault) {
        let was_refused = matches!(fault, Fault::Refused(_));
        let error = self.blame(fault);
        if is_call {
            let actions: Vec<Action> = Actions::failed_by(error).into_iter().collect();
            self.apply(now, on, &mut Vec::new(), actions);
        } else if was_refused {
            self.tell(Notice::ActionFailed { reason: format!("a later answer: {error}") });
        }
    }

    fn start_fetches(&mut self) {
        while self.fetches.under_way.len() < MOST_UNDER_WAY
            && let Some((fetch, awaiting)) = self.fetches.waiting.pop_front()
        {
            self.fetches.last_token += 1;
            let token = self.fetches.last_token;
            self.fetches.under_way.insert(token, awaiting);
            self.outputs.push(Output::Fetch { token, fetch });
        }
    }
}
