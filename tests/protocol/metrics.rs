//! What a home counts, told by `/api/stats` and `/api/metrics`.

use bayeux_edge::bayeux::app::HttpRequest;
use serde_json::{Value, json};

use crate::scenario::Scenario;

fn stats(scenario: &Scenario) -> Value {
    let (status, stats) = scenario.call("GET", "/stats", "", "");
    assert_eq!(status, 200, "{stats}");
    stats
}

#[test]
fn what_a_known_load_does_is_what_is_counted() {
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
fn what_waited_is_told_by_how_long_it_did() {
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
fn why_sessions_end_is_counted() {
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
fn what_an_application_or_a_client_words_is_no_label() {
    let scenario = Scenario::with(&[("ACCESS_RULES", "anyone * /open/**")]);
    let [alice] = scenario.join(["alice"]);
    alice.error_of(alice.a_publish("/closed/by-a-rule", 1));
    alice.error_of(alice.a_publish("/meta/made-up", 1));
    let text = metrics(&scenario);
    assert!(text.contains("bayeux_messages_refused_total{error=\"publish_denied\"} 1\n"), "{text}");
    assert!(!text.contains("closed") && !text.contains("made-up"), "{text}");
}

#[test]
fn metrics_are_openmetrics_text_that_ends_where_it_says() {
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
