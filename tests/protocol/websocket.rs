//! WebSocket: events are sent at once, and the connect stays held.

use bayeux_edge::bayeux::{Ending, Notice, Status};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

const WEBSOCKET_TIMEOUT: u64 = 30_000;
const MAX_INTERVAL: u64 = 10_000;

const NOTHING: [Vec<Value>; 0] = [];

fn subscription(channel: &str) -> Value {
    json!({"channel": "/meta/subscribe", "subscription": channel})
}

#[test]
fn a_handshake_on_a_socket_has_the_common_connection_types_and_websocket_timeout() {
    let scenario = Scenario::with(&[("WEBSOCKET_TIMEOUT", "120000")]);
    let (alice, socket) = (scenario.client("alice"), scenario.socket());
    alice.moves_to(&socket);
    let types = ["long-polling", "carrier-pigeon", "websocket"];
    let reply = alice.handshake_with(json!({"supportedConnectionTypes": types}));
    assert_eq!(reply["supportedConnectionTypes"], json!(["websocket", "long-polling"]));
    let advice = json!({"reconnect": "retry", "interval": 0, "timeout": 120_000});
    assert_eq!(reply["advice"], advice);
    assert_eq!(alice.connect().answer().reply()["advice"], advice);
}

#[test]
fn the_replies_of_a_batch_come_in_one_frame_in_their_order() {
    let scenario = Scenario::new();
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    alice.send_all([subscription("/chat"), alice.a_publish("/chat", "hi"), json!({"channel": "/chat", "id": "bad"})]);
    let frames = socket.frames();
    assert_eq!(frames.len(), 1, "{frames:?}");
    let told: Vec<_> = frames[0].iter().map(|message| (&message["channel"], &message["successful"])).collect();
    assert_eq!(json!(told), json!([["/chat", null], ["/meta/subscribe", true], ["/chat", true], ["/chat", false]]));
}

#[test]
fn an_event_goes_over_the_socket_at_once_and_the_connect_stays_held() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    let held = bob.hold();
    socket.frames();
    for turn in 1..=3 {
        alice.publish("/chat", turn);
        assert_eq!(socket.frames(), [[json!({"channel": "/chat", "data": turn})]]);
        assert!(held.is_held());
        scenario.after(1);
    }
}

#[test]
fn a_clients_own_event_comes_once_with_the_reply() {
    let scenario = Scenario::new();
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    alice.subscribe("/chat");
    let held = alice.hold();
    socket.frames();
    assert_eq!(alice.send(alice.a_publish("/chat", "me")).answer().data(), ["me"]);
    assert_eq!(socket.frames().len(), 1);
    assert_eq!(scenario.deliveries(), []);
    assert!(held.is_held());
}

#[test]
fn the_events_of_one_request_come_in_one_frame_in_their_order() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    socket.frames();
    alice.send_all([1, 2, 3].map(|turn| alice.a_publish("/chat", turn)));
    let event = |turn| json!({"channel": "/chat", "data": turn});
    assert_eq!(socket.frames(), [[event(1), event(2), event(3)]]);
}

#[test]
fn sockets_that_get_the_same_events_share_one_delivery_and_others_do_not() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, b), (carol, c), (dave, d)] = scenario.join_on_sockets(["alice", "bob", "carol", "dave"]);
    for client in [&bob, &carol] {
        client.subscribe("/chat");
        client.hold();
    }
    dave.subscribe("/**");
    dave.hold();
    alice.publish("/chat", "to all");
    assert_eq!(scenario.deliveries(), [(vec![b.id, c.id, d.id], vec![json!("to all")])]);
    scenario.after(1);
    alice.send_all([alice.a_publish("/chat", 1), alice.a_publish("/other", 2)]);
    let mut last = scenario.deliveries().split_off(1);
    last.sort_by_key(|(_, data)| data.len());
    assert_eq!(last, [(vec![b.id, c.id], vec![json!(1)]), (vec![d.id], vec![json!(1), json!(2)])]);
}

