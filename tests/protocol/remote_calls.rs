//! Remote calls: a client asks, and the answer has the id of the call.

use bayeux_edge::bayeux::BayeuxError;
use bayeux_edge::bayeux::app::{Actions, Application, answer, failure, reply};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

fn application() -> Application {
    Application::new()
        .remote_call("echo", |call| Ok(answer(call.raw_data())))
        .remote_call("math/add", |call| Ok(answer(call.data::<Vec<i64>>()?.iter().sum::<i64>())))
        .remote_call("fail", |call| Ok(failure(json!({"code": 42, "of": call.raw_data()}))))
        .remote_call("busy", |_| Err(BayeuxError::Service(503, "call again later".to_owned()).into()))
        .remote_call("loud", |call| Ok(answer(call.raw_data()).publish("/heard", call.raw_data())))
        .remote_call("kick", |_| Ok(answer("bye").disconnect()))
        .service("plain", |call| Ok(reply(call.raw_data())))
}

fn desk<const N: usize>(names: [&'static str; N]) -> (Scenario, [Client; N]) {
    let scenario = Scenario::serving(application(), &[]);
    let clients = scenario.join(names);
    (scenario, clients)
}

fn call(name: &str, data: impl Into<Value>) -> Value {
    json!({"channel": format!("/service/{name}"), "id": "7", "data": data.into()})
}

/// The outcome of a call: its reply, and its answer.
fn outcome(client: &Client, message: Value) -> (Value, Option<Value>) {
    let mut messages = client.send(message).answer().messages;
    let reply = messages.iter().position(|message| message.get("data").is_none()).expect("a reply");
    (messages.remove(reply), messages.pop())
}

#[test]
fn a_call_is_answered_on_its_channel_with_its_id() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/**");
    for id in [json!("7"), json!(7), json!("a-b")] {
        let message = json!({"channel": "/service/echo", "id": id, "data": {"n": 1.50}});
        let (reply, answer) = outcome(&alice, message);
        assert_eq!(reply, json!({"channel": "/service/echo", "id": id, "successful": true}));
        let expected = json!({"channel": "/service/echo", "id": id, "successful": true, "data": {"n": 1.5}});
        assert_eq!(answer, Some(expected));
    }
    assert_eq!(outcome(&alice, call("math/add", json!([1, 2, 39]))).1.unwrap()["data"], 42);
    assert!(bob.connect().is_held(), "nobody else hears of it");
}

#[test]
fn a_failed_call_is_answered_with_successful_false_and_data() {
    let (_scenario, [alice]) = desk(["alice"]);
    let (reply, answer) = outcome(&alice, call("fail", "x"));
    assert_eq!(reply["successful"], true, "the call itself was heard");
    let expected = json!({"channel": "/service/fail", "id": "7", "successful": false, "data": {"code": 42, "of": "x"}});
    assert_eq!(answer, Some(expected));
}

#[test]
fn an_error_of_the_handler_fails_the_call_too() {
    let (_scenario, [alice]) = desk(["alice"]);
    for (name, data, error) in
        [("busy", json!(1), "503::call again later"), ("math/add", json!("one"), "400::data_invalid")]
    {
        let (reply, answer) = outcome(&alice, call(name, data));
        assert_eq!(reply["successful"], true, "the call itself was heard");
        let channel = format!("/service/{name}");
        let expected =
            json!({"channel": channel, "id": "7", "successful": false, "error": error, "data": {"error": error}});
        assert_eq!(answer, Some(expected));
    }
}

#[test]
fn a_call_without_an_id_is_answered_without_one_and_a_service_reply_has_none() {
    let (_scenario, [alice]) = desk(["alice"]);
    let answer = alice.post(&json!([{"channel": "/service/echo", "clientId": alice.id(), "data": 1}])).answer();
    let events = [json!({"channel": "/service/echo", "successful": true, "data": 1})];
    assert_eq!(answer.messages[..1], events);
    let plain = alice.send(json!({"channel": "/service/plain", "id": "8", "data": 1})).answer();
    assert_eq!(plain.messages[0], json!({"channel": "/service/plain", "data": 1}));
}

#[test]
fn an_answer_may_come_with_other_actions() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/heard");
    assert_eq!(outcome(&alice, call("loud", "hey")).1.unwrap()["data"], "hey");
    bob.connect();
    assert_eq!(bob.receives(), ["hey"]);
    let messages = alice.send(call("kick", 1)).answer().messages;
    assert_eq!(messages[0]["data"], "bye");
    assert_eq!(alice.error_of(call("echo", 1)), "402::session_unknown");
}

#[test]
fn with_the_ack_extension_the_answer_comes_with_the_connect_until_it_is_acknowledged() {
    let (scenario, []) = desk([]);
    let alice = scenario.client("alice");
    alice.handshake_with(json!({"ext": {"ack": true}}));
    alice.connect().answer();
    assert_eq!(alice.send(call("echo", 1)).answer().messages.len(), 1);
    for _ in 0..2 {
        let messages = alice.connect_with(json!({"ext": {"ack": 1}})).answer().messages;
        assert_eq!(messages[0], json!({"channel": "/service/echo", "id": "7", "successful": true, "data": 1}));
    }
}

#[test]
fn with_anon_publish_anybody_may_call() {
    let scenario = Scenario::serving(application(), &[("ANON_PUBLISH", "true")]);
    let stranger = scenario.client("stranger");
    let messages = stranger.post(&json!([call("echo", 1), call("fail", 1)])).answer().messages;
    let answers: Vec<_> = messages.iter().filter(|message| message.get("data").is_some()).collect();
    assert_eq!((&answers[0]["data"], &answers[1]["successful"]), (&json!(1), &json!(false)));
}

#[test]
fn of_two_handlers_with_one_name_the_later_one_counts() {
    let application = Application::new()
        .service("x", |_| Ok(Actions::new()))
        .remote_call("x", |_| Ok(answer(1)))
        .remote_call("y", |_| Ok(answer(1)))
        .service("y", |_| Ok(reply(2)));
    let scenario = Scenario::serving(application, &[]);
    let [alice] = scenario.join(["alice"]);
    assert_eq!(outcome(&alice, call("x", 0)).1.unwrap()["successful"], true);
    assert_eq!(outcome(&alice, call("y", 0)).1, Some(json!({"channel": "/service/y", "data": 2})));
}

#[test]
fn a_hooks_worker_answers_calls_too() {
    let scenario = Scenario::with(&[("HOOKS_FOR", "service")]).with_hooks();
    let [alice] = scenario.join(["alice"]);
    let asked: Vec<_> = ["ok", "nothing", "bad", "wrong"].map(|name| alice.send(call(name, 1))).into();
    scenario.hooks_answer(&json!([{"result": {"n": 1}}]));
    scenario.hooks_answer(&json!([
        {"result": null, "actions": [{"do": "push", "client": "1", "channel": "/x", "data": 1}]},
        {"failure": {"code": 1}},
        {"error": "404::no_such_call"},
    ]));
    let answers: Vec<_> = asked.iter().map(|call| call.answer().messages).collect();
    let expected = json!({"channel": "/service/ok", "id": "7", "successful": true, "data": {"n": 1}});
    assert_eq!(answers[0][0], expected);
    let expected = json!({"channel": "/service/nothing", "id": "7", "successful": true, "data": null});
    assert_eq!(answers[1][0], expected);
    let expected = json!({"channel": "/service/bad", "id": "7", "successful": false, "data": {"code": 1}});
    assert_eq!(answers[2][0], expected);
    let refused = &answers[3];
    assert_eq!((refused.len(), &refused[0]["error"]), (1, &json!("404::no_such_call")));
}
