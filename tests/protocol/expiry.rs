//! How long a session is kept, to the millisecond.

use bayeux_edge::bayeux::{Ending, Notice};
use serde_json::json;

use crate::client::Client;
use crate::scenario::Scenario;

const TIMEOUT: u64 = 30_000;
const MAX_INTERVAL: u64 = 10_000;

/// Whether the session is still alive, checked without prolonging it.
fn lives(scenario: &Scenario) -> bool {
    !scenario.notices().iter().any(|notice| matches!(notice, Notice::SessionClosed { .. }))
}

/// Checks that without another message the session ends exactly `ms` from now.
fn ends_after(scenario: &Scenario, ms: u64, client: &Client) {
    scenario.after(ms - 1);
    assert!(lives(scenario), "ended too early");
    scenario.after(1);
    assert_eq!(scenario.notices(), [Notice::SessionClosed { why: Ending::Expired, sessions: 0 }]);
    assert_eq!(client.connect().answer().reply()["error"], "402::session_unknown");
}

#[test]
fn a_session_whose_first_connect_never_comes_ends_max_interval_after_the_handshake() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice");
    alice.handshake();
    ends_after(&scenario, MAX_INTERVAL, &alice);
}

#[test]
fn a_session_ends_max_interval_after_the_answer_to_its_last_connect() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.hold();
    scenario.after(TIMEOUT);
    ends_after(&scenario, MAX_INTERVAL, &alice);
}

#[test]
fn max_interval_also_starts_when_an_event_answers_the_connect() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    scenario.after(5000);
    alice.publish("/chat", 1);
    alice.ask(json!({"channel": "/meta/disconnect"}));
    scenario.notices();
    ends_after(&scenario, MAX_INTERVAL, &bob);
}

#[test]
fn no_session_expires_while_its_connect_is_held() {
    let scenario = Scenario::with(&[("TIMEOUT", "600000"), ("MAX_INTERVAL", "1")]);
    let alice = scenario.client("alice");
    alice.handshake();
    alice.connect();
    alice.hold();
    scenario.after(599_999);
    assert!(lives(&scenario));
    scenario.after(1);
    ends_after(&scenario, 1, &alice);
}

#[test]
fn a_connect_in_the_last_millisecond_saves_the_session() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    scenario.after(MAX_INTERVAL - 1);
    assert!(alice.connect().is_held());
    scenario.after(1);
    assert!(lives(&scenario));
}

#[test]
fn any_other_message_keeps_the_session_for_another_max_interval() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for message in [
        json!({"channel": "/chat", "data": 1}),
        json!({"channel": "/meta/subscribe", "subscription": "/chat"}),
        json!({"channel": "/meta/unsubscribe", "subscription": "/chat"}),
        json!({"channel": "/chat"}),
    ] {
        scenario.after(MAX_INTERVAL - 1);
        alice.ask(message);
    }
    assert!(lives(&scenario));
    ends_after(&scenario, MAX_INTERVAL, &alice);
}

#[test]
fn a_message_never_shortens_the_granted_interval() {
    let scenario = Scenario::with(&[("INTERVAL", "60000")]);
    let [alice] = scenario.join(["alice"]);
    alice.ask(json!({"channel": "/chat", "data": 1}));
    ends_after(&scenario, 60_000 + MAX_INTERVAL, &alice);
}

#[test]
fn a_granted_interval_is_added_to_max_interval() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.connect_with(json!({"advice": {"timeout": 0, "interval": 60_000}})).answer();
    ends_after(&scenario, 60_000 + MAX_INTERVAL, &alice);
}

#[test]
fn the_servers_interval_is_added_from_the_handshake_on() {
    let scenario = Scenario::with(&[("INTERVAL", "2000"), ("MAX_INTERVAL", "500")]);
    let alice = scenario.client("alice");
    alice.handshake();
    ends_after(&scenario, 2500, &alice);
}

#[test]
fn max_interval_counts_from_the_moment_a_connect_broke_off() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let held = alice.hold();
    scenario.after(7000);
    held.breaks_off();
    ends_after(&scenario, MAX_INTERVAL, &alice);
}

#[test]
fn an_expired_session_receives_nothing_more_and_is_unknown() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    alice.hold();
    scenario.after(MAX_INTERVAL);
    alice.publish("/chat", "to nobody");
    assert_eq!(bob.error_of(json!({"channel": "/meta/subscribe", "subscription": "/chat"})), "402::session_unknown");
    assert_eq!(bob.receives(), Vec::<serde_json::Value>::new());
}
