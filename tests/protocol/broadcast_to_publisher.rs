//! `BROADCAST_TO_PUBLISHER`: whether a client receives its own events.

use bayeux_edge::bayeux::app::{Application, publish, reply};
use serde_json::{Value, json};

use crate::scenario::Scenario;

const NOTHING: [Value; 0] = [];

const OFF: (&str, &str) = ("BROADCAST_TO_PUBLISHER", "false");

fn scenario(vars: &[(&str, &str)]) -> Scenario {
    let application = Application::new()
        .service("echo", |call| Ok(reply(call.raw_data())))
        .listener("/copied", |message| Ok(publish("/copies", message.raw_data())));
    Scenario::serving(application, vars)
}

#[test]
fn when_off_other_subscribers_receive_the_event_and_the_publisher_does_not() {
    let scenario = scenario(&[OFF]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    for (client, pattern) in [(&alice, "/chat/a"), (&alice, "/chat/**"), (&bob, "/chat/a")] {
        client.subscribe(pattern);
    }
    assert_eq!(alice.send(alice.a_publish("/chat/a", 1)).answer().events(), NOTHING);
    let held = alice.hold();
    assert_eq!(bob.connect().answer().data(), [1]);
    bob.publish("/chat/a", 2);
    assert_eq!(held.answer().data(), [2]);
    assert!(bob.connect().is_held());
}

#[test]
fn when_off_a_publisher_on_a_socket_does_not_receive_its_event() {
    let scenario = scenario(&[OFF]);
    let [(alice, _), (bob, _)] = scenario.join_on_sockets(["alice", "bob"]);
    for client in [&alice, &bob] {
        client.subscribe("/chat");
        client.hold();
    }
    alice.publish("/chat", 1);
    assert_eq!((alice.receives(), bob.receives()), (vec![], vec![json!(1)]));
}

#[test]
fn when_off_the_publisher_still_receives_what_the_application_publishes_and_replies() {
    let scenario = scenario(&[OFF]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/**");
    let answer = alice.send(alice.a_publish("/copied", 1)).answer();
    assert_eq!(answer.events(), [json!({"channel": "/copies", "data": 1})]);
    assert_eq!(alice.send(alice.a_publish("/service/echo", 2)).answer().data(), [2]);
}

#[test]
fn when_off_an_anonymous_publish_reaches_every_subscriber() {
    let scenario = scenario(&[OFF, ("ANON_PUBLISH", "true")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    let held = alice.hold();
    scenario.client("stranger").post(&json!([{"channel": "/chat", "data": 1}]));
    assert_eq!(held.answer().data(), [1]);
}

#[test]
fn by_default_the_publisher_receives_its_own_event() {
    let scenario = scenario(&[]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    assert_eq!(alice.send(alice.a_publish("/chat", 1)).answer().data(), [1]);
}
