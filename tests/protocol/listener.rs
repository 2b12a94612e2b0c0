//! Channel listeners: what they change, veto and see.

use bayeux_edge::bayeux::BayeuxError;
use bayeux_edge::bayeux::app::{Actions, Application};
use serde_json::{Value, json};

use crate::scenario::Scenario;

fn application() -> Application {
    Application::new()
        .listener("/chat/**", |message| {
            let mut data: Value = message.data()?;
            data["seen"] = 1.into();
            message.set_data(data);
            Ok(Actions::new())
        })
        .listener("/chat/*", |message| {
            let mut data: Value = message.data()?;
            if data["text"] == "bad" {
                return Err(BayeuxError::MessageDeleted.into());
            }
            data["seen"] = 2.into();
            message.set_data(data);
            message.set_ext(json!({"from": "listener"}));
            Ok(Actions::new())
        })
        .listener("/plain", |message| {
            message.set_ext(());
            Ok(Actions::new())
        })
        .listener("/service/echo", |message| {
            message.set_data("changed");
            Ok(Actions::new())
        })
        .service("echo", |call| Ok(Actions::new().reply(call.raw_data()).publish("/chat/x", call.raw_data())))
}

#[test]
fn listeners_change_data_and_ext_one_after_the_other_in_their_order() {
    let scenario = Scenario::serving(application(), &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    alice.publish("/chat/a/b", json!({"text": "hi"}));
    alice.publish("/chat/a", json!({"text": "hi"}));
    alice.ask(json!({"channel": "/plain", "data": 1, "ext": {"secret": 1}, "other": 2}));
    let expected = [
        json!({"channel": "/chat/a/b", "data": {"text": "hi", "seen": 1}}),
        json!({"channel": "/chat/a", "data": {"text": "hi", "seen": 2}, "ext": {"from": "listener"}}),
        json!({"channel": "/plain", "data": 1, "other": 2}),
    ];
    assert_eq!(bob.connect().answer().events(), expected);
}

#[test]
fn a_veto_stops_the_message_and_the_listeners_after_it() {
    let scenario = Scenario::serving(application(), &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    assert_eq!(alice.error_of(json!({"channel": "/chat/a", "data": {"text": "bad"}})), "404::message_deleted");
    assert!(bob.connect().is_held());
}

#[test]
fn a_listener_hears_what_goes_to_a_service_but_not_what_the_server_publishes() {
    let scenario = Scenario::serving(application(), &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat/x");
    assert_eq!(alice.send(json!({"channel": "/service/echo", "data": 1})).answer().data(), ["changed"]);
    assert_eq!(bob.connect().answer().data(), ["changed"]);
}
