//! Presence if the members, the presence subscribers and the channel's owner have different homes.

use bayeux_edge::bayeux::Options;
use serde_json::{Value, json};

use super::network::{Client, Network};

const WATCHED: &str = "/room/a/$presence";

fn network() -> Network {
    let var = |asked: &str| (asked == "PRESENCE").then(|| "/room/*".to_owned());
    let options = Options::from_vars(var).unwrap();
    Network::new(Options { max_interval: std::time::Duration::from_secs(24 * 3600), rate_trees: None, ..options })
}

/// The counts of the presence messages that a client received.
fn counts(told: &[Value]) -> Vec<u64> {
    told.iter().map(|told| told["count"].as_u64().unwrap()).collect()
}

/// Alice and Bob are members with different homes. Bob subscribes to the presence channel, and has read the members.
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
fn presence_subscribers_of_all_homes_get_the_members_from_the_owner() {
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
fn a_new_presence_subscriber_gets_all_members_and_no_other_subscriber_does() {
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
fn presence_changes_wait_until_the_subscriber_has_all_members() {
    let mut network = network();
    let [alice, bob] = [network.join("@1"), network.join("@1")];
    network.subscribe(&alice, WATCHED);
    network.subscribe(&alice, "/room/a");
    network.hears(&alice);
    network.cut_off("@1", true);
    // Its home has this pattern from the owner already, so it is subscribed at once; but it cannot get the members.
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
fn an_owner_that_crashed_or_hibernated_knows_all_members_and_repeats_no_presence_message() {
    for ends in [Network::crashes, Network::hibernates] {
        let (mut network, alice, bob) = two_who_know_of_each_other();
        ends(&mut network, "/room");
        network.wakes("/room");
        network.after(5000);
        assert!(network.hears(&bob).is_empty());
        network.unsubscribe(&alice, "/room/a");
        network.after(1000);
        let told = network.hears(&bob);
        assert_eq!((counts(&told), told[0]["leaves"].as_object().unwrap().len()), (vec![1], 1), "{told:?}");
    }
}

#[test]
fn a_presence_change_before_a_crash_of_the_owner_is_reported_after_it() {
    let (mut network, alice, bob) = two_who_know_of_each_other();
    network.unsubscribe(&alice, "/room/a");
    network.crashes("/room");
    network.wakes("/room");
    network.after(1000);
    let told = network.hears(&bob);
    assert_eq!((counts(&told), told[0]["members"].as_object().unwrap().len()), (vec![1], 1), "{told:?}");
}

#[test]
fn a_member_that_left_just_before_its_home_crashed_is_removed_within_125_seconds() {
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
fn members_of_an_unreachable_home_are_removed_within_four_minutes_and_return_with_it() {
    let (mut network, _alice, bob) = two_who_know_of_each_other();
    network.cut_off("@1", true);
    network.after(240_000);
    assert_eq!(counts(&network.hears(&bob)), [1]);
    network.cut_off("@1", false);
    network.after(125_000);
    assert_eq!(counts(&network.hears(&bob)), [2]);
}

#[test]
fn service_presence_at_any_home_answers_with_the_members_or_owner_unreachable() {
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
fn when_the_last_member_has_left_the_count_is_0_and_no_row_stays() {
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
