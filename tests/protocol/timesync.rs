//! The timesync extension, in the `ext` of meta messages.

use serde_json::{Value, json};

use crate::scenario::Scenario;

fn question(scenario: &Scenario, behind: u64, lag: u64) -> Value {
    json!({"timesync": {"tc": scenario.now().0 - behind, "l": lag, "o": 0}})
}

#[test]
fn every_meta_message_that_asks_is_answered() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice");
    let ext = question(&scenario, 1000, 0);
    let now = scenario.now().0;
    let expected = json!({"timesync": {"tc": now - 1000, "ts": now, "p": 0, "a": -1000}});
    assert_eq!(alice.handshake_with(json!({"ext": ext}))["ext"], expected);
    assert_eq!(alice.connect_with(json!({"ext": ext})).answer().reply()["ext"], expected);
    for channel in ["/meta/subscribe", "/meta/unsubscribe"] {
        assert_eq!(alice.ask(json!({"channel": channel, "subscription": "/a", "ext": ext}))["ext"], expected);
    }
    let refused = alice.ask(json!({"channel": "/meta/subscribe", "ext": ext}));
    assert_eq!((&refused["successful"], &refused["ext"]), (&json!(false), &expected));
    assert_eq!(alice.ask(json!({"channel": "/meta/disconnect", "ext": ext}))["ext"], expected);
}

#[test]
fn a_held_connect_tells_how_long_it_was_held() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.subscribe("/chat");
    let came = scenario.now().0;
    let held = alice.connect_with(json!({"ext": question(&scenario, 40, 0)}));
    scenario.after(1234);
    bob.publish("/chat", 1);
    let expected = json!({"timesync": {"tc": came - 40, "ts": came, "p": 1234, "a": -40}});
    assert_eq!(held.answer().reply()["ext"], expected);
}

#[test]
fn a_connect_that_times_out_on_a_socket_tells_how_long_it_was_held() {
    let scenario = Scenario::with(&[("WEBSOCKET_TIMEOUT", "2000")]);
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    let came = scenario.now().0;
    let held = alice.connect_with(json!({"ext": question(&scenario, 40, 0)}));
    scenario.after(2000);
    let expected = json!({"timesync": {"tc": came - 40, "ts": came, "p": 2000, "a": -40}});
    assert_eq!(held.answer().reply()["ext"], expected);
}

#[test]
fn an_estimate_within_25_ms_is_not_corrected() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let answer = |behind, lag| {
        let ext = question(&scenario, behind, lag);
        alice.connect_with(json!({"ext": ext, "advice": {"timeout": 0}})).answer().reply()["ext"].clone()
    };
    assert_eq!(answer(29, 5), Value::Null);
    assert_eq!(answer(30, 5)["timesync"]["a"], -25);
    assert_eq!(answer(0, 0)["timesync"]["a"], 0, "the first time, without a lag, it is always answered");
}

#[test]
fn publishes_and_messages_that_do_not_ask_get_no_answer() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let ext = question(&scenario, 0, 0);
    assert_eq!(alice.ask(json!({"channel": "/chat", "data": 1, "ext": ext}))["ext"], Value::Null);
    for ext in
        [json!({}), json!({"timesync": 1}), json!({"timesync": {}}), json!({"timesync": {"tc": "now"}}), json!(7)]
    {
        let reply = alice.connect_with(json!({"ext": ext, "advice": {"timeout": 0}})).answer().reply();
        assert_eq!((&reply["successful"], &reply["ext"]), (&json!(true), &Value::Null));
    }
}

#[test]
fn timesync_works_together_with_ack() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice");
    let both = json!({"ack": true, "timesync": {"tc": scenario.now().0, "l": 0, "o": 0}});
    let reply = alice.handshake_with(json!({"ext": both}));
    assert_eq!((&reply["ext"]["ack"], &reply["ext"]["timesync"]["a"]), (&json!(true), &json!(0)));
}
