//! What one client may cause at other objects: new trees, patterns that span trees, subscriptions that wait.

use bayeux_edge::bayeux::Options;
use serde_json::{Value, json};

use super::network::Network;

fn options(vars: &[(&str, &str)]) -> Options {
    Options::from_vars(|asked| vars.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned()))
        .unwrap()
}

fn subscribe(names: impl IntoIterator<Item = String>) -> Value {
    json!({"channel": "/meta/subscribe", "subscription": names.into_iter().collect::<Vec<_>>()})
}

/// The number of successful replies, and the errors of the others.
fn outcome(replies: &Value) -> (usize, Vec<&str>) {
    let replies: Vec<_> =
        replies.as_array().unwrap().iter().filter(|reply| reply.get("successful").is_some()).collect();
    let errors = replies.iter().filter_map(|reply| reply["error"].as_str()).collect::<Vec<_>>();
    (replies.len() - errors.len(), errors)
}

#[test]
fn subscriptions_that_wait_for_their_owner_count() {
    let mut network = Network::new(options(&[("MAX_SUBSCRIPTIONS", "20")]));
    let mallory = network.join("/");
    let messages: Vec<_> = (0..20).map(|at| subscribe((0..20).map(move |name| format!("/n{at}-{name}/x")))).collect();
    let replies = network.say_all(&mallory, messages);
    let (taken, errors) = outcome(&replies);
    assert_eq!((taken, errors), (1, vec!["403::subscriptions_exceeded"; 19]));
    assert!(network.homes().len() <= 21, "{:?}", network.homes().len());
}

#[test]
fn subscriptions_that_failed_later_no_longer_count() {
    let mut network = Network::new(options(&[("MAX_SUBSCRIPTIONS", "2")]));
    let alice = network.join("/");
    network.cut_off("/a", true);
    network.cut_off("/b", true);
    network.sends(&alice, subscribe(["/a/x".to_owned(), "/b/x".to_owned()]));
    assert_eq!(
        outcome(&network.say_all(&alice, vec![subscribe(["/c/x".to_owned()])])).1,
        ["403::subscriptions_exceeded"]
    );
    for _ in 0..8 {
        network.after(1000);
    }
    assert_eq!(outcome(&network.say_all(&alice, vec![subscribe(["/c/x".to_owned(), "/d/x".to_owned()])])), (1, vec![]));
}

#[test]
fn rate_trees_counts_the_new_trees_of_subscribes_and_publishes() {
    let mut network = Network::new(options(&[("RATE_TREES", "5/60")]));
    let mallory = network.join("/");
    let many = network.say_all(&mallory, vec![subscribe((0..10).map(|at| format!("/s{at}/x")))]);
    assert_eq!(outcome(&many), (0, vec!["429::rate_exceeded"]), "all of a list or nothing");
    assert_eq!(network.homes().len(), 1, "and nothing is started");
    let few = network.say_all(&mallory, vec![subscribe((0..3).map(|at| format!("/s{at}/x")))]);
    assert_eq!(outcome(&few), (1, vec![]));
    let publishes = (0..4).map(|at| json!({"channel": format!("/p{at}/x"), "data": 1})).collect();
    assert_eq!(outcome(&network.say_all(&mallory, publishes)), (2, vec!["429::rate_exceeded"; 2]));
    let again = vec![subscribe(["/s0/y".to_owned()]), json!({"channel": "/p0/x", "data": 2})];
    assert_eq!(outcome(&network.say_all(&mallory, again)), (2, vec![]), "trees in use are not new");
    network.after(12_000);
    assert_eq!(outcome(&network.say_all(&mallory, vec![subscribe(["/new/x".to_owned()])])), (1, vec![]));
}

#[test]
fn rate_trees_counts_all_sessions_of_an_address_together_and_messages_without_a_session() {
    let mut network = Network::new(options(&[("RATE_TREES", "3/60"), ("ANON_PUBLISH", "true")]));
    let [mallory, other] = [network.join("/"), network.join("/")];
    let publish = |at: &str| json!({"channel": format!("/{at}/x"), "data": 1});
    assert_eq!(outcome(&network.say_all(&mallory, vec![subscribe(["/a/x".to_owned()])])), (1, vec![]));
    assert_eq!(outcome(&network.say_all(&other, vec![publish("b")])), (1, vec![]));
    assert_eq!(outcome(&network.says_anonymously("/", vec![publish("c")])), (1, vec![]));
    for refused in [
        network.say_all(&mallory, vec![publish("d")]),
        network.say_all(&other, vec![subscribe(["/d/x".to_owned()])]),
        network.says_anonymously("/", vec![publish("d")]),
    ] {
        assert_eq!(outcome(&refused), (0, vec!["429::rate_exceeded"]));
    }
    assert_eq!(network.homes().len(), 4, "nothing more is started");
    network.requests_come_from("198.51.100.1");
    let bob = network.join("/");
    assert_eq!(outcome(&network.say_all(&bob, vec![publish("d")])), (1, vec![]), "another address");
}

