//! More events wait for an unreachable home than its owner keeps.

use bayeux_edge::bayeux::{Options, QueueOverflow};
use serde_json::json;

use super::network::{Client, Network};

/// Alice at the owner of `/a`; Bob and Carol at another home, subscribed to `/a/x` and to `/b`. That home misses five
/// of seven events.
fn after_a_long_cut(queue_overflow: QueueOverflow) -> (Network, [Client; 3]) {
    let max_interval = std::time::Duration::from_secs(3600);
    let mut network = Network::new(Options { max_relays: 2, max_interval, queue_overflow, ..Options::default() });
    let [alice, bob, carol] = ["/a", "@0", "@0"].map(|home| network.join(home));
    network.subscribe(&bob, "/a/x");
    network.subscribe(&carol, "/b");
    network.publish(&alice, "/a/x", 0);
    assert_eq!(network.hears(&bob), [0]);
    network.cut_off("@0", true);
    for number in 1..=7 {
        network.publish(&alice, "/a/x", number);
    }
    network.cut_off("@0", false);
    network.after(1000);
    (network, [alice, bob, carol])
}

#[test]
fn subscribers_are_told_how_many_events_are_missing() {
    let (mut network, [alice, bob, carol]) = after_a_long_cut(QueueOverflow::Drop);
    let answer = network.connect(&bob);
    assert_eq!(answer[0], json!({"channel": "/service/dropped", "data": {"events": 5}}));
    assert_eq!([&answer[1]["data"], &answer[2]["data"]], [&json!(6), &json!(7)]);
    assert_eq!(network.hears(&carol), [json!(null); 0], "no event of her channels is missing");
    network.publish(&alice, "/a/x", 8);
    network.after(1000);
    assert_eq!(network.hears(&bob), [8], "the notice comes once");
}

#[test]
fn the_next_notice_has_the_sum_of_all_missing_events() {
    let (mut network, [alice, bob, _]) = after_a_long_cut(QueueOverflow::Drop);
    network.connect(&bob);
    network.cut_off("@0", true);
    for number in 11..=14 {
        network.publish(&alice, "/a/x", number);
    }
    network.cut_off("@0", false);
    network.after(1000);
    assert_eq!(network.hears(&bob), [json!({"events": 7}), json!(13), json!(14)]);
}

#[test]
fn with_queue_overflow_disconnect_the_session_of_a_missing_event_ends() {
    let (mut network, [_, bob, carol]) = after_a_long_cut(QueueOverflow::Disconnect);
    let answer = network.connect(&bob);
    assert!(answer.iter().any(|message| message["channel"] == "/meta/disconnect"), "{answer:?}");
    assert_eq!(network.connect(&carol)[0]["successful"], true);
}