#[test]
fn polls_and_sockets_receive_the_same_events() {
    let scenario = Scenario::new();
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    let [bob] = scenario.join(["bob"]);
    for client in [&alice, &bob] {
        client.subscribe("/chat");
        client.hold();
    }
    alice.publish("/chat", "from a socket");
    assert_eq!((alice.receives(), bob.receives()), (vec![json!("from a socket")], vec![json!("from a socket")]));
    bob.hold();
    bob.publish("/chat", "by a request");
    assert_eq!((alice.receives(), bob.receives()), (vec![json!("by a request")], vec![json!("by a request")]));
}

#[test]
fn queued_events_are_sent_when_the_connect_comes_which_is_then_held() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    socket.frames();
    alice.publish("/chat", "early");
    assert_eq!(socket.frames(), NOTHING);
    let held = bob.connect();
    assert_eq!(socket.frames(), [[json!({"channel": "/chat", "data": "early"})]]);
    assert!(held.is_held());
}

#[test]
fn the_held_connect_is_answered_after_websocket_timeout_and_the_socket_goes_on() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    let held = bob.connect_with(json!({"id": "long"}));
    socket.frames();
    scenario.after(WEBSOCKET_TIMEOUT - 1);
    assert!(held.is_held());
    scenario.after(1);
    let reply = json!({"channel": "/meta/connect", "id": "long", "successful": true});
    assert_eq!(socket.frames(), [[reply]]);
    bob.hold();
    // Alice sent nothing for longer than MAX_INTERVAL.
    assert_eq!(alice.connect().answer().reply()["error"], "402::session_unknown");
    let [(carol, _)] = scenario.join_on_sockets(["carol"]);
    carol.publish("/chat", "still there?");
    assert_eq!(bob.receives(), ["still there?"]);
}

#[test]
fn a_client_may_ask_for_a_timeout_up_to_websocket_timeout() {
    let scenario = Scenario::with(&[("WEBSOCKET_TIMEOUT", "2000")]);
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    for (asked, granted) in [(500, 500), (5000, 2000)] {
        let held = alice.connect_with(json!({"advice": {"timeout": asked}}));
        scenario.after(granted - 1);
        assert!(held.is_held());
        scenario.after(1);
        assert_eq!(held.answer().at, scenario.now());
    }
    alice.connect_with(json!({"advice": {"timeout": 0}})).answer();
}

#[test]
fn a_second_connect_replaces_the_first_which_is_never_answered() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    let first = bob.hold();
    scenario.after(1000);
    let second = bob.hold();
    socket.frames();
    alice.publish("/chat", "once");
    assert_eq!(socket.frames(), [[json!({"channel": "/chat", "data": "once"})]]);
    scenario.after(WEBSOCKET_TIMEOUT);
    assert!(first.is_held());
    assert_eq!(second.answer().reply()["successful"], true);
    assert_eq!(socket.frames().len(), 1);
}

#[test]
fn two_sessions_on_one_socket_each_have_their_own_connect_and_events() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    let carol = scenario.join_at(&socket, "carol");
    bob.subscribe("/bob");
    carol.subscribe("/carol");
    let (bobs, carols) = (bob.hold(), carol.hold());
    socket.frames();
    alice.send_all([alice.a_publish("/bob", 1), alice.a_publish("/carol", 2)]);
    let mut frames = socket.frames();
    frames.sort_by_key(|frame| frame[0]["data"].as_u64());
    assert_eq!(frames, [[json!({"channel": "/bob", "data": 1})], [json!({"channel": "/carol", "data": 2})]]);
    bob.ask(json!({"channel": "/meta/disconnect"}));
    assert!(!bobs.is_held() && carols.is_held());
    alice.publish("/carol", 3);
    assert_eq!(carol.receives().last(), Some(&json!(3)));
    socket.closes();
    alice.publish("/carol", 4);
    let next = scenario.socket();
    carol.moves_to(&next);
    assert!(carol.connect().is_held());
    assert_eq!(next.frames(), [[json!({"channel": "/carol", "data": 4})]]);
}

