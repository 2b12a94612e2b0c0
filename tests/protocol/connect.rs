//! `/meta/connect`: when it is held, when it is answered, and what it advises.

use bayeux_edge::bayeux::Status;
use serde_json::{Value, json};

use crate::scenario::Scenario;

const TIMEOUT: u64 = 30_000;

fn advice() -> Value {
    json!({"reconnect": "retry", "interval": 0, "timeout": TIMEOUT})
}

#[test]
fn the_first_connect_of_a_session_is_answered_at_once_with_advice() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice");
    alice.handshake();
    let reply = alice.connect_with(json!({"id": "c1"})).answer().reply();
    assert_eq!(reply, json!({"channel": "/meta/connect", "id": "c1", "successful": true, "advice": advice()}));
}

#[test]
fn the_next_connect_is_held_for_the_timeout_and_answered_without_advice() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let request = alice.connect_with(json!({"id": "c2"}));
    scenario.after(TIMEOUT - 1);
    assert!(request.is_held());
    scenario.after(1);
    assert_eq!(request.answer().messages, [json!({"channel": "/meta/connect", "id": "c2", "successful": true})]);
    assert_eq!(request.answer().status, Status::Ok);
}

#[test]
fn a_held_connect_is_answered_with_the_first_event() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat/demo");
    let request = bob.connect_with(json!({"id": "c2"}));
    scenario.after(1234);
    alice.publish("/chat/demo", "hi");
    let expected = [
        json!({"channel": "/chat/demo", "data": "hi"}),
        json!({"channel": "/meta/connect", "id": "c2", "successful": true}),
    ];
    assert_eq!(request.answer().messages, expected);
    assert_eq!(request.answer().at, scenario.now());
}

#[test]
fn a_connect_with_queued_events_is_answered_at_once() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    alice.publish("/chat", 1);
    alice.publish("/chat", 2);
    assert_eq!(bob.connect().answer().data(), [1, 2]);
    assert!(bob.connect().is_held());
}

#[test]
fn a_connect_beside_other_messages_is_answered_at_once() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let subscribe = json!({"channel": "/meta/subscribe", "subscription": "/chat"});
    let answer = alice.send_all([alice.a_connect(), subscribe]).answer();
    let channels: Vec<_> = answer.replies().into_iter().map(|mut reply| reply["channel"].take()).collect();
    assert_eq!(channels, ["/meta/connect", "/meta/subscribe"]);
}

#[test]
fn a_client_may_ask_for_a_shorter_timeout() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let request = alice.connect_with(json!({"advice": {"timeout": 700}}));
    scenario.after(699);
    assert!(request.is_held());
    scenario.after(1);
    assert!(!request.is_held());
    assert!(!alice.connect_with(json!({"advice": {"timeout": 0}})).is_held());
}

#[test]
fn a_client_cannot_ask_for_a_longer_timeout_than_the_servers() {
    let scenario = Scenario::with(&[("TIMEOUT", "3000")]);
    let [alice] = scenario.join(["alice"]);
    let request = alice.connect_with(json!({"advice": {"timeout": 3001}}));
    scenario.after(2999);
    assert!(request.is_held());
    scenario.after(1);
    assert!(!request.is_held());
}

#[test]
fn invalid_advice_is_ignored() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for advice in [
        json!({"timeout": -1}),
        json!({"timeout": "0"}),
        json!({"timeout": [0]}),
        json!({"timeout": false}),
        json!([0, 0]),
        json!("0"),
        json!(0),
    ] {
        let request = alice.connect_with(json!({"advice": advice}));
        scenario.after(TIMEOUT - 1);
        assert!(request.is_held(), "{advice}");
        scenario.after(1);
        assert!(request.answer().reply().get("advice").is_none(), "{advice}");
    }
}

#[test]
fn an_invalid_field_of_the_advice_does_not_affect_the_others() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let request = alice.connect_with(json!({"advice": {"interval": {}, "timeout": 5}}));
    scenario.after(5);
    assert!(!request.is_held());
}

#[test]
fn advice_is_given_again_when_the_client_sent_some() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let reply = alice.connect_with(json!({"advice": {"timeout": 0}})).answer().reply();
    assert_eq!(reply["advice"], advice());
    let held = alice.connect_with(json!({"advice": {"timeout": 10}}));
    scenario.after(10);
    assert_eq!(held.answer().reply()["advice"], advice());
}

#[test]
fn advice_is_given_again_when_the_timing_changed() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let reply = alice.connect_with(json!({"advice": {"timeout": 0, "interval": 2000}})).answer().reply();
    assert_eq!(reply["advice"]["interval"], 2000);
    // It no longer asks for an interval: the server's own is valid again, and that is a change.
    let back = alice.hold();
    scenario.after(TIMEOUT);
    assert_eq!(back.answer().reply()["advice"], advice());
    let same = alice.hold();
    scenario.after(TIMEOUT);
    assert!(same.answer().reply().get("advice").is_none());
}

#[test]
fn an_interval_is_granted_up_to_five_minutes() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for (asked, granted) in [(2000, 2000), (300_000, 300_000), (300_001, 300_000)] {
        let reply = alice.connect_with(json!({"advice": {"timeout": 0, "interval": asked}})).answer().reply();
        assert_eq!(reply["advice"]["interval"], granted);
    }
}

#[test]
fn a_connect_without_a_session_is_advised_to_handshake() {
    let scenario = Scenario::new();
    let stranger = scenario.client("stranger");
    for client_id in [json!("rNoSuchSession"), json!(5), json!({}), Value::Null] {
        let connect =
            json!({"channel": "/meta/connect", "connectionType": "long-polling", "id": "1", "clientId": client_id});
        let expected = json!({
            "channel": "/meta/connect", "id": "1", "successful": false, "error": "402::session_unknown",
            "advice": {"reconnect": "handshake", "interval": 0},
        });
        assert_eq!(stranger.post(&json!([connect])).answer().messages, [expected]);
    }
}

#[test]
fn a_connect_needs_a_supported_connection_type() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for (connection_type, error) in [
        (Value::Null, "400::connection_type_missing"),
        (json!("carrier-pigeon"), "403::connection_type_unsupported"),
        (json!(["long-polling"]), "403::connection_type_unsupported"),
    ] {
        let reply = alice.connect_with(json!({"connectionType": connection_type})).answer().reply();
        assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!(error)));
    }
}

#[test]
fn after_a_connect_broke_off_events_wait_for_the_next_one() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let request = bob.hold();
    request.breaks_off();
    alice.publish("/chat", "kept");
    assert!(request.is_held(), "there is no client to answer");
    assert_eq!(bob.connect().answer().data(), ["kept"]);
}

#[test]
fn a_timer_that_fires_early_answers_no_connect() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let request = alice.hold();
    scenario.after(100);
    scenario.wake_up_early();
    assert!(request.is_held());
    scenario.after(TIMEOUT - 100);
    assert!(!request.is_held());
}

#[test]
fn a_server_without_sessions_sets_no_timer() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    assert!(scenario.wakes_at().is_some());
    alice.ask(json!({"channel": "/meta/disconnect"}));
    scenario.after(10_000);
    assert_eq!(scenario.wakes_at(), None);
}

#[test]
fn a_connect_held_before_a_crash_is_held_again_and_any_other_first_connect_is_answered() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.subscribe("/chat");
    scenario.crashes();
    let again = alice.holds_again();
    bob.publish("/chat", 1);
    assert_eq!(again.answer().data(), [1]);
    scenario.crashes();
    assert!(!bob.connect().is_held());
}
