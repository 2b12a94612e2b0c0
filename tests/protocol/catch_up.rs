//! After an unanswered connect a client sends the last replay id of each channel with the next one.

use bayeux_edge::bayeux::Options;
use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::replay::{hears, join, say, subscribe_from, with_history};
use crate::scenario::Scenario;
use crate::trees::network::Network;

/// A client that reads replay ids in `ext`, subscribed to this channel from now on, and its cursor.
fn listen(scenario: &Scenario, name: &'static str, channel: &str) -> (Client, i64) {
    let client = join(scenario, name, json!({"replay": "ext"}));
    let cursor = subscribe_from(&client, channel, -1)["ext"]["replay"][channel].as_i64().expect("a cursor");
    (client, cursor)
}

fn connect_after(client: &Client, numbers: Value) -> Request {
    client.connect_with(json!({"ext": {"replay": numbers}}))
}

fn number(event: &Value) -> i64 {
    event["ext"]["replay"]["replayId"].as_i64().expect("a number")
}

fn data(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect()
}

#[test]
fn events_of_a_lost_answer_come_again_before_new_ones() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let (bob, _) = listen(&scenario, "bob", "/hist/a");
    let lost = bob.hold();
    say(&alice, "/hist/a", 1..=1);
    let events = lost.answer().events();
    let heard = number(&events[0]);
    let lost = bob.hold();
    say(&alice, "/hist/a", 2..=2);
    assert_eq!(data(&lost.answer().events()), [2]);
    bob.receives();
    say(&alice, "/hist/a", 3..=3);

    let answer = connect_after(&bob, json!({"/hist/a": heard})).answer();
    assert_eq!(data(&answer.events()), [2, 3]);
    assert_eq!(answer.reply()["successful"], true);
    bob.receives();
    say(&alice, "/hist/a", 4..=4);
    assert_eq!(hears(&bob), [4]);
}

#[test]
fn the_connect_of_a_client_that_missed_nothing_is_held() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let (bob, cursor) = listen(&scenario, "bob", "/hist/a");
    let held = connect_after(&bob, json!({"/hist/a": cursor}));
    assert!(held.is_held());
    say(&alice, "/hist/a", 1..=1);
    assert_eq!(data(&held.answer().events()), [1]);
}

#[test]
fn events_sent_to_a_dead_socket_come_on_the_next_one() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let (old, new) = (scenario.socket(), scenario.socket());
    let bob = scenario.client("bob");
    bob.moves_to(&old);
    bob.handshake_with(json!({"ext": {"replay": "ext"}}));
    bob.connect().answer();
    subscribe_from(&bob, "/hist/a", -1);
    bob.hold();
    say(&alice, "/hist/a", 1..=3);
    let events = bob.receives_events();
    let first = number(&events[0]);
    old.frames();

    bob.moves_to(&new);
    connect_after(&bob, json!({"/hist/a": first}));
    scenario.after(1000);
    assert_eq!(data(&bob.receives_events()), [2, 3]);
    assert!(old.frames().is_empty());
}

#[test]
fn events_come_with_connects_only_so_that_no_loss_is_unnoticed() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let (bob, _) = listen(&scenario, "bob", "/hist/a");
    say(&alice, "/hist/a", 1..=1);
    let reply = bob.send(bob.a_publish("/other", 1)).answer();
    assert!(reply.events().is_empty(), "events wait for the connect: {}", reply.text);
    assert_eq!(hears(&bob), [1]);
    // Nor on a stream: no connect would show its end.
    let stream = scenario.stream(&bob);
    assert_eq!(stream.end().reply()["error"], "403::meta_connect_deliver_only");
}

