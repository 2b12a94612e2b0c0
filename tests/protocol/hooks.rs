//! An application in another Worker: its questions, the effect of its answers, and what happens without an answer.

use bayeux_edge::bayeux::Notice;
use bayeux_edge::bayeux::app::{Application, publish, reply};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

fn hooked(vars: &[(&str, &str)]) -> Scenario {
    Scenario::with(vars).with_hooks()
}

/// A server that asks for these hooks, and clients that joined before.
fn joined<const N: usize>(hooks: &str, names: [&'static str; N]) -> (Scenario, [Client; N]) {
    let scenario = Scenario::with(&[("HOOKS_FOR", hooks)]);
    let clients = scenario.join(names);
    (scenario.with_hooks(), clients)
}

fn failed(scenario: &Scenario) -> usize {
    scenario.notices().iter().map(|notice| if let Notice::HooksFailed { calls } = notice { *calls } else { 0 }).sum()
}

#[test]
fn without_a_hooks_worker_nobody_is_asked() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    alice.publish("/a", 1);
    assert_eq!(scenario.asked(), Vec::<Value>::new());
}

#[test]
fn a_handshake_waits_for_the_hooks_worker_and_the_session_keeps_its_attributes() {
    let scenario = hooked(&[("HOOKS_FOR", "handshake service")]);
    let alice = scenario.client("alice").at_address("192.0.2.1");
    let handshake = json!([{"channel": "/meta/handshake", "id": "1", "version": "1.0",
        "supportedConnectionTypes": ["long-polling"], "ext": {"token": "t"}}]);
    let asked = alice.post(&handshake);
    assert!(asked.is_held());
    let call = json!({"hook": "handshake", "client": {"address": "192.0.2.1"}, "message": handshake[0]});
    assert_eq!(scenario.asked(), [call]);
    scenario.hooks_answer(&json!([{"allow": true, "attributes": {"user": "alice", "level": 3}}]));
    let reply = asked.answer().reply();
    assert_eq!((&reply["successful"], &reply["id"]), (&json!(true), &json!("1")));
    let id = reply["clientId"].as_str().unwrap();
    let called = alice.post(&json!([{"channel": "/service/x", "clientId": id, "data": 1}]));
    let client = scenario.asked()[0]["client"].take();
    assert_eq!(client["attributes"], json!({"user": "alice", "level": 3}));
    assert!(client["client"].as_str().is_some_and(|name| !id.contains(name)));
    scenario.hooks_answer(&json!([{}]));
    assert_eq!(called.answer().reply()["successful"], true);
}

#[test]
fn a_denial_may_have_its_own_error_advice_and_ext() {
    for (answer, error, advice, ext) in [
        (json!({"allow": false}), "403::handshake_denied", json!({"reconnect": "none"}), Value::Null),
        (
            json!({"allow": false, "error": "401:token:expired", "advice": {"reconnect": "handshake", "interval": 500},
                "ext": {"loginAt": "/login"}}),
            "401:token:expired",
            json!({"reconnect": "handshake", "interval": 500}),
            json!({"loginAt": "/login"}),
        ),
    ] {
        let scenario = hooked(&[]);
        let alice = scenario.client("alice");
        let asked = alice.post(
            &json!([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}]),
        );
        scenario.hooks_answer(&json!([answer]));
        let reply = asked.answer().reply();
        assert_eq!((reply["error"].as_str(), &reply["advice"], &reply["ext"]), (Some(error), &advice, &ext));
        assert_eq!(reply.get("clientId"), None);
    }
}

#[test]
fn a_subscribe_is_one_call_with_all_its_channels_and_later_messages_wait_for_it() {
    let (scenario, [alice, bob]) = joined("subscribe", ["alice", "bob"]);
    let asked = alice.send_all([
        json!({"channel": "/meta/subscribe", "subscription": ["/old", "/new/**"]}),
        json!({"channel": "/old", "data": "mine"}),
    ]);
    let call = &scenario.asked()[0];
    assert_eq!((&call["channels"], &call["creates"]), (&json!(["/old", "/new/**"]), &json!(["/old", "/new/**"])));
    assert_eq!(call["message"].get("clientId"), None);
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(asked.answer().data(), ["mine"]);
    let asked = bob.send(json!({"channel": "/meta/subscribe", "subscription": ["/old", "/secret"]}));
    assert_eq!(scenario.asked()[0]["creates"], json!(["/secret"]));
    scenario.hooks_answer(&json!([{"allow": false, "error": "403::members_only"}]));
    assert_eq!(asked.answer().reply()["error"], "403::members_only");
    bob.publish("/old", 1);
    assert_eq!(
        bob.connect_with(json!({"advice": {"timeout": 0}})).answer().data(),
        Vec::<Value>::new(),
        "nothing applied"
    );
}

