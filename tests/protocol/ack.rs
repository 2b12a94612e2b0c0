//! The ack extension: every event arrives, whatever is lost on the way.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::client::{Answer, Client, Request, Socket};
use crate::scenario::Scenario;

/// Bob has the ack extension and is subscribed to all channels; Alice publishes.
fn acks(vars: &[(&str, &str)]) -> (Scenario, Client, Client) {
    let scenario = Scenario::with(vars);
    let [alice] = scenario.join(["alice"]);
    let bob = scenario.client("bob");
    begin(&bob);
    (scenario, alice, bob)
}

/// The same, with Bob on a socket.
fn acks_on_a_socket() -> (Scenario, Client, Client, Socket) {
    let scenario = Scenario::new();
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    let (bob, socket) = (scenario.client("bob"), scenario.socket());
    bob.moves_to(&socket);
    begin(&bob);
    socket.frames();
    (scenario, alice, bob, socket)
}

/// The handshake, the subscription, and the first connect, which is batch 1.
fn begin(bob: &Client) {
    let reply = bob.handshake_with(json!({"ext": {"ack": true}}));
    assert_eq!(reply["ext"], json!({"ack": true}));
    bob.subscribe("/**");
    assert_eq!(batch(&connect(bob, 0).answer()), 1);
}

/// A connect that acknowledges everything up to this batch.
fn connect(bob: &Client, ack: i64) -> Request {
    bob.connect_with(json!({"ext": {"ack": ack}}))
}

fn batch(answer: &Answer) -> u64 {
    answer.reply()["ext"]["ack"].as_u64().unwrap_or_else(|| panic!("no batch: {}", answer.text))
}

/// The data of an answer's events, and its batch.
fn got(request: &Request) -> (Value, u64) {
    let answer = request.answer();
    (json!(answer.data()), batch(&answer))
}

#[test]
fn each_connect_reply_is_the_next_batch() {
    let (scenario, alice, bob) = acks(&[]);
    for number in 1..=3 {
        let held = connect(&bob, number);
        assert!(held.is_held());
        alice.publish("/chat", number);
        assert_eq!(got(&held), (json!([number]), u64::try_from(number).unwrap() + 1));
    }
    let held = connect(&bob, 4);
    scenario.after(30_000);
    assert_eq!(got(&held), (json!([]), 5), "a reply without events is a batch too");
}

#[test]
fn a_connect_with_unacknowledged_events_is_answered_at_once_with_all_of_them_in_a_new_batch() {
    let (_scenario, alice, bob) = acks(&[]);
    let held = connect(&bob, 1);
    alice.publish("/chat", "a");
    assert_eq!(got(&held), (json!(["a"]), 2));
    alice.publish("/chat", "b");
    assert_eq!(got(&connect(&bob, 1)), (json!(["a", "b"]), 3));
    assert_eq!(got(&connect(&bob, 1)), (json!(["a", "b"]), 4));
    assert!(connect(&bob, 4).is_held(), "all of it has arrived");
}

#[test]
fn acknowledging_a_batch_acknowledges_earlier_batches_and_no_later_event() {
    let (_scenario, alice, bob) = acks(&[]);
    let held = connect(&bob, 1);
    alice.publish("/chat", "a");
    assert_eq!(got(&held), (json!(["a"]), 2));
    alice.publish("/chat", "b");
    assert_eq!(got(&connect(&bob, 1)), (json!(["a", "b"]), 3));
    // Batch 2 had arrived after all, late.
    assert_eq!(got(&connect(&bob, 2)), (json!(["b"]), 4));
    alice.publish("/chat", "c");
    assert_eq!(got(&connect(&bob, 4)), (json!(["c"]), 5));
}

#[test]
fn an_overtaken_connect_loses_nothing() {
    let (_scenario, alice, bob) = acks(&[]);
    let older = connect(&bob, 1);
    let newer = connect(&bob, 1);
    assert_eq!(older.answer().reply()["error"], "409::connect_overtaken");
    assert_eq!(older.answer().reply()["ext"], Value::Null);
    alice.publish("/chat", "a");
    assert_eq!(got(&newer), (json!(["a"]), 2));
    // That answer was lost, and so is the next connect, which another one overtakes.
    alice.publish("/chat", "b");
    assert_eq!(got(&connect(&bob, 1)).0, json!(["a", "b"]));
    assert_eq!(got(&connect(&bob, 1)).0, json!(["a", "b"]));
}

