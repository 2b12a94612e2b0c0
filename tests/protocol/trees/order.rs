//! The order of one session's messages if another object owns the channel: each message takes effect after those
//! before it.

use bayeux_edge::bayeux::Options;
use serde_json::{Value, json};

use super::network::Network;

fn subscribe(pattern: &str) -> Value {
    json!({"channel": "/meta/subscribe", "subscription": pattern})
}

fn unsubscribe(pattern: &str) -> Value {
    json!({"channel": "/meta/unsubscribe", "subscription": pattern})
}

fn publish(channel: &str, data: &str) -> Value {
    json!({"channel": channel, "data": data})
}

fn data(answer: &[Value]) -> Vec<&Value> {
    answer.iter().filter(|message| message.get("successful").is_none()).map(|event| &event["data"]).collect()
}

fn all_successful(answer: &[Value]) -> bool {
    answer.iter().filter_map(|message| message.get("successful")).all(|successful| *successful == true)
}

#[test]
fn an_event_published_between_subscribe_and_unsubscribe_reaches_its_sender() {
    let mut network = Network::new(Options::default());
    let alice = network.join("@0");
    let request = network.ask_all(&alice, [subscribe("/a/x"), publish("/a/x", "own"), unsubscribe("/a/x")]);
    let answer = network.answer(request).unwrap();
    assert!(all_successful(&answer), "{answer:?}");
    assert_eq!(data(&answer), ["own"]);
    network.publish(&alice, "/a/x", "later");
    assert_eq!(network.hears(&alice), [json!(null); 0], "the unsubscribe has taken effect");
}

#[test]
fn an_event_published_before_the_disconnect_of_the_same_batch_reaches_its_sender() {
    let mut network = Network::new(Options::default());
    let alice = network.join("@0");
    let disconnect = json!({"channel": "/meta/disconnect"});
    let request = network.ask_all(&alice, [subscribe("/a/x"), publish("/a/x", "own"), disconnect]);
    let answer = network.answer(request).unwrap();
    assert!(all_successful(&answer), "{answer:?}");
    assert_eq!(data(&answer), ["own"]);
}

#[test]
fn an_unsubscribe_does_not_overtake_the_subscribe_of_an_earlier_request() {
    let mut network = Network::new(Options::default());
    let [alice, bob] = ["/a", "@0"].map(|home| network.join(home));
    network.answers_late("/a");
    let first = network.ask(&bob, subscribe("/a/x"));
    let second = network.ask(&bob, unsubscribe("/a/x"));
    assert!(network.answer(first).is_none() && network.answer(second).is_none());
    network.late_answers_come();
    for request in [first, second] {
        assert!(all_successful(&network.answer(request).unwrap()));
    }
    network.publish(&alice, "/a/x", "to nobody");
    network.after(1000);
    assert_eq!(network.hears(&bob), [json!(null); 0]);
}

#[test]
fn of_subscribes_and_unsubscribes_that_wait_the_last_one_counts() {
    for (last, heard) in [(subscribe("/a/x"), vec![json!(1)]), (unsubscribe("/a/x"), vec![])] {
        let mut network = Network::new(Options::default());
        let [alice, bob] = ["/a", "@0"].map(|home| network.join(home));
        network.answers_late("/a");
        let mut said = vec![subscribe("/a/x"), unsubscribe("/a/x"), subscribe("/a/x"), unsubscribe("/a/x")];
        said.push(last);
        let requests: Vec<_> = said.into_iter().map(|message| network.ask(&bob, message)).collect();
        network.late_answers_come();
        for request in requests {
            assert!(all_successful(&network.answer(request).expect("an answer")));
        }
        network.publish(&alice, "/a/x", 1);
        network.after(1000);
        assert_eq!(network.hears(&bob), heard);
    }
}

#[test]
fn a_disconnect_in_a_later_request_waits_for_the_subscribe_before_it() {
    let mut network = Network::new(Options::default());
    let bob = network.join("@0");
    network.answers_late("/a");
    let first = network.ask(&bob, subscribe("/a/x"));
    let second = network.ask(&bob, json!({"channel": "/meta/disconnect"}));
    network.late_answers_come();
    for request in [first, second] {
        assert!(all_successful(&network.answer(request).unwrap()));
    }
}
