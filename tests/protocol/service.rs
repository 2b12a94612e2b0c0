//! Services and listeners: replies, publishes and vetoes of an application, and sessions that it ends.

use bayeux_edge::bayeux::app::{Actions, Application, ChannelOptions, Outcome, Publication, answer, publish, reply};
use bayeux_edge::bayeux::{BayeuxError, Ending, Notice};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

fn application() -> Application {
    Application::new()
        .service("echo", |call| Ok(reply(call.raw_data())))
        .service("twice", |call| Ok(reply(call.raw_data()).reply(call.raw_data())))
        .service("math/add", |call| Ok(reply(call.data::<Vec<i64>>()?.iter().sum::<i64>())))
        .service("veto", |_| Err(BayeuxError::MessageDeleted.into()))
        .service("busy", |_| Err(BayeuxError::Service(503, "call again later".to_owned()).into()))
        .service("kick", |_| Ok(Actions::new().disconnect()))
        .service("kick-politely", |call| Ok(reply(call.raw_data()).disconnect()))
        .service("pub", |call| Ok(publish(call.message().get::<String>("to").unwrap_or_default(), call.raw_data())))
        .listener("/chat/vetoed", |_| Err(BayeuxError::MessageDeleted.into()))
        .listener("/chat/counted", |message| Ok(publish("/count", message.raw_data())))
}

