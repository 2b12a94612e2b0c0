//! Changed advice, if the connect whose reply would have carried it is overtaken, broken off or refused.

use serde_json::{Value, json};

use crate::scenario::Scenario;

const TIMEOUT: u64 = 30_000;

fn advice(interval: u64) -> Value {
    json!({"reconnect": "retry", "interval": interval, "timeout": TIMEOUT})
}

fn wishing(interval: u64) -> Value {
    json!({"advice": {"interval": interval}})
}

#[test]
fn the_next_reply_gives_changed_advice_if_the_connect_that_changed_it_was_overtaken() {
    let scenario = Scenario::with(&[("INTERVAL", "1000")]);
    let [alice] = scenario.join(["alice"]);
    alice.connect_with(json!({"advice": {"timeout": 0, "interval": 2000}})).answer();
    // Back to the server's own interval, which she has not been told yet.
    let overtaken = alice.hold();
    let held = alice.hold();
    assert_eq!(overtaken.answer().reply().get("advice"), None);
    scenario.after(TIMEOUT);
    assert_eq!(held.answer().reply()["advice"], advice(1000));
    let next = alice.hold();
    scenario.after(TIMEOUT);
    assert_eq!(next.answer().reply().get("advice"), None);
}

#[test]
fn the_next_reply_gives_changed_advice_if_the_connect_that_changed_it_broke_off() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.connect_with(json!({"advice": {"timeout": 0, "interval": 2000}})).answer();
    alice.hold().breaks_off();
    let held = alice.hold();
    scenario.after(TIMEOUT);
    assert_eq!(held.answer().reply()["advice"], advice(0));
}

#[test]
fn the_next_reply_gives_changed_advice_if_the_connect_that_changed_it_was_refused() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "1")]);
    let [alice, bob] = ["alice", "bob"].map(|name| {
        let client = scenario.client(name).at_address("192.0.2.1");
        client.handshake();
        client.connect().answer();
        client
    });
    bob.connect_with(json!({"advice": {"timeout": 0, "interval": 2000}})).answer();
    let in_the_way = alice.hold();
    assert_eq!(bob.connect().answer().reply()["error"], "503::connections_exceeded");
    in_the_way.breaks_off();
    let held = bob.hold();
    scenario.after(TIMEOUT);
    assert_eq!(held.answer().reply()["advice"], advice(0));
}

#[test]
fn an_interval_requested_by_an_overtaken_connect_and_the_next_one_is_granted_by_the_next_one() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.connect_with(wishing(2000));
    let held = alice.connect_with(wishing(2000));
    scenario.after(TIMEOUT);
    assert_eq!(held.answer().reply()["advice"], advice(2000));
}

#[test]
fn a_number_beyond_a_double_requests_the_longest_interval_and_timeout() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let connect = |id: &str, advice: &str| {
        let id = format!(r#""id":"{id}","clientId":"{}""#, alice.id());
        alice.post_text(&format!(
            r#"[{{"channel":"/meta/connect","connectionType":"long-polling",{id},"advice":{advice}}}]"#
        ))
    };
    let reply = connect("1", r#"{"interval":1E400,"timeout":0}"#).answer().reply();
    assert_eq!(reply["advice"], advice(300_000));
    let held = connect("2", r#"{"timeout":1E400}"#);
    scenario.after(TIMEOUT - 1);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(held.answer().reply()["advice"], advice(0));
}
