//! Handlers that answer later: they ask for a response first.

use std::time::Duration;

use bayeux_edge::bayeux::Notice;
use bayeux_edge::bayeux::app::{FetchTarget, LocalSession};
use bayeux_edge::prelude::*;

use crate::client::Client as User;
use crate::scenario::Scenario;

fn application() -> Application {
    let price = |call: &Publication| {
        let item = call.raw_data().to_owned();
        Ok(ask(Fetch::post("https://shop.example/prices", &item), move |response| {
            let price: u64 = response?.json()?;
            Ok(reply(json!({ "item": item, "price": price })))
        }))
    };
    Application::new()
        .remote_call("price", |call| {
            Ok(ask(Fetch::post("https://shop.example/prices", call.raw_data()), |response| {
                let response = response?;
                match response.status {
                    404 => Err(BayeuxError::Service(404, "no such item".to_owned()).into()),
                    _ => Ok(answer(response.json::<u64>()?)),
                }
            }))
        })
        .service("later", price)
        .service("twice", |_| {
            Ok(ask(Fetch::get("https://one.example/"), |one| {
                let one = one?.text();
                Ok(ask(Fetch::hooks("/two", one), |two| Ok(reply(two?.text()))))
            }))
        })
        .service("careless", |_| Ok(ask(Fetch::get("https://one.example/"), |_| panic!("on a response"))))
        .service("wrong", |_| Ok(ask(Fetch::get("https://one.example/"), |_| Ok(publish("no channel", 1)))))
        .service("refusing", |_| {
            Ok(ask(Fetch::get("https://one.example/"), |_| Err(BayeuxError::Service(410, "gone".to_owned()).into())))
        })
        .remote_call("silent", |_| Ok(ask(Fetch::get("https://one.example/"), |_| Ok(Actions::new()))))
        .local_session(
            LocalSession::new("bot", |_| {
                ask(Fetch::get("https://joke.example/"), |joke| Ok(publish("/chat/demo", joke?.text())))
            })
            .subscribe("/chat/demo"),
        )
}

