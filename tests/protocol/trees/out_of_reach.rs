//! Homes that are unreachable for hours.

use serde_json::json;

use super::network::{Client, Network};

/// Alice at the owner of `/a`; Bob, subscribed at another home that was unreachable for longer than an hour and missed
/// two events.
fn after_hours() -> (Network, Client, Client) {
    let mut network = Network::patient();
    let alice = network.join("/a");
    let bob = network.join_acking("@0");
    network.subscribe(&bob, "/a/x");
    network.publish(&alice, "/a/x", 0);
    assert_eq!(network.hears(&bob), [0]);
    network.cut_off("@0", true);
    network.publish(&alice, "/a/x", 1);
    network.after(3_700_000);
    network.publish(&alice, "/a/x", 2);
    network.after(3_700_000);
    network.cut_off("@0", false);
    (network, alice, bob)
}

#[test]
fn a_home_out_of_reach_for_hours_gets_everything_once_it_calls_the_owner() {
    let (mut network, alice, bob) = after_hours();
    network.publish(&bob, "/a/x", "from bob");
    assert_eq!(network.hears(&bob), [json!(1), json!(2), json!("from bob")]);
    network.publish(&alice, "/a/x", 3);
    network.after(1000);
    assert_eq!(network.hears(&bob), [3]);
}

#[test]
fn a_home_out_of_reach_for_hours_gets_everything_with_the_next_event() {
    let (mut network, alice, bob) = after_hours();
    network.publish(&alice, "/a/x", 3);
    network.after(31_000);
    assert_eq!(network.hears(&bob), [1, 2, 3]);
}

#[test]
fn a_home_out_of_reach_for_hours_gets_everything_after_some_time() {
    let (mut network, _, bob) = after_hours();
    network.after(3_700_000);
    assert_eq!(network.hears(&bob), [1, 2]);
}

#[test]
fn an_unreachable_home_is_called_seldom() {
    let mut network = Network::patient();
    let alice = network.join("/a");
    let bob = network.join_acking("@0");
    network.subscribe(&bob, "/a/x");
    network.publish(&alice, "/a/x", 0);
    network.hears(&bob);
    network.hold();
    network.publish(&alice, "/a/x", 1);
    let mut tries = 0;
    for _ in 0..50 {
        network.after(360_000);
        while !network.called_by("/a").is_empty() {
            network.lose_call("/a", "@0");
            network.pass_answer("@0", "/a");
            tries += 1;
            network.after(30_000);
        }
    }
    assert!((5..300).contains(&tries), "{tries} tries in five hours");
}
