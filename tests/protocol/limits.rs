//! Limits: the error for a client that exceeds one, and that no other client loses anything.

use bayeux_edge::bayeux::{Ending, Notice, RequestError, Status};
use serde_json::{Value, json};

use crate::scenario::Scenario;

#[test]
fn past_max_queue_the_oldest_events_are_dropped_and_logged() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "3")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    scenario.notices();
    for number in 1..=3 {
        alice.publish("/chat", number);
    }
    assert_eq!(scenario.notices(), []);
    alice.publish("/chat", 4);
    assert_eq!(scenario.notices(), [Notice::EventsDropped { events: 1 }]);
    assert_eq!(bob.connect().answer().data(), [gap(1), json!(2), json!(3), json!(4)]);
    bob.hold();
    alice.publish("/chat", 5);
    assert_eq!(bob.receives().last(), Some(&json!(5)), "the notice comes once");
}

/// The notice in place of dropped events, with their number in the session's life.
fn gap(events: usize) -> Value {
    json!({"events": events})
}

#[test]
fn dropped_events_are_replaced_by_a_notice_with_their_total() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "1")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    for dropped in [2, 4] {
        for number in 0..3 {
            alice.publish("/chat", number);
        }
        let answer = bob.connect().answer();
        let told = json!({"channel": "/service/dropped", "data": {"events": dropped}});
        assert_eq!(answer.messages[..2], [told, json!({"channel": "/chat", "data": 2})]);
    }
}

#[test]
fn with_the_ack_extension_a_dropped_notice_is_repeated_until_it_is_acknowledged() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "2")]);
    let [alice] = scenario.join(["alice"]);
    let bob = scenario.client("bob");
    bob.handshake_with(json!({"ext": {"ack": true}}));
    let connect = |ack| bob.connect_with(json!({"ext": {"ack": ack}, "advice": {"timeout": 0}})).answer().data();
    connect(-1);
    bob.subscribe("/chat");
    for number in 1..=3 {
        alice.publish("/chat", number);
    }
    assert_eq!(connect(1), [gap(1), json!(2), json!(3)]);
    assert_eq!(connect(1), [gap(1), json!(2), json!(3)], "the answer was lost");
    alice.publish("/chat", 4);
    assert_eq!(connect(3), [gap(2), json!(4)], "2 was dropped before the server could know that it had arrived");
    assert_eq!(connect(4), [0; 0]);
}

#[test]
fn unacknowledged_events_are_bounded_by_max_queue_after_a_crash_too() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "3"), ("MAX_INTERVAL", "60000")]);
    let [alice] = scenario.join(["alice"]);
    let bob = scenario.client("bob");
    bob.handshake_with(json!({"ext": {"ack": true}}));
    let connect = || bob.connect_with(json!({"ext": {"ack": -1}, "advice": {"timeout": 0}})).answer().data();
    connect();
    bob.subscribe("/chat");
    for number in 1..=10 {
        alice.publish("/chat", number);
        connect();
    }
    assert_eq!(connect(), [gap(7), json!(8), json!(9), json!(10)]);
    scenario.crashes();
    assert_eq!(connect(), [8, 9, 10]);
    scenario.after(1000);
    assert_eq!(scenario.rows().count().1, 3);
}

#[test]
fn with_queue_overflow_disconnect_the_session_ends_and_its_client_is_told() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "3"), ("QUEUE_OVERFLOW", "disconnect")]);
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    for client in [&bob, &carol] {
        client.subscribe("/chat");
    }
    scenario.notices();
    for number in 1..=4 {
        carol.connect();
        alice.publish("/chat", number);
    }
    let ended = Notice::SessionClosed { why: Ending::Overflowed, sessions: 2 };
    assert_eq!(scenario.notices(), [ended, Notice::EventsDropped { events: 4 }]);
    let goodbye = bob.connect().answer();
    assert_eq!(goodbye.messages[0], json!({"channel": "/meta/disconnect", "successful": true}));
    assert_eq!(goodbye.reply()["advice"]["reconnect"], "none");
    assert_eq!(carol.receives(), [1, 2, 3, 4]);
}

