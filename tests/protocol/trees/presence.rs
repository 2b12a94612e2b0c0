//! Who is there, where members, watchers and the channel's owner are at several homes.

use bayeux_edge::bayeux::Options;
use serde_json::{Value, json};

use super::network::{Client, Network};

const WATCHED: &str = "/room/a/$presence";

fn network() -> Network {
    let var = |asked: &str| (asked == "PRESENCE").then(|| "/room/*".to_owned());
    let options = Options::from_vars(var).unwrap();
    Network::new(Options { max_interval: std::time::Duration::from_secs(24 * 3600), rate_trees: None, ..options })
}

/// How many a client knows to be there after all that it was told: entries by session.
fn counts(told: &[Value]) -> Vec<u64> {
    told.iter().map(|told| told["count"].as_u64().unwrap()).collect()
}

/// Alice and bob are members at homes of their own. Bob watches, and has read who is there.
fn two_who_know_of_each_other() -> (Network, Client, Client) {
    let mut network = network();
    let [alice, bob] = [network.join("@1"), network.join("@2")];
    network.subscribe(&alice, "/room/a");
    network.subscribe(&bob, "/room/a");
    network.subscribe(&bob, WATCHED);
    network.after(10_000);
    network.hears(&bob);
    (network, alice, bob)
}

#[test]
fn members_and_watchers_of_all_homes_are_told_by_the_owner() {
    let mut network = network();
    let [alice, bob, carol] = [network.join("@1"), network.join("@2"), network.join("/room")];
    for client in [&alice, &bob, &carol] {
        network.subscribe(client, "/room/a");
        network.subscribe(client, WATCHED);
    }
    network.after(1000);
    for client in [&alice, &bob, &carol] {
        let told = network.hears(client);
        assert_eq!((counts(&told), told[0]["members"].is_object()), (vec![0, 3], true), "{told:?}");
    }
    network.unsubscribe(&bob, "/room/a");
    network.after(1000);
    for client in [&alice, &carol] {
        let told = network.hears(client);
        assert_eq!((counts(&told), told[0]["leaves"].as_object().unwrap().len()), (vec![2], 1));
    }
}

#[test]
fn who_starts_to_watch_at_a_home_is_told_everybody_and_nobody_else_is() {
    let mut network = network();
    let [alice, bob] = [network.join("@1"), network.join("@1")];
    network.subscribe(&alice, "/room/a");
    network.subscribe(&alice, WATCHED);
    network.after(1000);
    network.hears(&alice);
    network.subscribe(&bob, WATCHED);
    network.after(1000);
    assert_eq!(counts(&network.hears(&bob)), [1]);
    assert!(network.hears(&alice).is_empty());
}

#[test]
fn changes_that_come_before_everybody_was_told_are_held_back() {
    let mut network = network();
    let [alice, bob] = [network.join("@1"), network.join("@1")];
    network.subscribe(&alice, WATCHED);
    network.subscribe(&alice, "/room/a");
    network.hears(&alice);
    network.cut_off("@1", true);
    // Its home has asked the owner for the same already, so it listens at once; but nobody could tell it who is there.
    network.subscribe(&bob, WATCHED);
    assert!(network.hears(&bob).is_empty());
    network.after(3000);
    network.cut_off("@1", false);
    network.after(40_000);
    let told = network.hears(&bob);
    assert!(told[0]["members"].is_object(), "{told:?}");
    assert_eq!(counts(&told).last(), Some(&1));
}

#[test]
fn an_owner_that_slept_knows_everybody_again_and_tells_nobody_anything_twice() {
    let (mut network, alice, bob) = two_who_know_of_each_other();
    network.crashes("/room");
    network.wakes("/room");
    network.after(5000);
    assert!(network.hears(&bob).is_empty());
    network.unsubscribe(&alice, "/room/a");
    network.after(1000);
    let told = network.hears(&bob);
    assert_eq!((counts(&told), told[0]["leaves"].as_object().unwrap().len()), (vec![1], 1), "{told:?}");
}

#[test]
fn what_a_crash_of_the_owner_left_untold_is_told_after_it() {
    let (mut network, alice, bob) = two_who_know_of_each_other();
    network.unsubscribe(&alice, "/room/a");
    network.crashes("/room");
    network.wakes("/room");
    network.after(1000);
    let told = network.hears(&bob);
    assert_eq!((counts(&told), told[0]["members"].as_object().unwrap().len()), (vec![1], 1), "{told:?}");
}

#[test]
fn what_a_home_could_not_say_before_it_crashed_is_found_out_within_two_minutes() {
    let mut network = network();
    let [alice, bob, carol] = [network.join("@1"), network.join("@2"), network.join("@1")];
    for client in [&alice, &bob, &carol] {
        network.subscribe(client, "/room/a");
    }
    network.subscribe(&bob, WATCHED);
    network.after(10_000);
    network.hears(&bob);
    // The owner never hears of it.
    network.hold();
    network.unsubscribe(&alice, "/room/a");
    network.lose_call("@1", "/room");
    network.crashes("@1");
    network.flow();
    network.wakes("@1");
    network.after(125_000);
    let told = network.hears(&bob);
    assert_eq!(counts(&told).last(), Some(&2), "{told:?}");
}

#[test]
fn a_home_that_vanished_has_left_within_four_minutes_and_is_back_when_it_answers() {
    let (mut network, _alice, bob) = two_who_know_of_each_other();
    network.cut_off("@1", true);
    network.after(240_000);
    assert_eq!(counts(&network.hears(&bob)), [1]);
    network.cut_off("@1", false);
    network.after(125_000);
    assert_eq!(counts(&network.hears(&bob)), [2]);
}

#[test]
fn a_service_at_any_home_answers_who_is_there_or_that_nobody_can_say() {
    let mut network = network();
    let [alice, bob] = [network.join("@1"), network.join("@2")];
    network.subscribe(&alice, "/room/a");
    network.after(1000);
    let ask = || json!({"channel": "/service/presence", "id": "7", "data": {"channel": "/room/a"}});
    network.ask(&bob, ask());
    let answer = network.connect(&bob);
    let answer = answer.iter().find(|message| message["channel"] == "/service/presence").unwrap();
    assert_eq!(
        (&answer["id"], &answer["successful"], &answer["data"]["count"]),
        (&json!("7"), &json!(true), &json!(1))
    );
    network.cut_off("/room", true);
    network.ask(&bob, ask());
    let answer = network.connect(&bob);
    let answer = answer.iter().find(|message| message["channel"] == "/service/presence").unwrap();
    assert_eq!((&answer["successful"], &answer["error"]), (&json!(false), &json!("503::owner_unreachable")));
}

#[test]
fn where_nobody_listens_any_more_nobody_is_there() {
    let mut network = network();
    let [alice, bob] = [network.join("@1"), network.join("/room")];
    network.subscribe(&alice, "/room/a");
    network.subscribe(&bob, WATCHED);
    network.after(1000);
    network.unsubscribe(&alice, "/room/a");
    network.after(60_000);
    assert_eq!(counts(&network.hears(&bob)).last(), Some(&0));
    assert!(!network.notes("/room").iter().any(|name| name.starts_with("member:") || name == "presence"));
}
