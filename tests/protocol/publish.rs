//! Publishing, and who receives which events.

use serde_json::{Value, json};

use crate::scenario::Scenario;

#[test]
fn a_publish_is_acknowledged_on_its_channel_with_its_id() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let reply = alice.ask(json!({"channel": "/chat/demo", "id": "p1", "data": {"text": "hi"}}));
    assert_eq!(reply, json!({"channel": "/chat/demo", "id": "p1", "successful": true}));
}

#[test]
fn a_reply_repeats_the_message_id_as_it_came() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for id in [json!(7), json!(-1), json!(1.5), json!("7"), json!("a-b_c.d:1")] {
        assert_eq!(alice.ask(json!({"channel": "/chat", "id": id, "data": 1}))["id"], id);
    }
    assert!(alice.ask(json!({"channel": "/chat", "id": null, "data": 1})).get("id").is_none());
}

#[test]
fn bob_receives_what_alice_publishes_while_he_waits() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat/demo");
    let held = bob.hold();
    alice.publish("/chat/demo", json!({"text": "hi"}));
    assert_eq!(held.answer().events(), [json!({"channel": "/chat/demo", "data": {"text": "hi"}})]);
}

#[test]
fn events_keep_their_order() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    for number in 0..100 {
        alice.publish("/chat", number);
        if number % 10 == 7 {
            bob.connect();
        }
    }
    bob.connect();
    assert_eq!(bob.receives(), (0..100).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn one_copy_reaches_a_subscriber_whose_patterns_overlap() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    for pattern in ["/chat/demo", "/chat/*", "/chat/**", "/**"] {
        bob.subscribe(pattern);
    }
    alice.publish("/chat/demo", "once");
    bob.connect();
    assert_eq!(bob.receives(), ["once"]);
}

#[test]
fn a_publisher_gets_its_own_event_with_the_reply_only_if_it_is_subscribed() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    let held = alice.hold();
    let answer = alice.send(alice.a_publish("/chat", "echo")).answer();
    let [event, reply] = &answer.messages[..] else { panic!("{}", answer.text) };
    assert_eq!((event, &reply["successful"]), (&json!({"channel": "/chat", "data": "echo"}), &json!(true)));
    assert!(held.is_held(), "the held connect is not answered for an event that came with the reply");
    alice.publish("/other", "unheard");
    assert_eq!(alice.receives(), ["echo"]);
}

#[test]
fn data_arrives_byte_for_byte() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    for data in [
        "18446744073709551616",
        "1E400",
        "-0",
        "1.10",
        "0.1e-7",
        "null",
        "false",
        r#""""#,
        r#"{"b":1,"a":2,"b":3}"#,
        r#""\u00e9\/é\ud83d\ude00😀\ud800""#,
        "[ 1 ,\t2 ]",
        r#"{"__proto__":{"channel":"/meta/connect"}}"#,
    ] {
        let body = format!(r#"[{{"channel":"/chat","clientId":"{}","id":1,"data":{data}}}]"#, alice.id());
        alice.post_text(&body);
        let reply = r#"{"channel":"/meta/connect","successful":true}"#;
        let text = bob.connect_with(json!({"id": null})).answer().text;
        assert_eq!(text, format!(r#"[{{"channel":"/chat","data":{data}}},{reply}]"#));
    }
}

#[test]
fn an_event_has_the_publishers_ext_and_own_fields_but_not_its_client_id_and_id() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    alice.ask(json!({"channel": "/chat", "data": 1, "ext": {"seq": 5}, "mood": "good", "nothing": []}));
    bob.connect();
    let expected = json!({"channel": "/chat", "data": 1, "ext": {"seq": 5}, "mood": "good", "nothing": []});
    assert_eq!(bob.receives_events(), [expected]);
}

#[test]
fn a_publisher_cannot_send_advice_successful_or_error() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let words =
        json!({"channel": "/chat", "data": 1, "advice": {"reconnect": "none"}, "successful": false, "error": "x"});
    alice.ask(words);
    bob.connect();
    assert_eq!(bob.receives_events(), [json!({"channel": "/chat", "data": 1})]);
}

#[test]
fn a_publish_needs_data_and_null_is_data() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    assert_eq!(alice.error_of(json!({"channel": "/chat"})), "400::data_missing");
    alice.post_text(&format!(r#"[{{"channel":"/chat","clientId":"{}","data":null}}]"#, alice.id()));
    bob.connect();
    assert_eq!(bob.receives(), [Value::Null]);
}

#[test]
fn a_publish_needs_a_valid_channel_without_wildcards() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for channel in ["/*", "/chat/**", "/chat/*", "chat", "/", "", "/chat//x", "/a\tb", "/é", "/a'b", "/a<b", "/a\\"] {
        let reply = alice.ask(json!({"channel": channel, "data": 1, "id": "1"}));
        let expected = json!({"channel": channel, "id": "1", "successful": false, "error": "405::channel_invalid"});
        assert_eq!(reply, expected);
    }
    assert_eq!(alice.error_of(json!({"channel": 5, "data": 1})), "405::channel_invalid");
    assert_eq!(alice.error_of(json!({"data": 1})), "400::channel_missing");
}

#[test]
fn an_invalid_message_id_is_refused_and_not_repeated() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    for id in [json!("<script>"), json!({}), json!([1]), json!(true), json!(""), json!("a\nb"), json!("x".repeat(257))]
    {
        let reply = alice.ask(json!({"channel": "/chat", "data": 1, "id": id}));
        assert_eq!(reply, json!({"channel": "/chat", "successful": false, "error": "405::message_id_invalid"}));
    }
    assert!(bob.connect().is_held());
}

#[test]
fn unknown_meta_channels_are_refused() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    for channel in ["/meta", "/meta/x", "/meta/connect/x", "/meta/handshakes"] {
        assert_eq!(alice.error_of(json!({"channel": channel, "data": 1})), "403::meta_channel_unknown");
    }
    assert!(bob.connect().is_held());
}

#[test]
fn without_a_session_nothing_is_published() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    for client_id in [json!("rNoSuchSession"), json!(null), json!(5)] {
        let error = alice.error_of(json!({"channel": "/chat", "data": 1, "clientId": client_id}));
        assert_eq!(error, "402::session_unknown");
    }
    assert!(bob.connect().is_held());
}

#[test]
fn with_anon_publish_no_session_is_needed_but_a_wrong_one_is_refused() {
    let scenario = Scenario::with(&[("ANON_PUBLISH", "true")]);
    let [bob] = scenario.join(["bob"]);
    bob.subscribe("/chat");
    let stranger = scenario.client("stranger");
    let reply = stranger.post(&json!([{"channel": "/chat", "id": "1", "data": "hello"}])).answer().reply();
    assert_eq!(reply, json!({"channel": "/chat", "id": "1", "successful": true}));
    bob.connect();
    assert_eq!(bob.receives_events(), [json!({"channel": "/chat", "data": "hello"})]);
    for client_id in [json!("rNoSuchSession"), json!(5)] {
        let wrong = json!([{"channel": "/chat", "clientId": client_id, "data": 1}]);
        assert_eq!(stranger.post(&wrong).answer().reply()["error"], "402::session_unknown");
    }
}
