//! How the items of homes are numbered, and what an answer acknowledges.

use serde_json::json;

use super::network::{Client, Network};

/// Bob subscribes at the owner of `/b`. Carol's home has published to `/a` and restarts with a clock that is behind:
/// `/a` knows a later life of it, `/b` none.
fn behind() -> (Network, Client, Client) {
    let mut network = Network::patient();
    let (_, bob) = (network.join("/a"), network.join_acking("/b"));
    network.subscribe(&bob, "/b/x");
    let carol = network.join_acking("@0");
    network.publish(&carol, "/a/x", "first");
    network.publish(&bob, "/b/y", 0);
    network.crashes("@0");
    network.clock_goes_back(60_000);
    (network, bob, carol)
}

fn publish(network: &mut Network, client: &Client, channel: &str, data: u64) -> u64 {
    network.ask(client, json!({"channel": channel, "id": data.to_string(), "data": data}))
}

#[test]
fn what_one_owner_knows_of_a_homes_lives_does_not_affect_another_owner() {
    let (mut network, bob, carol) = behind();
    network.hold();
    publish(&mut network, &carol, "/b/x", 1);
    publish(&mut network, &carol, "/a/x", 2);
    network.pass_call("@0", "/b");
    network.pass_call("@0", "/a");
    network.pass_answer("/a", "@0");
    network.flow();
    network.after(60_000);
    assert_eq!(network.hears(&bob), [1], "once");
}

#[test]
fn the_answer_to_one_call_does_not_answer_the_next() {
    let (mut network, bob, carol) = behind();
    network.hold();
    publish(&mut network, &carol, "/b/x", 1);
    publish(&mut network, &carol, "/a/x", 2);
    network.pass_call("@0", "/b");
    network.pass_call("@0", "/a");
    let third = publish(&mut network, &carol, "/b/x", 3);
    network.pass_answer("/a", "@0");
    network.pass_answer("/b", "@0");
    assert_eq!(network.reply(third), None, "the call to /b is still under way");
    network.lose_call("@0", "/b");
    network.flow();
    network.after(60_000);
    let heard = network.hears(&bob);
    assert!(network.reply(third).unwrap()["successful"] != true || heard.contains(&json!(3)), "{heard:?}");
}

#[test]
fn events_of_a_home_that_restarts_in_the_same_millisecond_arrive() {
    let mut network = Network::patient();
    let bob = network.join("/b");
    network.subscribe(&bob, "/b/x");
    let mut carol = network.join("@0");
    for life in 0..5 {
        network.publish(&carol, "/b/x", life);
        assert_eq!(network.hears(&bob), [life]);
        network.crashes("@0");
        carol = network.join("@0");
    }
}

#[test]
fn events_of_a_home_that_forgot_an_owner_and_numbers_from_1_again_arrive() {
    let mut network = Network::patient();
    let bob = network.join_acking("/b");
    network.subscribe(&bob, "/b/x");
    let carol = network.join("@0");
    for number in 0..3 {
        for part in 0..3 {
            network.publish(&carol, "/b/x", 10 * number + part);
        }
        assert_eq!(network.hears(&bob), [0, 1, 2].map(|part| 10 * number + part));
        // Longer than a home remembers an owner, and not as long as the owner remembers the home.
        network.after(15 * 60_000);
        network.wakes("@0");
        assert!(network.notes("@0").iter().all(|name| !name.starts_with("heard:")), "{:?}", network.notes("@0"));
    }
}

#[test]
fn an_owner_forgets_a_home_that_was_idle_for_two_hours() {
    let mut network = Network::patient();
    let bob = network.join_acking("/b");
    network.subscribe(&bob, "/b/x");
    let carol = network.join("@0");
    network.publish(&carol, "/b/x", 1);
    assert_eq!(network.hears(&bob), [1]);
    assert!(network.notes("/b").iter().any(|name| name == "done:@0"));
    network.after(2 * 3_600_000);
    network.wakes("/b");
    assert!(network.notes("/b").iter().all(|name| name != "done:@0"));
    network.publish(&carol, "/b/x", 2);
    assert_eq!(network.hears(&bob), [2]);
}