#[test]
fn one_frame_may_have_messages_of_two_sessions() {
    let scenario = Scenario::new();
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    let bob = scenario.join_at(&socket, "bob");
    socket.frames();
    let publish = |client: &Client, id: &str| json!({"channel": "/chat", "data": 1, "clientId": client.id(), "id": id});
    alice.send_all([publish(&alice, "a"), publish(&bob, "b")]);
    let ids: Vec<_> = socket.frames().concat().iter().map(|reply| reply["id"].clone()).collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn a_session_moves_from_socket_to_socket_with_its_subscriptions_and_queued_events() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, first)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    alice.publish("/chat", "over the first");
    first.closes();
    for turn in 1..=3 {
        alice.publish("/chat", turn);
    }
    let second = scenario.socket();
    bob.moves_to(&second);
    let held = bob.connect();
    assert_eq!(second.frames().len(), 1);
    alice.publish("/chat", "over the second");
    assert!(held.is_held());
    assert_eq!(json!(bob.receives()), json!(["over the first", 1, 2, 3, "over the second"]));
}

#[test]
fn a_session_that_moves_while_its_old_socket_seems_open_receives_on_the_new_one_alone() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, first)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    let second = scenario.socket();
    bob.moves_to(&second);
    let held = bob.hold();
    first.frames();
    alice.publish("/chat", 1);
    assert_eq!((first.frames().len(), second.frames().len()), (0, 1));
    first.closes();
    alice.publish("/chat", 2);
    assert_eq!((first.frames().len(), second.frames().len()), (0, 1));
    assert!(held.is_held(), "the end of the old socket does not affect the new one");
}

#[test]
fn a_session_moves_from_a_socket_to_polls_and_back() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    alice.publish("/chat", "socket");
    socket.closes();
    alice.publish("/chat", "between");

    bob.moves_to_polls();
    assert_eq!(bob.connect().answer().data(), ["between"]);
    let poll = bob.hold();
    alice.publish("/chat", "poll");
    assert_eq!(poll.answer().data(), ["poll"]);
    alice.publish("/chat", "between again");

    bob.moves_to(&scenario.socket());
    let held = bob.connect();
    alice.publish("/chat", "socket again");
    assert!(held.is_held());
    assert_eq!(json!(bob.receives()), json!(["socket", "between", "poll", "between again", "socket again"]));
}

#[test]
fn a_poll_that_is_held_while_the_session_moves_to_a_socket_is_answered_as_overtaken() {
    let scenario = Scenario::new();
    let [(alice, _)] = scenario.join_on_sockets(["alice"]);
    let [bob] = scenario.join(["bob"]);
    bob.subscribe("/chat");
    let poll = bob.hold();
    bob.moves_to(&scenario.socket());
    let held = bob.hold();
    assert_eq!(poll.answer().status, Status::Overtaken);
    alice.publish("/chat", "hi");
    assert!(held.is_held());
    assert_eq!(bob.receives(), ["hi"]);
}

#[test]
fn a_session_that_moves_to_polls_is_held_for_the_timeout_of_polls() {
    let scenario = Scenario::new();
    let [(bob, socket)] = scenario.join_on_sockets(["bob"]);
    bob.hold();
    bob.moves_to_polls();
    let poll = bob.hold();
    socket.closes();
    scenario.after(29_999);
    assert!(poll.is_held());
    scenario.after(1);
    assert_eq!(poll.answer().reply()["successful"], true);
}

#[test]
fn when_a_socket_closes_its_sessions_are_kept_for_max_interval_from_then() {
    let scenario = Scenario::with(&[("WEBSOCKET_TIMEOUT", "200000")]);
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    let bob = scenario.join_at(&socket, "bob");
    alice.hold();
    bob.hold();
    scenario.after(100_000);
    scenario.notices();
    socket.closes();
    scenario.after(MAX_INTERVAL - 1);
    assert_eq!(scenario.notices(), []);
    bob.moves_to(&scenario.socket());
    bob.hold();
    scenario.after(1);
    assert_eq!(scenario.notices(), [Notice::SessionClosed { why: Ending::Expired, sessions: 1 }]);
    assert_eq!(bob.ask(bob.a_publish("/chat", 1))["successful"], true);
    alice.moves_to(&scenario.socket());
    let reply = alice.connect().answer().reply();
    assert_eq!((&reply["error"], &reply["advice"]["reconnect"]), (&json!("402::session_unknown"), &json!("handshake")));
}

