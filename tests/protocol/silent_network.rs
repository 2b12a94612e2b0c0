//! A network that dies silently: no close, no reset, no notice to either side.

use serde_json::{Value, json};

use crate::client::{Client, Socket};
use crate::scenario::Scenario;

/// How long cometd.js waits for the reply to a connect, ms: the advised timeout and ten seconds.
const NOTICES: u64 = 30_000 + 10_000;

/// How long Faye's clients wait, ms.
const FAYE_NOTICES: u64 = 61_000;

fn acknowledging(scenario: &Scenario) -> (Client, Socket) {
    let socket = scenario.socket();
    let client = scenario.client("bob");
    client.moves_to(&socket);
    client.handshake_with(json!({"ext": {"ack": true}}));
    client.connect_with(json!({"ext": {"ack": 0}})).answer();
    (client, socket)
}

fn connects(client: &Client, ack: u64) -> Value {
    let answer = client.connect_with(json!({"ext": {"ack": ack}, "advice": {"timeout": 0}})).answer();
    Value::from(answer.data())
}

#[test]
fn by_default_a_connect_on_a_socket_is_answered_within_30_seconds() {
    let scenario = Scenario::new();
    let socket = scenario.socket();
    let alice = scenario.client("alice");
    alice.moves_to(&socket);
    assert_eq!(alice.handshake()["advice"]["timeout"], 30_000);
    alice.connect().answer();
    let held = alice.hold();
    scenario.after(30_000);
    assert!(!held.is_held());
}

#[test]
fn a_client_with_the_ack_extension_loses_nothing_in_a_silent_network() {
    for notices in [NOTICES, FAYE_NOTICES] {
        let scenario = Scenario::new();
        let [alice] = scenario.join(["alice"]);
        let (bob, _dead) = acknowledging(&scenario);
        bob.subscribe("/chat");
        bob.connect_with(json!({"ext": {"ack": 1}}));
        // The network is gone, and the answer with this event goes nowhere.
        alice.publish("/chat", 1);
        scenario.after(notices + 2000);
        bob.moves_to(&scenario.socket());
        assert_eq!(connects(&bob, 1), json!([1]), "after {notices} ms");
    }
}

#[test]
fn the_session_of_a_silent_client_ends_within_two_minutes() {
    let scenario = Scenario::new();
    let [(bob, _dead)] = scenario.join_on_sockets(["bob"]);
    bob.hold();
    let connected = || scenario.call("GET", "/clients", "", "").1["clients"][0]["connected"].clone();
    assert_eq!(connected(), true);
    scenario.after(31_000);
    assert_eq!(connected(), false);
    scenario.after(89_000);
    assert_eq!(scenario.call("GET", "/clients", "", "").1["clients"], json!([]));
}

#[test]
fn without_a_held_connect_a_session_on_a_socket_expires_after_max_interval() {
    let scenario = Scenario::new();
    let [(bob, _socket)] = scenario.join_on_sockets(["bob"]);
    scenario.after(10_000);
    assert_eq!(bob.error_of(json!({"channel": "/chat", "data": 1})), "402::session_unknown");
}

#[test]
fn the_held_connects_of_idle_sockets_come_to_end_together() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "60000")]);
    let clients = scenario.join_on_sockets(["ada", "bob", "cleo"]);
    // The first connects come at different times.
    for (client, _) in &clients {
        client.hold();
        scenario.after(9000);
    }
    let mut wakes = Vec::new();
    for _ in 0..10 {
        let wake = scenario.wakes_at().unwrap();
        scenario.after(wake.0 - scenario.now().0);
        for (client, socket) in &clients {
            if !socket.frames().is_empty() {
                client.hold();
            }
        }
        wakes.push(wake.0);
    }
    let last: Vec<_> = wakes.windows(2).rev().take(4).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(last, [30_000; 4], "one wake-up in the time that a connect is held: {wakes:?}");
}