#[test]
fn a_publish_may_be_changed_or_vetoed_and_the_order_stays() {
    let (scenario, [alice, bob]) = joined("publish", ["alice", "bob"]);
    bob.subscribe("/talk");
    let batch = alice.send_all([
        json!({"channel": "/talk", "data": "one", "ext": {"x": 1}}),
        json!({"channel": "/talk", "data": "spam"}),
        json!({"channel": "/talk", "data": "three", "ext": {"x": 3}}),
        json!({"channel": "/meta/disconnect"}),
    ]);
    assert_eq!(scenario.asked().len(), 3, "in one request");
    let later = bob.send(json!({"channel": "/talk", "data": "four"}));
    assert!(batch.is_held() && later.is_held());
    scenario.hooks_answer(&json!([
        {"allow": true, "data": {"text": "ONE"}},
        {"allow": false},
        {"allow": true, "ext": null},
    ]));
    let replies: Vec<Value> = batch.answer().replies();
    let outcomes: Vec<&Value> = replies.iter().map(|reply| &reply["successful"]).collect();
    assert_eq!(outcomes, [true, false, true, true]);
    assert_eq!(replies[1]["error"], "403:denied_by_security_policy:publish_denied");
    assert_eq!(scenario.asked().len(), 1, "what came meanwhile");
    scenario
        .hooks_answer(&json!([{"allow": true, "actions": [{"do": "publish", "channel": "/talk", "data": "five"}]}]));
    assert_eq!(later.answer().reply()["successful"], true);
    bob.connect();
    assert_eq!(
        bob.receives_events(),
        [
            json!({"channel": "/talk", "data": {"text": "ONE"}, "ext": {"x": 1}}),
            json!({"channel": "/talk", "data": "three"}),
            json!({"channel": "/talk", "data": "four"}),
            json!({"channel": "/talk", "data": "five"}),
        ]
    );
}

#[test]
fn messages_after_a_publish_that_waits_take_effect_after_it() {
    let (scenario, [alice]) = joined("publish", ["alice"]);
    alice.subscribe("/talk");
    let batch = alice.send_all([
        json!({"channel": "/talk", "data": "heard"}),
        json!({"channel": "/meta/unsubscribe", "subscription": "/talk"}),
        json!({"channel": "/talk", "data": "not heard"}),
    ]);
    scenario.hooks_answer(&json!([{"allow": true}]));
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(batch.answer().data(), ["heard"]);
}

#[test]
fn the_hooks_worker_answers_services_that_the_application_does_not_have() {
    let app = Application::new().service("here", |_| Ok(reply("here")));
    let scenario = Scenario::serving(app, &[("HOOKS_FOR", "service")]);
    let [alice] = scenario.join(["alice"]);
    let scenario = scenario.with_hooks();
    assert_eq!(alice.send(json!({"channel": "/service/here", "data": 1})).answer().data(), ["here"]);
    let answers = [
        json!({}),
        json!({"replies": [1]}),
        json!({"replies": [1, null, "x"]}),
        json!({"error": "404::service_unknown"}),
    ];
    let calls: Vec<_> =
        answers.iter().map(|_| alice.send(json!({"channel": "/service/there", "data": [1E2]}))).collect();
    assert_eq!(scenario.asked().len(), 1);
    assert_eq!(scenario.asked()[0]["channel"], "/service/there");
    scenario.hooks_answer(&json!([answers[0]]));
    assert_eq!(scenario.asked().len(), 3);
    scenario.hooks_answer(&json!(answers[1..]));
    let heard: Vec<Vec<Value>> = calls.iter().map(|call| call.answer().data()).collect();
    assert_eq!(heard, [vec![], vec![json!(1)], vec![json!(1), Value::Null, json!("x")], vec![]]);
    assert_eq!(calls[3].answer().reply()["error"], "404::service_unknown");
}

