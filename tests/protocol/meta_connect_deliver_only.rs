//! `META_CONNECT_DELIVER_ONLY`: events come only with the replies to connects.

use serde_json::{Value, json};

use crate::scenario::Scenario;

const NOTHING: [Value; 0] = [];

fn scenario() -> Scenario {
    Scenario::with(&[("META_CONNECT_DELIVER_ONLY", "true")])
}

#[test]
fn a_reply_to_a_publish_carries_no_events() {
    let scenario = scenario();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    alice.publish("/chat", 1);
    assert_eq!(bob.send(bob.a_publish("/chat", 2)).answer().events(), NOTHING);
    assert_eq!(bob.connect().answer().data(), [1, 2]);
}

#[test]
fn a_clients_own_event_comes_with_its_held_connect() {
    let scenario = scenario();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    let held = alice.hold();
    assert_eq!(alice.send(alice.a_publish("/chat", "me")).answer().events(), NOTHING);
    assert_eq!(held.answer().data(), ["me"]);
}

#[test]
fn on_a_socket_events_and_the_connect_reply_come_in_one_frame() {
    let scenario = scenario();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    let held = bob.connect_with(json!({"id": "c"}));
    socket.frames();
    alice.send_all([1, 2].map(|turn| alice.a_publish("/chat", turn)));
    let event = |turn| json!({"channel": "/chat", "data": turn});
    let reply = json!({"channel": "/meta/connect", "id": "c", "successful": true});
    assert_eq!(socket.frames(), [[event(1), event(2), reply]]);
    assert!(!held.is_held());
    alice.publish("/chat", 3);
    assert_eq!(socket.frames(), [] as [Vec<Value>; 0]);
    assert_eq!(bob.connect().answer().data(), [3]);
    assert_eq!(scenario.deliveries(), []);
}

#[test]
fn without_the_ack_extension_a_reply_has_no_batch_number() {
    let scenario = scenario();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    alice.publish("/chat", 1);
    let answer = alice.connect_with(json!({"ext": {"ack": 7}})).answer();
    assert_eq!((answer.data(), answer.reply().get("ext")), (vec![json!(1)], None));
    alice.hold();
}

#[test]
fn the_reply_to_a_disconnect_carries_queued_events() {
    let scenario = scenario();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    alice.publish("/chat", "last words");
    assert_eq!(alice.send(json!({"channel": "/meta/disconnect"})).answer().data(), ["last words"]);
}

#[test]
fn after_a_crash_events_still_come_with_connects_only() {
    let scenario = scenario();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    scenario.crashes();
    alice.connect().answer();
    assert_eq!(alice.send(alice.a_publish("/chat", 1)).answer().events(), NOTHING);
    assert_eq!(alice.connect().answer().data(), [1]);
}
