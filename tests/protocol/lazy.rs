//! Lazy channels and messages: events that wait for others, up to a timeout.

use bayeux_edge::bayeux::app::{Actions, Application, ChannelOptions};
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
        // This keeps alice's session alive.
        alice.subscribe("/something/else");
    }
}

#[test]
fn the_wait_counts_from_the_first_lazy_event_and_all_leave_together() {
    let (scenario, [alice, bob]) = lazy_scenario();
    let held = bob.hold();
    alice.publish("/slow", 1);
    scenario.after(1000);
    alice.publish("/slow", 2);
    scenario.after(500);
    assert_eq!(held.answer().data(), [1, 2]);
}

#[test]
fn an_event_that_is_not_lazy_sends_the_lazy_ones_with_it_in_order() {
    let (scenario, [alice, bob]) = lazy_scenario();
    let held = bob.hold();
    alice.publish("/slow", 1);
    scenario.after(100);
    alice.publish("/chat", 2);
    assert_eq!(held.answer().data(), [1, 2]);
}

#[test]
fn a_service_reply_carries_the_lazy_events() {
    let (_scenario, [alice, bob]) = lazy_scenario();
    alice.publish("/slow", 1);
    assert_eq!(bob.send(json!({"channel": "/service/x", "data": 1})).answer().data(), [1]);
}

#[test]
fn a_connect_is_held_until_the_first_queued_lazy_event_is_due() {
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
fn a_connect_after_a_lazy_event_was_due_is_answered_at_once() {
    let (scenario, [alice, bob]) = lazy_scenario();
    alice.publish("/slow", 1);
    scenario.after(2000);
    assert_eq!(bob.connect().answer().data(), [1]);
}

#[test]
fn a_connect_that_times_out_carries_the_lazy_events() {
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

/// A message on `/mixed` with data below zero is lazy; `/service/later` publishes lazily.
fn lazy_messages(vars: &[(&str, &str)]) -> (Scenario, [Client; 2]) {
    let application = Application::new()
        .channel("/short/*", ChannelOptions::new().lazy(std::time::Duration::from_millis(300)))
        .listener("/mixed", |message| {
            let lazy = message.data::<i64>()? < 0;
            message.set_lazy(lazy);
            Ok(Actions::new())
        })
        .service("later", |call| {
            let channel: String = call.data()?;
            Ok(Actions::new().publish_lazily(channel, "later"))
        });
    let scenario = Scenario::serving(application, &[vars, &[("MAX_LAZY_TIMEOUT", "1500")]].concat());
    let clients = scenario.join(["alice", "bob"]);
    clients[1].subscribe("/**");
    (scenario, clients)
}

#[test]
fn a_listener_may_make_a_message_lazy() {
    let (scenario, [alice, bob]) = lazy_messages(&[]);
    let held = bob.hold();
    alice.publish("/mixed", -1);
    scenario.after(1499);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(held.answer().data(), [-1]);
    let held = bob.hold();
    alice.publish("/mixed", -2);
    alice.publish("/mixed", 3);
    assert_eq!(held.answer().data(), [-2, 3]);
}

#[test]
fn the_application_may_publish_lazily() {
    let (scenario, [alice, bob]) = lazy_messages(&[]);
    let held = bob.hold();
    alice.publish("/service/later", "/news");
    scenario.after(1499);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(held.answer().events(), [json!({"channel": "/news", "data": "later"})]);
}

#[test]
fn a_lazy_message_of_a_lazy_channel_waits_for_the_channels_lazy_timeout() {
    let (scenario, [alice, bob]) = lazy_messages(&[]);
    let held = bob.hold();
    alice.publish("/service/later", "/short/a");
    scenario.after(299);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(held.answer().data(), ["later"]);
}

#[test]
fn a_message_of_a_lazy_channel_is_lazy_whatever_its_listener_says() {
    let (scenario, [alice, bob]) = lazy_messages(&[("LAZY_CHANNELS", "/mixed")]);
    let held = bob.hold();
    alice.publish("/mixed", 1);
    scenario.after(1499);
    assert!(held.is_held());
    scenario.after(1);
    assert!(!held.is_held());
}

#[test]
fn a_client_cannot_make_its_message_lazy() {
    let (_scenario, [alice, bob]) = lazy_messages(&[]);
    let held = bob.hold();
    alice.send(json!({"channel": "/news", "data": 1, "lazy": true, "ext": {"lazy": true}}));
    assert_eq!(held.answer().data(), [1]);
}

#[test]
fn an_unacknowledged_lazy_event_comes_again_after_max_lazy_timeout() {
    let scenario = Scenario::with(&[("LAZY_CHANNELS", "/slow"), ("MAX_LAZY_TIMEOUT", "1500")]);
    let socket = scenario.socket();
    let [alice] = scenario.join(["alice"]);
    let bob = scenario.client("bob");
    bob.moves_to(&socket);
    bob.handshake_with(json!({"ext": {"ack": true}}));
    bob.connect().answer();
    bob.subscribe("/slow");
    let held = bob.connect_with(json!({"ext": {"ack": 1}}));
    alice.publish("/slow", "in no hurry");
    scenario.after(1500);
    assert_eq!(held.answer().data(), ["in no hurry"]);
    // The answer is lost with its socket.
    socket.closes();
    for _ in 0..2 {
        bob.moves_to(&scenario.socket());
        let again = bob.connect_with(json!({"ext": {"ack": 1}}));
        scenario.after(1499);
        assert!(again.is_held());
        scenario.after(1);
        assert_eq!(again.answer().data(), ["in no hurry"]);
    }
    let last = bob.connect_with(json!({"ext": {"ack": 4}}));
    scenario.after(5000);
    assert!(last.is_held(), "it is acknowledged");
}

#[test]
fn an_event_that_is_not_lazy_sends_unacknowledged_lazy_ones_with_it() {
    let (scenario, [alice, _]) = lazy_scenario();
    let bob = scenario.client("carol");
    bob.handshake_with(json!({"ext": {"ack": true}}));
    bob.connect().answer();
    bob.subscribe("/**");
    let held = bob.connect_with(json!({"ext": {"ack": 1}}));
    alice.publish("/slow", 1);
    scenario.after(1500);
    assert_eq!(held.answer().data(), [1]);
    let again = bob.connect_with(json!({"ext": {"ack": 1}}));
    scenario.after(100);
    alice.publish("/chat", 2);
    assert_eq!(again.answer().data(), [1, 2]);
}
