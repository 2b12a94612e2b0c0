//! Lazy channels: events that wait for company.

use serde_json::json;

use crate::client::Client;
use crate::scenario::Scenario;

fn lazy_scenario() -> (Scenario, [Client; 2]) {
    let scenario = Scenario::with(&[("LAZY_CHANNELS", "/lazy/** /slow"), ("MAX_LAZY_TIMEOUT", "1500")]);
    let clients = scenario.join(["alice", "bob"]);
    clients[1].subscribe("/**");
    (scenario, clients)
}

#[test]
fn a_lazy_event_waits_for_max_lazy_timeout() {
    let (scenario, [alice, bob]) = lazy_scenario();
    for channel in ["/lazy/a", "/lazy/a/b", "/slow"] {
        let held = bob.hold();
        alice.publish(channel, 1);
        scenario.after(1499);
        assert!(held.is_held(), "{channel}");
        scenario.after(1);
        assert_eq!(held.answer().data(), [1]);
        // So that this client lives on, too.
        alice.publish("/service/x", 0);
    }
}

#[test]
fn the_wait_counts_from_the_first_of_them_and_all_leave_together() {
    let (scenario, [alice, bob]) = lazy_scenario();
    let held = bob.hold();
    alice.publish("/slow", 1);
    scenario.after(1000);
    alice.publish("/slow", 2);
    scenario.after(500);
    assert_eq!(held.answer().data(), [1, 2]);
}

#[test]
fn an_event_in_a_hurry_takes_the_lazy_ones_along_in_their_order() {
    let (scenario, [alice, bob]) = lazy_scenario();
    let held = bob.hold();
    alice.publish("/slow", 1);
    scenario.after(100);
    alice.publish("/chat", 2);
    assert_eq!(held.answer().data(), [1, 2]);
}

#[test]
fn any_answer_takes_the_lazy_ones_along() {
    let (_scenario, [alice, bob]) = lazy_scenario();
    alice.publish("/slow", 1);
    assert_eq!(bob.send(json!({"channel": "/service/x", "data": 1})).answer().data(), [1]);
}

#[test]
fn a_connect_is_held_although_lazy_events_wait_until_the_first_of_them_is_due() {
    let (scenario, [alice, bob]) = lazy_scenario();
    alice.publish("/slow", 1);
    scenario.after(1000);
    let held = bob.hold();
    scenario.after(499);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(held.answer().data(), [1]);
}

#[test]
fn a_connect_that_comes_later_than_that_is_answered_at_once() {
    let (scenario, [alice, bob]) = lazy_scenario();
    alice.publish("/slow", 1);
    scenario.after(2000);
    assert_eq!(bob.connect().answer().data(), [1]);
}

#[test]
fn the_end_of_the_wait_takes_the_lazy_ones_along() {
    let (scenario, [alice, bob]) = lazy_scenario();
    let held = bob.connect_with(json!({"advice": {"timeout": 1000}}));
    scenario.after(500);
    alice.publish("/slow", 1);
    scenario.after(500);
    assert_eq!(held.answer().data(), [1]);
}

#[test]
fn without_lazy_channels_nothing_is_lazy() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    let held = bob.hold();
    alice.publish("/lazy/a", 1);
    assert!(!held.is_held());
}