#[test]
fn a_socket_that_closes_without_a_held_connect_does_not_extend_its_session() {
    let scenario = Scenario::new();
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    scenario.notices();
    scenario.after(5000);
    socket.closes();
    scenario.after(MAX_INTERVAL - 5001);
    assert_eq!(scenario.notices(), []);
    scenario.after(1);
    assert_eq!(scenario.notices().len(), 1);
    drop(alice);
}

#[test]
fn a_closed_socket_is_sent_nothing_more() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    socket.frames();
    socket.closes();
    alice.publish("/chat", 1);
    scenario.after(WEBSOCKET_TIMEOUT);
    assert_eq!(socket.frames(), NOTHING);
}

#[test]
fn a_disconnect_answers_the_held_connect_too_and_advises_none() {
    let scenario = Scenario::new();
    let [(alice, socket)] = scenario.join_on_sockets(["alice"]);
    let held = alice.connect_with(json!({"id": "held"}));
    socket.frames();
    assert_eq!(alice.ask(json!({"channel": "/meta/disconnect"}))["successful"], true);
    let expected =
        json!({"channel": "/meta/connect", "id": "held", "successful": true, "advice": {"reconnect": "none"}});
    assert_eq!(held.answer().messages, [expected]);
    assert_eq!(socket.frames().len(), 2);
    assert_eq!(alice.error_of(alice.a_publish("/chat", 1)), "402::session_unknown");
}

#[test]
fn connection_types_that_are_off_are_refused_and_the_others_are_negotiated() {
    let scenario = Scenario::with(&[("CONNECTION_TYPES", "long-polling callback-polling")]);
    let alice = scenario.client("alice");
    let reply = alice.handshake_with(json!({"supportedConnectionTypes": ["websocket", "long-polling"]}));
    assert_eq!(reply["supportedConnectionTypes"], json!(["long-polling"]));
    let refused = alice.connect_with(json!({"connectionType": "websocket"})).answer().reply();
    assert_eq!(refused["error"], "403::connection_type_unsupported");
    alice.connect().answer();
    alice.hold();
    let refused = scenario.client("bob").shake_hands_with(json!({"supportedConnectionTypes": ["websocket"]}));
    assert_eq!(refused["error"], "403::connection_types_unsupported");
    assert_eq!(refused["supportedConnectionTypes"], json!(["long-polling", "callback-polling"]));
    assert_eq!(refused["advice"], json!({"reconnect": "none"}));
}

#[test]
fn a_poll_with_connection_type_websocket_is_refused_if_polls_are_off() {
    let scenario = Scenario::with(&[("CONNECTION_TYPES", "websocket")]);
    let (alice, socket) = (scenario.client("alice"), scenario.socket());
    alice.handshake_with(json!({"supportedConnectionTypes": ["websocket", "long-polling"]}));
    for type_ in ["websocket", "long-polling"] {
        let refused = alice.connect_with(json!({"connectionType": type_})).answer().reply();
        assert_eq!(refused["error"], "403::connection_type_unsupported");
    }
    alice.moves_to(&socket);
    alice.connect().answer();
    alice.hold();
}

#[test]
fn events_that_come_while_frames_go_out_share_the_next_one() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let crowd: Vec<Client> = (0..1000)
        .map(|_| {
            let [(client, _)] = scenario.join_on_sockets(["one of the crowd"]);
            client.subscribe("/chat");
            client.hold();
            client
        })
        .collect();
    let delivered = || -> Vec<_> { scenario.deliveries().into_iter().map(|(to, data)| (to.len(), data)).collect() };
    alice.publish("/chat", 1);
    assert_eq!(delivered(), [(1000, vec![json!(1)])]);
    alice.publish("/chat", 2);
    alice.publish("/chat", 3);
    assert_eq!(delivered().len(), 1);
    scenario.after(2);
    assert_eq!(delivered()[1..], [(1000, vec![json!(2), json!(3)])]);
    assert_eq!(crowd[999].receives(), [1, 2, 3]);
}

