//! `MESSAGES_PER_FRAME`: how many events go into one frame of a WebSocket.

use serde_json::{Value, json};

use crate::client::{Client, Socket};
use crate::scenario::Scenario;

/// Alice publishes, Bob and Carol are subscribed, each on a socket.
fn trio(per_frame: &str) -> (Scenario, Client, [(Client, Socket); 2]) {
    trio_with(&[("MESSAGES_PER_FRAME", per_frame)])
}

fn trio_with(vars: &[(&str, &str)]) -> (Scenario, Client, [(Client, Socket); 2]) {
    let scenario = Scenario::with(vars);
    let [(alice, _), bob, carol] = scenario.join_on_sockets(["alice", "bob", "carol"]);
    for (client, socket) in [&bob, &carol] {
        client.subscribe("/chat");
        client.hold();
        socket.frames();
    }
    (scenario, alice, [bob, carol])
}

fn publish(client: &Client, count: u64) {
    let messages = (1..=count)
        .map(|turn| json!({"channel": "/chat", "data": turn, "clientId": client.id(), "id": turn.to_string()}));
    client.post(&messages.collect());
}

fn event(turn: u64) -> Value {
    json!({"channel": "/chat", "data": turn})
}

#[test]
fn with_1_each_event_has_its_own_frame_which_is_still_an_array() {
    let (scenario, alice, [(_, b), (_, c)]) = trio("1");
    publish(&alice, 3);
    let expected = [[event(1)], [event(2)], [event(3)]];
    assert_eq!(b.frames(), expected);
    assert_eq!(c.frames(), expected);
    assert_eq!(scenario.deliveries().len(), 3, "each is written once for both");
}

#[test]
fn with_2_frames_are_filled_in_order() {
    let (_scenario, alice, [(_, b), _]) = trio("2");
    publish(&alice, 5);
    assert_eq!(b.frames(), [vec![event(1), event(2)], vec![event(3), event(4)], vec![event(5)]]);
}

#[test]
fn with_0_and_by_default_all_events_go_in_one_frame() {
    for vars in [&[("MESSAGES_PER_FRAME", "0")][..], &[]] {
        let (_scenario, alice, [(_, b), _]) = trio_with(vars);
        publish(&alice, 5);
        assert_eq!(b.frames(), [(1..=5).map(event).collect::<Vec<_>>()], "{vars:?}");
    }
}

#[test]
fn events_go_in_frames_before_the_replies_of_their_batch_which_stay_together() {
    let (_scenario, _, [(bob, b), _]) = trio("1");
    publish(&bob, 2);
    let frames = b.frames();
    assert_eq!(frames[..2], [[event(1)], [event(2)]]);
    let ids: Vec<_> = frames[2].iter().map(|reply| reply["id"].clone()).collect();
    assert_eq!((json!(ids), frames.len()), (json!(["1", "2"]), 3));
}

#[test]
fn a_connect_reply_comes_after_its_events() {
    let scenario = Scenario::with(&[("MESSAGES_PER_FRAME", "1")]);
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    let (bob, socket) = (scenario.client("bob"), scenario.socket());
    bob.moves_to(&socket);
    bob.handshake_with(json!({"ext": {"ack": true}}));
    bob.connect_with(json!({"ext": {"ack": 0}})).answer();
    bob.subscribe("/chat");
    let held = bob.connect_with(json!({"id": "c", "ext": {"ack": 1}}));
    socket.frames();
    publish(&alice, 2);
    let reply = json!({"channel": "/meta/connect", "id": "c", "successful": true, "ext": {"ack": 2}});
    assert_eq!(socket.frames(), [[event(1)], [event(2)], [reply]]);
    assert!(!held.is_held());
}

#[test]
fn to_a_crowd_the_next_frames_wait_for_one_turn_of_the_event_loop() {
    let scenario = Scenario::with(&[("MESSAGES_PER_FRAME", "1")]);
    let [alice] = scenario.join(["alice"]);
    let crowd: Vec<Client> = (0..100)
        .map(|_| {
            let [(client, _)] = scenario.join_on_sockets(["one of the crowd"]);
            client.subscribe("/chat");
            client.hold();
            client
        })
        .collect();
    publish(&alice, 10);
    alice.publish("/chat", 11);
    assert_eq!(scenario.deliveries().len(), 10);
    scenario.after(2);
    assert_eq!(scenario.deliveries().len(), 11);
    assert_eq!(crowd[99].receives().len(), 11);
}

#[test]
fn a_poll_is_answered_with_all_messages_in_one_array() {
    let scenario = Scenario::with(&[("MESSAGES_PER_FRAME", "1")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/chat");
    assert_eq!(alice.send_all([1, 2].map(|turn| alice.a_publish("/chat", turn))).answer().messages.len(), 4);
}
