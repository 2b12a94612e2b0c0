//! Server-sent events: events go out on the stream, and connects beside it are answered at once.

use bayeux_edge::bayeux::{Ending, Notice, Status};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

const BEAT: u64 = 15_000;
const TIMEOUT: u64 = 30_000;
const MAX_INTERVAL: u64 = 10_000;

const NOTHING: [Vec<Value>; 0] = [];

/// A connect as Faye's client sends it beside its stream.
fn connect(client: &Client) -> Value {
    let request = client.connect_with(json!({"connectionType": "eventsource"}));
    assert!(!request.is_held());
    request.answer().reply()
}

fn chatter(scenario: &Scenario) -> [Client; 2] {
    let clients = scenario.join(["alice", "bob"]);
    clients[1].subscribe("/chat");
    clients
}

#[test]
fn the_handshake_offers_eventsource_and_its_connects_are_answered_at_once_with_fayes_advice() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice");
    let reply = alice.handshake_with(json!({"supportedConnectionTypes": ["eventsource", "carrier-pigeon"]}));
    assert_eq!(reply["supportedConnectionTypes"], json!(["eventsource"]));
    let _stream = scenario.stream(&alice);
    for advice in [json!({"reconnect": "retry", "interval": TIMEOUT, "timeout": 0}), Value::Null, Value::Null] {
        let reply = connect(&alice);
        assert_eq!((&reply["successful"], &reply["advice"]), (&json!(true), &advice));
    }
}

#[test]
fn events_go_out_on_the_stream_at_once_and_not_with_replies() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    let stream = scenario.stream(&bob);
    for turn in 1..=3 {
        alice.publish("/chat", turn);
        assert_eq!(stream.receives(), [[json!(turn)]]);
        scenario.after(1);
    }
    alice.send_all([alice.a_publish("/chat", "a"), alice.a_publish("/chat", "b")]);
    assert_eq!(stream.receives(), [[json!("a"), json!("b")]]);
    bob.publish("/chat", "his own");
    assert_eq!((bob.receives(), stream.receives()), (vec![], vec![vec![json!("his own")]]), "in order with the others");
    connect(&bob);
    assert_eq!(bob.receives(), Vec::<Value>::new());
}

#[test]
fn queued_events_come_first_when_a_stream_opens() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    alice.publish("/chat", 1);
    alice.publish("/chat", 2);
    assert_eq!(scenario.stream(&bob).receives(), [[json!(1), json!(2)]]);
}

#[test]
fn without_a_stream_the_reply_to_a_connect_carries_the_events() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    alice.publish("/chat", 1);
    connect(&bob);
    assert_eq!(bob.receives(), [1]);
}

#[test]
fn an_open_stream_keeps_its_session_and_gets_heartbeats_while_idle() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    let stream = scenario.stream(&bob);
    scenario.after(10 * BEAT);
    assert_eq!((stream.beats(), stream.receives()), (10, NOTHING.to_vec()));
    let dave = scenario.join(["dave"]);
    dave[0].publish("/chat", "still there?");
    assert_eq!(stream.receives(), [[json!("still there?")]]);
    assert_eq!(alice.error_of(alice.a_publish("/chat", 1)), "402::session_unknown");
}

#[test]
fn streams_get_their_heartbeats_together_so_that_the_object_wakes_once() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let streams = [&alice, &bob].map(|client| {
        scenario.after(1234);
        scenario.stream(client)
    });
    scenario.after(BEAT - 1234);
    assert_eq!(streams.map(|stream| stream.beats()), [1, 1]);
    assert_eq!(scenario.wakes_at().unwrap().0 % BEAT, 0);
}

#[test]
fn an_idle_stream_over_a_link_lets_the_object_sleep_for_an_hour() {
    const HOUR: u64 = 3_600_000;
    let scenario = Scenario::new();
    let [bob] = scenario.join(["bob"]);
    bob.subscribe("/chat");
    let stream = scenario.stream_kept_open(&bob);
    scenario.after(MAX_INTERVAL); // it was to be woken for bob's session
    assert_eq!((stream.beats(), scenario.wakes_at().unwrap().0 % HOUR), (0, 0));
    scenario.after(HOUR);
    assert_eq!((stream.beats(), stream.receives()), (1, NOTHING.to_vec()));
    let [alice] = scenario.join(["alice"]);
    alice.publish("/chat", "still there?");
    assert_eq!(stream.receives(), [[json!("still there?")]]);
}

