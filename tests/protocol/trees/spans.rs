//! Patterns that span trees, and homes that come and go.

use bayeux_edge::bayeux::Options;

use super::network::Network;

#[test]
fn a_tree_goes_on_telling_a_home_what_the_root_has_not_taken_back() {
    let mut network = Network::new(Options::default());
    let [alice, bob] = ["/b", "/a"].map(|home| network.join(home));
    network.subscribe(&bob, "/*");
    network.subscribe(&bob, "/b/**");
    network.publish(&alice, "/b/x", 1);
    assert_eq!(network.hears(&bob), [1]);

    // The home knows nothing any more, and so does not want what comes.
    network.forgets_all("/a");
    network.publish(&alice, "/b/x", 2);
    let carol = network.join("/a");
    network.subscribe(&carol, "/*");
    network.publish(&alice, "/b", 3);
    assert_eq!(network.hears(&carol), [3]);
}
