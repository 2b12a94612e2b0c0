//! `RATE_HANDSHAKES` and `RATE_PUBLISHES`: a client that sends too much is advised to wait, and keeps its session.

use std::cell::Cell;
use std::rc::Rc;

use bayeux_edge::bayeux::app::{Actions, Application, LocalSession, publish};
use bayeux_edge::bayeux::{Notice, Status};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

/// Whether each of this many publishes succeeded, sent one after the other.
fn outcomes(client: &Client, count: usize) -> Vec<bool> {
    (0..count).map(|n| client.ask(client.a_publish("/talk", n))["successful"] == true).collect()
}

#[test]
fn past_the_rate_a_publish_is_refused_with_advice_to_wait() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "2/10")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let alice = alice.at_address("192.0.2.1");
    bob.subscribe("/chat");
    bob.hold();
    scenario.notices();
    alice.publish("/chat", 1);
    alice.publish("/chat", 2);
    let request = alice.send(json!({"channel": "/chat", "data": 3, "id": "x"}));
    let expected = json!({"channel": "/chat", "id": "x", "successful": false, "error": "429::rate_exceeded",
        "advice": {"reconnect": "retry", "interval": 5000, "timeout": 30000}});
    assert_eq!((request.answer().status, request.answer().reply()), (Status::Ok, expected));
    assert_eq!(
        alice.error_of(json!({"channel": "/service/x", "data": 1})),
        "429::rate_exceeded",
        "services are asked too"
    );
    assert_eq!(scenario.notices(), [Notice::RateExceeded { what: "publishes", address: "192.0.2.1".into() }], "once");
    scenario.after(4999);
    assert_eq!(alice.error_of(alice.a_publish("/chat", 4)), "429::rate_exceeded");
    scenario.after(1);
    alice.publish("/chat", 5);
    bob.connect();
    assert_eq!(bob.receives(), [1, 2, 5]);
}

#[test]
fn the_first_publishes_of_a_batch_are_accepted_as_far_as_the_rate_allows() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "3/10")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let alice = alice.at_address("192.0.2.1");
    bob.subscribe("/chat");
    let subscribe = json!({"channel": "/meta/subscribe", "subscription": "/chat"});
    let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(|n| alice.a_publish("/chat", n));
    let answer = alice.send_all([one, two, subscribe, three, four, five]).answer();
    let errors: Vec<_> = answer.replies().iter().map(|reply| reply["error"].clone()).collect();
    let (taken, refused) = (Value::Null, json!("429::rate_exceeded"));
    assert_eq!(errors, [&taken, &taken, &taken, &taken, &refused, &refused].map(Clone::clone));
    assert_eq!(answer.data(), [3], "its own events come with the answer");
    assert_eq!(bob.connect().answer().data(), [1, 2, 3]);
}

#[test]
fn rates_count_per_network_and_an_ipv6_slash_64_is_one() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "1/10")]);
    let [alice, bob, carol, dave, nobody] = scenario.join(["alice", "bob", "carol", "dave", "nobody"]);
    let [alice, bob] = [alice.at_address("2001:db8::1"), bob.at_address("2001:db8::ffff:1")];
    let [carol, dave] = [carol.at_address("2001:db8:0:1::1"), dave.at_address("192.0.2.1")];
    assert_eq!(outcomes(&alice, 2), [true, false]);
    assert_eq!(outcomes(&bob, 1), [false]);
    for client in [carol, dave] {
        assert_eq!(outcomes(&client, 2), [true, false]);
    }
    assert_eq!(outcomes(&nobody, 5), [true; 5], "without an address there is no rate");
}

#[test]
fn a_client_past_the_rate_keeps_its_session_and_gets_the_usual_interval_again() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "1/30"), ("MAX_INTERVAL", "2000")]);
    let [alice] = scenario.join(["alice"]).map(|client| client.at_address("192.0.2.1"));
    assert_eq!(outcomes(&alice, 2), [true, false]);
    scenario.after(31_000);
    let held = alice.hold();
    let [bob] = scenario.join(["bob"]);
    alice.subscribe("/chat");
    bob.publish("/chat", "hi");
    let usual = json!({"reconnect": "retry", "interval": 0, "timeout": 30000});
    assert_eq!((held.answer().data(), &held.answer().reply()["advice"]), (vec![json!("hi")], &usual));
    assert_eq!(alice.connect_with(json!({"advice": {"timeout": 0, "interval": 0}})).answer().reply()["advice"], usual);
}

#[test]
fn a_connect_held_while_its_client_exceeds_the_rate_is_answered_and_the_next_may_come_later() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "1/30"), ("MAX_INTERVAL", "2000")]);
    let [alice] = scenario.join(["alice"]).map(|client| client.at_address("192.0.2.1"));
    alice.subscribe("/chat");
    let held = alice.hold();
    assert_eq!(outcomes(&alice, 2), [true, false]);
    let [bob] = scenario.join(["bob"]);
    bob.publish("/chat", "hi");
    assert_eq!(held.answer().data(), ["hi"]);
    scenario.after(31_000);
    let late = alice.hold();
    scenario.after(30_000);
    assert_eq!(late.answer().reply()["advice"]["interval"], 0);
}