#[test]
fn a_stream_over_a_link_ends_if_its_client_does_not_read() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let [alice, bob] = chatter(&scenario);
    let stream = scenario.stream_kept_open(&bob);
    stream.stalls();
    alice.publish("/chat", 1);
    stream.drains();
    assert_eq!(stream.receives(), [[json!(1)]]);
    stream.stalls();
    alice.publish("/chat", 2);
    scenario.after(2 * BEAT);
    assert_eq!((stream.end().status, stream.receives()), (Status::Ok, NOTHING.to_vec()));
    assert_eq!(scenario.stream_kept_open(&bob).receives(), [[json!(2)]]);
}

#[test]
fn after_its_stream_closed_a_session_lives_for_its_interval_and_max_interval() {
    for (connects, away) in [(false, MAX_INTERVAL), (true, TIMEOUT + MAX_INTERVAL)] {
        let scenario = Scenario::new();
        let [alice, bob] = chatter(&scenario);
        let stream = scenario.stream(&bob);
        if connects {
            connect(&bob);
        }
        stream.closes();
        alice.hold();
        alice.publish("/chat", "kept");
        scenario.notices();
        scenario.after(away - 1);
        assert_eq!(scenario.stream(&bob).receives(), [[json!("kept")]]);
        scenario.stream(&bob).closes();
        scenario.after(away);
        let expired = Notice::SessionClosed { why: Ending::Expired, sessions: 1 };
        assert!(scenario.notices().contains(&expired), "connects: {connects}");
    }
}

#[test]
fn connects_alone_keep_a_session_without_a_stream() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for _ in 0..5 {
        assert_eq!(connect(&alice)["successful"], true);
        scenario.after(TIMEOUT + MAX_INTERVAL - 1);
    }
    scenario.after(1);
    assert_eq!(connect(&alice)["error"], "402::session_unknown");
}

#[test]
fn a_new_stream_replaces_the_old_one_of_its_session() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    let (old, new) = (scenario.stream(&bob), scenario.stream(&bob));
    assert_eq!((old.end().status, new.is_open()), (Status::Overtaken, true));
    alice.publish("/chat", 1);
    assert_eq!(new.receives(), [[json!(1)]]);
    old.closes();
    alice.publish("/chat", 2);
    assert_eq!(new.receives(), [[json!(2)]], "the end of the old stream does not affect the new one");
}

#[test]
fn a_session_moves_from_a_poll_to_a_stream_and_back() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    let poll = bob.hold();
    let stream = scenario.stream(&bob);
    let answer = poll.answer();
    assert_eq!((answer.status, &answer.reply()["successful"]), (Status::Ok, &json!(true)));
    alice.publish("/chat", 1);
    assert_eq!(stream.receives(), [[json!(1)]]);
    let poll = bob.connect();
    assert_eq!(stream.end().status, Status::Overtaken);
    alice.publish("/chat", 2);
    assert_eq!(poll.answer().data(), [2]);
}

#[test]
fn fayes_first_poll_does_not_end_the_stream_that_it_opened_meanwhile() {
    let scenario = Scenario::new();
    let bob = scenario.client("bob");
    bob.handshake();
    let stream = scenario.stream(&bob);
    let first = bob.connect().answer().reply();
    assert_eq!((&first["successful"], &first["advice"]["interval"]), (&json!(true), &json!(0)));
    assert!(stream.is_open());
    bob.hold();
    assert_eq!(stream.end().status, Status::Overtaken, "a poll ends the stream");
}

#[test]
fn a_stream_for_an_unknown_client_id_ends_with_advice_to_handshake() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.ask(json!({"channel": "/meta/disconnect"}));
    for id in [alice.id(), "nobody", "", "chat"] {
        let end = scenario.stream_from(None, id).end();
        assert_eq!(end.status, Status::SessionUnknown);
        let advice = json!({"reconnect": "handshake", "interval": 0});
        assert_eq!(end.reply(), json!({"successful": false, "error": "402::session_unknown", "advice": advice}));
    }
}

#[test]
fn a_session_with_the_ack_extension_has_no_stream_and_its_connects_are_held() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let bob = scenario.client("bob");
    bob.handshake_with(json!({"ext": {"ack": true}}));
    bob.subscribe("/chat");
    bob.connect();
    let end = scenario.stream(&bob).end();
    assert_eq!((end.status, &end.reply()["error"]), (Status::Refused, &json!("403::meta_connect_deliver_only")));
    let held = bob.connect_with(json!({"connectionType": "eventsource"}));
    assert!(held.is_held());
    alice.publish("/chat", 1);
    assert_eq!((held.answer().data(), &held.answer().reply()["ext"]["ack"]), (vec![json!(1)], &json!(2)));
}