#[test]
fn an_aborted_poll_loses_nothing() {
    let (_scenario, alice, bob) = acks(&[]);
    connect(&bob, 1).breaks_off();
    alice.publish("/chat", "a");
    let again = connect(&bob, 1);
    assert_eq!(got(&again), (json!(["a"]), 2));
    // The answer was on its way when the poll broke off.
    again.is_gone();
    assert_eq!(got(&connect(&bob, 1)), (json!(["a"]), 3));
}

#[test]
fn events_come_with_no_reply_but_the_connects() {
    let (_scenario, alice, bob) = acks(&[]);
    alice.publish("/chat", "a");
    for message in [
        bob.a_publish("/chat", "b"),
        json!({"channel": "/meta/subscribe", "subscription": "/more"}),
        json!({"channel": "/meta/unsubscribe", "subscription": "/more"}),
        json!({"channel": "/service/x", "data": 1}),
    ] {
        let answer = bob.send(message).answer();
        assert_eq!(answer.events(), Vec::<Value>::new());
        assert_eq!(answer.reply()["ext"], Value::Null);
    }
    assert_eq!(got(&connect(&bob, 1)), (json!(["a", "b"]), 2));
}

#[test]
fn a_connect_beside_other_messages_carries_the_events_and_its_batch_number() {
    let (_scenario, alice, bob) = acks(&[]);
    alice.publish("/chat", "a");
    let mut connect = bob.a_connect();
    connect["ext"] = json!({"ack": 1});
    let answer = bob.send_all([bob.a_publish("/chat", "b"), connect]).answer();
    assert_eq!(answer.data(), ["a", "b"]);
    let acks: Vec<Value> = answer.replies().iter().map(|reply| reply["ext"]["ack"].clone()).collect();
    assert_eq!(acks, [Value::Null, json!(2)]);
}

#[test]
fn a_connect_without_a_number_acknowledges_nothing_and_gets_a_new_batch() {
    let (_scenario, alice, bob) = acks(&[]);
    let held = bob.connect();
    alice.publish("/chat", "a");
    assert_eq!(got(&held), (json!(["a"]), 2));
    assert_eq!(got(&bob.connect()), (json!(["a"]), 3));
    assert!(connect(&bob, 3).is_held());
}

#[test]
fn an_invalid_batch_number_acknowledges_nothing() {
    let (_scenario, alice, bob) = acks(&[]);
    alice.publish("/chat", "a");
    let ext = |ext: Value| bob.connect_with(json!({"ext": ext}));
    for (index, ack) in [json!(-1), json!(0), json!("9"), json!(9.5), json!(true), json!([9]), json!({"batch": 9})]
        .into_iter()
        .enumerate()
    {
        assert_eq!(got(&ext(json!({"ack": ack}))), (json!(["a"]), index as u64 + 2), "{ack}");
    }
    for other in [json!(9), json!([9]), json!("ack"), json!({"ACK": 9})] {
        assert_eq!(got(&ext(other.clone())).0, json!(["a"]), "{other}");
    }
}

#[test]
fn a_batch_number_that_is_too_high_acknowledges_only_what_was_sent() {
    let (_scenario, alice, bob) = acks(&[]);
    let held = connect(&bob, 1);
    alice.publish("/chat", "sent");
    assert_eq!(got(&held), (json!(["sent"]), 2));
    alice.publish("/chat", "not sent");
    assert_eq!(got(&connect(&bob, i64::MAX)), (json!(["not sent"]), 3));
}