#[test]
fn an_invalid_or_missing_answer_allows_nothing() {
    for say in [
        None,
        Some("nonsense"),
        Some(r#"{"answers":[]}"#),
        Some(r#"{"answers":[{"allow":true},{"allow":true}]}"#),
        Some(r#"{"answers":[{}]}"#),
        Some(r#"{"answers":[{"allow":"yes"}]}"#),
        Some(r#"{"answers":[null]}"#),
        Some(r#"{"answers":[{"allow":false,"error":"no bayeux error"}]}"#),
        Some(r#"{"answers":[{"allow":true,"actions":[{"do":"harm"}]}]}"#),
    ] {
        let (scenario, [alice, bob]) = joined("publish", ["alice", "bob"]);
        bob.subscribe("/a");
        let asked = alice.send(json!({"channel": "/a", "data": 1}));
        scenario.hooks_say(say);
        assert_eq!(asked.answer().reply()["error"], "503::hooks_unavailable", "{say:?}");
        assert_eq!((failed(&scenario), bob.hold().is_held()), (1, true));
    }
    let (scenario, [alice]) = joined("service", ["alice"]);
    let called = alice.send(json!({"channel": "/service/x", "data": 1}));
    scenario.hooks_say(None);
    assert_eq!(called.answer().reply()["error"], "503::service_unavailable");
    let scenario = hooked(&[]);
    let carol = scenario.client("carol");
    let handshake =
        json!([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}]);
    let asked = carol.post(&handshake);
    scenario.hooks_say(None);
    let reply = asked.answer().reply();
    assert_eq!((&reply["error"], &reply["advice"]), (&json!("503::hooks_unavailable"), &json!({"interval": 10000})));
    assert!(reply["advice"]["interval"].as_u64().unwrap() > 0, "not at once");
}

#[test]
fn a_panic_in_the_application_fails_only_its_message_though_it_was_allowed() {
    let app = Application::new().listener("/panic", |_| panic!("the panic that was asked for"));
    let scenario = Scenario::serving(app, &[("HOOKS_FOR", "publish")]);
    let [alice] = scenario.join(["alice"]);
    let scenario = scenario.with_hooks();
    let batch = alice.send_all([json!({"channel": "/panic", "data": 1}), json!({"channel": "/a", "data": 2})]);
    scenario.hooks_answer(&json!([{"allow": true}, {"allow": true}]));
    let errors: Vec<Value> = batch.answer().replies().iter().map(|reply| reply["error"].clone()).collect();
    assert_eq!(errors, [json!("500::internal_error"), Value::Null]);
}

#[test]
fn invalid_messages_and_api_publishes_are_answered_without_asking() {
    let (scenario, [alice]) = joined("subscribe publish", ["alice"]);
    for message in [
        json!({"channel": "/a"}),
        json!({"channel": "/a", "data": 1, "clientId": "nobody's"}),
        json!({"channel": "/meta/subscribe", "subscription": "no channel"}),
        json!({"channel": "/meta/subscribe", "subscription": "/a", "clientId": "nobody's"}),
    ] {
        alice.error_of(message);
    }
    assert_eq!(scenario.call("POST", "/publish", "", r#"{"channel":"/a","data":1}"#).1[0]["successful"], true);
    assert_eq!(scenario.asked(), Vec::<Value>::new());
}

#[test]
fn events_are_reported_afterwards_except_the_publishes_and_pushes_of_the_hooks_worker() {
    let (scenario, [alice]) = joined("event", ["alice"]);
    alice.subscribe("/a");
    let told = scenario.asked();
    assert_eq!((told.len(), &told[0]["event"], &told[0]["channels"]), (1, &json!("subscribe"), &json!(["/a"])));
    alice.publish("/a", 1);
    scenario.hooks_answer(&json!([{}]));
    let told = scenario.asked();
    assert_eq!(
        (told.len(), &told[0]["event"], &told[0]["message"]),
        (1, &json!("publish"), &json!({"channel": "/a", "data": 1}))
    );
    let name = told[0]["client"]["client"].clone();
    scenario.hooks_answer(&json!([{"actions": [
        {"do": "publish", "channel": "/a", "data": 2},
        {"do": "set_attribute", "name": "seen", "value": true},
        {"do": "push", "client": name, "channel": "/inbox", "data": 3},
    ]}]));
    assert_eq!(scenario.asked(), Vec::<Value>::new());
    assert_eq!(alice.connect().answer().data(), [2, 3]);
    scenario.after(60_000);
    let told = scenario.asked();
    assert_eq!((&told[0]["event"], &told[1]["why"]), (&json!("unsubscribe"), &json!("expired")));
    assert_eq!(told[1]["client"]["attributes"], json!({"seen": true}));
    scenario.hooks_say(None);
    assert_eq!((scenario.asked().len(), failed(&scenario)), (0, 2), "without an answer they are lost");
}

#[test]
fn what_the_hooks_worker_does_with_a_message_is_not_reported_to_it() {
    for (hook, channel) in [("publish", "/a"), ("service", "/service/x")] {
        let app = Application::new().listener("/a", |_| Ok(publish("/log", "of src/app.rs")));
        let scenario = Scenario::serving(app, &[("HOOKS_FOR", &format!("{hook} event"))]);
        let [alice] = scenario.join(["alice"]);
        alice.subscribe("/*");
        let scenario = scenario.with_hooks();
        let asked = alice.send(json!({"channel": channel, "data": 1}));
        let name = scenario.asked()[0]["client"]["client"].clone();
        scenario.hooks_answer(&json!([{"allow": true, "actions": [
            {"do": "publish", "channel": "/b", "data": 2},
            {"do": "push", "client": name, "channel": "/inbox", "data": 3},
        ]}]));
        let reported: Vec<Value> = scenario.asked().iter().map(|call| call["channel"].clone()).collect();
        let expected: &[&str] = if hook == "publish" { &["/a", "/log"] } else { &[] };
        assert_eq!(reported, expected);
        assert!(asked.answer().data().ends_with(&[json!(2), json!(3)]));
        if !reported.is_empty() {
            scenario.hooks_answer(&json!([{}, {}]));
        }
    }
}

#[test]
fn pushes_of_others_are_reported() {
    let (scenario, [alice]) = joined("event", ["alice"]);
    alice.subscribe("/a");
    let name = scenario.asked()[0]["client"]["client"].clone();
    scenario.hooks_answer(&json!([{}]));
    let publish = json!({"channel": "/inbox", "data": 3, "client": name});
    assert_eq!(scenario.call("POST", "/publish", "", &publish.to_string()).0, 200);
    let told = scenario.asked();
    assert_eq!((told.len(), &told[0]["event"], &told[0]["data"]), (1, &json!("client_push"), &json!(3)));
    scenario.hooks_answer(&json!([{}]));
}

#[test]
fn a_request_to_the_hooks_worker_has_at_most_100_calls() {
    let (scenario, [alice]) = joined("publish", ["alice"]);
    let messages: Vec<Value> = (0..250).map(|n| json!({"channel": "/a", "clientId": alice.id(), "data": n})).collect();
    let batch = alice.post(&json!(messages));
    for expected in [100, 100, 50] {
        let asked = scenario.asked().len();
        assert_eq!(asked, expected);
        scenario.hooks_answer(&json!(vec![json!({"allow": true}); asked]));
    }
    assert_eq!(batch.answer().replies().len(), 250);
}

/// The application that a Worker exports beside this server, and a client that joined before.
fn with_application(vars: &[(&str, &str)]) -> (Scenario, Client) {
    let scenario = Scenario::with(vars);
    let [alice] = scenario.join(["alice"]);
    (scenario.with_exported_application(), alice)
}

#[test]
fn an_exported_application_is_asked_everything_until_it_names_its_hooks() {
    let (scenario, alice) = with_application(&[]);
    let asked = alice.send(json!({"channel": "/a", "data": 1}));
    let hooks = |scenario: &Scenario| {
        scenario.asked().iter().map(|call| call["hook"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(hooks(&scenario), ["publish"]);
    scenario.hooks_say(Some(r#"{"answers":[{"allow":true}],"hooks":["service","event","of another version"]}"#));
    assert_eq!(asked.answer().reply()["successful"], true);
    assert_eq!(hooks(&scenario), ["event"], "HOOKS_FOR need not name it");
    scenario.hooks_answer(&json!([{}]));
    alice.subscribe("/a");
    assert_eq!(hooks(&scenario), ["event"], "no hook for subscribes is asked");
    scenario.hooks_answer(&json!([{}]));
    let served = alice.send(json!({"channel": "/service/x", "data": 1}));
    assert_eq!(hooks(&scenario), ["service"]);
    scenario.hooks_say(Some(r#"{"answers":[{"replies":[2]}],"hooks":["publish"]}"#));
    assert_eq!(served.answer().data(), [2]);
    let asked = alice.send(json!({"channel": "/a", "data": 2}));
    assert!(!asked.is_held(), "a hook that it did not name is never asked");
}

#[test]
fn without_the_service_hook_an_unknown_service_is_refused() {
    let (scenario, alice) = with_application(&[("HOOKS_FOR", "publish")]);
    assert_eq!(alice.error_of(json!({"channel": "/service/x", "data": 1})), "404::service_unknown");
    assert_eq!(scenario.asked(), Vec::<Value>::new());
}

#[test]
fn hooks_for_narrows_what_an_exported_application_is_asked() {
    let (scenario, alice) = with_application(&[("HOOKS_FOR", "service")]);
    alice.publish("/a", 1);
    assert_eq!(scenario.asked(), Vec::<Value>::new());
}

#[test]
fn hooks_for_decides_what_a_hooks_worker_is_asked_whatever_it_answers() {
    let (scenario, [alice]) = joined("publish", ["alice"]);
    for data in [1, 2] {
        let asked = alice.send(json!({"channel": "/a", "data": data}));
        scenario.hooks_say(Some(r#"{"answers":[{"allow":true}],"hooks":[]}"#));
        assert_eq!(asked.answer().reply()["successful"], true, "a hooks Worker may change");
    }
}
