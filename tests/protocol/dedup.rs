//! A client that got no answer repeats its publish. A publish is not delivered again only if it can be nothing but such
//! a repeat.

use std::cell::Cell;
use std::rc::Rc;

use bayeux_edge::bayeux::Application;
use bayeux_edge::bayeux::app::{Actions, publish, reply};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

fn said(channel: &str, id: &str, data: impl Into<Value>) -> Value {
    json!({"channel": channel, "id": id, "data": data.into()})
}

/// The same with an idempotency key.
fn keyed(channel: &str, key: &str, data: impl Into<Value>) -> Value {
    json!({"channel": channel, "id": "7", "data": data.into(), "ext": {"idempotencyKey": key}})
}

fn assert_taken(client: &Client, message: Value) {
    let reply = client.ask(message.clone());
    assert_eq!(reply, json!({"channel": message["channel"], "id": message["id"], "successful": true}));
}

fn anonymous(client: &Client, message: &Value) {
    let reply = client.post(&json!([message])).answer().reply();
    assert_eq!(reply["successful"], true, "{reply}");
}

#[test]
fn publishes_with_the_same_id_are_all_delivered() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/lamp");
    for state in ["on", "off", "on", "off", "off"] {
        assert_taken(&alice, said("/lamp", "7", state));
    }
    alice.send_all([said("/lamp", "7", "on"), said("/lamp", "7", "on"), said("/lamp", "8", "on")]);
    bob.connect();
    assert_eq!(bob.receives(), ["on", "off", "on", "off", "off", "on", "on", "on"]);
}

#[test]
fn a_reloaded_page_that_reuses_message_ids_is_delivered_each_time() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/members");
    for _load in 0..4 {
        assert_taken(&alice, said("/members", "3", json!({"user": "bob", "action": "joined"})));
        scenario.after(2000);
    }
    bob.connect();
    assert_eq!(bob.receives().len(), 4);
}