#[test]
fn rate_trees_counts_the_new_trees_that_service_presence_asks() {
    let mut network = Network::new(options(&[("PRESENCE", "/**"), ("RATE_TREES", "3/60")]));
    let mallory = network.join("/");
    let asks = |at: usize| json!({"channel": "/service/presence", "data": {"channel": format!("/p{at}/x")}});
    for _ in 0..2 {
        let replies = network.say_all(&mallory, (0..3).map(asks).collect());
        assert_eq!(outcome(&replies).1, [] as [&str; 0], "the second time they are not new");
    }
    assert_eq!(outcome(&network.say_all(&mallory, vec![asks(3)])).1, ["429::rate_exceeded"]);
    assert_eq!(network.homes().len(), 4, "nothing more is started");
}

#[test]
fn max_trees_bounds_the_trees_of_a_home() {
    let mut network = Network::new(options(&[("MAX_TREES", "3")]));
    let mallory = network.join("/");
    let some = network.say_all(&mallory, (0..5).map(|at| subscribe([format!("/s{at}/x")])).collect());
    assert_eq!(outcome(&some), (3, vec!["503::trees_exceeded"; 2]));
    assert_eq!(
        outcome(&network.say_all(&mallory, vec![json!({"channel": "/p/x", "data": 1})])).1,
        ["503::trees_exceeded"]
    );
}

#[test]
fn rate_subscribes_counts_each_channel_of_a_subscribe() {
    let mut network = Network::new(options(&[("RATE_SUBSCRIBES", "5/60")]));
    let mallory = network.join("/a");
    let three = || subscribe((0..3).map(|at| format!("/a/{at}")));
    let replies = network.say_all(&mallory, vec![three(), three(), subscribe(["/a/1".to_owned()])]);
    assert_eq!(outcome(&replies), (2, vec!["429::rate_exceeded"]));
    assert!(replies[1]["advice"]["interval"].as_u64() > Some(0), "{replies}");
}

#[test]
fn patterns_that_span_trees_need_an_option_or_a_rule() {
    for pattern in ["/**", "/*"] {
        let mut network = Network::new(Options::default());
        let alice = network.join("/");
        let replies = network.say_all(&alice, vec![subscribe([pattern.to_owned()]), subscribe(["/a/**".to_owned()])]);
        assert_eq!(outcome(&replies), (1, vec!["403:spans_trees:subscribe_denied"]), "{pattern}");
        for vars in [("SPANNING_PATTERNS", "true"), ("ACCESS_RULES", "anyone * /**")] {
            let mut network = Network::new(options(&[vars]));
            let alice = network.join("/");
            assert_eq!(
                outcome(&network.say_all(&alice, vec![subscribe([pattern.to_owned()])])),
                (1, vec![]),
                "{vars:?}"
            );
        }
    }
    // With one owner for all channels no pattern spans trees.
    let mut network = Network::new(options(&[("TREE_DEPTH", "0")]));
    let alice = network.join("/");
    assert_eq!(outcome(&network.say_all(&alice, vec![subscribe(["/**".to_owned()])])), (1, vec![]));
}

#[test]
fn patterns_that_span_trees_are_bounded_over_all_homes() {
    let mut network = Network::new(options(&[("SPANNING_PATTERNS", "true"), ("MAX_SPANNING_PATTERNS", "3")]));
    let clients = ["/a", "/b", "/c", "/d", "/e"].map(|home| network.join(home));
    let replies = clients.each_ref().map(|client| network.say_all(client, vec![subscribe(["/**".to_owned()])]));
    let outcomes = replies.each_ref().map(outcome);
    assert_eq!(outcomes[..3], [(1, vec![]), (1, vec![]), (1, vec![])]);
    assert_eq!(outcomes[3..], [(0, vec!["403::subscriptions_exceeded"]), (0, vec!["403::subscriptions_exceeded"])]);
}

#[test]
fn the_root_knows_no_more_trees_than_fit_into_half_of_its_memory() {
    // 65,536 bytes: half of them are 109 trees at 300 bytes each.
    let mut network = Network::new(Options { max_memory: 65_536, ..options(&[("RATE_TREES", "1000/60")]) });
    let mallory = network.join("/");
    for at in 0..109 {
        let replies = network.say_all(&mallory, vec![json!({"channel": format!("/p{at}/x"), "data": 1})]);
        assert_eq!(outcome(&replies), (1, vec![]), "{at}");
    }
    let number = network.ask(&mallory, json!({"channel": "/more/x", "data": 1}));
    for _ in 0..8 {
        network.after(1000);
    }
    let reply = network.reply(number).expect("its publisher gets a reply");
    assert_eq!(reply["error"], "503::owner_unreachable", "{reply}");
    network.say_all(&mallory, vec![json!({"channel": "/p0/x", "data": 2})]);
}
