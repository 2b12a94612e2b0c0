//! Publishes that are repeated while the first one is on its way to the owner, or later.

use bayeux_edge::bayeux::Options;
use serde_json::{Value, json};

use super::network::Network;

fn toggle() -> Value {
    json!({"channel": "/a/x", "id": "7", "data": "toggle"})
}

fn keyed() -> Value {
    json!({"channel": "/a/x", "id": "7", "data": "toggle", "ext": {"idempotencyKey": "k"}})
}

#[test]
fn a_repeated_publish_whose_first_request_broke_off_is_delivered_once() {
    let mut network = Network::new(Options::default());
    let (alice, bob) = (network.join("/"), network.join("/a"));
    network.subscribe(&bob, "/a/x");
    network.answers_late("/a");
    let lost = network.ask(&alice, toggle());
    network.gives_up(&alice, lost);
    let again = network.ask(&alice, toggle());
    assert_eq!(network.reply(again), None);
    network.late_answers_come();
    assert_eq!(network.reply(again).unwrap()["successful"], true);
    assert_eq!(network.hears(&bob), ["toggle"]);
    let third = network.ask(&alice, toggle());
    assert_eq!(network.reply(third).unwrap()["successful"], true);
    assert_eq!(network.hears(&bob), ["toggle"], "the third is no repeat of the first");
}

#[test]
fn a_repeated_publish_whose_reply_was_lost_is_delivered_once() {
    let mut network = Network::new(Options::default());
    let (alice, bob) = (network.join("/"), network.join("/a"));
    network.subscribe(&bob, "/a/x");
    network.answers_late("/a");
    let batch = network.ask_all(&alice, [json!({"channel": "/b", "id": "1", "data": 1}), toggle()]);
    network.gives_up(&alice, batch);
    network.late_answers_come();
    let again = network.ask(&alice, toggle());
    assert_eq!(network.reply(again).unwrap()["successful"], true);
    assert_eq!(network.hears(&bob), ["toggle"]);
}

#[test]
fn equal_publishes_whose_clients_still_wait_are_all_delivered() {
    let mut network = Network::new(Options::default());
    let (alice, bob) = (network.join("/"), network.join("/a"));
    network.subscribe(&bob, "/a/x");
    network.answers_late("/a");
    let asked = [(); 3].map(|()| network.ask(&alice, toggle()));
    network.late_answers_come();
    for number in asked {
        assert_eq!(network.reply(number).unwrap()["successful"], true);
    }
    assert_eq!(network.hears(&bob), ["toggle"; 3]);
}

#[test]
fn a_publish_that_failed_after_its_client_gave_up_is_tried_again() {
    let mut network = Network::patient();
    let (alice, bob) = (network.join("/"), network.join("/a"));
    network.subscribe(&bob, "/a/x");
    network.cut_off("/a", true);
    let lost = network.ask(&alice, toggle());
    network.gives_up(&alice, lost);
    for _ in 0..100 {
        network.after(1000);
    }
    network.cut_off("/a", false);
    network.connect(&bob);
    let again = network.ask(&alice, toggle());
    network.after(60_000);
    assert_eq!(network.reply(again).unwrap()["successful"], true);
    assert_eq!(network.hears(&bob), ["toggle"]);
}

#[test]
fn a_publish_repeated_with_its_key_from_another_home_is_delivered_once() {
    let mut network = Network::new(Options::default());
    let (alice, bob) = (network.join("/"), network.join("/a"));
    network.subscribe(&bob, "/a/x");
    for _ in 0..2 {
        let number = network.ask(&alice, keyed());
        assert_eq!(network.reply(number).unwrap()["successful"], true);
    }
    assert_eq!(network.hears(&bob), ["toggle"]);
}

#[test]
fn a_publish_repeated_with_its_key_after_its_home_crashed_is_delivered_once() {
    for answered_before in [true, false] {
        let mut network = Network::new(Options::default());
        let (alice, bob) = (network.join("/"), network.join("/a"));
        network.subscribe(&bob, "/a/x");
        if !answered_before {
            network.answers_late("/a");
        }
        let first = network.ask(&alice, keyed());
        assert_eq!(network.reply(first).is_some(), answered_before);
        network.crashes("/");
        network.late_answers_come();
        let again = network.ask(&alice, keyed());
        network.after(1000);
        assert_eq!(network.reply(again).unwrap()["successful"], true);
        assert_eq!(network.hears(&bob), ["toggle"], "answered before the crash: {answered_before}");
    }
}