fn shop<const N: usize>(names: [&'static str; N]) -> (Scenario, [User; N]) {
    let scenario = Scenario::serving(application(), &[]);
    let clients = scenario.join(names);
    (scenario, clients)
}

fn call(channel: &str, data: impl Into<Value>) -> Value {
    json!({"channel": channel, "id": "7", "data": data.into()})
}

fn ok(body: &str) -> Result<FetchResponse, FetchError> {
    Ok(FetchResponse { status: 200, body: body.as_bytes().to_vec(), ..FetchResponse::default() })
}

#[test]
fn a_service_answers_when_the_response_has_come() {
    let (scenario, [alice, bob]) = shop(["alice", "bob"]);
    let held = alice.connect();
    assert_eq!(alice.ask(call("/service/later", "tea"))["successful"], true, "the message is answered at once");
    let fetch = scenario.asks();
    assert_eq!(fetch.to, FetchTarget::Url("https://shop.example/prices".to_owned()));
    assert_eq!((&*fetch.method, fetch.body.as_deref()), ("POST", Some(&br#""tea""#[..])));
    assert_eq!(fetch.timeout, Duration::from_secs(10));
    assert!(held.is_held());
    scenario.responds(ok("3"));
    assert_eq!(held.answer().data(), [json!({"item": "tea", "price": 3})]);
    assert!(bob.connect().is_held(), "nobody else hears of it");
}

#[test]
fn a_remote_call_is_answered_with_the_response_or_an_error() {
    let (scenario, [alice]) = shop(["alice"]);
    let missing = FetchResponse { status: 404, ..FetchResponse::default() };
    for (response, expected) in [
        (ok("3"), json!({"successful": true, "data": 3})),
        (
            Ok(missing),
            json!({"successful": false, "error": "404::no such item", "data": {"error": "404::no such item"}}),
        ),
        (
            ok("three"),
            json!({"successful": false, "error": "500::internal_error", "data": {"error": "500::internal_error"}}),
        ),
        (
            Err(FetchError("it took too long".to_owned())),
            json!({"successful": false, "error": "500::internal_error", "data": {"error": "500::internal_error"}}),
        ),
    ] {
        let held = alice.connect();
        alice.ask(call("/service/price", "tea"));
        scenario.responds(response);
        let mut events = held.answer().events();
        let event = events.pop().unwrap();
        assert!(events.is_empty());
        assert_eq!((&event["channel"], &event["id"]), (&json!("/service/price"), &json!("7")));
        for field in ["successful", "error", "data"] {
            assert_eq!(event.get(field), expected.get(field), "{event}");
        }
    }
}

#[test]
fn a_remote_call_whose_response_handler_gives_no_answer_is_answered_null() {
    let (scenario, [alice]) = shop(["alice"]);
    let held = alice.connect();
    alice.ask(call("/service/silent", 1));
    scenario.responds(ok(""));
    assert_eq!(held.answer().data(), [Value::Null]);
}

#[test]
fn a_response_handler_may_send_another_request() {
    let (scenario, [alice]) = shop(["alice"]);
    let held = alice.connect();
    alice.ask(call("/service/twice", 1));
    scenario.responds(ok("first"));
    assert_eq!(scenario.asks().to, FetchTarget::Hooks("/two".to_owned()));
    scenario.responds(ok("second"));
    assert_eq!(held.answer().data(), [json!("second")]);
}

#[test]
fn a_failure_in_a_response_handler_is_logged_and_affects_nobody_else() {
    let (scenario, [alice]) = shop(["alice"]);
    for (name, told) in [
        ("careless", Notice::ApplicationPanicked { what: "a handler of a response" }),
        ("refusing", Notice::ActionFailed { reason: "a later answer: 410::gone".to_owned() }),
    ] {
        scenario.notices();
        alice.ask(call(&format!("/service/{name}"), 1));
        scenario.responds(ok(""));
        assert!(scenario.notices().contains(&told), "{name}");
    }
    alice.ask(call("/service/wrong", 1));
    scenario.notices();
    scenario.responds(ok(""));
    let reason = scenario.notices().into_iter().find_map(|notice| match notice {
        Notice::ActionFailed { reason } => Some(reason),
        _ => None,
    });
    assert!(reason.unwrap().starts_with("a name that is no channel's, at tests/protocol/ask.rs:"));
    let held = alice.connect();
    alice.ask(call("/service/later", "tea"));
    scenario.responds(ok("3"));
    assert_eq!(held.answer().data().len(), 1);
}

#[test]
fn a_local_session_publishes_when_its_response_has_come() {
    let (scenario, [alice]) = shop(["alice"]);
    alice.subscribe("/chat/demo");
    alice.publish("/chat/demo", "a joke, please");
    assert_eq!(alice.receives(), [json!("a joke, please")]);
    let held = alice.connect();
    scenario.responds(ok("knock knock"));
    assert_eq!(held.answer().data(), [json!("knock knock")]);
    assert_eq!(scenario.asking(), 0, "it does not hear itself");
}

#[test]
fn a_response_for_a_sender_who_has_left_is_dropped() {
    let (scenario, [alice]) = shop(["alice"]);
    alice.ask(call("/service/later", "tea"));
    alice.ask(json!({"channel": "/meta/disconnect"}));
    scenario.responds(ok("3"));
    assert_eq!(scenario.memory(), 0);
}

#[test]
fn at_most_six_requests_are_under_way_and_a_thousand_wait() {
    let (scenario, [alice]) = shop(["alice"]);
    let before = scenario.memory();
    for _ in 0..1006 {
        alice.ask(call("/service/price", "tea"));
    }
    assert_eq!(scenario.asking(), 6);
    assert!(scenario.memory() > before, "waiting requests count");
    let refused = alice.send(call("/service/price", "tea")).answer();
    let event = refused.events().pop().unwrap();
    assert_eq!((&event["successful"], &event["error"]), (&json!(false), &json!("503::pending_exceeded")));
    scenario.responds(ok("1"));
    assert_eq!(scenario.asking(), 6, "the next one leaves");
    for _ in 0..1005 {
        scenario.responds(ok("1"));
    }
    assert_eq!(scenario.asking(), 0);
}

#[test]
fn a_response_after_a_crash_is_ignored() {
    let (scenario, [alice]) = shop(["alice"]);
    alice.ask(call("/service/later", "tea"));
    scenario.crashes();
    scenario.responds(ok("3"));
    alice.connect().answer();
}