#[test]
fn a_client_that_fills_its_own_queue_is_disconnected_too() {
    let scenario =
        Scenario::with(&[("MAX_QUEUE", "1"), ("QUEUE_OVERFLOW", "disconnect"), ("META_CONNECT_DELIVER_ONLY", "1")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    let [one, two, three] = [1, 2, 3].map(|number| alice.a_publish("/chat", number));
    let answer = alice.send_all([one, two, three]).answer();
    let outcomes: Vec<_> = answer.messages.iter().map(|reply| reply["successful"] == true).collect();
    assert_eq!(outcomes, [true, true, false]);
    assert_eq!(alice.connect().answer().reply()["advice"]["reconnect"], "none");
}

#[test]
fn rows_of_large_dropped_events_are_deleted_without_waiting_for_the_timer() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "1"), ("DURABILITY", "strict")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    for _ in 0..100 {
        alice.publish("/chat", "x".repeat(1_000_000));
        assert!(scenario.rows().count().1 < 12, "rows of what was dropped");
    }
}

#[test]
fn past_max_queue_bytes_the_oldest_events_are_dropped() {
    let scenario = Scenario::with(&[("MAX_QUEUE_BYTES", "1024")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let long = |letter: &str| letter.repeat(400);
    for letter in ["a", "b", "c"] {
        alice.publish("/chat", long(letter));
    }
    assert_eq!(bob.connect().answer().data(), [gap(1), long("b").into(), long("c").into()]);
    alice.publish("/chat", "x".repeat(5000));
    assert_eq!(bob.connect().answer().data(), ["x".repeat(5000)], "a single event always stays");
}

#[test]
fn a_full_queue_costs_no_other_client_an_event() {
    let scenario = Scenario::with(&[("MAX_QUEUE", "1")]);
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    for client in [&bob, &carol] {
        client.subscribe("/chat");
    }
    for number in 1..=3 {
        carol.connect();
        alice.publish("/chat", number);
    }
    bob.connect();
    assert_eq!((bob.receives(), carol.receives()), (vec![gap(2), json!(3)], vec![json!(1), json!(2), json!(3)]));
}

#[test]
fn past_max_subscriptions_a_subscribe_is_refused_as_a_whole() {
    let scenario = Scenario::with(&[("MAX_SUBSCRIPTIONS", "2")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let subscribe = |names: Value| json!({"channel": "/meta/subscribe", "subscription": names});
    assert_eq!(bob.error_of(subscribe(json!(["/a", "/b", "/c"]))), "403::subscriptions_exceeded");
    alice.publish("/a", "unheard");
    bob.subscribe("/a");
    assert_eq!(bob.ask(subscribe(json!(["/a", "/b", "/b", "/a", "/service/x"])))["successful"], true);
    assert_eq!(bob.error_of(subscribe(json!("/c"))), "403::subscriptions_exceeded");
    bob.subscribe("/a");
    bob.unsubscribe("/b");
    bob.subscribe("/c");
    assert!(bob.connect().is_held());
}

#[test]
fn past_max_sessions_a_handshake_is_refused_with_an_interval_of_ten_seconds() {
    let scenario = Scenario::with(&[("MAX_SESSIONS", "2")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.hold();
    scenario.notices();
    let reply = scenario.client("carol").shake_hands_with(json!({}));
    assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!("503::sessions_exceeded")));
    assert_eq!(reply["advice"], json!({"interval": 10000}));
    assert_eq!(scenario.notices(), [Notice::HandshakeRefused { error: "503::sessions_exceeded".to_owned() }]);
    alice.ask(json!({"channel": "/meta/disconnect"}));
    scenario.client("carol").handshake();
    assert!(bob.connect().is_held());
}

#[test]
fn a_session_that_expired_makes_room_for_another() {
    let scenario = Scenario::with(&[("MAX_SESSIONS", "1"), ("MAX_INTERVAL", "500")]);
    scenario.join(["alice"]);
    scenario.after(500);
    scenario.client("bob").handshake();
}

#[test]
fn past_client_max_connections_a_connect_of_that_address_is_refused_and_its_session_lives_on() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "2")]);
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]).map(|client| client.at_address("192.0.2.1"));
    let [dave] = scenario.join(["dave"]).map(|client| client.at_address("2001:db8::1"));
    let first = alice.hold();
    bob.hold();
    scenario.notices();

    let refused = carol.connect_with(json!({"id": "c"})).answer();
    let expected =
        json!({"channel": "/meta/connect", "id": "c", "successful": false, "error": "503::connections_exceeded"});
    assert_eq!(refused.messages, [expected]);
    assert_eq!((refused.status, refused.status.code()), (Status::Unavailable, 503));
    assert_eq!(scenario.notices(), [Notice::ConnectionRefused { address: "192.0.2.1".into() }]);
    assert!(dave.connect().is_held(), "another address is free");
    assert!(alice.connect().is_held(), "a newer connect of the same session does not count twice");
    assert!(!first.is_held());

    carol.publish("/chat", "still here");
    bob.ask(json!({"channel": "/meta/disconnect"}));
    assert!(carol.connect().is_held());
}

