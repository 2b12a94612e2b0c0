//! The server ends a session: its client gets a disconnect on every transport, and does not reconnect.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bayeux_edge::bayeux::app::{Actions, Application};
use bayeux_edge::bayeux::{BayeuxError, SessionKey};
use serde_json::{Value, json};

use crate::client::{Client, Socket};
use crate::scenario::Scenario;

/// Each client says who it is (`/service/here`), and any of them may end any session (`/service/out`).
fn house(vars: &[(&str, &str)]) -> Scenario {
    let here = Rc::new(RefCell::new(BTreeMap::<String, SessionKey>::new()));
    let roster = Rc::clone(&here);
    let application = Application::new()
        .service("here", move |call| {
            roster.borrow_mut().extend(call.client.session().map(|key| (call.data().unwrap_or_default(), key)));
            Ok(Actions::new())
        })
        .service("out", move |call| {
            let session = here.borrow().get(&call.data::<String>()?).copied().ok_or(BayeuxError::DataInvalid)?;
            Ok(Actions::new().push(session, "/why", "enough").disconnect_session(session))
        });
    Scenario::serving(application, vars)
}

/// Alice, who ends Bob's session, and Bob, who polls.
fn alice_and_bob() -> (Scenario, Client, Client) {
    let scenario = house(&[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.publish("/service/here", "bob");
    (scenario, alice, bob)
}

/// The same, with Bob on a socket.
fn alice_and_bob_on_a_socket(handshake: Value) -> (Scenario, Client, Client, Socket) {
    let scenario = house(&[]);
    let [alice] = scenario.join(["alice"]);
    let (bob, socket) = (scenario.client("bob"), scenario.socket());
    bob.moves_to(&socket);
    bob.handshake_with(handshake);
    bob.connect().answer();
    bob.publish("/service/here", "bob");
    socket.frames();
    (scenario, alice, bob, socket)
}

fn why() -> Value {
    json!({"channel": "/why", "data": "enough"})
}

fn goodbye() -> Value {
    json!({"channel": "/meta/disconnect", "successful": true})
}

fn last_reply(id: &str) -> Value {
    json!({"channel": "/meta/connect", "id": id, "successful": true, "advice": {"reconnect": "none"}})
}

#[test]
fn a_held_poll_is_answered_with_queued_events_a_disconnect_and_advice_none() {
    let (_scenario, alice, bob) = alice_and_bob();
    let held = bob.connect_with(json!({"id": "c"}));
    alice.publish("/service/out", "bob");
    assert_eq!(held.answer().messages, [why(), goodbye(), last_reply("c")]);
    assert_eq!(bob.connect().answer().reply()["error"], "402::session_unknown");
}

#[test]
fn a_client_between_two_polls_gets_them_once_with_its_next_poll() {
    let (_scenario, alice, bob) = alice_and_bob();
    bob.subscribe("/chat");
    alice.publish("/chat", "waits");
    alice.publish("/service/out", "bob");
    alice.publish("/chat", "too late");
    assert_eq!(bob.error_of(json!({"channel": "/chat", "data": 1})), "402::session_unknown");
    let answer = bob.connect_with(json!({"id": "c"})).answer();
    assert_eq!(answer.messages, [json!({"channel": "/chat", "data": "waits"}), why(), goodbye(), last_reply("c")]);
    assert_eq!(bob.connect().answer().reply()["advice"]["reconnect"], "handshake");
}

#[test]
fn an_ended_session_is_remembered_for_max_interval() {
    for (later, reconnect) in [(9999, "none"), (10_000, "handshake")] {
        let (scenario, alice, bob) = alice_and_bob();
        alice.publish("/service/out", "bob");
        scenario.after(later);
        assert_eq!(bob.connect().answer().reply()["advice"]["reconnect"], reconnect);
    }
}

#[test]
fn queued_events_of_an_ended_session_go_to_no_other_client() {
    let (_scenario, alice, bob) = alice_and_bob();
    let answer = alice.send(alice.a_publish("/service/out", "bob")).answer();
    assert_eq!(answer.events(), Vec::<Value>::new());
    alice.hold();
    bob.connect().answer();
}

#[test]
fn past_max_sessions_the_session_that_ended_first_is_forgotten() {
    let scenario = house(&[("MAX_SESSIONS", "2")]);
    let [alice] = scenario.join(["alice"]);
    let gone = ["bob", "carol", "dave"].map(|name| {
        let [client] = scenario.join([name]);
        client.publish("/service/here", name);
        scenario.after(1);
        alice.publish("/service/out", name);
        client
    });
    let advice = gone.map(|client| client.connect().answer().reply()["advice"]["reconnect"].clone());
    assert_eq!(json!(advice), json!(["handshake", "none", "none"]));
}

#[test]
fn on_a_socket_the_held_connect_is_answered() {
    let (_scenario, alice, bob, socket) = alice_and_bob_on_a_socket(json!({}));
    bob.connect_with(json!({"id": "c"}));
    socket.frames();
    alice.publish("/service/out", "bob");
    assert_eq!(socket.frames(), [[why(), goodbye(), last_reply("c")]]);
    assert_eq!(bob.connect().answer().reply()["error"], "402::session_unknown");
}

#[test]
fn on_a_socket_without_a_held_connect_the_next_connect_is_answered() {
    let (_scenario, alice, bob, socket) = alice_and_bob_on_a_socket(json!({}));
    alice.publish("/service/out", "bob");
    assert_eq!(socket.frames(), [] as [Vec<Value>; 0]);
    bob.connect_with(json!({"id": "c"}));
    assert_eq!(socket.frames(), [[why(), goodbye(), last_reply("c")]]);
}

#[test]
fn other_sessions_on_the_same_socket_stay() {
    let (scenario, alice, bob, socket) = alice_and_bob_on_a_socket(json!({}));
    let carol = scenario.join_at(&socket, "carol");
    carol.subscribe("/chat");
    let (bobs, carols) = (bob.hold(), carol.hold());
    alice.publish("/service/out", "bob");
    alice.publish("/chat", 1);
    assert!(!bobs.is_held() && carols.is_held());
    assert_eq!(socket.frames().concat().last(), Some(&json!({"channel": "/chat", "data": 1})));
}

/// The last reply to a client with the ack extension.
fn last_batch(id: &str, batch: u64) -> Value {
    json!({"channel": "/meta/connect", "id": id, "successful": true, "ext": {"ack": batch},
        "advice": {"reconnect": "none"}})
}

#[test]
fn with_the_ack_extension_the_last_batch_has_its_number_and_no_acknowledged_event() {
    let (scenario, alice, bob, socket) = alice_and_bob_on_a_socket(json!({"ext": {"ack": true}}));
    let connect = |id: &str, ack: u64| bob.connect_with(json!({"id": id, "ext": {"ack": ack}}));
    bob.subscribe("/chat");
    connect("1", 1);
    alice.publish("/chat", "first");
    connect("2", 2);
    alice.publish("/chat", "second");
    socket.closes();
    let next = scenario.socket();
    bob.moves_to(&next);
    // That batch never arrived: it comes again, and the next connect, which acknowledges it, is held.
    assert_eq!(connect("3", 2).answer().data(), ["second"]);
    connect("4", 4);
    next.frames();
    alice.publish("/service/out", "bob");
    assert_eq!(next.frames(), [[why(), goodbye(), last_batch("4", 5)]]);
}

#[test]
fn with_the_ack_extension_the_last_batch_has_all_unacknowledged_events() {
    let scenario = house(&[("LAZY_CHANNELS", "/lazy")]);
    let [alice] = scenario.join(["alice"]);
    let (bob, socket) = (scenario.client("bob"), scenario.socket());
    bob.moves_to(&socket);
    bob.handshake_with(json!({"ext": {"ack": true}}));
    bob.connect().answer();
    bob.publish("/service/here", "bob");
    bob.subscribe("/lazy");
    let connect = |id: &str, ack: u64| bob.connect_with(json!({"id": id, "ext": {"ack": ack}}));
    let events = [1, 2].map(|data| json!({"channel": "/lazy", "data": data}));
    alice.publish("/lazy", 1);
    // A connect is held although a lazy event is unacknowledged. Batch 2 is lost.
    connect("1", 1);
    scenario.after(5000);
    connect("2", 1);
    alice.publish("/lazy", 2);
    assert_eq!(socket.frames().last().unwrap()[0], events[0]);
    alice.publish("/service/out", "bob");
    let [first, second] = events;
    assert_eq!(socket.frames(), [[first, second, why(), goodbye(), last_batch("2", 3)]]);
}

#[test]
fn with_the_ack_extension_the_next_poll_gets_all_unacknowledged_events() {
    let scenario = house(&[]);
    let [alice] = scenario.join(["alice"]);
    let bob = scenario.client("bob");
    bob.handshake_with(json!({"ext": {"ack": true}}));
    bob.connect_with(json!({"ext": {"ack": 0}})).answer();
    bob.publish("/service/here", "bob");
    bob.subscribe("/chat");
    alice.publish("/chat", "sent and lost");
    bob.connect_with(json!({"ext": {"ack": 1}})).answer();
    alice.publish("/service/out", "bob");
    let answer = bob.connect_with(json!({"id": "c", "ext": {"ack": 1}})).answer();
    assert_eq!(
        answer.messages,
        [json!({"channel": "/chat", "data": "sent and lost"}), why(), goodbye(), last_reply("c")]
    );
}

#[test]
fn a_client_that_ends_its_own_session_by_name_gets_the_same_messages_as_another() {
    let (_scenario, _, bob) = alice_and_bob();
    let answer = bob.send(bob.a_publish("/service/out", "bob")).answer();
    assert_eq!(answer.events(), [why(), goodbye()]);
    assert_eq!(bob.connect().answer().reply()["error"], "402::session_unknown");
    let (_scenario, _, bob) = alice_and_bob();
    let held = bob.connect_with(json!({"id": "c"}));
    assert_eq!(bob.send(bob.a_publish("/service/out", "bob")).answer().messages.len(), 1);
    assert_eq!(held.answer().messages, [why(), goodbye(), last_reply("c")]);
}
