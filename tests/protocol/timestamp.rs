//! The timestamp extension: messages from the server have the time when they were made.

use bayeux_edge::bayeux::app::{Actions, Application, publish, reply};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::scenario::Scenario;

/// The time when a scenario begins, in ISO 8601.
const START: &str = "2023-11-14T22:13:20.000Z";

fn scenario() -> Scenario {
    let application = Application::new()
        .service("echo", |call| Ok(reply(call.raw_data())))
        .service("kick", |_| Ok(Actions::new().disconnect()))
        .service("pub", |call| Ok(publish("/news", call.raw_data())));
    Scenario::serving(application, &[("TIMESTAMP", "true"), ("ANON_PUBLISH", "true")])
}

fn timestamps(answer: &Answer) -> Vec<Value> {
    answer.messages.iter().map(|message| message["timestamp"].clone()).collect()
}

#[test]
fn every_reply_has_a_timestamp() {
    let scenario = scenario();
    let alice = scenario.client("alice");
    assert_eq!(alice.handshake()["timestamp"], START);
    assert_eq!(alice.connect().answer().reply()["timestamp"], START);
    let answer = alice.send_all([
        json!({"channel": "/meta/subscribe", "subscription": "/chat"}),
        json!({"channel": "/meta/unsubscribe", "subscription": "/chat"}),
        json!({"channel": "/meta/subscribe", "subscription": "/meta/x"}),
        json!({"channel": "/chat", "data": 1}),
        json!({"channel": "/chat"}),
        json!({"channel": 5}),
        json!({"channel": "/meta/disconnect"}),
    ]);
    assert_eq!(timestamps(&answer.answer()), [START; 7]);
}

#[test]
fn an_event_has_the_time_of_its_publish_and_a_reply_its_own_time() {
    let scenario = scenario();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    scenario.after(5);
    alice.publish("/chat", 1);
    scenario.after(1200);
    alice.publish("/chat", 2);
    scenario.after(50);
    let expected = ["2023-11-14T22:13:20.005Z", "2023-11-14T22:13:21.205Z", "2023-11-14T22:13:21.255Z"];
    assert_eq!(timestamps(&bob.connect().answer()), expected);
    let held = bob.hold();
    scenario.after(30_000);
    assert_eq!(timestamps(&held.answer()), ["2023-11-14T22:13:51.255Z"]);
}

#[test]
fn all_subscribers_get_the_same_timestamp_on_sockets_too() {
    let scenario = scenario();
    let [(alice, a), (bob, b)] = scenario.join_on_sockets(["alice", "bob"]);
    for client in [&alice, &bob] {
        client.subscribe("/chat");
        client.hold();
    }
    a.frames();
    b.frames();
    scenario.client("stranger").post(&json!([{"channel": "/chat", "data": 1}]));
    let event = json!({"channel": "/chat", "data": 1, "timestamp": START});
    assert_eq!((a.frames(), b.frames()), (vec![vec![event.clone()]], vec![vec![event]]));
    assert_eq!(scenario.deliveries().len(), 1, "still written once for both");
}

#[test]
fn messages_of_the_application_have_a_timestamp() {
    let scenario = scenario();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/news");
    let service = |name: &str| json!({"channel": format!("/service/{name}"), "data": 1});
    for name in ["echo", "pub", "kick"] {
        let answer = alice.send(service(name)).answer();
        assert_eq!(timestamps(&answer), [START; 2], "{}", answer.text);
    }
}

#[test]
fn the_servers_timestamp_replaces_the_publishers() {
    let scenario = scenario();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    let answer = alice.send(json!({"channel": "/chat", "timestamp": "yesterday", "data": 1})).answer();
    assert_eq!(answer.events(), [json!({"channel": "/chat", "data": 1, "timestamp": START})]);
    assert_eq!(answer.text.matches("timestamp").count(), 2);
}

#[test]
fn the_reply_to_an_overtaken_connect_has_a_timestamp() {
    let scenario = scenario();
    let [alice] = scenario.join(["alice"]);
    let older = alice.hold();
    scenario.after(1);
    alice.hold();
    assert_eq!(older.answer().reply()["timestamp"], "2023-11-14T22:13:20.001Z");
}

#[test]
fn without_the_option_only_the_publishers_timestamp_is_sent() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    let sent = "Tue, 14 Nov 2023 22:13:20 GMT";
    let answer = alice.send(json!({"channel": "/chat", "timestamp": sent, "data": 1})).answer();
    assert_eq!(answer.events(), [json!({"channel": "/chat", "data": 1, "timestamp": sent})]);
    assert_eq!(answer.reply().get("timestamp"), None);
}