#[test]
fn a_publish_repeated_with_its_idempotency_key_is_answered_again_and_delivered_once() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/*");
    let (first, second) = (keyed("/a", "one", 1), keyed("/b", "two", 2));
    alice.send_all([first.clone(), second.clone()]);
    assert_taken(&alice, first.clone());
    alice.send_all([first, second, keyed("/a", "three", 3)]);
    bob.connect();
    assert_eq!(bob.receives(), [1, 2, 3]);
}

#[test]
fn the_idempotency_key_is_removed_from_ext_and_the_rest_is_delivered() {
    let heard = Rc::new(Cell::new(false));
    let knows = Rc::clone(&heard);
    let application = Application::new().listener("/a", move |message| {
        knows.set(knows.get() || message.message().fields().any(|(_, value)| value.get().contains("secret")));
        Ok(Actions::new())
    });
    let scenario = Scenario::serving(application, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    assert_taken(&alice, keyed("/a", "secret", 1));
    let ext = json!({"idempotencyKey": "secret 2", "color": "red"});
    assert_taken(&alice, json!({"channel": "/a", "id": "1", "data": 2, "ext": ext}));
    bob.connect();
    let events = [json!({"channel": "/a", "data": 1}), json!({"channel": "/a", "data": 2, "ext": {"color": "red"}})];
    assert_eq!((bob.receives_events(), heard.get()), (events.to_vec(), false));
}

#[test]
fn a_key_holds_for_one_session_one_channel_and_the_same_data() {
    let scenario = Scenario::with(&[("ANON_PUBLISH", "true")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    for message in [keyed("/a", "k", 1), keyed("/a", "k", 2), keyed("/a/b", "k", 2)] {
        assert_taken(&alice, message);
    }
    assert_taken(&bob, keyed("/a", "k", 1));
    for _ in 0..2 {
        anonymous(&alice, &keyed("/a", "k", 1));
    }
    bob.connect();
    assert_eq!(bob.receives(), [1, 2, 2, 1, 1], "all anonymous publishers count as one");
}

#[test]
fn an_invalid_idempotency_key_is_refused() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    for key in [json!(7), json!({}), json!(""), json!("x".repeat(129)), json!(["k"])] {
        let message = json!({"channel": "/a", "data": 1, "ext": {"idempotencyKey": key}});
        assert_eq!(alice.error_of(message), "400::idempotency_key_invalid", "{key}");
    }
    assert_taken(&alice, keyed("/a", &"x".repeat(128), 1));
    alice.publish("/a", 2);
    assert_eq!(alice.ask(json!({"channel": "/a", "data": 3, "ext": {"idempotencyKey": null}}))["successful"], true);
    bob.connect();
    assert_eq!(bob.receives(), [1, 2, 3]);
}

#[test]
fn after_a_minute_a_key_is_forgotten() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "120000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    assert_taken(&alice, keyed("/a", "1", 1));
    scenario.after(59_999);
    assert_taken(&alice, keyed("/a", "1", 1));
    scenario.after(1);
    assert_taken(&alice, keyed("/a", "1", 1));
    bob.connect();
    assert_eq!(bob.receives(), [1, 1]);
}

#[test]
fn with_retry_window_0_every_publish_is_delivered() {
    let scenario = Scenario::with(&[("RETRY_WINDOW", "0")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.send_all([keyed("/a", "1", 1), keyed("/a", "1", 1)]);
    bob.connect();
    assert_eq!(bob.receives_events(), [json!({"channel": "/a", "data": 1}), json!({"channel": "/a", "data": 1})]);
}

#[test]
fn a_failed_publish_may_be_repeated_with_its_key() {
    let scenario = Scenario::with(&[("DURABILITY", "strict")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    scenario.rows().are_full(true);
    assert_eq!(alice.error_of(keyed("/a", "1", 1)), "503::storage_failed");
    scenario.rows().are_full(false);
    assert_taken(&alice, keyed("/a", "1", 1));
    bob.connect();
    assert_eq!(bob.receives(), [1]);
}

#[test]
fn a_repeated_publish_reaches_listeners_once_and_a_repeated_service_call_is_answered_again() {
    let heard = Rc::new(Cell::new(0));
    let counts = Rc::clone(&heard);
    let application =
        Application::new().service("echo", |call| Ok(reply(call.raw_data()))).listener("/a", move |message| {
            counts.set(counts.get() + 1);
            Ok::<Actions, _>(publish("/count", message.raw_data()))
        });
    let scenario = Scenario::serving(application, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/count");
    for _ in 0..2 {
        assert_taken(&alice, keyed("/a", "1", 1));
        let call = keyed("/service/echo", "2", 2);
        assert_eq!(alice.send(call).answer().data(), [2], "the first answer may be lost");
    }
    bob.connect();
    assert_eq!((heard.get(), bob.receives()), (1, vec![json!(1)]));
}

#[test]
fn a_publish_that_the_hooks_worker_has_decided_is_not_asked_about_again() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish")]).with_hooks();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let first = alice.send(keyed("/a", "k", "once"));
    assert_eq!(scenario.asked()[0]["message"]["ext"], Value::Null, "the application does not see the key");
    scenario.hooks_answer(&json!([{"allow": true, "data": "ONCE"}]));
    assert_eq!(first.answer().reply()["successful"], true);
    assert_taken(&alice, keyed("/a", "k", "once"));
    assert_eq!(scenario.asked(), Vec::<Value>::new());
    bob.connect();
    assert_eq!(bob.receives(), ["ONCE"]);
}

#[test]
fn a_publish_repeated_before_the_hooks_worker_has_decided_is_asked_about_again_and_delivered_once() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish")]).with_hooks();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let [first, again] = [(); 2].map(|()| alice.send(keyed("/a", "k", "once")));
    let action = json!({"do": "publish", "channel": "/a", "data": "its action"});
    for request in [first, again] {
        assert!(request.is_held());
        assert_eq!(scenario.asked().len(), 1);
        scenario.hooks_answer(&json!([{"allow": true, "data": "ONCE", "actions": [action]}]));
        assert_eq!(request.answer().reply()["successful"], true);
    }
    assert_eq!(scenario.asked(), Vec::<Value>::new());
    bob.connect();
    assert_eq!(bob.receives(), ["ONCE", "its action"]);
}

#[test]
fn after_a_crash_a_publish_that_has_a_row_is_recognised() {
    for durability in ["strict", "relaxed"] {
        let scenario = Scenario::with(&[("DURABILITY", durability)]);
        let [alice, bob] = scenario.join(["alice", "bob"]);
        bob.subscribe("/a");
        assert_taken(&alice, keyed("/a", "1", 1));
        if durability == "relaxed" {
            // What has waited for less than a second is lost with the crash.
            scenario.after(1000);
        }
        scenario.crashes();
        assert_taken(&alice, keyed("/a", "1", 1));
        bob.connect();
        assert_eq!(bob.receives(), [1], "{durability}");
    }
}

#[test]
fn a_publish_lost_in_a_crash_is_delivered_when_it_is_repeated() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    assert_taken(&alice, keyed("/a", "1", 1));
    scenario.crashes();
    assert_taken(&alice, keyed("/a", "1", 1));
    bob.connect();
    assert_eq!(bob.receives(), [1]);
}

#[test]
fn an_api_publish_repeated_with_its_key_is_delivered_once() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/news");
    let (_, clients) = scenario.call("GET", "/clients", "", "");
    let named = |client: &Value| client["client"].as_str().unwrap().to_owned();
    let last = clients["clients"].as_array().unwrap().last().map(named).unwrap();
    let publish = json!([
        {"channel": "/news", "data": 1, "ext": {"idempotencyKey": "n1"}},
        {"channel": "/news", "data": 2},
        {"channel": "/inbox", "data": 3, "client": last, "ext": {"idempotencyKey": "n1"}},
    ]);
    for _ in 0..2 {
        let (status, replies) = scenario.call("POST", "/publish", "", &publish.to_string());
        assert_eq!((status, &replies[0]["successful"], &replies[2]["successful"]), (200, &json!(true), &json!(true)));
    }
    // The key of an API call does not count for a client.
    assert_taken(&alice, keyed("/news", "n1", 1));
    bob.connect();
    let heard: Vec<_> =
        bob.receives_events().iter().map(|event| (event["channel"].clone(), event["data"].clone())).collect();
    let expected = [("/news", 1), ("/news", 2), ("/inbox", 3), ("/news", 2), ("/news", 1)];
    assert_eq!(heard, expected.map(|(channel, data)| (json!(channel), json!(data))));
}

#[test]
fn a_publish_whose_reply_reached_nobody_is_recognised_as_a_retry_once() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish")]).with_hooks();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let message = said("/a", "7", "toggle");
    let lost = alice.send(message.clone());
    lost.breaks_off();
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_taken(&alice, message.clone());
    assert_eq!(scenario.asked(), Vec::<Value>::new(), "it was decided before");
    let third = alice.send(message);
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(third.answer().reply()["successful"], true);
    bob.connect();
    assert_eq!(bob.receives(), ["toggle", "toggle"]);
}

#[test]
fn a_retry_may_come_before_its_first_attempt_is_decided() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish")]).with_hooks();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.send(said("/a", "7", "toggle")).breaks_off();
    let again = alice.send(said("/a", "7", "toggle"));
    let other = alice.send(said("/a", "7", "another"));
    scenario.hooks_answer(&json!([{"allow": true}]));
    scenario.hooks_answer(&json!([{"allow": true}, {"allow": true}]));
    for request in [again, other] {
        assert_eq!(request.answer().reply()["successful"], true);
    }
    bob.connect();
    assert_eq!(bob.receives(), ["toggle", "another"]);
}

#[test]
fn a_publish_whose_refusal_reached_nobody_is_decided_anew() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "publish")]).with_hooks();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.send(said("/a", "7", 1)).breaks_off();
    scenario.hooks_answer(&json!([{"allow": false}]));
    let again = alice.send(said("/a", "7", 1));
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(again.answer().reply()["successful"], true);
    bob.connect();
    assert_eq!(bob.receives(), [1]);
}

#[test]
fn a_repeat_of_an_answered_publish_is_delivered_even_after_the_connection_broke() {
    let scenario = Scenario::new();
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    let [bob] = scenario.join(["bob"]);
    bob.subscribe("/a");
    assert_taken(&alice, said("/a", "7", "toggle"));
    socket.closes();
    alice.moves_to_polls();
    assert_taken(&alice, said("/a", "7", "toggle"));
    bob.connect();
    assert_eq!(bob.receives(), ["toggle", "toggle"]);
}
