//! The counts of a home, in `/api/stats` and `/api/metrics`.

use bayeux_edge::bayeux::app::HttpRequest;
use serde_json::{Value, json};

use crate::scenario::Scenario;

fn stats(scenario: &Scenario) -> Value {
    let (status, stats) = scenario.call("GET", "/stats", "", "");
    assert_eq!(status, 200, "{stats}");
    stats
}

#[test]
fn a_known_load_is_counted_exactly() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let [(carol, socket)] = scenario.join_on_sockets(["carol"]);
    for client in [&bob, &carol] {
        client.subscribe("/news/*");
    }
    let held = bob.hold();
    carol.connect();
    for n in 0..3 {
        alice.publish("/news/a", n);
    }
    scenario.after(100);
    let mut heard = held.answer().data().len();
    while heard < 3 {
        heard += bob.connect().answer().data().len();
    }
    let mut framed = 0;
    for frame in socket.frames() {
        framed += frame.iter().filter(|message| message["channel"] == "/news/a").count();
    }
    alice.error_of(alice.a_publish("/news/*", 1));
    alice.publish("/quiet", 1);
    let stats = stats(&scenario);
    assert_eq!(stats["home"], "/");
    assert_eq!(stats["sessions"], json!({ "long-polling": 2, "websocket": 1 }));
    assert_eq!(
        (&stats["sessionsOpened"], &stats["subscriptions"], &stats["channels"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!((&stats["messagesReceived"]["publish"], &stats["messagesReceived"]["invalid"]), (&json!(4), &json!(1)));
    assert_eq!(stats["messagesRefused"], json!({ "channel_invalid": 1 }));
    assert_eq!(stats["eventsAccepted"], 4);
    assert_eq!((heard, framed), (3, 3));
    assert_eq!(stats["eventsDelivered"], json!({ "long-polling": 3, "websocket": 3 }));
    assert_eq!((&stats["eventLatencyMs"]["count"], &stats["queuedEvents"]), (&json!(6), &json!(0)));
}

#[test]
fn an_event_that_is_sent_again_counts_as_delivered_once() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let acks = scenario.client("carol");
    acks.handshake_with(json!({ "ext": { "ack": true } }));
    acks.connect_with(json!({ "ext": { "ack": 0 } })).answer();
    acks.subscribe("/a");
    alice.publish("/a", 1);
    for _ in 0..2 {
        acks.connect_with(json!({ "ext": { "ack": 0 } })).answer();
    }
    drop(bob);
    let stats = stats(&scenario);
    assert_eq!((&stats["eventsDelivered"], &stats["eventsResent"]), (&json!({ "long-polling": 1 }), &json!(1)));
    assert_eq!(stats["queuedEvents"], 1, "it is not acknowledged");
}

#[test]
fn events_on_a_stream_count_as_eventsource_though_the_client_polled_before() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let stream = scenario.stream(&bob);
    alice.publish("/a", 1);
    scenario.after(100);
    assert_eq!(stream.receives().len(), 1);
    let stats = stats(&scenario);
    assert_eq!(stats["eventsDelivered"], json!({ "eventsource": 1 }));
    assert_eq!(stats["sessions"], json!({ "eventsource": 1, "long-polling": 1 }));
}

#[test]
fn the_latency_of_events_is_counted() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    alice.publish("/a", 1);
    scenario.after(2000);
    bob.connect().answer();
    let latency = stats(&scenario)["eventLatencyMs"].take();
    assert_eq!((&latency["count"], &latency["sum"]), (&json!(1), &json!(2000)));
    assert_eq!((&latency["below"]["1000"], &latency["below"]["5000"]), (&json!(0), &json!(1)));
}

#[test]
fn ended_sessions_are_counted_by_reason() {
    let scenario = Scenario::new();
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    alice.ask(json!({ "channel": "/meta/disconnect", "clientId": alice.id() }));
    let clients = scenario.call("GET", "/clients", "", "").1["clients"].take();
    scenario.call("DELETE", &format!("/clients/{}", clients[0]["client"].as_str().unwrap()), "", "");
    scenario.after(60_000);
    drop((bob, carol));
    let stats = stats(&scenario);
    assert_eq!(stats["sessionsEnded"], json!({ "disconnected": 1, "dismissed": 1, "expired": 1 }));
    assert_eq!(stats["sessions"], json!({}));
}

#[test]
fn restarts_are_counted_over_all_lives_while_a_session_is_left() {
    let scenario = Scenario::new();
    scenario.crashes();
    assert_eq!(stats(&scenario)["restarts"], 0, "no session was left");
    let [(alice, _socket)] = scenario.join_on_sockets(["alice"]);
    let held = alice.hold();
    let rows = || scenario.rows().load().notes.len();
    let before = rows();
    for restarts in 1..4 {
        scenario.hibernates();
        assert_eq!(stats(&scenario)["restarts"], restarts);
    }
    assert_eq!(rows(), before, "the number is kept with the socket");
    assert!(held.is_held());
    for restarts in 1..3 {
        scenario.crashes();
        assert_eq!(stats(&scenario)["restarts"], restarts, "the socket is gone; a row has the number");
    }
    assert!(metrics(&scenario).contains("\nbayeux_restarts_total 2\n"));
}

