//! A client that got no answer says the same again.

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

fn assert_taken(client: &Client, message: Value) {
    let reply = client.ask(message.clone());
    assert_eq!(reply, json!({"channel": message["channel"], "id": message["id"], "successful": true}));
}

#[test]
fn a_publish_that_comes_again_is_answered_as_before_and_delivered_once() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.send(said("/a", "7", "once")).answer();
    assert_taken(&alice, said("/a", "7", "once"));
    assert_taken(&alice, said("/a", "7", "once"));
    bob.connect();
    assert_eq!(bob.receives(), ["once"]);
}

#[test]
fn so_is_each_message_of_a_batch() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/*");
    let (first, second) = (said("/a", "1", 1), said("/b", "2", 2));
    alice.send_all([first.clone(), second.clone()]);
    alice.send_all([first, second, said("/a", "3", 3)]);
    bob.connect();
    assert_eq!(bob.receives(), [1, 2, 3]);
}

#[test]
fn an_id_alone_is_no_sign_of_it() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    for message in [said("/a", "1", 1), said("/a", "1", 2), said("/a/b", "1", 2)] {
        assert_taken(&alice, message);
    }
    assert_taken(&bob, said("/a", "1", 1));
    bob.connect();
    assert_eq!(bob.receives(), [1, 2, 2, 1]);
}

#[test]
fn what_has_no_id_is_never_taken_for_it() {
    let scenario = Scenario::with(&[("ANON_PUBLISH", "true")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    for _ in 0..2 {
        alice.ask(json!({"channel": "/a", "data": "mine"}));
        alice.post(&json!([{"channel": "/a", "id": "1", "data": "anybody's"}])).answer();
    }
    bob.connect();
    assert_eq!(bob.receives(), ["mine", "anybody's", "mine", "anybody's"]);
}

#[test]
fn after_a_minute_it_counts_as_another() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "120000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    assert_taken(&alice, said("/a", "1", 1));
    scenario.after(59_999);
    assert_taken(&alice, said("/a", "1", 1));
    scenario.after(1);
    assert_taken(&alice, said("/a", "1", 1));
    bob.connect();
    assert_eq!(bob.receives(), [1, 1]);
}

#[test]
fn with_a_window_of_nothing_everything_counts() {
    let scenario = Scenario::with(&[("RETRY_WINDOW", "0")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.send_all([said("/a", "1", 1), said("/a", "1", 1)]);
    bob.connect();
    assert_eq!(bob.receives(), [1, 1]);
}

#[test]
fn what_failed_may_be_tried_again() {
    let scenario = Scenario::with(&[("DURABILITY", "strict")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    scenario.rows().are_full(true);
    assert_eq!(alice.error_of(said("/a", "1", 1)), "503::storage_failed");
    scenario.rows().are_full(false);
    assert_taken(&alice, said("/a", "1", 1));
    bob.connect();
    assert_eq!(bob.receives(), [1]);
}

#[test]
fn the_application_hears_once_of_it_but_is_asked_again_for_a_service() {
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
        assert_taken(&alice, said("/a", "1", 1));
        assert_eq!(alice.send(said("/service/echo", "2", 2)).answer().data(), [2], "the first answer may be lost");
    }
    bob.connect();
    assert_eq!((heard.get(), bob.receives()), (1, vec![json!(1)]));
}

#[test]
fn after_a_crash_that_of_which_there_is_a_row_is_known() {
    for (durability, times) in [("strict", 1), ("relaxed", 1)] {
        let scenario = Scenario::with(&[("DURABILITY", durability)]);
        let [alice, bob] = scenario.join(["alice", "bob"]);
        bob.subscribe("/a");
        alice.send(said("/a", "1", 1)).answer();
        if durability == "relaxed" {
            // What has waited for less than a second is lost with the crash.
            scenario.after(1000);
        }
        scenario.crashes();
        assert_taken(&alice, said("/a", "1", 1));
        bob.connect();
        assert_eq!(bob.receives().len(), times, "{durability}");
    }
}

#[test]
fn after_a_crash_what_was_lost_with_it_is_delivered_when_it_comes_again() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.send(said("/a", "1", 1)).answer();
    scenario.crashes();
    assert_taken(&alice, said("/a", "1", 1));
    bob.connect();
    assert_eq!(bob.receives(), [1]);
}
