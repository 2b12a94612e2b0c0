//! What must hold: no home withdraws a pattern that it never requested; at the end every client was served, and when
//! all have left no row stays.

use bayeux_edge::bayeux::{BayeuxServer, Home};
use serde_json::Value;

use super::super::plan::HISTORY_MS;
use super::{Event, Simulation};

/// The longest that anyone may wait for an answer.
const PATIENCE_MS: u64 = 45_000;

impl Simulation {
    /// What must hold when all has been healed for a while: every client was answered, and received its events.
    pub(super) fn check(&mut self) {
        for client in &self.clients {
            client.assert_served(self.now, PATIENCE_MS);
        }
        self.history.check();
        self.say(|| format!("{} events", self.last));
    }

    /// When all clients have left nothing stays.
    pub(super) fn all_leave(mut self) {
        for client in 0..self.clients.len() {
            let did = self.clients[client].leave();
            self.send(client, did);
        }
        // Sessions whose handshake was never answered stay as long as any.
        let sessions = self.plan.options.max_interval.as_millis() as u64 + 7_200_000;
        self.events_for_all_come(0);
        let mut end = self.now + sessions;
        if self.plan.replayers > 0 {
            // So do sessions that were left without a disconnect. Kept events are deleted with the second sweep.
            self.events_for_all_come(sessions);
            end += 2 * HISTORY_MS + 600_000;
        }
        while let Some((time, event)) = self.next(end) {
            self.now = time;
            if !matches!(event, Event::Act(_)) {
                self.happen(event);
            }
        }
        for (home, object) in &self.objects {
            let empty = object.server.as_ref().is_none_or(BayeuxServer::is_empty);
            assert!(empty, "{home} keeps something: {:?}", object.rows);
        }
    }

    /// A home withdraws a pattern that it requested as it crashed when an event comes, and not while events of its last
    /// withdrawal may be under way.
    fn events_for_all_come(&mut self, ms: u64) {
        for minutes in 1..8 {
            self.after(ms + minutes * 60_000, Event::Anonymous);
        }
    }

    /// No home withdraws a pattern that it never requested, unless an object has lost its requests.
    pub(super) fn check_that_it_was_asked_for(&mut self, home: &Home, call: &str) {
        let call: Value = serde_json::from_str(call).unwrap();
        for item in call["link"]["items"].as_array().into_iter().flatten() {
            let pattern = |kind: &str| item[1][kind]["pattern"].as_str().map(|name| (home.clone(), name.to_owned()));
            self.asked_for.extend(pattern("interest"));
            if let Some(withdrawn) = pattern("withdraw") {
                let forgets = self.plan.crash > 0 || self.plan.storage > 0 || self.plan.overflow || self.plan.hours;
                let known = forgets || self.asked_for.contains(&withdrawn);
                assert!(known, "{withdrawn:?} is taken back, and was never asked for");
            }
        }
    }
}