#[test]
fn text_of_clients_and_applications_never_becomes_a_label() {
    let scenario = Scenario::with(&[("ACCESS_RULES", "anyone * /open/**")]);
    let [alice] = scenario.join(["alice"]);
    alice.error_of(alice.a_publish("/closed/by-a-rule", 1));
    alice.error_of(alice.a_publish("/meta/made-up", 1));
    let text = metrics(&scenario);
    assert!(text.contains("bayeux_messages_refused_total{error=\"publish_denied\"} 1\n"), "{text}");
    assert!(!text.contains("closed") && !text.contains("made-up"), "{text}");
}

#[test]
fn metrics_are_openmetrics_text_that_ends_with_eof() {
    let scenario = Scenario::new();
    let text = metrics(&scenario);
    assert!(text.starts_with("# TYPE bayeux_start_time_seconds gauge\n") && text.ends_with("\n# EOF\n"), "{text}");
    assert_eq!(scenario.call("POST", "/metrics", "", "").0, 405);
    assert_eq!(scenario.call("DELETE", "/stats", "", "").0, 405);
}

fn metrics(scenario: &Scenario) -> String {
    let request = HttpRequest { method: "GET".into(), path: "/cometd/api/metrics".into(), ..HttpRequest::default() };
    let response = scenario.api(request);
    let type_ = response.headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
    assert_eq!(type_, Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    String::from_utf8(response.body.unwrap()).unwrap()
}

#[test]
fn each_data_point_has_the_counts_of_its_minute_once() {
    let scenario = Scenario::with(&[("WEBSOCKET_TIMEOUT", "600000")]);
    let [(alice, _socket)] = scenario.join_on_sockets(["alice"]);
    alice.subscribe("/news");
    alice.connect();
    alice.publish("/news", 1);
    scenario.after(100);
    assert_eq!(scenario.data_point(), None, "its minute is not over");
    scenario.after(60_000);
    let point = scenario.data_point().expect("a minute is over");
    assert_eq!((point["seconds"], point["sessions"]), (60.1, 1.0));
    assert_eq!((point["messages_received"], point["publishes_received"], point["events_delivered"]), (5.0, 1.0, 1.0));
    assert_eq!(scenario.data_point(), None, "it is in the last data point");
    alice.publish("/news", 2);
    scenario.after(60_000);
    let point = scenario.data_point().expect("another minute is over");
    assert_eq!((point["publishes_received"], point["sessions_opened"]), (1.0, 0.0), "the rest was counted");
}

#[test]
fn a_home_that_falls_asleep_writes_a_data_point_only_if_something_changed() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "600000")]);
    let [(alice, _socket)] = scenario.join_on_sockets(["alice"]);
    scenario.after(2_000);
    let point = scenario.last_data_point().expect("a session was opened");
    assert_eq!((point["seconds"], point["sessions_opened"]), (2.0, 1.0));
    scenario.falls_asleep();
    scenario.after(60_000);
    assert_eq!(scenario.last_data_point(), None);
    alice.publish("/news", 1);
    assert_eq!(scenario.last_data_point().expect("an event came")["publishes_received"], 1.0);
}

#[test]
fn a_home_that_wakes_every_ten_seconds_writes_one_data_point_a_minute_and_loses_no_count() {
    for on_sockets in [true, false] {
        let scenario = Scenario::with(&[("WEBSOCKET_TIMEOUT", "600000"), ("MAX_INTERVAL", "600000")]);
        let alice = if on_sockets {
            let [(alice, _socket)] = scenario.join_on_sockets(["alice"]);
            alice.connect();
            alice
        } else {
            let [alice] = scenario.join(["alice"]);
            alice
        };
        let mut points = Vec::new();
        for n in 0..60 {
            points.extend(scenario.data_point());
            alice.publish("/news", n);
            scenario.after(2_000);
            points.extend(scenario.last_data_point());
            scenario.after(8_000);
            scenario.hibernates();
        }
        let sum = |name: &str| points.iter().map(|point| point[name]).sum::<f64>();
        assert!(points.len() <= 11, "{} in ten minutes, sockets: {on_sockets}", points.len());
        scenario.after(60_000);
        let rest = scenario.data_point().expect("a minute is over");
        assert_eq!(sum("publishes_received") + rest["publishes_received"], 60.0, "sockets: {on_sockets}");
        assert_eq!(sum("sessions_opened"), 1.0);
    }
}

#[test]
fn a_home_that_wakes_once_an_hour_writes_its_data_point_before_it_sleeps_again() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "86400000")]);
    let [alice] = scenario.join(["alice"]);
    scenario.last_data_point().expect("a session was opened");
    for n in 0..3 {
        scenario.after(3_600_000);
        scenario.hibernates();
        assert_eq!(scenario.data_point(), None, "nothing has changed yet");
        alice.publish("/news", n);
        assert_eq!(scenario.last_data_point().expect("an event came")["publishes_received"], 1.0);
    }
}

#[test]
fn an_empty_home_writes_a_data_point_at_most_every_ten_seconds_and_keeps_no_row() {
    let scenario = Scenario::new();
    let mut points = 0;
    for _ in 0..30 {
        let [alice] = scenario.join(["alice"]);
        alice.send(json!({ "channel": "/meta/disconnect" })).answer();
        scenario.after(1_000);
        points += usize::from(scenario.last_data_point().is_some());
    }
    assert_eq!(points, 3);
    assert!(scenario.rows().load().notes.iter().all(|(name, _)| name != "points"));
}
