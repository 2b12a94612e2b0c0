//! Requests that handlers ask before they answer: those under way, and those that wait for one of them to end.

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

/// Requests that wait. At 50 ms each, the last one leaves after 8 s.
const MOST_WAITING: usize = 1_000;

/// Bytes of a request beside its own: its handler, and what the handler captured.
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
    /// Sends a request, now or when one of those under way has ended. Where too many wait its handler is not called.
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

    /// The response to a request, or why there is none.
    pub(super) fn fetched(&mut self, now: Millis, token: u64, response: Result<FetchResponse, FetchError>) {
        let Some(Awaiting { on, then, is_call, .. }) = self.fetches.under_way.remove(&token) else { return };
        self.start_fetches();
        match self.app.handle_response(then, response) {
            // Without a session there is nobody to give a reply to any more.
            Ok(actions) => self.apply(now, &on, &mut Vec::new(), actions),
            Err(fault) => self.ask_failed(now, &on, is_call, fault),
        }
    }

    /// The message has been answered already: a remote call fails, of anything else the log is told.
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
