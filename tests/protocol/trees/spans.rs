//! Patterns that span trees, homes that come and go, and messages that wait for the root.

use bayeux_edge::bayeux::Options;
use serde_json::json;

use super::network::Network;

#[test]
fn a_tree_sends_a_home_events_until_the_root_withdraws_the_pattern() {
    let mut network = Network::new(Options { spanning_patterns: true, ..Options::default() });
    let [alice, bob] = ["/b", "/a"].map(|home| network.join(home));
    network.subscribe(&bob, "/*");
    network.subscribe(&bob, "/b/**");
    network.publish(&alice, "/b/x", 1);
    assert_eq!(network.hears(&bob), [1]);

    // The home has lost its rows, and so does not want these events.
    network.forgets_all("/a");
    network.publish(&alice, "/b/x", 2);
    let carol = network.join("/a");
    network.subscribe(&carol, "/*");
    network.publish(&alice, "/b", 3);
    assert_eq!(network.hears(&carol), [3]);
}

#[test]
fn an_unreachable_tree_does_not_stop_subscriptions_to_all_other_trees() {
    let mut network = Network::patient();
    let [alice, dave] = ["/a", "/b"].map(|home| network.join(home));
    network.publish(&alice, "/a/x", 0);
    network.publish(&dave, "/b/x", 0);
    network.cut_off("/b", true);
    for home in ["@0", "@1"] {
        let bob = network.join(home);
        let first = network.ask(&bob, json!({"channel": "/meta/subscribe", "subscription": "/**"}));
        network.after(120_000);
        assert!(network.reply(first).is_some());
        network.subscribe(&bob, "/**");
        network.publish(&alice, "/a/x", 1);
        assert_eq!(network.hears(&bob), [1], "{home}");
    }
    network.cut_off("/b", false);
    network.after(60_000);
    let carol = network.join("@2");
    network.subscribe(&carol, "/**");
    network.publish(&dave, "/b/x", 2);
    network.after(1000);
    assert_eq!(network.hears(&carol), [2]);
}

#[test]
fn a_subscribe_in_an_unused_tree_does_not_call_the_root() {
    let mut network = Network::patient();
    let bob = network.join("@0");
    network.calls();
    network.subscribe(&bob, "/new/x");
    assert_eq!((network.calls_to("/"), network.calls_to("/new")), (0, 1));
    let alice = network.join("@1");
    network.publish(&alice, "/new/x", 1);
    network.after(1000);
    assert_eq!(network.hears(&bob), [1]);
}

#[test]
fn at_most_max_relays_publishes_wait_for_the_root() {
    let mut network = Network::new(Options { max_relays: 3, ..Options::default() });
    let alice = network.join("/a");
    network.cut_off("/", true);
    let replies = [0, 1, 2, 3, 4].map(|data| network.ask(&alice, json!({"channel": "/a/x", "data": data})));
    let refused = replies.map(|reply| network.reply(reply).is_some_and(|reply| reply["successful"] == false));
    assert_eq!(refused, [false, false, false, true, true]);
    network.cut_off("/", false);
    network.after(2000);
    for reply in &replies[..3] {
        assert_eq!(network.reply(*reply).unwrap()["successful"], true);
    }
}
