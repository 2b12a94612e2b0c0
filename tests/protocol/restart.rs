//! What survives the object: sessions, subscriptions and the events that were promised.

use bayeux_edge::bayeux::{Millis, Notice};
use serde_json::json;

use crate::client::Client;
use crate::scenario::Scenario;

const STRICT: (&str, &str) = ("DURABILITY", "strict");

/// A client with the ack extension that listens to `/a` and holds no connect.
fn acking(scenario: &Scenario, name: &'static str) -> Client {
    let client = scenario.client(name);
    client.handshake_with(json!({"ext": {"ack": true}}));
    client.connect_with(json!({"ext": {"ack": -1}})).answer();
    client.subscribe("/a");
    client
}

fn connect_acking(client: &Client, batch: u64) -> (Vec<serde_json::Value>, u64) {
    let answer = client.connect_with(json!({"ext": {"ack": batch}, "advice": {"timeout": 0}})).answer();
    let batch = answer.reply()["ext"]["ack"].as_u64().expect("a batch");
    (answer.data(), batch)
}

#[test]
fn sessions_and_subscriptions_outlive_a_crash() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    bob.subscribe("/b/**");
    bob.unsubscribe("/b/**");
    bob.hold();
    scenario.crashes();
    bob.connect().answer();
    bob.hold();
    alice.publish("/a", 1);
    alice.publish("/b/c", 2);
    assert_eq!(bob.receives(), [1]);
}

#[test]
fn after_a_crash_the_first_connect_is_answered_at_once_with_the_advice() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.hold();
    scenario.crashes();
    assert_eq!(alice.connect().answer().reply()["advice"]["reconnect"], "retry");
    alice.hold();
}

#[test]
fn after_a_crash_every_client_has_max_interval_to_come_back() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "5000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    scenario.after(4000);
    scenario.crashes();
    scenario.after(4999);
    assert_eq!(alice.connect().answer().reply()["successful"], true);
    scenario.after(1);
    assert_eq!(bob.connect().answer().reply()["error"], "402::session_unknown");
}

#[test]
fn a_session_that_ended_is_not_brought_back() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.ask(json!({"channel": "/meta/disconnect"}));
    scenario.after(10_000);
    assert_eq!(scenario.rows().count(), (0, 0, 0));
    scenario.crashes();
    for client in [alice, bob] {
        assert_eq!(client.connect().answer().reply()["error"], "402::session_unknown");
    }
}

#[test]
fn events_queued_for_a_second_survive_a_crash() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.publish("/a", 1);
    scenario.after(1000);
    alice.publish("/a", 2);
    scenario.crashes();
    assert_eq!(bob.connect().answer().data(), [1]);
}

#[test]
fn events_that_were_delivered_are_not_sent_again_after_a_crash() {
    let scenario = Scenario::new();
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    bob.subscribe("/a");
    carol.subscribe("/a");
    alice.publish("/a", 1);
    scenario.after(1000);
    assert_eq!(bob.connect().answer().data(), [1]);
    scenario.crashes();
    assert_eq!(bob.connect().answer().data(), [0; 0]);
    assert_eq!(carol.connect().answer().data(), [1]);
}

#[test]
fn with_strict_durability_no_publish_answered_with_success_is_lost() {
    let scenario = Scenario::with(&[STRICT]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.publish("/a", 1);
    scenario.crashes();
    assert_eq!(bob.connect().answer().data(), [1]);
}

#[test]
fn an_event_delivered_at_once_writes_no_row() {
    for vars in [&[][..], &[STRICT]] {
        let scenario = Scenario::with(vars);
        let [alice, bob] = scenario.join(["alice", "bob"]);
        bob.subscribe("/a");
        bob.hold();
        scenario.rows().written();
        for n in 0..100 {
            alice.publish("/a", n);
            assert_eq!(bob.receives(), [n]);
            bob.hold();
            scenario.after(100);
        }
        assert_eq!(scenario.rows().written(), 0, "{vars:?}");
    }
}

#[test]
fn a_client_with_the_ack_extension_gets_each_event_exactly_once() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let bob = acking(&scenario, "bob");
    alice.publish("/a", 1);
    scenario.crashes();
    let (data, first) = connect_acking(&bob, 0);
    assert_eq!(data, [1]);
    scenario.crashes();
    alice.publish("/a", 2);
    // The answer was lost on its way: the client acknowledges what it had before.
    let (data, second) = connect_acking(&bob, 0);
    assert_eq!(data, [1, 2]);
    assert!(second > first);
    scenario.crashes();
    let (data, third) = connect_acking(&bob, first);
    assert_eq!(data, [2]);
    scenario.crashes();
    let (data, _) = connect_acking(&bob, third);
    assert_eq!(data, [0; 0]);
}

