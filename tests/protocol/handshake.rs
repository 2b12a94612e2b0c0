//! `/meta/handshake`: what opens a session, and what is refused.

use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

/// The reply to a refused handshake, after checking the fields of every refusal.
fn refusal(client: &Client, fields: Value) -> Value {
    let reply = client.shake_hands_with(fields);
    assert_eq!(reply["channel"], "/meta/handshake");
    assert_eq!(reply["successful"], false, "{reply}");
    assert!(reply.get("clientId").is_none(), "{reply}");
    assert_eq!(reply["supportedConnectionTypes"], json!(["websocket", "eventsource", "long-polling"]));
    reply
}

#[test]
fn a_handshake_is_answered_with_a_client_id_and_advice() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice");
    let mut reply = alice.shake_hands_with(json!({"id": "h1"}));
    let client_id = reply["clientId"].take();
    assert!(client_id.is_string());
    let expected = json!({
        "channel": "/meta/handshake", "id": "h1", "successful": true, "clientId": null,
        "version": "1.0", "minimumVersion": "1.0", "supportedConnectionTypes": ["long-polling"],
        "advice": {"reconnect": "retry", "interval": 0, "timeout": 30000},
    });
    assert_eq!(reply, expected);
}

#[test]
fn a_client_id_is_alphanumeric_with_128_random_bits_and_never_given_twice() {
    let scenario = Scenario::new();
    let ids: std::collections::BTreeSet<String> = (0..100)
        .map(|_| {
            let client = scenario.client("one of many");
            client.handshake();
            client.id().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 100);
    for id in ids {
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        // 22 digits of 62 hold 128 bits; the home's code stands before them.
        assert!(id.len() >= 23, "{id}");
    }
}

#[test]
fn the_advice_has_the_servers_timeout_and_interval() {
    let scenario = Scenario::with(&[("TIMEOUT", "20000"), ("INTERVAL", "500")]);
    let reply = scenario.client("alice").handshake();
    assert_eq!(reply["advice"], json!({"reconnect": "retry", "interval": 500, "timeout": 20000}));
}

#[test]
fn only_connection_types_that_both_sides_know_are_offered() {
    let scenario = Scenario::new();
    let types = json!({"supportedConnectionTypes": ["carrier-pigeon", "long-polling"]});
    let reply = scenario.client("alice").shake_hands_with(types);
    assert_eq!(reply["supportedConnectionTypes"], json!(["long-polling"]));
}

#[test]
fn without_a_connection_type_in_common_there_is_no_session() {
    let scenario = Scenario::new();
    for types in [json!([]), json!(["carrier-pigeon"])] {
        let reply = refusal(&scenario.client("alice"), json!({"supportedConnectionTypes": types}));
        assert_eq!(reply["error"], "403::connection_types_unsupported");
        assert_eq!(reply["advice"], json!({"reconnect": "none"}));
    }
}

#[test]
fn version_and_supported_connection_types_are_required() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice");
    for (fields, error) in [
        (json!({"version": null}), "400::version_missing"),
        (json!({"supportedConnectionTypes": null}), "400::supported_connection_types_missing"),
    ] {
        let reply = refusal(&alice, fields);
        assert_eq!(reply["error"], error);
        assert_eq!(reply["advice"], json!({"reconnect": "none"}));
    }
}

#[test]
fn fields_of_a_wrong_type_are_accepted_if_their_meaning_is_clear() {
    let scenario = Scenario::new();
    for fields in [
        json!({"version": 1.0}),
        json!({"version": 1, "minimumVersion": 0.9}),
        json!({"supportedConnectionTypes": "long-polling"}),
        json!({"supportedConnectionTypes": ["long-polling", 5, null, {}]}),
    ] {
        let reply = scenario.client("alice").shake_hands_with(fields);
        assert_eq!((&reply["successful"], &reply["version"]), (&json!(true), &json!("1.0")), "{reply}");
        assert_eq!(reply["supportedConnectionTypes"], json!(["long-polling"]));
    }
}

#[test]
fn invalid_fields_are_refused_with_an_error_that_names_them() {
    let scenario = Scenario::new();
    for (fields, error) in [
        (json!({"version": {}}), "400::version_invalid"),
        (json!({"version": true}), "400::version_invalid"),
        (json!({"minimumVersion": ["1.0"]}), "400::version_invalid"),
        (json!({"version": "1".repeat(65)}), "400::version_invalid"),
        (json!({"minimumVersion": format!("0.{}", "9".repeat(100_000))}), "400::version_invalid"),
        (json!({"supportedConnectionTypes": 5}), "400::supported_connection_types_invalid"),
        (json!({"supportedConnectionTypes": {"0": "long-polling"}}), "400::supported_connection_types_invalid"),
        (json!({"supportedConnectionTypes": [5, {}]}), "403::connection_types_unsupported"),
    ] {
        assert_eq!(refusal(&scenario.client("alice"), fields)["error"], error);
    }
}

#[test]
fn a_version_beyond_64_bits_counts_as_newer() {
    let scenario = Scenario::new();
    for minimum in ["99999999999999999999999", "1.99999999999999999999999", "18446744073709551617.0"] {
        let reply = refusal(&scenario.client("alice"), json!({"minimumVersion": minimum}));
        assert_eq!(reply["error"], "403::version_unsupported", "{minimum}");
    }
    let reply = scenario.client("alice").shake_hands_with(json!({"minimumVersion": "000000000000000000000000001.0"}));
    assert_eq!(reply["successful"], true);
}

#[test]
fn a_newer_client_gets_the_servers_version_unless_its_minimum_is_higher() {
    let scenario = Scenario::new();
    let reply = scenario.client("alice").shake_hands_with(json!({"version": "99.0", "minimumVersion": "0.9"}));
    assert_eq!((&reply["version"], &reply["successful"]), (&json!("1.0"), &json!(true)));
    let reply = refusal(&scenario.client("alice"), json!({"minimumVersion": "1.0.1"}));
    assert_eq!(reply["error"], "403::version_unsupported");
}

#[test]
fn other_messages_beside_a_handshake_are_ignored() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let handshake =
        json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]});
    let answer = alice.post(&json!([alice.a_publish("/chat", "lost"), handshake, alice.a_connect()])).answer();
    assert_eq!(answer.reply()["channel"], "/meta/handshake");
    assert_eq!(answer.reply()["successful"], true);
    assert!(bob.hold().is_held());
}

#[test]
fn a_handshake_ignores_the_client_id_of_an_old_session() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let reply = alice.shake_hands_with(json!({"clientId": alice.id()}));
    assert_eq!(reply["successful"], true);
    assert_ne!(reply["clientId"], alice.id());
    assert!(alice.hold().is_held());
}
