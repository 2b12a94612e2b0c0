//! The last refused messages of each session, for whoever asks why a client cannot do something.

use std::collections::VecDeque;

use super::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::RefusedMessage;

/// Of one session: the latest ones say what its client tries now.
const EACH: usize = 5;

/// Of all sessions of a home: at most 400 KB, as texts are cut. So many clients at a time are looked into, and a client
/// that is refused in a loop takes no more of it than any other.
const ALL: usize = 256;

/// Bytes of an error: an application may repeat in its words what a client wrote. Those of the server fit.
const ERROR: usize = 640;

/// When a message was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastRefusal {
    /// Unix time.
    pub at: Millis,
    pub message: RefusedMessage,
}

impl PastRefusal {
    pub fn new(at: Millis, message: &RefusedMessage) -> Self {
        let RefusedMessage { channel, subscription, error, reason, rule, .. } = message;
        let error = error[..error.floor_char_boundary(ERROR)].to_owned();
        let [channel, subscription, reason, rule] = [channel, subscription, reason, rule].map(Clone::clone);
        Self { at, message: RefusedMessage { channel, subscription, error, name: message.name, reason, rule } }
    }
}

/// They are in memory alone: a home begins anew without any.
#[derive(Debug, Default)]
pub struct Refusals(VecDeque<(SessionKey, PastRefusal)>);

impl Refusals {
    pub fn add(&mut self, key: SessionKey, refusal: PastRefusal) {
        let mut own = self.0.iter().enumerate().filter(|(_, (of, _))| *of == key).map(|(place, _)| place);
        let oldest = own.next();
        if own.count() + 1 >= EACH {
            oldest.and_then(|place| self.0.remove(place));
        } else if self.0.len() >= ALL {
            self.0.pop_front();
        }
        self.0.push_back((key, refusal));
    }

    /// Those of a session, the latest first.
    pub fn of(&self, key: SessionKey) -> impl Iterator<Item = &PastRefusal> {
        self.0.iter().rev().filter(move |(of, _)| *of == key).map(|(_, refusal)| refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(at: u64) -> PastRefusal {
        let message = RefusedMessage {
            channel: None,
            subscription: None,
            error: "é".repeat(1000),
            name: "channel_invalid",
            reason: None,
            rule: None,
        };
        PastRefusal::new(Millis(at), &message)
    }

    fn times(refusals: &Refusals, key: u64) -> Vec<u64> {
        refusals.of(SessionKey(key)).map(|refusal| refusal.at.0).collect()
    }

    #[test]
    fn a_client_that_is_refused_often_displaces_only_its_own_refused_messages() {
        let mut refusals = Refusals::default();
        refusals.add(SessionKey(1), refusal(0));
        (1..=1000).for_each(|at| refusals.add(SessionKey(2), refusal(at)));
        assert_eq!((times(&refusals, 1), times(&refusals, 2)), (vec![0], vec![1000, 999, 998, 997, 996]));
    }

    #[test]
    fn a_long_error_of_the_application_is_cut() {
        let mut refusals = Refusals::default();
        refusals.add(SessionKey(1), refusal(0));
        assert!(refusals.of(SessionKey(1)).all(|refusal| refusal.message.error.len() == ERROR));
    }

    #[test]
    fn with_many_clients_the_latest_refused_messages_are_kept() {
        let mut refusals = Refusals::default();
        (1..=10_000).for_each(|key| refusals.add(SessionKey(key), refusal(key)));
        assert_eq!(refusals.0.len(), ALL);
        assert_eq!((times(&refusals, 1), times(&refusals, 10_000)), (vec![], vec![10_000]));
    }
}