#[test]
fn batch_numbers_never_go_back() {
    let scenario = Scenario::new();
    let bob = acking(&scenario, "bob");
    let mut last = 0;
    for n in 0..300 {
        let (_, batch) = connect_acking(&bob, last);
        assert!(batch > last, "{batch} after {last}");
        last = batch;
        if n % 50 == 7 {
            scenario.crashes();
        }
    }
}

#[test]
fn rows_that_no_session_needs_are_deleted() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let [alice, carol] = scenario.join(["alice", "carol"]);
    let bob = acking(&scenario, "bob");
    carol.subscribe("/a");
    for n in 0..10 {
        alice.publish("/a", n);
    }
    let (data, batch) = connect_acking(&bob, 0);
    assert_eq!(data.len(), 10);
    connect_acking(&bob, batch);
    scenario.after(1000);
    let (_, events, _) = scenario.rows().count();
    assert_eq!(events, 10, "carol has not come yet");
    assert_eq!(carol.connect().answer().data().len(), 10);
    scenario.after(1000);
    assert_eq!(scenario.rows().count(), (3, 0, 0));
}

#[test]
fn rows_of_an_expired_session_are_deleted() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    acking(&scenario, "bob");
    alice.publish("/a", 1);
    scenario.after(12_000);
    assert_eq!(scenario.rows().count(), (0, 0, 0));
    assert_eq!(scenario.wakes_at(), None);
}

#[test]
fn a_new_session_gets_no_events_of_an_ended_one() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000"), STRICT]);
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    bob.subscribe("/a");
    carol.subscribe("/a");
    alice.publish("/a", "for bob and carol");
    carol.ask(json!({"channel": "/meta/disconnect"}));
    scenario.crashes();
    let [dave] = scenario.join(["dave"]);
    dave.subscribe("/a");
    assert_eq!(dave.connect_with(json!({"advice": {"timeout": 0}})).answer().data(), [0; 0]);
    assert_eq!(bob.connect().answer().data(), ["for bob and carol"]);
}

#[test]
fn after_hibernation_a_socket_still_holds_its_connect() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/a");
    let held = bob.hold();
    scenario.hibernates();
    alice.publish("/a", 1);
    assert_eq!(bob.receives(), [1]);
    assert!(held.is_held());
    scenario.hibernates();
    scenario.after(30_000);
    assert_eq!(held.answer().reply()["successful"], true);
    socket.closes();
    scenario.after(10_000);
    assert_eq!(bob.connect().answer().reply()["error"], "402::session_unknown");
}

#[test]
fn idle_sockets_need_no_wake_up_before_their_connects_time_out() {
    let scenario = Scenario::new();
    let people = scenario.join_on_sockets(["alice", "bob", "carol"]);
    people.iter().for_each(|(client, _)| drop(client.hold()));
    scenario.hibernates();
    assert_eq!(scenario.wakes_at(), Some(Millis(scenario.now().0 + 30_000)));
}

#[test]
fn after_hibernation_all_sessions_of_a_socket_hold_their_connects() {
    let scenario = Scenario::new();
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    let others = ["bob", "carol"].map(|name| {
        let client = scenario.join_at(&socket, name);
        client.subscribe("/a");
        client.hold();
        client
    });
    scenario.hibernates();
    alice.publish("/a", 1);
    for client in others {
        assert!(!client.receives().is_empty());
    }
}

