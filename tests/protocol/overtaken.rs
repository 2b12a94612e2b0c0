//! A second connect while one is held: the newer one wins, and no event is lost.

use bayeux_edge::bayeux::Status;
use serde_json::json;

use crate::scenario::Scenario;

#[test]
fn the_newer_connect_wins_and_the_older_is_answered_with_an_error() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let older = alice.connect_with(json!({"id": "1"}));
    let newer = alice.connect_with(json!({"id": "2"}));
    assert!(newer.is_held());
    let expected =
        json!({"channel": "/meta/connect", "id": "1", "successful": false, "error": "409::connect_overtaken"});
    assert_eq!(older.answer().messages, [expected]);
    assert_eq!((older.answer().status, older.answer().status.code()), (Status::Overtaken, 409));
}

#[test]
fn events_come_with_the_newer_connect_only() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let older = bob.hold();
    let newer = bob.hold();
    alice.publish("/chat", "hi");
    assert_eq!(newer.answer().data(), ["hi"]);
    assert_eq!(older.answer().messages.len(), 1);
}

#[test]
fn a_newer_connect_that_is_answered_at_once_overtakes_too() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let older = alice.hold();
    let newer = alice.connect_with(json!({"advice": {"timeout": 0}}));
    assert_eq!(newer.answer().reply()["successful"], true);
    assert_eq!(older.answer().status, Status::Overtaken);
}

#[test]
fn a_connect_beside_other_messages_overtakes_too() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let older = alice.hold();
    alice.send_all([alice.a_publish("/chat", 1), alice.a_connect()]).answer();
    assert_eq!(older.answer().status, Status::Overtaken);
}

#[test]
fn a_connect_that_is_refused_overtakes_nothing() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let held = alice.hold();
    alice.connect_with(json!({"connectionType": null})).answer();
    alice.connect_with(json!({"connectionType": "carrier-pigeon"})).answer();
    alice.connect_with(json!({"clientId": "rNoSuchSession"})).answer();
    alice.connect_with(json!({"id": "<>"})).answer();
    assert!(held.is_held());
}

#[test]
fn the_timeout_of_the_newer_connect_counts_from_its_own_arrival() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.hold();
    scenario.after(29_999);
    let newer = alice.hold();
    scenario.after(29_999);
    assert!(newer.is_held());
    scenario.after(1);
    assert!(!newer.is_held());
}

#[test]
fn the_end_of_the_overtaken_request_does_not_affect_the_newer_one() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let older = bob.hold();
    let newer = bob.hold();
    older.is_gone();
    alice.publish("/chat", "hi");
    assert_eq!(newer.answer().data(), ["hi"]);
}
