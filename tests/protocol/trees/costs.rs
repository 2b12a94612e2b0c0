//! What a publish costs in calls between objects: docs/TREES.md, docs/SCALE.md.

use bayeux_edge::bayeux::Options;

use super::network::Network;

/// One client at each home is subscribed to `/a/x`, and the first one publishes there.
fn calls_of_a_publish(homes: &[&str]) -> usize {
    let mut network = Network::new(Options { spanning_patterns: true, rate_trees: None, ..Options::default() });
    let clients: Vec<_> = homes.iter().map(|home| network.join(home)).collect();
    for client in &clients {
        network.subscribe(client, "/a/x");
    }
    network.publish(&clients[0], "/a/x", 0);
    network.calls();
    for number in 1..=10 {
        network.publish(&clients[0], "/a/x", number);
    }
    let calls = network.calls();
    // The publisher got its own events with the replies.
    for client in clients.iter().skip(1) {
        assert_eq!(network.hears(client).len(), 11);
    }
    assert_eq!(calls % 10, 0);
    calls / 10
}

#[test]
fn a_publish_at_its_owner_costs_no_call() {
    assert_eq!(calls_of_a_publish(&["/a", "/a"]), 0);
}

#[test]
fn a_publish_from_another_home_costs_one_call_and_the_event_comes_back_with_it() {
    assert_eq!(calls_of_a_publish(&["@0", "@0"]), 1);
    assert_eq!(calls_of_a_publish(&["@0", "/a"]), 1);
}

#[test]
fn each_other_home_with_subscribers_costs_one_more_call() {
    assert_eq!(calls_of_a_publish(&["/a", "@0", "@1"]), 2);
    assert_eq!(calls_of_a_publish(&["@0", "@1", "@2", "/a"]), 3);
}

#[test]
fn a_silent_home_is_asked_once_for_its_acknowledgement() {
    let mut network = Network::patient();
    let client = network.join("@0");
    network.subscribe(&client, "/a/x");
    network.publish(&client, "/a/x", 1);
    network.calls();
    network.after(499);
    assert_eq!(network.calls(), 0);
    network.after(1);
    assert_eq!(network.calls(), 1);
    network.after(60_000);
    assert_eq!(network.calls(), 0);
}