#[test]
fn one_or_two_sockets_never_wait_for_a_flush() {
    let scenario = Scenario::new();
    let [(alice, _), (bob, socket)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.hold();
    socket.frames();
    for turn in 0..50 {
        alice.publish("/chat", turn);
    }
    assert_eq!(socket.frames().len(), 50);
    assert_eq!(bob.receives(), (0..50).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn lazy_events_wait_on_a_socket_as_they_do_for_a_poll() {
    let scenario = Scenario::with(&[("LAZY_CHANNELS", "/lazy/*"), ("MAX_LAZY_TIMEOUT", "1500")]);
    let [(alice, _), (bob, _)] = scenario.join_on_sockets(["alice", "bob"]);
    bob.subscribe("/**");
    bob.hold();
    alice.publish("/lazy/a", 1);
    scenario.after(1499);
    assert_eq!(bob.receives(), Vec::<Value>::new());
    scenario.after(1);
    assert_eq!(bob.receives(), [1]);
    bob.hold();
    alice.publish("/lazy/a", 2);
    alice.publish("/urgent", 3);
    assert_eq!(bob.receives(), [2, 3]);
}

#[test]
fn connects_of_one_address_are_counted_on_sockets_too() {
    let scenario = Scenario::with(&[("CLIENT_MAX_CONNECTIONS", "1")]);
    let clients = ["alice", "bob"].map(|name| {
        let client = scenario.client(name).at_address("192.0.2.1");
        let socket = scenario.socket();
        client.moves_to(&socket);
        client.handshake();
        client.connect().answer();
        (client, socket)
    });
    let [(alice, first), (bob, _)] = clients;
    alice.hold();
    assert_eq!(bob.connect().answer().status, Status::Unavailable);
    first.closes();
    bob.hold();
}

#[test]
fn a_new_handshake_on_a_socket_silently_ends_the_session_before_it() {
    let scenario = Scenario::new();
    let [(alice, socket), (bob, _)] = scenario.join_on_sockets(["alice", "bob"]);
    alice.subscribe("/chat");
    alice.hold();
    scenario.notices();
    socket.frames();
    let again = scenario.client("alice, who has logged in as another");
    again.moves_to(&socket);
    again.handshake();
    let ended = Notice::SessionClosed { why: Ending::Replaced, sessions: 2 };
    assert!(scenario.notices().contains(&ended));
    bob.publish("/chat", "for the one before");
    again.connect().answer();
    again.hold();
    let frames = socket.frames().concat();
    let channels: Vec<_> = frames.iter().map(|message| message["channel"].as_str().unwrap()).collect();
    assert_eq!(channels, ["/meta/handshake", "/meta/connect"], "its held connect needs no answer");
    assert_eq!(alice.error_of(alice.a_publish("/chat", 1)), "402::session_unknown");
    assert_eq!(again.ask(again.a_publish("/chat", 1))["successful"], true);
}

#[test]
fn a_new_handshake_on_a_socket_ends_a_session_that_moved_there() {
    let scenario = Scenario::new();
    let [(alice, first)] = scenario.join_on_sockets(["alice"]);
    alice.hold();
    first.closes();
    let socket = scenario.socket();
    alice.moves_to(&socket);
    alice.hold();
    let again = scenario.client("again");
    again.moves_to(&socket);
    again.handshake();
    assert_eq!(alice.error_of(alice.a_publish("/chat", 1)), "402::session_unknown");
}

#[test]
fn a_refused_handshake_ends_no_session_and_none_ends_a_session_that_left_the_socket() {
    let scenario = Scenario::new();
    let [(alice, first)] = scenario.join_on_sockets(["alice"]);
    let stranger = scenario.client("stranger");
    stranger.moves_to(&first);
    let refused = stranger.shake_hands_with(json!({"version": null}));
    assert_eq!(refused["successful"], false);
    alice.moves_to(&scenario.socket());
    alice.hold();
    stranger.handshake();
    assert_eq!(alice.ask(alice.a_publish("/chat", 1))["successful"], true);
    let [carol] = scenario.join(["carol"]);
    scenario.client("carol again").handshake();
    carol.publish("/chat", 1);
}
