//! The reload extension: a page that is loaded again goes on with the clientId it had.
//!
//! cometd.js keeps the handshake's reply while the page is gone, and begins with a connect that asks for
//! `advice.timeout` 0. The server only has to go on, wherever that connect comes from.

use bayeux_edge::bayeux::Status;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::scenario::Scenario;

/// The first connect of a page that was loaded again: answered at once, with advice.
fn first_connect(client: &Client) -> Answer {
    let answer = client.connect_with(json!({"advice": {"timeout": 0}})).answer();
    assert_eq!(answer.reply()["successful"], true);
    assert_eq!(answer.reply()["advice"]["reconnect"], "retry");
    answer
}

#[test]
fn a_reloaded_page_goes_on_while_its_old_poll_is_still_held() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let old = bob.hold();
    scenario.after(3000);
    first_connect(&bob);
    assert_eq!(old.answer().status, Status::Overtaken);
    let held = bob.hold();
    alice.publish("/chat", "after");
    assert_eq!(held.answer().data(), ["after"]);
}

#[test]
fn events_published_during_a_reload_come_with_the_first_connect() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold().breaks_off();
    for turn in 1..=3 {
        alice.publish("/chat", turn);
        scenario.after(1000);
    }
    assert_eq!(first_connect(&bob).data(), [1, 2, 3]);
}

#[test]
fn on_sockets_the_first_connect_is_answered_at_once_with_queued_events() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, old)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    old.closes();
    alice.publish("/chat", "meanwhile");
    let new = scenario.socket();
    bob.moves_to(&new);
    assert_eq!(first_connect(&bob).data(), ["meanwhile"]);
    let held = bob.hold();
    new.frames();
    alice.publish("/chat", "after");
    assert_eq!(new.frames(), [[json!({"channel": "/chat", "data": "after"})]]);
    assert!(held.is_held());
}

#[test]
fn the_old_socket_gets_nothing_more_even_if_the_server_believes_it_open() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, old)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    old.frames();
    bob.moves_to(&scenario.socket());
    first_connect(&bob);
    alice.publish("/chat", "between");
    assert_eq!(old.frames(), [] as [Vec<Value>; 0]);
    bob.hold();
    old.closes();
    alice.publish("/chat", "after");
    assert_eq!(bob.receives(), ["between", "after"]);
}

#[test]
fn all_sessions_of_a_page_go_on_over_its_new_socket() {
    let scenario = Scenario::new();
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    let old = scenario.socket();
    let pages = ["bob", "carol"].map(|name| {
        let client = scenario.join_at(&old, name);
        client.subscribe(&format!("/{name}"));
        client.hold();
        client
    });
    old.closes();
    for name in ["bob", "carol"] {
        alice.publish(&format!("/{name}"), name);
    }
    let new = scenario.socket();
    for (page, name) in pages.iter().zip(["bob", "carol"]) {
        page.moves_to(&new);
        assert_eq!(first_connect(page).data(), [name]);
        page.hold();
    }
}

#[test]
fn a_page_may_come_back_with_polls_and_return_to_a_socket() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, first)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    first.closes();
    alice.publish("/chat", 1);
    bob.moves_to_polls();
    assert_eq!(first_connect(&bob).data(), [1]);
    let poll = bob.hold();
    bob.moves_to(&scenario.socket());
    alice.publish("/chat", 2);
    assert_eq!(poll.answer().data(), [2]);
    alice.publish("/chat", 3);
    assert_eq!(first_connect(&bob).data(), [3]);
    bob.hold();
}

#[test]
fn with_the_ack_extension_unacknowledged_events_come_again_to_the_new_page() {
    let scenario = Scenario::new();
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    let (bob, old) = (scenario.client("bob"), scenario.socket());
    bob.moves_to(&old);
    bob.handshake_with(json!({"ext": {"ack": true}}));
    bob.connect_with(json!({"ext": {"ack": 0}})).answer();
    bob.subscribe("/chat");
    bob.connect_with(json!({"ext": {"ack": 1}}));
    alice.publish("/chat", "read by a page that is gone");
    old.closes();
    bob.moves_to(&scenario.socket());
    // The new page's extension knows of no batch (-1 is what it begins with).
    let answer = bob.connect_with(json!({"advice": {"timeout": 0}, "ext": {"ack": -1}})).answer();
    assert_eq!(answer.data(), ["read by a page that is gone"]);
}

#[test]
fn after_max_interval_the_page_is_advised_to_handshake() {
    let scenario = Scenario::new();
    let [bob] = scenario.join(["bob"]);
    bob.hold().breaks_off();
    scenario.after(10_000);
    let reply = bob.connect_with(json!({"advice": {"timeout": 0}})).answer().reply();
    assert_eq!((&reply["error"], &reply["advice"]["reconnect"]), (&json!("402::session_unknown"), &json!("handshake")));
}