#[test]
fn only_ack_true_in_the_handshake_enables_the_extension() {
    for ext in [
        json!({"ack": false}),
        json!({"ack": "true"}),
        json!({"ack": 1}),
        json!({"ack": null}),
        json!({}),
        json!([true]),
        json!(1),
    ] {
        let scenario = Scenario::new();
        let [alice] = scenario.join(["alice"]);
        let bob = scenario.client("bob");
        assert_eq!(bob.handshake_with(json!({"ext": ext}))["ext"], Value::Null, "{ext}");
        bob.subscribe("/chat");
        bob.connect().answer();
        alice.publish("/chat", "a");
        let answer = bob.send(bob.a_publish("/other", 1)).answer();
        assert_eq!(answer.data(), ["a"], "events come with any reply: {ext}");
        let held = connect(&bob, 5);
        alice.publish("/chat", "b");
        assert_eq!(held.answer().reply()["ext"], Value::Null, "{ext}");
    }
}

#[test]
fn a_refused_connect_acknowledges_nothing() {
    let (_scenario, alice, bob) = acks(&[]);
    let held = connect(&bob, 1);
    alice.publish("/chat", "a");
    assert_eq!(got(&held), (json!(["a"]), 2));
    bob.connect_with(json!({"connectionType": "carrier-pigeon", "ext": {"ack": 2}})).answer();
    assert_eq!(got(&connect(&bob, 1)), (json!(["a"]), 3));
}

#[test]
fn each_client_has_its_own_batch_numbers() {
    let (scenario, alice, bob) = acks(&[]);
    let carol = scenario.client("carol");
    begin(&carol);
    let (bobs, carols) = (connect(&bob, 1), connect(&carol, 1));
    alice.publish("/chat", "a");
    assert_eq!((got(&bobs), got(&carols)), ((json!(["a"]), 2), (json!(["a"]), 2)));
    scenario.after(1);
    assert!(connect(&bob, 2).is_held());
    assert_eq!(got(&connect(&carol, 1)), (json!(["a"]), 3));
}

#[test]
fn unacknowledged_lazy_events_come_again_with_the_next_batch_and_do_not_trigger_it() {
    let (scenario, alice, bob) = acks(&[("LAZY_CHANNELS", "/lazy"), ("MAX_LAZY_TIMEOUT", "1500")]);
    let held = connect(&bob, 1);
    alice.publish("/lazy", "a");
    scenario.after(1499);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(got(&held), (json!(["a"]), 2));
    let held = connect(&bob, 1);
    scenario.after(1499);
    assert!(held.is_held());
    alice.publish("/chat", "b");
    assert_eq!(got(&held), (json!(["a", "b"]), 3));
    let held = connect(&bob, 3);
    scenario.after(30_000);
    assert_eq!(got(&held), (json!([]), 4));
}

#[test]
fn a_connect_that_times_out_carries_unacknowledged_lazy_events() {
    let (scenario, alice, bob) = acks(&[("LAZY_CHANNELS", "/lazy"), ("MAX_LAZY_TIMEOUT", "1500")]);
    connect(&bob, 1).breaks_off();
    alice.publish("/lazy", "a");
    scenario.after(2000);
    assert_eq!(got(&connect(&bob, 1)), (json!(["a"]), 2));
    let held = bob.connect_with(json!({"ext": {"ack": 1}, "advice": {"timeout": 1000}}));
    scenario.after(1000);
    assert_eq!(got(&held), (json!(["a"]), 3));
}

#[test]
fn unacknowledged_events_are_bounded_by_max_queue() {
    let (_scenario, alice, bob) = acks(&[("MAX_QUEUE", "3")]);
    let held = connect(&bob, 1);
    alice.publish("/chat", 0);
    held.answer();
    for number in 1..=4 {
        alice.publish("/chat", number);
    }
    assert_eq!(got(&connect(&bob, 1)), (json!([{"events": 2}, 2, 3, 4]), 3));
    // The dropped event is not acknowledged a second time.
    alice.publish("/chat", 5);
    assert_eq!(got(&connect(&bob, 2)), (json!([{"events": 3}, 3, 4, 5]), 4));
    assert_eq!(got(&connect(&bob, 3)), (json!([{"events": 3}, 5]), 5));
}

