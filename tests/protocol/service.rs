//! Services and listeners: what an application answers, publishes, vetoes and ends.

use bayeux_edge::bayeux::{Action, Application, BayeuxError, ChannelId, Ending, Message, Notice};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

struct Desk;

impl Application for Desk {
    fn receive(&mut self, channel: &ChannelId, message: &Message) -> Result<Vec<Action>, BayeuxError> {
        let data: Box<RawValue> = message.get("data").unwrap();
        Ok(match channel.as_str() {
            "/service/echo" => vec![Action::Reply(data)],
            "/service/twice" => vec![Action::Reply(data.clone()), Action::Reply(data)],
            "/service/veto" | "/chat/vetoed" => return Err(BayeuxError::MessageDeleted),
            "/service/busy" => return Err(BayeuxError::Service(503, "call again later".to_owned())),
            "/service/kick" => vec![Action::Disconnect],
            "/service/kick-politely" => vec![Action::Reply(data), Action::Disconnect],
            "/service/pub" => {
                let name: String = message.get("to").unwrap();
                vec![Action::Publish { channel: ChannelId::parse(&name).unwrap(), data }]
            }
            "/chat/counted" => {
                vec![Action::Publish { channel: ChannelId::parse("/count").unwrap(), data }]
            }
            _ => vec![],
        })
    }
}

fn desk<const N: usize>(names: [&'static str; N]) -> (Scenario, [Client; N]) {
    let scenario = Scenario::serving(Desk, &[]);
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
fn a_service_that_nobody_offers_is_a_success_without_an_answer() {
    let (_scenario, [alice]) = desk(["alice"]);
    let answer = alice.send(to("/service/nobody", 1)).answer();
    assert_eq!(answer.messages, [json!({"channel": "/service/nobody", "id": "s", "successful": true})]);
}

#[test]
fn a_veto_reaches_the_publisher_and_the_message_nobody() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/chat/*");
    for channel in ["/service/veto", "/chat/vetoed"] {
        assert_eq!(alice.error_of(to(channel, 1)), "404::message_deleted");
    }
    assert!(bob.connect().is_held());
}

#[test]
fn a_services_own_error_is_the_replys() {
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
fn not_even_the_server_distributes_meta_and_service_channels() {
    let (_scenario, [alice, bob]) = desk(["alice", "bob"]);
    bob.subscribe("/**");
    for channel in ["/meta/connect", "/meta/x", "/service/x"] {
        alice.ask(json!({"channel": "/service/pub", "to": channel, "data": 1}));
    }
    assert!(bob.connect().is_held());
}

#[test]
fn a_listener_hears_what_is_published_and_its_events_follow_it() {
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
fn without_a_held_connect_the_goodbye_comes_with_the_reply_and_what_still_waits_before_it() {
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
fn with_anon_publish_a_service_answers_and_cannot_end_what_is_no_session() {
    let scenario = Scenario::serving(Desk, &[("ANON_PUBLISH", "true")]);
    let stranger = scenario.client("stranger");
    assert_eq!(stranger.post(&json!([to("/service/echo", 1)])).answer().data(), [1]);
    assert_eq!(stranger.post(&json!([to("/service/kick", 1)])).answer().reply()["successful"], true);
}