#[test]
fn sessions_survive_sockets_that_broke_with_the_object() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, _)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/a");
    bob.hold();
    scenario.crashes();
    let socket = scenario.socket();
    bob.moves_to(&socket);
    bob.connect().answer();
    bob.hold();
    alice.moves_to_polls();
    alice.publish("/a", 1);
    assert_eq!(bob.receives(), [1]);
}

#[test]
fn a_session_that_stays_away_while_the_object_sleeps_expires() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let [alice] = scenario.join(["alice"]);
    scenario.after(20_000);
    let [bob] = scenario.join(["bob"]);
    scenario.sleeps(4000);
    assert_eq!(scenario.rows().count(), (1, 0, 0));
    scenario.falls_asleep();
    scenario.after(15_000);
    scenario.crashes();
    assert_eq!(bob.connect().answer().reply()["successful"], true);
    scenario.sleeps(0);
    assert_eq!(scenario.rows().count(), (1, 0, 0), "the alarm was set for bob's earlier deadline");
    scenario.sleeps(0);
    assert_eq!(scenario.rows().count(), (0, 0, 0));
    assert_eq!(scenario.wakes_at(), None);
    for client in [alice, bob] {
        assert_eq!(client.connect().answer().reply()["error"], "402::session_unknown");
    }
}

#[test]
fn a_session_that_came_back_after_a_sleep_gets_its_full_time_after_a_crash() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    scenario.falls_asleep();
    scenario.after(59_000);
    bob.connect_with(json!({"advice": {"timeout": 0}})).answer();
    scenario.crashes();
    scenario.after(59_999);
    for client in [alice, bob] {
        assert_eq!(client.connect().answer().reply()["successful"], true);
    }
}

#[test]
fn after_a_late_alarm_every_session_gets_its_full_time() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let [alice] = scenario.join(["alice"]);
    scenario.sleeps(5001);
    scenario.after(59_999);
    assert_eq!(alice.connect().answer().reply()["successful"], true);
}

#[test]
fn an_object_whose_sessions_all_hold_a_connect_writes_nothing_before_it_sleeps() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let people = scenario.join_on_sockets(["alice", "bob"]);
    people.iter().for_each(|(client, _)| drop(client.hold()));
    scenario.rows().written();
    scenario.falls_asleep();
    assert_eq!(scenario.rows().written(), 0);
    let [carol] = scenario.join(["carol"]);
    scenario.rows().written();
    for _ in 0..3 {
        scenario.falls_asleep();
    }
    assert_eq!(scenario.rows().written(), 1, "carol is away");
    drop(carol);
}

#[test]
fn a_failed_write_is_reported_to_the_client_and_the_rest_continues() {
    let scenario = Scenario::new();
    let [alice, carol] = scenario.join(["alice", "carol"]);
    let bob = acking(&scenario, "bob");
    carol.subscribe("/b");
    alice.publish("/a", 1);
    scenario.rows().are_full(true);
    scenario.notices();

    let failed = "503::storage_failed";
    assert_eq!(alice.error_of(alice.a_publish("/a", 2)), failed);
    assert_eq!(alice.error_of(json!({"channel": "/meta/subscribe", "subscription": "/c"})), failed);
    let refused = scenario.client("dave").shake_hands_with(json!({}));
    assert_eq!((&refused["error"], &refused["advice"]), (&json!(failed), &json!({"interval": 10000})));
    assert!(scenario.notices().iter().any(|notice| matches!(notice, Notice::StoreFailed { .. })));

    alice.publish("/b", 3);
    assert_eq!(carol.connect_with(json!({"advice": {"timeout": 0}})).answer().data(), [3]);
    scenario.rows().are_full(false);
    scenario.crashes();
    assert_eq!(connect_acking(&bob, 0).0, [1]);
    assert_eq!(alice.connect().answer().reply()["successful"], true);
}

