//! json-comment-filtered: a client that requests it in its handshake gets answers that are comments.

use bayeux_edge::bayeux::Format::{CommentFiltered, Json};
use bayeux_edge::bayeux::app::{Actions, Application};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

/// Dojo, who asks for it, and Alice, who does not.
fn dojo_and_alice() -> (Scenario, Client, Client) {
    let scenario = Scenario::serving(Application::new().service("kick", |_| Ok(Actions::new().disconnect())), &[]);
    let [alice] = scenario.join(["alice"]);
    let dojo = scenario.client("dojo");
    let reply = dojo.handshake_with(asking(json!(true)));
    assert_eq!(reply["ext"], json!({"json-comment-filtered": true}));
    dojo.connect().answer();
    (scenario, dojo, alice)
}

fn asking(value: Value) -> Value {
    json!({"ext": {"json-comment-filtered": value}})
}

#[test]
fn the_handshake_reply_confirms_the_extension_and_is_plain_json() {
    let scenario = Scenario::new();
    for value in [json!(true), json!(1)] {
        let handshake = json!([{"channel": "/meta/handshake", "version": "1.0",
            "supportedConnectionTypes": ["long-polling"], "ext": {"json-comment-filtered": value}}]);
        let answer = scenario.client("dojo").post(&handshake).answer();
        assert_eq!((answer.format, &answer.reply()["ext"]), (Json, &asking(json!(true))["ext"]));
    }
    let reply = scenario.client("alice").shake_hands_with(asking(json!(false)));
    assert_eq!(reply.get("ext"), None);
}

#[test]
fn every_later_answer_is_comment_filtered() {
    let (_scenario, dojo, alice) = dojo_and_alice();
    for message in [
        json!({"channel": "/meta/subscribe", "subscription": "/chat"}),
        json!({"channel": "/meta/subscribe", "subscription": "/meta/x"}),
        json!({"channel": "/chat", "data": 1}),
        json!({"channel": "/meta/connect", "connectionType": "long-polling", "advice": {"timeout": 0}}),
        json!({"channel": "/meta/unsubscribe", "subscription": "/chat"}),
        json!({"channel": "/meta/disconnect"}),
    ] {
        assert_eq!(alice.send(alice.a_publish("/x", 1)).answer().format, Json);
        assert_eq!(dojo.send(message.clone()).answer().format, CommentFiltered, "{message}");
    }
    assert_eq!(dojo.connect().answer().format, Json, "the session that requested it has ended");
}

#[test]
fn a_held_connect_is_comment_filtered_however_it_ends() {
    let (scenario, dojo, alice) = dojo_and_alice();
    dojo.subscribe("/chat");
    let held = dojo.hold();
    alice.publish("/chat", 1);
    assert_eq!((held.answer().format, held.answer().data()), (CommentFiltered, vec![json!(1)]));
    let held = dojo.hold();
    scenario.after(30_000);
    assert_eq!(held.answer().format, CommentFiltered);
    let older = dojo.hold();
    let newer = dojo.hold();
    assert_eq!(older.answer().format, CommentFiltered);
    assert_eq!(dojo.send(json!({"channel": "/service/kick", "data": 1})).answer().format, CommentFiltered);
    assert_eq!(newer.answer().format, CommentFiltered);
}

#[test]
fn a_request_of_several_clients_is_comment_filtered_if_one_of_them_asked() {
    let (_scenario, dojo, alice) = dojo_and_alice();
    let publish = |client: &Client, id: &str| json!({"channel": "/chat", "data": 1, "clientId": client.id(), "id": id});
    for batch in [[&alice, &dojo], [&dojo, &alice]] {
        let messages = json!([publish(batch[0], "a"), publish(batch[1], "b")]);
        assert_eq!(alice.post(&messages).answer().format, CommentFiltered);
    }
}

#[test]
fn comment_filtering_survives_a_crash() {
    let (scenario, dojo, alice) = dojo_and_alice();
    scenario.crashes();
    assert_eq!((dojo.connect().answer().format, alice.connect().answer().format), (CommentFiltered, Json));
}
