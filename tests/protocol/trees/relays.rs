//! How homes answer relayed events, and homes that relay events to others.

use bayeux_edge::bayeux::{HistoryRules, Options};
use serde_json::{Value, json};

use super::network::{Client, Network};

/// More than an owner calls one by one.
const MANY: usize = 34;

/// Alice at the owner of `/a`, and a subscriber at each of many homes, who has received one event.
fn many_homes(name: impl Fn(usize) -> String) -> (Network, Client, Vec<Client>) {
    homes(MANY, name)
}

fn homes(count: usize, name: impl Fn(usize) -> String) -> (Network, Client, Vec<Client>) {
    let mut network = Network::patient();
    let alice = network.join("/a");
    let listeners: Vec<_> = (0..count).map(|number| network.join_acking(&name(number))).collect();
    listeners.iter().for_each(|listener| network.subscribe(listener, "/a/x"));
    network.publish(&alice, "/a/x", 0);
    network.after(1000);
    for listener in &listeners {
        assert_eq!(network.hears(listener), [0]);
    }
    (network, alice, listeners)
}

#[test]
fn a_home_that_subscribes_again_while_its_withdrawal_is_on_its_way_is_not_forgotten() {
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

#[test]
fn an_event_on_its_way_to_a_replay_client_has_a_row() {
    let history = HistoryRules::parse("/a/** 10").unwrap();
    let mut network = Network::new(Options { history, ..Options::default() });
    let (alice, bob) = (network.join("/a"), network.join_replaying("@0"));
    network.subscribe(&bob, "/a/x");
    network.publish(&alice, "/a/y", 0);
    network.hold();
    network.publish(&alice, "/a/x", 1);
    let (_, events, _) = network.rows("/a").count();
    assert_eq!(events, 1);
}

#[test]
fn whichever_home_of_a_group_is_unreachable_all_others_receive_the_events() {
    let groups: [fn(usize) -> String; 2] =
        [|number| format!("@weur.{number}"), |number| if number == 0 { "/".to_owned() } else { format!("@{number}") }];
    for name in groups {
        let (mut network, alice, listeners) = many_homes(name);
        for dead in 0..MANY {
            network.cut_off(&name(dead), true);
            network.publish(&alice, "/a/x", dead + 1);
            network.after(20_000);
            for (number, listener) in listeners.iter().enumerate().filter(|(number, _)| *number != dead) {
                let heard = network.hears(listener);
                assert!(heard.contains(&json!(dead + 1)), "{} hears {heard:?}", name(number));
            }
            network.cut_off(&name(dead), false);
            network.after(60_000);
            assert!(network.hears(&listeners[dead]).contains(&json!(dead + 1)));
        }
    }
}

#[test]
fn a_home_that_hangs_keeps_no_event_from_the_others_of_its_group() {
    let (mut network, alice, listeners) = many_homes(|number| format!("@weur.{number}"));
    network.answers_late("@weur.7");
    for number in 1..=3 {
        network.publish(&alice, "/a/x", number);
        network.after(5000);
    }
    for (number, listener) in listeners.iter().enumerate().filter(|(number, _)| *number != 7) {
        assert_eq!(network.hears(listener), [1, 2, 3], "@weur.{number}");
    }
    network.late_answers_are_given_up();
    network.late_answers_come();
    network.publish(&alice, "/a/x", 4);
    network.after(60_000);
    assert_eq!(network.hears(&listeners[7]), [1, 2, 3, 4]);
}

#[test]
fn an_owner_calls_one_home_of_each_group_and_the_homes_take_turns() {
    let (mut network, alice, _) = many_homes(|number| format!("@weur.{number}"));
    network.calls();
    let mut owner_asks = std::collections::BTreeSet::new();
    for number in 0..10 {
        network.hold();
        network.publish(&alice, "/a/x", number);
        let asked = network.called_by("/a");
        assert_eq!(asked.len(), 2, "two groups of 17: {asked:?}");
        owner_asks.extend(asked);
        network.flow();
        network.after(1000);
    }
    assert!(owner_asks.len() > 5, "{owner_asks:?}");
}

#[test]
fn a_home_passes_an_event_on_to_at_most_31_others() {
    // 64 homes are two groups of 32. One home more makes a third group.
    for (count, expected) in [(64, vec![31, 31]), (65, vec![20, 21, 21])] {
        let (mut network, alice, listeners) = homes(count, |number| format!("@weur.{number}"));
        network.hold();
        network.publish(&alice, "/a/x", 1);
        let mut passed_on: Vec<_> = network
            .called_by("/a")
            .iter()
            .map(|home| {
                network.pass_call("/a", home);
                network.called_by(home).len()
            })
            .collect();
        passed_on.sort_unstable();
        assert_eq!(passed_on, expected, "{count} homes");
        network.flow();
        assert!(listeners.iter().all(|listener| network.hears(listener) == [1]));
    }
}

#[test]
fn lazy_events_wait_at_other_homes_too() {
    let mut network = Network::patient();
    let [alice, bob] = ["/a", "@0"].map(|home| network.join(home));
    network.subscribe(&bob, "/a/x");
    network.publish(&alice, "/a/x", 0);
    network.after(1000);
    assert_eq!(network.hears(&bob), [0]);
    let held = network.holds(&bob);
    // As the home of an application that publishes lazily sends it.
    let life = u64::MAX >> 1;
    let event = r#"{"channel":"/a/x","data":1}"#;
    network.call(
        "/a",
        &format!(
            r#"{{"link":{{"home":"@7","life":{life},"items":[[1,{{"publish":{{"event":{event},"lazy":true}}}}]],"heard":0}}}}"#
        ),
    );
    network.after(1000);
    assert_eq!(network.reply(held), None, "it is lazy");
    network.publish(&alice, "/a/x", 2);
    network.after(1000);
    let heard: Vec<Value> = network.events(held);
    assert_eq!(heard, [1, 2]);
}