#[test]
fn on_a_socket_events_come_with_the_connect_reply_too() {
    let (_scenario, alice, bob, socket) = acks_on_a_socket();
    let held = connect(&bob, 1);
    alice.publish("/chat", "a");
    assert_eq!(got(&held), (json!(["a"]), 2));
    assert_eq!(socket.frames().len(), 1, "in one frame");
    alice.publish("/chat", "b");
    assert_eq!(bob.send(bob.a_publish("/chat", "c")).answer().events(), Vec::<Value>::new());
    assert_eq!(got(&connect(&bob, 2)), (json!(["b", "c"]), 3));
    assert!(connect(&bob, 3).is_held());
}

#[test]
fn after_a_broken_socket_no_event_is_lost_over_polls_or_a_new_socket() {
    let (scenario, alice, bob, socket) = acks_on_a_socket();
    let held = connect(&bob, 1);
    alice.publish("/chat", "sent into the void");
    held.answer();
    socket.closes();
    alice.publish("/chat", "kept");
    bob.moves_to_polls();
    assert_eq!(got(&connect(&bob, 1)), (json!(["sent into the void", "kept"]), 3));
    let next = scenario.socket();
    bob.moves_to(&next);
    assert_eq!(got(&connect(&bob, 2)), (json!(["kept"]), 4));
    assert!(connect(&bob, 4).is_held());
}

#[test]
fn an_overtaken_connect_on_a_socket_takes_no_batch_number() {
    let (_scenario, alice, bob, _socket) = acks_on_a_socket();
    let older = connect(&bob, 1);
    let newer = connect(&bob, 1);
    alice.publish("/chat", "a");
    assert_eq!(got(&newer), (json!(["a"]), 2));
    assert!(older.is_held());
}

#[test]
fn unacknowledged_events_come_with_the_reply_to_a_disconnect() {
    let (_scenario, alice, bob) = acks(&[]);
    alice.publish("/chat", "last words");
    assert_eq!(bob.send(json!({"channel": "/meta/disconnect"})).answer().data(), ["last words"]);
}

/// Connects and answers get lost; the client reads what arrives, acknowledges it, and connects again, over polls or
/// sockets.
fn loses_at_random(seed: u64) {
    const EVENTS: u64 = 1000;
    let (scenario, alice, bob) = acks(&[]);
    let mut random = ChaCha12Rng::seed_from_u64(seed);
    let mut one_in = |chances: u32| random.next_u32() % chances == 0;
    let (mut read, mut ack, mut published) = (Vec::new(), 1, 0);
    let mut socket = None;
    let (mut lost, mut turns) = (0, 0);
    while read.len() < 1000 {
        turns += 1;
        assert!(turns < 20_000, "seed {seed}: only {} events arrive", read.len());
        // The pauses are too short for a session to expire.
        scenario.after(if one_in(3) { 100 } else { 1 });
        if one_in(20) {
            if let Some(cut) = socket.take() {
                Socket::closes(&cut);
            }
            bob.moves_to_polls();
        } else if one_in(20) {
            let opened = scenario.socket();
            bob.moves_to(&opened);
            // The old one, if there was one, is open for ever: nobody told the server.
            socket = Some(opened);
        }
        if one_in(5) {
            lost += 1; // a connect that never reached the server
            continue;
        }
        let request = connect(&bob, ack);
        while published < EVENTS && !one_in(3) {
            alice.publish("/chat", published);
            published += 1;
        }
        if request.is_held() {
            // Either the platform tells the server that the client gave up, or the next connect does.
            if socket.is_none() && one_in(2) {
                request.breaks_off();
            }
        } else if one_in(4) {
            lost += 1; // an answer that never reached the client
        } else {
            let answer = request.answer();
            read.extend(answer.data());
            ack = i64::try_from(batch(&answer)).unwrap();
        }
        if one_in(10) {
            alice.connect_with(json!({"advice": {"timeout": 0}}));
        }
    }
    assert_eq!(read, (0..EVENTS).map(Value::from).collect::<Vec<_>>(), "seed {seed}");
    assert!(lost > 100, "seed {seed}: only {lost} got lost");
    assert!(connect(&bob, ack).is_held(), "seed {seed}: nothing is left");
}

#[test]
fn with_connects_and_answers_lost_at_random_every_event_arrives_once_and_in_order() {
    (0..20).for_each(loses_at_random);
}