#[test]
fn a_disconnect_ends_the_stream_with_advice_none() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let stream = scenario.stream(&alice);
    assert_eq!(alice.ask(json!({"channel": "/meta/disconnect"}))["successful"], true);
    let end = stream.end();
    assert_eq!((end.status, &end.reply()["advice"]), (Status::Ok, &json!({"reconnect": "none"})));
}

#[test]
fn a_client_that_does_not_read_its_stream_is_sent_nothing_more() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    let stream = scenario.stream(&bob);
    stream.stalls();
    alice.publish("/chat", 1);
    scenario.after(100);
    alice.publish("/chat", 2);
    assert_eq!(stream.receives(), NOTHING);
    stream.drains();
    assert_eq!(stream.receives(), [[json!(1), json!(2)]]);
    alice.publish("/chat", 3);
    assert_eq!(stream.receives(), [[json!(3)]]);
}

#[test]
fn a_client_that_does_not_read_for_one_heartbeat_loses_its_stream_and_no_event() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let [alice, bob] = chatter(&scenario);
    let stream = scenario.stream(&bob);
    scenario.after(BEAT - 1);
    stream.beats();
    stream.stalls();
    alice.publish("/chat", 1);
    scenario.after(BEAT - 1);
    assert!(stream.is_open());
    scenario.after(BEAT);
    let end = stream.end();
    assert_eq!((end.status, end.messages, stream.beats()), (Status::Ok, vec![], 0));
    assert_eq!(scenario.stream(&bob).receives(), [[json!(1)]]);
}

#[test]
fn the_queue_of_a_slow_stream_is_bounded() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "3")]);
    let [alice, bob] = chatter(&scenario);
    let stream = scenario.stream(&bob);
    stream.stalls();
    for turn in 1..=10 {
        alice.publish("/chat", turn);
    }
    stream.drains();
    assert_eq!(stream.receives(), [[json!({"events": 7}), json!(8), json!(9), json!(10)]]);
}

#[test]
fn lazy_events_are_sent_when_due_even_to_a_slow_reader() {
    let scenario = Scenario::with(&[("LAZY_CHANNELS", "/chat"), ("MAX_LAZY_TIMEOUT", "2000")]);
    let [alice, bob] = chatter(&scenario);
    let stream = scenario.stream(&bob);
    alice.publish("/chat", 1);
    assert_eq!(stream.receives(), NOTHING);
    scenario.after(2000);
    assert_eq!(stream.receives(), [[json!(1)]]);
    alice.hold();
    stream.stalls();
    alice.publish("/chat", 2);
    scenario.after(3000);
    assert_eq!(stream.receives(), NOTHING);
    stream.drains();
    scenario.after(2000);
    assert_eq!(stream.receives(), [[json!(2)]]);
}

#[test]
fn streams_count_among_the_connects_of_an_address() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "1")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let first = scenario.stream_from(Some("192.0.2.1"), alice.id());
    let again = scenario.stream_from(Some("192.0.2.1"), alice.id());
    assert!(again.is_open() && !first.is_open(), "a newer stream of the same session does not count twice");
    let end = scenario.stream_from(Some("192.0.2.1"), bob.id()).end();
    assert_eq!((end.status, &end.reply()["error"]), (Status::Unavailable, &json!("503::connections_exceeded")));
    again.closes();
    assert!(scenario.stream_from(Some("192.0.2.1"), bob.id()).is_open());
}

#[test]
fn a_busy_object_bundles_events_for_its_streams() {
    let scenario = Scenario::new();
    let [alice, bob] = chatter(&scenario);
    let others: Vec<_> = (0..50).map(|_| scenario.join(["carol"])).collect();
    let streams: Vec<_> = others
        .iter()
        .map(|[carol]| {
            carol.subscribe("/chat");
            scenario.stream(carol)
        })
        .collect();
    let stream = scenario.stream(&bob);
    alice.publish("/chat", 1);
    assert_eq!(stream.receives(), [[json!(1)]]);
    alice.publish("/chat", 2);
    alice.publish("/chat", 3);
    assert_eq!(stream.receives(), NOTHING);
    scenario.after(10);
    assert_eq!(stream.receives(), [[json!(2), json!(3)]]);
    drop(streams);
}

#[test]
fn after_an_eviction_the_session_waits_for_a_new_stream() {
    let scenario = Scenario::new();
    let [_, bob] = chatter(&scenario);
    let _gone = scenario.stream(&bob);
    connect(&bob);
    scenario.crashes();
    let [alice] = scenario.join(["alice again"]);
    alice.publish("/chat", "kept");
    assert_eq!(scenario.stream(&bob).receives(), [[json!("kept")]]);
}
