//! `/meta/disconnect`.

use bayeux_edge::bayeux::{Ending, Notice, Status};
use serde_json::json;

use crate::scenario::Scenario;

fn a_disconnect() -> serde_json::Value {
    json!({"channel": "/meta/disconnect", "id": "d"})
}

#[test]
fn a_disconnect_ends_the_session() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    assert_eq!(alice.ask(a_disconnect()), json!({"channel": "/meta/disconnect", "id": "d", "successful": true}));
    assert_eq!(alice.error_of(a_disconnect()), "402::session_unknown");
    assert_eq!(alice.error_of(json!({"channel": "/chat", "data": 1})), "402::session_unknown");
    assert_eq!(alice.connect().answer().reply()["error"], "402::session_unknown");
    let last = scenario.notices().pop();
    assert_eq!(last, Some(Notice::SessionClosed { why: Ending::Disconnected, sessions: 0 }));
}

#[test]
fn a_disconnect_answers_the_held_connect_with_reconnect_none() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let held = alice.connect_with(json!({"id": "c"}));
    alice.ask(a_disconnect());
    let expected = json!({"channel": "/meta/connect", "id": "c", "successful": true, "advice": {"reconnect": "none"}});
    assert_eq!(held.answer().messages, [expected]);
    assert_eq!(held.answer().status, Status::Ok);
}

#[test]
fn queued_events_come_with_the_reply_to_a_disconnect() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    alice.publish("/chat", "last words");
    assert_eq!(bob.send(a_disconnect()).answer().data(), ["last words"]);
}

#[test]
fn subscriptions_end_with_the_session() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    bob.ask(a_disconnect());
    alice.publish("/chat", "to nobody");
    assert_eq!(bob.receives(), Vec::<serde_json::Value>::new());
}

#[test]
fn messages_after_a_disconnect_in_the_same_request_have_no_session() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let answer = alice
        .send_all([alice.a_publish("/chat", "in time"), a_disconnect(), alice.a_publish("/chat", "late")])
        .answer();
    let outcomes: Vec<_> = answer.replies().iter().map(|reply| reply["successful"].clone()).collect();
    assert_eq!(outcomes, [true, true, false]);
    bob.connect();
    assert_eq!(bob.receives(), ["in time"]);
}

#[test]
fn a_disconnect_affects_no_other_client() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let held = bob.hold();
    alice.ask(a_disconnect());
    assert!(held.is_held());
}
