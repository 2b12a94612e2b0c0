//! When events leave: at once on an idle server, in bundles on one that has just answered many polls.

use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::scenario::Scenario;

/// `alice`, who publishes, and a crowd that listens to `/chat`, each with a connect held.
fn crowd(vars: &[(&str, &str)], size: usize) -> (Scenario, Client, Vec<Client>, Vec<Request>) {
    let scenario = Scenario::with(vars);
    let [alice] = scenario.join(["alice"]);
    let crowd: Vec<Client> = (0..size)
        .map(|_| {
            let [client] = scenario.join(["one of the crowd"]);
            client.subscribe("/chat");
            client
        })
        .collect();
    let held = crowd.iter().map(Client::hold).collect();
    (scenario, alice, crowd, held)
}

fn answered(requests: &[Request]) -> usize {
    requests.iter().filter(|request| !request.is_held()).count()
}

#[test]
fn an_idle_server_answers_at_once() {
    let (scenario, alice, crowd, held) = crowd(&[], 100);
    alice.publish("/chat", 1);
    assert_eq!(answered(&held), 100);
    let back: Vec<Request> = crowd.iter().map(Client::connect).collect();
    scenario.after(1000);
    assert_eq!(answered(&back), 0);
    alice.publish("/chat", 2);
    assert_eq!(answered(&back), 100);
    assert_eq!(back[99].answer().at, scenario.now());
}

#[test]
fn one_client_and_one_publisher_never_wait_for_the_pace() {
    let (_scenario, alice, crowd, _) = crowd(&[], 1);
    for number in 0..50 {
        alice.publish("/chat", number);
        crowd[0].connect();
    }
    assert_eq!(crowd[0].receives(), (0..50).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn after_many_answers_the_next_wait_for_the_stragglers_up_to_twice_their_cost_and_carry_everything() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    // One alone is back: 99 are still on their way.
    let back = crowd[0].connect();
    alice.publish("/chat", 1);
    scenario.after(49);
    alice.publish("/chat", 2);
    assert!(back.is_held());
    scenario.after(1);
    // 100 answers at 0.25 ms, twice.
    assert_eq!(back.answer().data(), [1, 2]);
}

#[test]
fn the_wait_is_over_a_little_after_nearly_all_polls_are_back() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    scenario.after(16);
    let (most, last) = crowd.split_at(98);
    let back: Vec<Request> = most.iter().map(Client::hold).collect();
    alice.publish("/chat", 1);
    assert_eq!(answered(&back), 0);
    // A sixteenth of the time it took.
    scenario.after(1);
    assert_eq!(answered(&back), 98);
    // It missed that flush, and the next one waits for 98 others.
    let late = last[0].hold();
    scenario.after(49);
    assert_eq!(late.answer().data(), [1]);
}

#[test]
fn flush_pace_is_the_longest_it_waits() {
    let (scenario, alice, crowd, _) = crowd(&[("FLUSH_PACE", "10")], 100);
    alice.publish("/chat", 0);
    let back = crowd[0].hold();
    alice.publish("/chat", 1);
    scenario.after(9);
    assert!(back.is_held());
    scenario.after(1);
    assert_eq!(back.answer().data(), [1]);
}

#[test]
fn with_flush_pace_0_it_never_waits() {
    let (_scenario, alice, crowd, _) = crowd(&[("FLUSH_PACE", "0")], 100);
    alice.publish("/chat", 0);
    let back = crowd[0].hold();
    alice.publish("/chat", 1);
    assert_eq!(back.answer().data(), [1]);
}

#[test]
fn a_poll_that_finds_events_waiting_shares_the_next_flush() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    alice.publish("/chat", 1);
    let back = crowd[0].hold();
    alice.publish("/chat", 2);
    scenario.after(50);
    assert_eq!(back.answer().data(), [1, 2]);
}

#[test]
fn other_messages_are_answered_at_once_meanwhile_and_take_the_events_along() {
    let (_scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    let back = crowd[0].hold();
    alice.publish("/chat", 1);
    assert_eq!(crowd[0].send(json!({"channel": "/service/x", "data": 1})).answer().data(), [1]);
    assert!(back.is_held());
}

#[test]
fn a_connect_that_waits_for_the_pace_still_ends_in_its_time() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    let back = crowd[0].connect_with(json!({"advice": {"timeout": 20}}));
    alice.publish("/chat", 1);
    scenario.after(20);
    assert_eq!(back.answer().data(), [1]);
}

#[test]
fn a_connect_overtaken_while_it_waits_for_the_pace_loses_nothing() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    let older = crowd[0].hold();
    alice.publish("/chat", 1);
    let newer = crowd[0].hold();
    scenario.after(50);
    assert_eq!(older.answer().messages.len(), 1);
    assert_eq!(newer.answer().data(), [1]);
}

#[test]
fn one_that_broke_off_while_it_waited_for_the_pace_loses_nothing() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    let gone = crowd[0].hold();
    alice.publish("/chat", 1);
    gone.breaks_off();
    scenario.after(50);
    assert_eq!(crowd[0].connect().answer().data(), [1]);
}
