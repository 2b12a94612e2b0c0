//! Several messages in one request.

use serde_json::{Value, json};

use crate::scenario::Scenario;

fn ids(messages: &[Value]) -> Vec<&Value> {
    messages.iter().map(|message| &message["id"]).collect()
}

#[test]
fn replies_come_in_the_order_of_their_requests_and_events_before_them() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let answer = alice
        .send_all([
            json!({"channel": "/meta/subscribe", "id": "1", "subscription": "/chat"}),
            json!({"channel": "/chat", "id": "2", "data": "hi"}),
            json!({"channel": "/chat", "id": "3"}),
            json!({"channel": "/meta/unsubscribe", "id": "4", "subscription": "/chat"}),
            json!({"channel": "/chat", "id": "5", "data": "unheard"}),
        ])
        .answer();
    assert_eq!(answer.messages[0], json!({"channel": "/chat", "data": "hi"}));
    assert_eq!(ids(&answer.messages[1..]), ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_single_object_is_answered_like_an_array_of_one() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let answer = alice.post(&alice.a_publish("/chat", 1)).answer();
    assert_eq!(answer.messages.len(), 1);
    assert_eq!(answer.reply()["successful"], true);
    assert!(alice.post(&alice.a_connect()).is_held());
}

#[test]
fn one_bad_message_spoils_none_of_the_others() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let body = json!([
        5, null, "x", [], [{}], {},
        {"channel": "/*", "clientId": alice.id(), "data": 1},
        {"channel": "/chat", "clientId": alice.id(), "data": "fine"},
        {"channel": ["/chat"], "clientId": {}, "data": 1},
    ]);
    let errors: Vec<Value> = alice.post(&body).answer().replies().iter().map(|reply| reply["error"].clone()).collect();
    let invalid = "400::message_invalid";
    let expected = json!([
        invalid,
        invalid,
        invalid,
        invalid,
        invalid,
        "400::channel_missing",
        "405::channel_invalid",
        null,
        "405::channel_invalid"
    ]);
    assert_eq!(Value::from(errors), expected);
    bob.connect();
    assert_eq!(bob.receives(), ["fine"]);
}

#[test]
fn each_message_is_judged_by_its_own_client_id() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let proxy = scenario.client("proxy of both");
    let body = json!([
        {"channel": "/meta/subscribe", "clientId": alice.id(), "subscription": "/a"},
        {"channel": "/meta/subscribe", "clientId": "rNoSuchSession", "subscription": "/a"},
        {"channel": "/meta/subscribe", "clientId": bob.id(), "subscription": "/b"},
    ]);
    let outcomes: Vec<Value> =
        proxy.post(&body).answer().replies().iter().map(|reply| reply["successful"].clone()).collect();
    assert_eq!(outcomes, [true, false, true]);
    alice.publish("/b", "for bob");
    bob.publish("/a", "for alice");
    alice.connect();
    assert_eq!(alice.receives(), ["for alice"]);
    assert_eq!(bob.receives(), ["for bob"]);
}

#[test]
fn a_batch_of_publishes_reaches_a_waiting_subscriber_in_one_answer() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let held = bob.hold();
    alice.send_all([1, 2, 3].map(|number| alice.a_publish("/chat", number)));
    assert_eq!(held.answer().data(), [1, 2, 3]);
}

#[test]
fn what_waits_for_a_session_rides_on_the_answer_to_any_of_its_messages() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    alice.publish("/chat", "hi");
    assert_eq!(bob.send(bob.a_publish("/other", 1)).answer().data(), ["hi"]);
    assert!(bob.connect().is_held());
}

#[test]
fn two_connects_of_one_session_in_one_request_are_both_answered() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    assert_eq!(alice.send_all([alice.a_connect(), alice.a_connect()]).answer().replies().len(), 2);
    assert!(alice.connect().is_held());
}
