//! Patterns that homes request from owners, the owners' answers, and withdrawals.

use serde_json::json;

use super::network::Network;

/// Publishes while `@0` is unreachable, and lets the owner crash.
fn publish_and_crash(network: &mut Network, alice: &super::network::Client) {
    network.cut_off("@0", true);
    network.publish(alice, "/a/x", 1);
    network.crashes("/a");
    network.cut_off("@0", false);
    network.wakes("/a");
    network.after(60_000);
}

#[test]
fn with_ack_a_subscribe_that_failed_before_succeeds_only_when_the_owner_knows_it() {
    let mut network = Network::patient();
    let [alice, bob] = ["/a", "@0"].map(|home| network.join(home));
    network.subscribe(&bob, "/a/x");
    let carol = network.join_acking("@0");
    network.cut_off("/a", true);
    let first = network.ask(&carol, json!({"channel": "/meta/subscribe", "subscription": "/a/x"}));
    network.after(20_000);
    assert_eq!(network.reply(first).unwrap()["successful"], false);
    network.cut_off("/a", false);
    network.after(60_000);
    network.subscribe(&carol, "/a/x");
    publish_and_crash(&mut network, &alice);
    assert_eq!(network.hears(&carol), [1]);
}

#[test]
fn an_owners_answer_to_a_client_without_ack_does_not_answer_one_with_ack() {
    let mut network = Network::patient();
    let alice = network.join("/a");
    network.publish(&alice, "/a/y", 0);
    let (bob, carol) = (network.join("@0"), network.join_acking("@0"));
    network.hold();
    let [_, of_carol] =
        [&bob, &carol].map(|client| network.ask(client, json!({"channel": "/meta/subscribe", "subscription": "/a/x"})));
    network.pass_call("@0", "/a");
    network.pass_answer("/a", "@0");
    assert_eq!(network.reply(of_carol), None, "her own subscribe is not answered");
    network.flow();
    assert_eq!(network.reply(of_carol).unwrap()["successful"], true);
    publish_and_crash(&mut network, &alice);
    assert_eq!(network.hears(&carol), [1]);
}

#[test]
fn an_owner_that_lost_its_rows_and_cannot_write_is_asked_until_it_can() {
    let mut network = Network::patient();
    let [alice, bob] = ["/a", "@0"].map(|home| network.join(home));
    network.subscribe(&bob, "/a/x");
    network.forgets_all("/a");
    let alice = {
        drop(alice);
        network.join("/a")
    };
    network.publish(&alice, "/a/y", 0);
    network.rows("/a").are_full(true);
    // Any answer tells the home that the owner does not know it any more.
    network.try_publish(&bob, "/a/y", 1);
    network.after(3000);
    network.rows("/a").are_full(false);
    network.after(60_000);
    network.publish(&alice, "/a/x", 2);
    network.after(1000);
    assert_eq!(network.hears(&bob), [2]);
}

#[test]
fn after_an_unsubscribe_the_pattern_is_withdrawn_once_however_many_events_come() {
    let mut network = Network::patient();
    let [alice, bob] = ["/a", "@0"].map(|home| network.join(home));
    network.subscribe(&bob, "/a/x");
    network.publish(&alice, "/a/x", 0);
    network.hears(&bob);
    network.after(1000);
    network.unsubscribe(&bob, "/a/x");
    network.calls();
    for number in 1..=100 {
        network.publish(&alice, "/a/x", number);
        network.after(10);
    }
    assert_eq!(network.calls_to("/"), 0);
    assert_eq!(network.calls_to("/a"), 0);
    network.after(20_000);
    assert_eq!(network.calls_to("/a"), 1, "it is withdrawn once");
}

#[test]
fn each_pattern_of_a_home_is_one_row() {
    let mut network = Network::patient();
    let bob = network.join("@0");
    for number in 0..40 {
        network.subscribe(&bob, &format!("/a/{number}"));
        let written = network.rows("/a").written();
        assert!(written == 1 || number == 0 && written == 2, "{written} rows for pattern {number}");
    }
    network.crashes("/a");
    let alice = network.join("/a");
    network.publish(&alice, "/a/7", 1);
    network.after(1000);
    assert_eq!(network.hears(&bob), [1]);
    network.unsubscribe(&bob, "/a/7");
    network.after(30_000);
    network.rows("/a").written();
    network.publish(&alice, "/a/7", 2);
    assert!(!network.notes("/a").iter().any(|name| name.ends_with(":/a/7")));
    assert_eq!(network.notes("/a").iter().filter(|name| name.starts_with("listen:")).count(), 39);
}

#[test]
fn remote_homes_do_not_count_as_sessions() {
    let mut network = Network::new(bayeux_edge::bayeux::Options {
        max_sessions: 2,
        max_interval: std::time::Duration::from_secs(3600),
        ..bayeux_edge::bayeux::Options::default()
    });
    for home in ["@0", "@1", "@2", "@3"] {
        let bob = network.join(home);
        network.subscribe(&bob, "/a/x");
        network.publish(&bob, "/a/x", 1);
    }
    network.join("/a");
    network.join("/a");
}
