//! The tail of a pattern: the events that an operator reads, call by call.

use serde_json::{Value, json};

use crate::scenario::Scenario;

fn tail(scenario: &Scenario, query: &str) -> Value {
    let (status, page) = scenario.call("GET", "/tail", query, "");
    assert_eq!(status, 200, "{page}");
    page
}

fn goes_on(scenario: &Scenario, pattern: &str, page: &Value) -> Value {
    tail(scenario, &format!("channel={pattern}&after={}", page["next"]))
}

fn data(page: &Value) -> Vec<&Value> {
    page["events"].as_array().unwrap().iter().map(|event| &event["data"]).collect()
}

#[test]
fn tails_are_off_unless_tail_events_is_set() {
    let scenario = Scenario::new();
    let (status, answer) = scenario.call("GET", "/tail", "channel=/chat/*", "");
    assert_eq!((status, &answer[0]["error"]), (404, &json!("404::no_tail")));
}

#[test]
fn each_call_returns_the_events_since_the_last_one_without_a_subscription() {
    let scenario = Scenario::with(&[("TAIL_EVENTS", "100"), ("PRESENCE", "/chat/*")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.publish("/chat/a", "before");
    let first = tail(&scenario, "channel=/chat/*");
    assert_eq!(first["events"], json!([]));
    alice.publish("/chat/a", 1);
    bob.publish("/chat/b", 2);
    bob.publish("/other/b", 3);
    let second = goes_on(&scenario, "/chat/*", &first);
    let one = json!({ "channel": "/chat/a", "data": 1 });
    assert_eq!(second["events"], json!([one, { "channel": "/chat/b", "data": 2 }]));
    assert_eq!(goes_on(&scenario, "/chat/*", &second)["events"], json!([]));
    assert_eq!(data(&goes_on(&scenario, "/chat/*", &first)), [1, 2], "another operator reads the same");
    assert_eq!(second.get("missed"), None);
    let (_, channels) = scenario.call("GET", "/channels", "", "");
    assert_eq!(channels["channels"], json!([]), "it is no subscription");
    let (_, there) = scenario.call("GET", "/presence", "channel=/chat/a", "");
    assert_eq!(there["count"], 0);
}

#[test]
fn a_tail_is_bounded_by_events_and_bytes_and_reports_missed_events() {
    let scenario = Scenario::with(&[("TAIL_EVENTS", "3")]);
    let [alice] = scenario.join(["alice"]);
    let first = tail(&scenario, "channel=/chat");
    (0..5).for_each(|n| alice.publish("/chat", n));
    let second = goes_on(&scenario, "/chat", &first);
    assert_eq!((data(&second), &second["missed"]), (vec![&json!(2), &json!(3), &json!(4)], &json!(true)));
    alice.publish("/chat", "x".repeat(200_000));
    alice.publish("/chat", "y".repeat(200_000));
    let third = goes_on(&scenario, "/chat", &second);
    assert_eq!((data(&third).len(), &third["missed"]), (1, &json!(true)));
    let before = scenario.memory();
    scenario.after(31_000);
    let [bob] = scenario.join(["bob"]);
    bob.publish("/chat", 1);
    assert!(scenario.memory() + 200_000 < before, "a tail that nobody reads is deleted");
    assert_eq!(goes_on(&scenario, "/chat", &third)["missed"], true);
}

#[test]
fn the_number_of_tails_is_bounded() {
    let scenario = Scenario::with(&[("TAIL_EVENTS", "10")]);
    let [alice] = scenario.join(["alice"]);
    (0..8).for_each(|n| drop(tail(&scenario, &format!("channel=/chat/{n}"))));
    let (status, answer) = scenario.call("GET", "/tail", "channel=/chat/8", "");
    assert_eq!((status, &answer[0]["error"]), (503, &json!("503::tails_exceeded")));
    tail(&scenario, "channel=/chat/7");
    scenario.after(30_000);
    tail(&scenario, "channel=/chat/8");
    drop(alice);
}

#[test]
fn after_a_crash_a_tail_reports_missed_events() {
    let scenario = Scenario::with(&[("TAIL_EVENTS", "10")]);
    let [alice] = scenario.join(["alice"]);
    let first = tail(&scenario, "channel=/chat");
    alice.publish("/chat", 1);
    scenario.after(5);
    scenario.crashes();
    let second = goes_on(&scenario, "/chat", &first);
    assert_eq!((&second["events"], &second["missed"]), (&json!([]), &json!(true)));
    assert_eq!(goes_on(&scenario, "/chat", &second).get("missed"), None);
}

#[test]
fn events_of_a_channel_with_history_have_their_replay_id() {
    let scenario = Scenario::with(&[("TAIL_EVENTS", "10"), ("HISTORY", "/chat 10 1h")]);
    let [alice] = scenario.join(["alice"]);
    let first = tail(&scenario, "channel=/chat");
    alice.publish("/chat", 1);
    assert!(goes_on(&scenario, "/chat", &first)["events"][0]["ext"]["replay"]["replayId"].is_u64());
}

#[test]
fn an_invalid_pattern_or_cursor_is_refused() {
    let scenario = Scenario::with(&[("TAIL_EVENTS", "10")]);
    for (query, error) in [
        ("", "400::channel_invalid"),
        ("channel=/service/x", "400::channel_invalid"),
        ("channel=/chat&after=x", "400::after_invalid"),
    ] {
        let (status, answer) = scenario.call("GET", "/tail", query, "");
        assert_eq!((status, &answer[0]["error"]), (400, &json!(error)), "{query}");
    }
}