#[test]
fn a_held_connect_stops_counting_however_it_ends() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "1"), ("TIMEOUT", "5000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]).map(|client| client.at_address("192.0.2.1"));
    bob.subscribe("/chat");
    bob.hold();
    scenario.after(5000);
    let held = bob.hold();
    alice.publish("/chat", "an event");
    assert!(!held.is_held());
    bob.hold().breaks_off();
    bob.hold();
    bob.hold();
    bob.ask(json!({"channel": "/meta/disconnect"}));
    alice.hold();
}

#[test]
fn a_connect_refused_with_503_carries_no_events() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "1"), ("LAZY_CHANNELS", "/lazy")]);
    let [alice, bob] = scenario.join(["alice", "bob"]).map(|client| client.at_address("192.0.2.1"));
    bob.subscribe("/lazy");
    let held = alice.hold();
    let [carol] = scenario.join(["carol"]);
    carol.publish("/lazy", "kept");
    assert_eq!(bob.connect().answer().status, Status::Unavailable);
    assert_eq!(bob.receives(), Vec::<Value>::new());
    held.breaks_off();
    bob.hold();
    scenario.after(5000);
    assert_eq!(bob.receives(), ["kept"]);
}

#[test]
fn without_an_address_no_connect_is_refused() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "1")]);
    let clients = scenario.join(["alice", "bob", "carol"]);
    assert!(clients.each_ref().map(|client| client.connect().is_held()) == [true; 3]);
}

#[test]
fn a_connect_that_is_answered_at_once_is_never_refused() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "1")]);
    let [alice, bob] = scenario.join(["alice", "bob"]).map(|client| client.at_address("192.0.2.1"));
    bob.subscribe("/chat");
    alice.hold();
    assert_eq!(bob.connect_with(json!({"advice": {"timeout": 0}})).answer().status, Status::Ok);
    alice.publish("/chat", "hi");
    assert_eq!(bob.connect().answer().data(), ["hi"]);
}

#[test]
fn a_request_past_a_limit_is_refused_as_a_whole() {
    let scenario =
        Scenario::with(&[("MAX_MESSAGE_SIZE", "120"), ("MAX_MESSAGES_PER_BATCH", "2"), ("MAX_JSON_DEPTH", "4")]);
    for (body, error) in [
        (format!("[{}{{}}]", "{},".repeat(32)), RequestError::TooMany),
        ("[{\"data\":[[[]]]}]".to_owned(), RequestError::TooDeep),
        (format!("[{{\"data\":\"{}\"}}]", "x".repeat(108)), RequestError::TooLarge),
    ] {
        assert_eq!(scenario.read(&body), Err(error), "{body}");
    }
    for body in [
        format!("[{}{{}}]", "{},".repeat(31)),
        "[{\"data\":[[]]}]".to_owned(),
        format!("[{{\"data\":\"{}\"}}]", "x".repeat(107)),
    ] {
        assert!(scenario.read(&body).is_ok(), "{body}");
    }
}

#[test]
fn an_error_reply_does_not_repeat_a_channel_that_is_too_long() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let name = format!("/{}", "x".repeat(512));
    let reply = alice.ask(json!({"channel": name, "id": "1", "data": 1}));
    assert_eq!(reply, json!({"id": "1", "successful": false, "error": "405::channel_invalid"}));
}