#[test]
fn the_first_connect_after_a_refused_publish_is_answered_at_once() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "1/30")]);
    let alice = scenario.client("alice").at_address("192.0.2.1");
    alice.handshake();
    assert_eq!(outcomes(&alice, 2), [true, false]);
    let first = alice.connect().answer().reply();
    assert_eq!(first["advice"], json!({"reconnect": "retry", "interval": 0, "timeout": 30000}));
}

#[test]
fn a_longer_interval_of_the_client_is_kept() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "10/10")]);
    let alice = scenario.client("alice").at_address("192.0.2.1");
    alice.handshake();
    alice.connect_with(json!({"advice": {"timeout": 0, "interval": 7000}})).answer();
    assert_eq!(outcomes(&alice, 10), [true; 10]);
    assert_eq!(alice.ask(alice.a_publish("/chat", 1))["advice"]["interval"], 7000);
}

#[test]
fn past_the_rate_a_handshake_is_refused_with_the_time_to_wait() {
    let scenario = Scenario::with(&[("RATE_HANDSHAKES", "2/60")]);
    let at_home = |name| scenario.client(name).at_address("192.0.2.1");
    for name in ["alice", "bob"] {
        at_home(name).handshake();
    }
    scenario.notices();
    let carol = at_home("carol");
    let reply = carol.shake_hands_with(json!({}));
    assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!("429::rate_exceeded")));
    assert_eq!(reply["advice"], json!({"interval": 30000}));
    carol.shake_hands_with(json!({}));
    assert_eq!(scenario.notices(), [Notice::RateExceeded { what: "handshakes", address: "192.0.2.1".into() }]);
    scenario.client("dave").at_address("192.0.2.2").handshake();
    scenario.after(30_000);
    carol.handshake();
}

#[test]
fn refused_publishes_do_not_affect_acknowledgements() {
    let scenario = Scenario::with(&[("RATE_PUBLISHES", "2/10")]);
    let alice = scenario.client("alice").at_address("192.0.2.1");
    alice.handshake_with(json!({"ext": {"ack": true}}));
    let ack = |batch: u64| json!({"ext": {"ack": batch}, "advice": {"timeout": 0}});
    alice.connect_with(ack(0)).answer();
    alice.subscribe("/chat");
    let [one, two, three] = [1, 2, 3].map(|n| alice.a_publish("/chat", n));
    let answer = alice.send_all([one, two, three]).answer();
    assert_eq!((answer.replies()[2]["error"].clone(), answer.data()), (json!("429::rate_exceeded"), vec![]));
    let delivered = alice.connect_with(ack(1)).answer();
    assert_eq!((delivered.data(), &delivered.reply()["ext"]["ack"]), (vec![json!(1), json!(2)], &json!(2)));
    let again = alice.connect_with(ack(1)).answer();
    assert_eq!(again.data(), [1, 2], "not acknowledged, so they come again");
    assert_eq!(alice.connect_with(ack(3)).answer().data(), Vec::<Value>::new());
}

#[test]
fn refused_messages_reach_no_listener_and_no_hooks_worker() {
    let heard = Rc::new(Cell::new(0));
    let counter = Rc::clone(&heard);
    let app = Application::new().listener("/**", move |_| {
        counter.set(counter.get() + 1);
        Ok(Actions::new())
    });
    let scenario = Scenario::serving(app, &[("RATE_PUBLISHES", "1/10"), ("RATE_HANDSHAKES", "1/10")]);
    let alice = scenario.client("alice").at_address("192.0.2.1");
    alice.handshake();
    assert_eq!(outcomes(&alice, 3), [true, false, false]);
    assert_eq!(heard.get(), 1);
    let scenario = scenario.with_hooks();
    assert_eq!(outcomes(&alice, 1), [false]);
    assert_eq!(scenario.client("bob").at_address("192.0.2.1").shake_hands_with(json!({}))["successful"], false);
    assert_eq!(scenario.asked(), Vec::<Value>::new());
}

#[test]
fn the_server_api_and_the_application_are_not_counted() {
    let bot = LocalSession::new("bot", |_| publish("/answer", "heard"));
    let app = Application::new().local_session(bot.subscribe("/chat"));
    let scenario = Scenario::serving(app, &[("RATE_PUBLISHES", "1/10"), ("RATE_HANDSHAKES", "1/10")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/answer");
    let messages =
        json!([{"channel": "/chat", "data": 1}, {"channel": "/chat", "data": 2}, {"channel": "/chat", "data": 3}]);
    let (status, replies) = scenario.call("POST", "/publish", "", &messages.to_string());
    assert_eq!(status, 200);
    assert!(replies.as_array().unwrap().iter().all(|reply| reply["successful"] == true), "{replies}");
    assert_eq!(alice.connect().answer().data(), ["heard", "heard", "heard"]);
}

#[test]
fn without_rates_nobody_is_refused() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]).map(|client| client.at_address("192.0.2.1"));
    assert_eq!(outcomes(&alice, 500), [true; 500]);
}