fn desk<const N: usize>(names: [&'static str; N]) -> (Scenario, [Client; N]) {
    let scenario = Scenario::serving(application(), &[]);
    let clients = scenario.join(names);
    (scenario, clients)
}

fn to(channel: &str, data: impl Into<Value>) -> Value {
    json!({"channel": channel, "id": "s", "data": data.into()})
}

#[test]
fn a_service_answers_the_sender_alone_beside_the_reply() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/**");
    let held = alice.hold();
    let answer = alice.send(to("/service/echo", json!({"a": 1}))).answer();
    let expected = [
        json!({"channel": "/service/echo", "data": {"a": 1}}),
        json!({"channel": "/service/echo", "id": "s", "successful": true}),
    ];
    assert_eq!(answer.messages, expected);
    assert!(held.is_held());
    assert!(bob.connect().is_held());
}

#[test]
fn a_service_may_answer_more_than_once() {
    let (_scenario, [alice]) = desk(["alice"]);
    assert_eq!(alice.send(to("/service/twice", 1)).answer().data(), [1, 1]);
}

#[test]
fn an_unknown_service_is_refused() {
    let (scenario, [alice]) = desk(["alice"]);
    let reply = alice.send(to("/service/nobody", 1)).answer().reply();
    let unknown = "404::service_unknown";
    assert_eq!(reply, json!({"channel": "/service/nobody", "id": "s", "successful": false, "error": unknown}));
    let (_, answer) = scenario.call("POST", "/publish", "", r#"{"channel":"/service/nobody","data":1}"#);
    assert_eq!(answer[0]["error"], unknown);
}

#[test]
fn a_service_with_only_a_listener_is_not_unknown() {
    let app = Application::new().listener("/service/heard/**", |message| Ok(publish("/heard", message.raw_data())));
    let scenario = Scenario::serving(app, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/heard");
    alice.publish("/service/heard/here", 1);
    assert_eq!(bob.connect().answer().data(), [1]);
    assert_eq!(alice.error_of(to("/service/unheard", 1)), "404::service_unknown");
}

#[test]
fn a_denied_client_does_not_learn_whether_a_service_exists() {
    let scenario = Scenario::serving(application(), &[("ACCESS_RULES", "anyone publish /service/echo")]);
    let [alice] = scenario.join(["alice"]);
    for name in ["/service/twice", "/service/nobody"] {
        assert_eq!(alice.error_of(to(name, 1)), "403:denied_by_access_rules:publish_denied");
    }
}

#[test]
fn a_vetoed_message_is_answered_with_an_error_and_reaches_no_subscriber() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/chat/*");
    for channel in ["/service/veto", "/chat/vetoed"] {
        assert_eq!(alice.error_of(to(channel, 1)), "404::message_deleted");
    }
    assert!(bob.connect().is_held());
}

#[test]
fn the_error_of_a_service_is_the_error_of_the_reply() {
    let (_scenario, [alice]) = desk(["alice"]);
    assert_eq!(alice.error_of(to("/service/busy", 1)), "503::call again later");
}

#[test]
fn a_service_publishes_as_the_server() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/news");
    let held = bob.hold();
    alice.ask(json!({"channel": "/service/pub", "to": "/news", "data": {"n": 1}}));
    assert_eq!(held.answer().events(), [json!({"channel": "/news", "data": {"n": 1}})]);
}

#[test]
fn the_application_cannot_publish_on_meta_and_service_channels() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/**");
    for channel in ["/meta/connect", "/meta/x", "/service/x"] {
        alice.ask(json!({"channel": "/service/pub", "to": channel, "data": 1}));
    }
    assert!(bob.connect().is_held());
}

#[test]
fn events_published_by_a_listener_follow_the_message() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/**");
    alice.publish("/chat/counted", 7);
    let expected = [json!({"channel": "/chat/counted", "data": 7}), json!({"channel": "/count", "data": 7})];
    assert_eq!(bob.connect().answer().events(), expected);
}

#[test]
fn a_service_needs_data_too() {
    let (_scenario, [alice]) = desk(["alice"]);
    assert_eq!(alice.error_of(json!({"channel": "/service/echo"})), "400::data_missing");
}

#[test]
fn the_server_ends_a_session_and_its_held_connect() {
    let (scenario, [alice]) = desk(["alice"]);
    let held = alice.connect_with(json!({"id": "c"}));
    scenario.notices();
    assert_eq!(alice.ask(to("/service/kick", 1))["successful"], true);
    let expected = [
        json!({"channel": "/meta/disconnect", "successful": true}),
        json!({"channel": "/meta/connect", "id": "c", "successful": true, "advice": {"reconnect": "none"}}),
    ];
    assert_eq!(held.answer().messages, expected);
    assert_eq!(alice.error_of(to("/service/echo", 1)), "402::session_unknown");
    assert_eq!(scenario.notices(), [Notice::SessionClosed { why: Ending::Dismissed, sessions: 0 }]);
}

#[test]
fn without_a_held_connect_queued_events_and_then_the_disconnect_come_with_the_reply() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    alice.subscribe("/chat");
    bob.publish("/chat", "waits");
    let events = alice.send(to("/service/kick-politely", "sorry")).answer().events();
    assert_eq!(events.last(), Some(&json!({"channel": "/meta/disconnect", "successful": true})));
    let mut data: Vec<_> = events.iter().filter_map(|event| event.get("data")).collect();
    data.sort_by_key(|data| data.to_string());
    assert_eq!(data, ["sorry", "waits"]);
}

#[test]
fn with_anon_publish_a_service_answers_a_sender_without_a_session() {
    let scenario = Scenario::serving(application(), &[("ANON_PUBLISH", "true")]);
    let stranger = scenario.client("stranger");
    assert_eq!(stranger.post(&json!([to("/service/echo", 1)])).answer().data(), [1]);
    assert_eq!(stranger.post(&json!([to("/service/kick", 1)])).answer().reply()["successful"], true);
}

#[test]
fn a_service_refuses_data_that_it_cannot_read() {
    let (_scenario, [alice]) = desk(["alice"]);
    assert_eq!(alice.send(to("/service/math/add", json!([1, 2, 39]))).answer().data(), [42]);
    for data in [json!("x"), json!({}), json!([0.5])] {
        assert_eq!(alice.error_of(json!({"channel": "/service/math/add", "data": data})), "400::data_invalid");
    }
}

#[test]
fn the_fallback_answers_unknown_services_only() {
    let missing =
        |call: &Publication| -> Outcome { Err(BayeuxError::Service(404, format!("no {}", call.channel)).into()) };
    let scenario = Scenario::serving(application().fallback_service(missing), &[]);
    let [alice] = scenario.join(["alice"]);
    assert_eq!(alice.error_of(to("/service/nobody", 1)), "404::no /service/nobody");
    assert_eq!(alice.send(to("/service/echo", 1)).answer().data(), [1]);
    alice.publish("/chat/x", 1);
}

#[test]
fn a_service_may_keep_state() {
    let mut calls = 0;
    let count = move |_: &Publication| {
        calls += 1;
        Ok(reply(calls))
    };
    let scenario = Scenario::serving(Application::new().service("count", count), &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    for (client, expected) in [(&alice, 1), (&bob, 2), (&alice, 3)] {
        assert_eq!(client.send(to("/service/count", 0)).answer().data(), [expected]);
    }
}

#[test]
fn with_the_ack_extension_a_reply_comes_with_the_connect_until_it_is_acknowledged() {
    let (scenario, []) = desk([]);
    let alice = scenario.client("alice");
    alice.handshake_with(json!({"ext": {"ack": true}}));
    alice.connect().answer();
    assert_eq!(alice.send(to("/service/echo", 7)).answer().events(), [] as [Value; 0]);
    assert_eq!(alice.connect_with(json!({"ext": {"ack": 1}})).answer().data(), [7]);
    assert_eq!(alice.connect_with(json!({"ext": {"ack": 1}})).answer().data(), [7], "not acknowledged yet");
}

#[test]
fn an_invalid_channel_in_an_action_fails_the_message_and_the_log_names_the_line() {
    let (scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/**");
    scenario.notices();
    let misspelt = json!({"channel": "/service/pub", "to": "no channel", "data": 1});
    assert_eq!(alice.error_of(misspelt), "500::internal_error");
    let [Notice::ActionFailed { reason }] = &scenario.notices()[..] else { panic!("one line in the log") };
    assert!(reason.starts_with("a name that is no channel's, at tests/protocol/service.rs:"), "{reason}");
    assert!(bob.connect().is_held());
}

#[test]
fn the_shipped_services_echo_and_calculate() {
    let scenario = Scenario::serving(bayeux_edge::app::application(&|_| None), &[]);
    let [alice] = scenario.join(["alice"]);
    let call = |channel: &str, data: Value| alice.send(to(channel, data)).answer();
    assert_eq!(call("/service/echo", json!({"a": [1, "é"]})).data(), [json!({"a": [1, "é"]})]);
    let task = |left: f64, operator: &str, right: f64| json!({"left": left, "operator": operator, "right": right});
    for (operator, result) in [("+", 7.5), ("-", 4.5), ("*", 9.0), ("/", 4.0)] {
        let expected = json!({"left": 6.0, "operator": operator, "right": 1.5, "result": result});
        assert_eq!(call("/service/math", task(6.0, operator, 1.5)).data(), [expected]);
    }
    for (wrong, error) in [
        (task(1.0, "/", 0.0), "422::no such number"),
        (task(1e308, "*", 10.0), "422::no such number"),
        (task(1.0, "%", 1.0), "422::the operators are + - * /"),
        (json!({"left": "1", "operator": "+", "right": 1}), "400::data_invalid"),
        (task(1.0, "**", 1.0), "400::data_invalid"),
    ] {
        let answer = call("/service/math", wrong);
        assert_eq!(answer.data(), Vec::<Value>::new());
        assert_eq!(answer.reply()["error"], error);
    }
}

#[test]
fn any_other_error_of_a_handler_is_answered_internal_error_and_its_text_is_only_logged() {
    let app = Application::new()
        .service("sum", |call| {
            let [left, right]: [String; 2] = call.data()?;
            Ok(reply(left.parse::<i64>()? + right.parse::<i64>()?))
        })
        .listener("/chat", |_| Err(std::fmt::Error.into()))
        .remote_call("parse", |call| Ok(answer(call.data::<String>()?.parse::<i64>()?)));
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    let sum = |data: Value| json!({"channel": "/service/sum", "data": data});
    assert_eq!(alice.send(sum(json!(["1", "2"]))).answer().data(), [3]);
    assert_eq!(alice.error_of(sum(json!(5))), "400::data_invalid");
    scenario.notices();
    assert_eq!(alice.error_of(sum(json!(["1", "x"]))), "500::internal_error");
    assert_eq!(alice.error_of(json!({"channel": "/chat", "data": 1})), "500::internal_error");
    assert_eq!(alice.error_of(json!({"channel": "/service/parse", "data": "x"})), "500::internal_error");
    let failed = |reason: &str| Notice::ActionFailed { reason: reason.to_owned() };
    let invalid = failed("a service: invalid digit found in string");
    let silent = failed("a listener: an error occurred when formatting an argument");
    assert_eq!(scenario.notices(), [invalid.clone(), silent, invalid]);
}

#[test]
fn named_segments_match_for_services_listeners_and_channels_and_handlers_read_them() {
    let app = Application::new()
        .service("rooms/{room}/join", |call| Ok(reply(format!("welcome to {}", call.capture("room").unwrap_or("?")))))
        .service("rooms/lobby/join", |_| Ok(reply("welcome to all")))
        .listener("/rooms/{room}/{thing}", |message| {
            let named = json!([message.capture("room"), message.capture("thing"), message.capture("other")]);
            message.set_data(named);
            Ok(Actions::new())
        })
        .channel("/rooms/{room}/log", ChannelOptions::new().max_subscribers(1));
    let scenario = Scenario::serving(app, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let call = |name: &str| alice.send(json!({"channel": format!("/service/rooms/{name}/join"), "data": 1})).answer();
    assert_eq!(call("42").data(), ["welcome to 42"]);
    assert_eq!(call("lobby").data(), ["welcome to all"]);
    bob.subscribe("/rooms/**");
    alice.publish("/rooms/7/chat", "hi");
    alice.publish("/rooms/7", "as it is");
    assert_eq!(bob.connect().answer().data(), [json!(["7", "chat", null]), json!("as it is")]);
    bob.subscribe("/rooms/7/log");
    bob.subscribe("/rooms/8/chat");
    for (name, error) in [("/rooms/7/log", Some("403::subscribers_exceeded")), ("/rooms/8/chat", None)] {
        let reply = alice.ask(json!({"channel": "/meta/subscribe", "subscription": name}));
        assert_eq!(reply["error"].as_str(), error, "{name}");
    }
}
