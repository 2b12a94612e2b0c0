//! The order of one session's messages while some of them wait for the hooks Worker, and the limits of waiting.

use bayeux_edge::bayeux::{Ending, Notice};
use serde_json::{Value, json};

use crate::scenario::Scenario;

fn subscribe(pattern: &str) -> Value {
    json!({"channel": "/meta/subscribe", "subscription": pattern})
}

fn unsubscribe(pattern: &str) -> Value {
    json!({"channel": "/meta/unsubscribe", "subscription": pattern})
}

#[test]
fn an_unsubscribe_in_a_later_frame_waits_for_the_subscribe_before_it() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "subscribe")]);
    let [(alice, _a), (bob, _b)] = scenario.join_on_sockets(["alice", "bob"]);
    let scenario = scenario.with_hooks();
    let first = bob.send(subscribe("/a"));
    let second = bob.send(unsubscribe("/a"));
    assert!(first.is_held() && second.is_held());
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(
        (&first.answer().reply()["successful"], &second.answer().reply()["successful"]),
        (&json!(true), &json!(true))
    );
    bob.hold();
    alice.publish("/a", "to nobody");
    assert_eq!(bob.receives(), Vec::<Value>::new());
}

#[test]
fn a_subscribe_after_an_unsubscribe_that_waits_takes_effect_last() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "subscribe")]);
    let [(alice, _a), (bob, _b)] = scenario.join_on_sockets(["alice", "bob"]);
    let scenario = scenario.with_hooks();
    let said = [subscribe("/a"), unsubscribe("/a"), subscribe("/a")].map(|message| bob.send(message));
    scenario.hooks_answer(&json!([{"allow": true}]));
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert!(said.iter().all(|request| request.answer().reply()["successful"] == true));
    bob.hold();
    alice.publish("/a", "to bob");
    assert_eq!(bob.receives(), ["to bob"]);
}

#[test]
fn a_disconnect_in_a_later_frame_waits_for_earlier_messages_of_its_session() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish")]);
    let [(alice, _a), (bob, _b)] = scenario.join_on_sockets(["alice", "bob"]);
    alice.subscribe("/a");
    alice.hold();
    let scenario = scenario.with_hooks();
    let publish = bob.send(bob.a_publish("/a", "last words"));
    let disconnect = bob.send(json!({"channel": "/meta/disconnect"}));
    assert!(disconnect.is_held());
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(publish.answer().reply()["successful"], true);
    assert_eq!(disconnect.answer().reply()["successful"], true);
    assert_eq!(alice.receives(), ["last words"]);
}

#[test]
fn other_sessions_do_not_wait_for_one_that_does() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "subscribe")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let scenario = scenario.with_hooks();
    let waits = alice.send(subscribe("/a"));
    bob.unsubscribe("/a");
    assert!(waits.is_held());
    scenario.hooks_answer(&json!([{"allow": true}]));
}

#[test]
fn a_session_does_not_expire_while_its_message_waits() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish"), ("MAX_INTERVAL", "10000")]);
    let [alice] = scenario.join(["alice"]);
    let scenario = scenario.with_hooks();
    scenario.after(9_900);
    let waits = alice.send(alice.a_publish("/a", 1));
    scenario.after(60_000);
    assert!(waits.is_held());
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(waits.answer().reply()["successful"], true);
    scenario.after(9_900);
    alice.connect_with(json!({"advice": {"timeout": 0}})).answer();
    scenario.after(60_000);
    assert!(
        scenario.notices().contains(&Notice::SessionClosed { why: Ending::Expired, sessions: 0 }),
        "afterwards the session expires"
    );
}

#[test]
fn a_request_that_broke_off_while_it_waited_takes_no_events() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "service")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let scenario = scenario.with_hooks();
    let request = bob.send(json!({"channel": "/service/b", "data": 1}));
    request.breaks_off();
    alice.publish("/a", "for bob");
    scenario.hooks_answer(&json!([{"replies": ["here you are"]}]));
    assert!(request.is_held(), "there is no client to answer");
    assert_eq!(bob.connect_with(json!({"advice": {"timeout": 0}})).answer().data(), ["for bob", "here you are"]);
}

#[test]
fn a_connect_after_a_message_that_waited_is_not_held_on_a_closed_socket() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish")]);
    let [(alice, _a)] = scenario.join_on_sockets(["alice"]);
    let scenario = scenario.with_hooks();
    let socket = scenario.socket();
    let bob = scenario.client("bob");
    bob.moves_to(&socket);
    bob.handshake();
    bob.connect().answer();
    bob.subscribe("/b");
    bob.send_all([bob.a_publish("/a", 1), bob.a_connect()]);
    socket.closes();
    scenario.hooks_answer(&json!([{"allow": true}]));
    let waits = alice.send(alice.a_publish("/b", "for bob"));
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(waits.answer().reply()["successful"], true);
    bob.moves_to_polls();
    assert_eq!(bob.connect_with(json!({"advice": {"timeout": 0}})).answer().data(), ["for bob"]);
}

#[test]
fn the_waiting_messages_of_one_session_are_bounded() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "subscribe")]);
    let [alice] = scenario.join(["alice"]);
    let scenario = scenario.with_hooks();
    let first = alice.send(subscribe("/a"));
    let requests: Vec<_> = (0..2000).map(|_| alice.send(unsubscribe("/a"))).collect();
    let refused: Vec<_> = requests.iter().filter(|request| !request.is_held()).collect();
    assert!(refused.len() >= 1000, "{}", refused.len());
    assert_eq!(refused[0].answer().reply()["error"], "503::pending_exceeded");
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert!(first.answer().reply()["successful"] == true && requests.iter().all(|request| !request.is_held()));
}
