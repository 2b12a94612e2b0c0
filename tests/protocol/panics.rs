//! The application's code may panic: that fails only the message that it was called for, and the message is answered.

use bayeux_edge::bayeux::app::{Actions, Application, Client, HttpRequest, HttpResponse, Outcome, SecurityPolicy};
use bayeux_edge::bayeux::{ChannelId, ChannelPattern, Denial, Message, Notice};
use serde_json::{Value, json};

use crate::scenario::Scenario;

const NOTHING: [&str; 0] = [];

/// A policy that panics on channels of these names.
struct Fragile;

impl SecurityPolicy for Fragile {
    fn can_handshake(&mut self, _: &mut Client, handshake: &Message) -> Result<(), Denial> {
        assert!(handshake.field("ext").is_none(), "as a bug would");
        Ok(())
    }

    fn can_create(&mut self, _: &Client, name: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        assert!(name.as_str() != "/panics/on/create", "as a bug would");
        Ok(())
    }

    fn can_publish(&mut self, _: &Client, channel: &ChannelId, _: &Message) -> Result<(), Denial> {
        assert!(channel.as_str() != "/panics/on/publish", "as a bug would");
        Ok(())
    }

    fn can_subscribe(&mut self, _: &Client, name: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        assert!(name.as_str() != "/panics/on/subscribe", "as a bug would");
        Ok(())
    }
}

fn fragile() -> Application {
    Application::new()
        .security_policy(Fragile)
        .service("panic", |_| -> Outcome { panic!("as a bug would") })
        .listener("/panics/on/listening", |_| panic!("as a bug would"))
        .route("GET", "/panic", |_| panic!("as a bug would"))
        .route("GET", "/fine", |_| HttpResponse::new(204))
}

fn errors(replies: &[Value]) -> Vec<&str> {
    replies.iter().map(|reply| reply["error"].as_str().unwrap_or("ok")).collect()
}

#[test]
fn a_panic_fails_its_message_and_the_rest_of_the_batch_is_handled() {
    let scenario = Scenario::serving(fragile(), &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let held = bob.hold();
    let answer = alice
        .send_all([
            json!({"channel": "/service/panic", "id": "1", "data": 1}),
            json!({"channel": "/panics/on/create", "data": 1}),
            json!({"channel": "/panics/on/publish", "data": 1}),
            json!({"channel": "/panics/on/listening", "data": 1}),
            json!({"channel": "/meta/subscribe", "subscription": ["/a", "/panics/on/subscribe"]}),
            json!({"channel": "/a", "data": "still here"}),
        ])
        .answer();
    let replies = answer.replies();
    let internal = "500::internal_error";
    assert_eq!(errors(&replies), [internal, internal, internal, internal, internal, "ok"]);
    assert_eq!(replies[0], json!({"channel": "/service/panic", "id": "1", "successful": false, "error": internal}));
    assert_eq!(held.answer().data(), ["still here"]);
    let told = scenario.notices().into_iter().filter(|notice| matches!(notice, Notice::ApplicationPanicked { .. }));
    assert_eq!(told.count(), 5);
}

#[test]
fn a_panic_in_a_handshake_refuses_it_with_an_interval_of_ten_seconds() {
    let scenario = Scenario::serving(fragile(), &[]);
    let reply = scenario.client("alice").shake_hands_with(json!({"ext": {"token": 1}}));
    assert_eq!(reply["error"], "500::internal_error");
    assert_eq!(reply["advice"], json!({"interval": 10_000}));
    scenario.join(["bob"]);
}

#[test]
fn a_panic_after_a_message_that_waited_is_answered() {
    let scenario = Scenario::serving(fragile(), &[("HOOKS_FOR", "subscribe")]);
    let [alice] = scenario.join(["alice"]);
    let scenario = scenario.with_hooks();
    let request = alice.send_all([
        json!({"channel": "/meta/subscribe", "subscription": "/a"}),
        json!({"channel": "/service/panic", "data": 1}),
        json!({"channel": "/meta/subscribe", "subscription": "/panics/on/subscribe"}),
        json!({"channel": "/b", "data": 1}),
    ]);
    scenario.hooks_answer(&json!([{"allow": true}]));
    scenario.hooks_answer(&json!([{"allow": true}]));
    let internal = "500::internal_error";
    assert_eq!(errors(&request.answer().replies()), ["ok", internal, internal, "ok"]);
}

#[test]
fn a_route_that_panics_answers_500_and_other_routes_still_answer() {
    let scenario = Scenario::serving(fragile(), &[]);
    let at =
        |path: &str| scenario.http(HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() });
    let response = at("/panic");
    assert_eq!(response.status, 500);
    assert_eq!(
        String::from_utf8(response.body.unwrap()).unwrap(),
        r#"[{"successful":false,"error":"500::internal_error"}]"#
    );
    assert_eq!(at("/fine").status, 204);
}

#[test]
fn the_actions_of_a_call_that_panics_are_not_performed_and_its_session_stays() {
    let scenario =
        Scenario::serving(fragile().listener("/service/panic", |_| Ok(Actions::new().publish("/a", 1))), &[]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    assert_eq!(alice.error_of(json!({"channel": "/service/panic", "data": 1})), "500::internal_error");
    assert_eq!(alice.connect_with(json!({"advice": {"timeout": 0}})).answer().data(), NOTHING);
}
