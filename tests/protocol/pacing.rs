//! When events leave: at once for a few clients, in turns and bundles for many.

use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::machine::{Figures, Load, Machine, Over};
use crate::scenario::Scenario;

/// `alice`, who publishes, and a crowd of subscribers to `/chat`, each with a held connect.
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
fn a_few_polls_are_answered_at_once() {
    let (scenario, alice, crowd, held) = crowd(&[], 16);
    alice.publish("/chat", 1);
    assert_eq!(answered(&held), 16);
    let back: Vec<Request> = crowd.iter().map(Client::connect).collect();
    scenario.after(1000);
    assert_eq!(answered(&back), 0);
    alice.publish("/chat", 2);
    assert_eq!(answered(&back), 16);
    assert_eq!(back[15].answer().at, scenario.now());
}

#[test]
fn a_crowd_is_answered_sixteen_polls_at_a_time() {
    let (scenario, alice, crowd, held) = crowd(&[], 100);
    alice.publish("/chat", 0);
    for count in [16, 32, 48, 64, 80, 96, 100] {
        assert_eq!(answered(&held), count);
        scenario.after(1);
    }
    assert!(crowd.iter().all(|client| client.receives() == [0]));
}

#[test]
fn a_flush_answers_a_sixteenth_of_a_large_crowd() {
    let (scenario, alice, _crowd, held) = crowd(&[], 1000);
    alice.publish("/chat", 0);
    assert_eq!(answered(&held), 63);
    scenario.after(40);
    assert_eq!(answered(&held), 1000);
}

#[test]
fn an_answered_client_queues_behind_all_waiting_clients() {
    let (scenario, alice, crowd, held) = crowd(&[], 40);
    alice.publish("/chat", 0);
    let back: Vec<Request> = crowd.iter().take(16).map(Client::hold).collect();
    alice.publish("/chat", 1);
    scenario.after(1);
    assert_eq!((answered(&held), answered(&back)), (32, 0));
    assert_eq!(held[16].answer().data(), [0, 1]);
    scenario.after(1);
    assert_eq!((answered(&held), answered(&back)), (40, 8));
    scenario.after(1);
    assert_eq!(answered(&back), 16);
    assert!(crowd.iter().all(|client| client.receives() == [0, 1]));
}

#[test]
fn with_strict_durability_all_are_answered_at_once() {
    let (_scenario, alice, _crowd, held) = crowd(&[("DURABILITY", "strict")], 100);
    alice.publish("/chat", 0);
    assert_eq!(answered(&held), 100);
}

#[test]
fn one_client_and_one_publisher_never_wait_for_a_flush() {
    let (_scenario, alice, crowd, _) = crowd(&[], 1);
    for number in 0..50 {
        alice.publish("/chat", number);
        crowd[0].connect();
    }
    assert_eq!(crowd[0].receives(), (0..50).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn with_flush_pace_0_no_event_waits() {
    let (_scenario, alice, crowd, held) = crowd(&[("FLUSH_PACE", "0")], 100);
    alice.publish("/chat", 0);
    assert_eq!(answered(&held), 100);
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
fn while_events_wait_for_a_flush_other_messages_are_answered_at_once_with_them() {
    let (_scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    let back = crowd[0].hold();
    alice.publish("/chat", 1);
    assert_eq!(crowd[0].send(json!({"channel": "/service/x", "data": 1})).answer().data(), [1]);
    assert!(back.is_held());
}

#[test]
fn a_connect_that_waits_for_a_flush_still_times_out() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    let back = crowd[0].connect_with(json!({"advice": {"timeout": 20}}));
    alice.publish("/chat", 1);
    scenario.after(20);
    assert_eq!(back.answer().data(), [1]);
}

#[test]
fn a_connect_overtaken_while_it_waits_for_a_flush_loses_no_event() {
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
fn a_connect_that_broke_off_while_it_waited_for_a_flush_loses_no_event() {
    let (scenario, alice, crowd, _) = crowd(&[], 100);
    alice.publish("/chat", 0);
    let gone = crowd[0].hold();
    alice.publish("/chat", 1);
    gone.breaks_off();
    scenario.after(50);
    assert_eq!(crowd[0].connect().answer().data(), [1]);
}

/// The figures of the same load on a machine that is this many times slower: with the default pace, and with each event
/// sent to all at once.
fn beside_sending_at_once(over: Over, crowd: usize, slowed: u64, load: Load) -> (Figures, Figures) {
    let under =
        |pace| Machine::new(over, crowd, slowed, &[("FLUSH_PACE", pace), ("CONNECTION_TYPES", ALL)]).under(load);
    (under("500"), under("0"))
}

const ALL: &str = "websocket long-polling eventsource";

#[test]
fn under_full_load_pacing_delivers_four_times_as_many_events_to_sockets_and_streams() {
    for over in [Over::Sockets, Over::Streams] {
        for slowed in [1, 2, 4, 8] {
            for crowd in [100, 500] {
                let (paced, at_once) = beside_sending_at_once(over, crowd, slowed, Load::Saturation(8));
                let ratio = paced.deliveries as f64 / at_once.deliveries as f64;
                assert!(ratio >= 4.0, "{over:?} {crowd}, slowed {slowed} times: {ratio:.2}, {paced:?}, {at_once:?}");
                assert!(paced.p99 <= at_once.p99, "{over:?} {crowd}, slowed {slowed} times: {paced:?}, {at_once:?}");
            }
        }
    }
}

#[test]
fn under_full_load_pacing_delivers_no_fewer_events_to_polls() {
    for slowed in [1, 2, 4, 8] {
        let (paced, at_once) = beside_sending_at_once(Over::Polls, 200, slowed, Load::Saturation(8));
        let ratio = paced.deliveries as f64 / at_once.deliveries as f64;
        assert!(ratio >= 1.0, "slowed {slowed} times: {ratio:.2}, {paced:?}, {at_once:?}");
    }
}

#[test]
fn below_full_load_pacing_delays_nothing() {
    for (slowed, crowd, pause) in
        [(1, 100, 10_000), (2, 100, 10_000), (4, 100, 20_000), (1, 1000, 100_000), (2, 1000, 100_000)]
    {
        let (paced, at_once) = beside_sending_at_once(Over::Sockets, crowd, slowed, Load::Every(pause));
        assert_eq!(paced, at_once, "{crowd}, slowed {slowed} times");
    }
}