#[test]
fn a_clock_that_jumps_forward_ends_no_session_and_no_held_connect() {
    let scenario = Scenario::with(&[("TIMEOUT", "30000"), ("MAX_INTERVAL", "10000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let held = bob.hold();
    scenario.goes_forward(3_600_000);
    alice.publish("/a", 1);
    assert_eq!(held.answer().data(), [1]);
    let held = bob.hold();
    scenario.goes_forward(3_600_000);
    scenario.wake_up_early();
    scenario.after(9999);
    assert!(held.is_held());
    assert_eq!(alice.connect_with(json!({"advice": {"timeout": 0}})).answer().reply()["successful"], true);
    scenario.after(10_000);
    assert_eq!(alice.connect().answer().reply()["error"], "402::session_unknown", "time goes on");
    scenario.after(10_001);
    assert!(!held.is_held());
}

#[test]
fn a_clock_that_jumps_back_delays_nothing() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    for n in 0..3 {
        let held = bob.hold();
        alice.publish("/a", n);
        scenario.goes_back(3_600_000);
        scenario.wake_up_early();
        scenario.after(1000);
        assert_eq!(held.answer().data(), [n]);
    }
    let held = bob.hold();
    scenario.goes_back(3_600_000);
    scenario.wake_up_early();
    scenario.after(30_000);
    assert!(!held.is_held());
    scenario.after(10_000);
    assert_eq!(bob.connect().answer().reply()["error"], "402::session_unknown");
}

#[test]
fn a_clock_that_jumps_back_before_a_crash_loses_no_session() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    scenario.goes_back(3_600_000);
    scenario.crashes();
    alice.publish("/a", 1);
    assert_eq!(bob.connect().answer().data(), [1]);
}

#[test]
fn a_client_that_never_acknowledges_does_not_keep_other_clients_rows() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "3600000")]);
    let [mallory, bob] = ["mallory", "bob"].map(|name| acking(&scenario, name));
    bob.unsubscribe("/a");
    bob.subscribe("/b");
    let [alice] = scenario.join(["alice"]);
    alice.publish("/a", "never acknowledged");
    assert_eq!(connect_acking(&mallory, 0).0, ["never acknowledged"]);
    alice.publish("/a", "nor this");
    assert_eq!(connect_acking(&mallory, 0).0, ["never acknowledged", "nor this"]);
    let mut batch = 1;
    let mut most = 0;
    for turn in 0..1000 {
        alice.publish("/b", turn);
        let (heard, next) = connect_acking(&bob, batch);
        assert_eq!(heard, [turn]);
        batch = next;
        scenario.after(50);
        most = most.max(scenario.rows().count().2);
    }
    assert!(most < 150, "{most} rows of deliveries");

    // The rows are still correct.
    alice.publish("/b", "new");
    scenario.crashes();
    assert_eq!(connect_acking(&bob, batch).0, ["new"], "nothing comes twice");
    let (heard, second) = connect_acking(&mallory, 2);
    assert_eq!(heard, ["nor this"], "batch 2 had only the first of them");
    assert_eq!(connect_acking(&mallory, second).0, [json!(null); 0]);
}

#[test]
fn events_sent_before_a_crash_are_not_sent_again_after_the_next_crash_even_if_rows_were_merged() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "3600000")]);
    let [_mallory, carol] = ["mallory", "carol"].map(|name| acking(&scenario, name));
    carol.unsubscribe("/a");
    carol.subscribe("/b");
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.publish("/a", "never acknowledged by one, sent to the other");
    scenario.after(1100);
    let reads = |client: &Client| client.connect_with(json!({"advice": {"timeout": 0}})).answer().data();
    assert_eq!(reads(&bob).len(), 1);
    scenario.crashes();
    let mut batch = 1;
    for turn in 0..200 {
        alice.publish("/b", turn);
        batch = connect_acking(&carol, batch).1;
        scenario.after(50);
    }
    scenario.crashes();
    assert_eq!(reads(&bob), [json!(null); 0]);
}
