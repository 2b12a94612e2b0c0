//! What homes say to what owners relay.

use bayeux_edge::bayeux::Options;
use serde_json::json;

use super::network::Network;

#[test]
fn a_home_that_wanted_nothing_when_it_heard_and_asks_again_before_that_is_known_is_not_forgotten() {
    let mut network = Network::new(Options::default());
    let [alice, bob] = ["/a", "@0"].map(|home| network.join(home));
    network.subscribe(&bob, "/a/x");
    network.forgets_all("@0");
    network.answers_late("@0");
    network.publish(&alice, "/a/x", 1);
    let carol = network.join("@0");
    network.subscribe(&carol, "/a/x");
    network.publish(&alice, "/a/x", 2);
    network.late_answers_come();
    network.publish(&alice, "/a/x", 3);
    network.after(1000);
    assert_eq!(network.hears(&carol), [json!(2), json!(3)]);
}
