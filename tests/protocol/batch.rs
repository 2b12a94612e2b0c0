//! Several messages in one request.

use serde_json::{Value, json};

use crate::scenario::Scenario;

fn ids(messages: &[Value]) -> Vec<&Value> {
    messages.iter().map(|message| &message["id"]).collect()
}

#[test]
fn replies_come_in_the_order_of_their_messages_and_events_before_them() {
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
fn a_bad_message_does_not_affect_the_others() {
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
fn a_batch_of_publishes_reaches_a_held_connect_in_one_answer() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let held = bob.hold();
    alice.send_all([1, 2, 3].map(|number| alice.a_publish("/chat", number)));
    assert_eq!(held.answer().data(), [1, 2, 3]);
}

#[test]
fn events_come_with_replies_to_connects_and_publishes_but_not_to_subscribes_and_unsubscribes() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    alice.publish("/chat", "hi");
    for message in [
        json!({"channel": "/meta/subscribe", "subscription": "/other"}),
        json!({"channel": "/meta/unsubscribe", "subscription": "/other"}),
        json!({"channel": "/meta/nonsense"}),
    ] {
        assert_eq!(bob.send(message.clone()).answer().events(), Vec::<Value>::new(), "{message}");
    }
    assert_eq!(bob.send(bob.a_publish("/other", 1)).answer().data(), ["hi"]);
    alice.publish("/chat", "again");
    assert_eq!(bob.connect().answer().data(), ["again"], "at once");
    assert!(bob.connect().is_held());
}

#[test]
fn in_a_batch_of_two_sessions_only_the_one_that_publishes_gets_its_events() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    for client in [&alice, &bob] {
        client.subscribe("/chat");
    }
    let proxy = scenario.client("proxy of both");
    let body = json!([
        {"channel": "/meta/subscribe", "clientId": alice.id(), "subscription": "/a"},
        {"channel": "/chat", "clientId": bob.id(), "data": "hi"},
    ]);
    assert_eq!(proxy.post(&body).answer().data(), ["hi"], "bob's");
    assert_eq!(alice.connect().answer().data(), ["hi"]);
}

#[test]
fn messages_past_max_messages_per_batch_are_refused_one_by_one_and_the_others_handled() {
    let scenario = Scenario::with(&[("MAX_MESSAGES_PER_BATCH", "3")]);
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    let [bob] = scenario.join(["bob"]);
    for client in [&alice, &bob] {
        let messages = [0, 1, 2, 3, 4]
            .map(|n| json!({"channel": "/meta/subscribe", "id": n.to_string(), "subscription": format!("/{n}")}));
        let replies = client.send_all(messages).answer().replies();
        assert_eq!(ids(&replies), ["0", "1", "2", "3", "4"]);
        let done: Vec<bool> = replies.iter().map(|reply| reply["successful"] == true).collect();
        assert_eq!(done, [true, true, true, false, false]);
        let refused =
            json!({"channel": "/meta/subscribe", "id": "3", "successful": false, "error": "413::batch_too_large"});
        assert_eq!(replies[3], refused);
    }
    assert_eq!(socket.frames().len(), 1);
    let connect_too_late = [
        json!({"channel": "/a", "data": 1}),
        json!({"channel": "/a", "data": 2}),
        json!({"channel": "/a", "data": 3}),
        bob.a_connect(),
    ];
    assert_eq!(bob.send_all(connect_too_late).answer().replies()[3]["error"], "413::batch_too_large");
}

#[test]
fn subscribes_of_one_batch_write_the_sessions_row_once() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    scenario.rows().written();
    let subscribes = |names: std::ops::Range<i32>| {
        let one = |n| json!({"channel": "/meta/subscribe", "clientId": alice.id(), "id": format!("{n}"), "subscription": format!("/room/{n}")});
        Value::from(names.map(one).collect::<Vec<_>>())
    };
    let answer = alice.post(&subscribes(0..100)).answer();
    assert!(answer.replies().iter().all(|reply| reply["successful"] == true));
    assert_eq!(scenario.rows().written(), 1);
    alice.post(&subscribes(0..100)).answer();
    alice.unsubscribe("/never");
    assert_eq!(scenario.rows().written(), 0, "nothing has changed");
    scenario.crashes();
    assert_eq!(alice.send(alice.a_publish("/room/99", "mine")).answer().data(), ["mine"], "still subscribed");
}

#[test]
fn a_failed_write_fails_the_subscribes_of_the_batch_and_no_later_message() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/before");
    scenario.rows().are_full(true);
    let answer = alice
        .send_all([
            json!({"channel": "/meta/subscribe", "subscription": ["/before", "/a"]}),
            json!({"channel": "/meta/subscribe", "subscription": "/b"}),
            json!({"channel": "/meta/subscribe", "subscription": "/before"}),
            json!({"channel": "/a", "data": "for nobody"}),
            json!({"channel": "/before", "data": "mine"}),
        ])
        .answer();
    let errors: Vec<Value> = answer.replies().iter().map(|reply| reply["error"].clone()).collect();
    assert_eq!(json!(errors), json!(["503::storage_failed", "503::storage_failed", null, null, null]));
    assert_eq!(answer.data(), ["mine"]);
    scenario.rows().are_full(false);
}

#[test]
fn two_connects_of_one_session_in_one_request_are_both_answered() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    assert_eq!(alice.send_all([alice.a_connect(), alice.a_connect()]).answer().replies().len(), 2);
    assert!(alice.connect().is_held());
}