#[test]
fn a_connect_with_a_replay_id_that_is_not_kept_is_refused_without_events() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let (bob, _) = listen(&scenario, "bob", "/few/a");
    bob.subscribe("/hist/a");
    say(&alice, "/few/a", 1..=9);
    say(&alice, "/hist/a", 10..=10);
    let answer = connect_after(&bob, json!({"/few/a": 82})).answer();
    let reply = answer.reply();
    assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!("400:/few/a,82:replay_id_not_kept")));
    assert_eq!(reply["advice"]["reconnect"], "retry");
    assert!(answer.events().is_empty(), "{}", answer.text);

    let answer = connect_after(&bob, json!({"/few/a": -2})).answer();
    assert_eq!(data(&answer.events()), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "queued events without history come first");
    let answer = connect_after(&bob, json!({"/few/a": "x"})).answer();
    assert_eq!(answer.reply()["error"], "400:/few/a:replay_id_invalid");
}

#[test]
fn a_connect_replays_only_subscribed_channels_and_only_with_replay_and_without_ack() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=3);
    let (bob, _) = listen(&scenario, "bob", "/hist/b");
    let numbers = json!({"/hist/a": -2, "/hist/**": -2, "no channel": -2});
    assert!(connect_after(&bob, numbers.clone()).is_held());
    let plain = join(&scenario, "plain", json!({}));
    plain.subscribe("/hist/a");
    assert!(connect_after(&plain, numbers.clone()).is_held());
    let acknowledging = join(&scenario, "acknowledging", json!({"ack": true, "replay": "ext"}));
    subscribe_from(&acknowledging, "/hist/a", -1);
    assert!(connect_after(&acknowledging, numbers).is_held());
}

#[test]
fn each_event_comes_once_if_the_home_crashes_in_between() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let (bob, cursor) = listen(&scenario, "bob", "/hist/a");
    let lost = bob.hold();
    say(&alice, "/hist/a", 1..=2);
    lost.answer();
    bob.receives();
    scenario.crashes();
    let answer = connect_after(&bob, json!({"/hist/a": cursor})).answer();
    assert_eq!(data(&answer.events()), [1, 2]);
    bob.receives();
    assert_eq!(hears(&bob), [0; 0]);
}

fn options() -> Options {
    Options::from_vars(|name| (name == "HISTORY").then(|| "/a/** 100".to_owned())).unwrap()
}

#[test]
fn a_connect_replays_events_from_the_owner_of_another_tree() {
    let mut network = Network::new(options());
    let (alice, bob) = (network.join("/a"), network.join_replaying("@0"));
    let number = network.ask(&bob, json!({"channel": "/meta/subscribe", "subscription": "/a/x"}));
    let cursor = network.reply(number).unwrap()["ext"]["replay"]["/a/x"].clone();
    let lost = network.holds(&bob);
    network.publish(&alice, "/a/x", 1);
    assert_eq!(network.events(lost).len(), 1);
    network.publish(&alice, "/a/x", 2);
    let connect =
        json!({"channel": "/meta/connect", "connectionType": "long-polling", "ext": {"replay": {"/a/x": cursor}}});
    let connect = network.ask(&bob, connect);
    assert_eq!(network.events(connect), [1, 2]);
}

#[test]
fn only_one_connect_of_a_session_asks_the_owner_at_a_time() {
    let mut network = Network::new(options());
    let bob = network.join_replaying("@0");
    network.subscribe(&bob, "/a/x");
    network.hold();
    network.calls();
    let connect =
        json!({"channel": "/meta/connect", "connectionType": "long-polling", "ext": {"replay": {"/a/x": -2}}});
    let first = network.ask(&bob, connect.clone());
    for _ in 0..50 {
        let number = network.ask(&bob, connect.clone());
        assert_eq!(network.reply(number).unwrap()["error"], "503::pending_exceeded");
    }
    assert_eq!(network.called_by("@0"), ["/a"]);
    network.lose_call("@0", "/a");
    network.flow();
    assert_eq!(network.reply(first).unwrap()["error"], "503::owner_unreachable");
    let number = network.ask(&bob, connect);
    assert_eq!(network.reply(number), None, "it is held");
}
