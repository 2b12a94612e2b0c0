//! What an application forbids.

use bayeux_edge::bayeux::{Application, ChannelId, ChannelPattern, Denial, Message, Notice};
use serde_json::json;

use crate::client::Client;
use crate::scenario::Scenario;

/// A house with rules: no strangers, nothing below `/private`, and `/quiet` is for listening.
struct House;

impl Application for House {
    fn can_handshake(&self, handshake: &Message) -> Result<(), Denial> {
        match handshake.get::<String>("password").as_deref() {
            Some("friend") => Ok(()),
            Some(_) => Err(Denial::because("wrong: sorry, no")),
            None => Err(Denial::default()),
        }
    }

    fn can_subscribe(&self, pattern: &ChannelPattern) -> Result<(), Denial> {
        if pattern.as_str().starts_with("/private/") { Err(Denial::because("nope")) } else { Ok(()) }
    }

    fn can_publish(&self, channel: &ChannelId, message: &Message) -> Result<(), Denial> {
        match channel.as_str() {
            "/quiet" if message.get::<bool>("loud") != Some(true) => Err(Denial::default()),
            "/private/x" | "/service/private" => Err(Denial::because("nope")),
            _ => Ok(()),
        }
    }

    fn receive(
        &mut self,
        channel: &ChannelId,
        _message: &Message,
    ) -> Result<Vec<bayeux_edge::bayeux::Action>, bayeux_edge::bayeux::BayeuxError> {
        assert!(!channel.as_str().ends_with("private"), "what is denied never gets here");
        Ok(vec![])
    }
}

fn with_friends<const N: usize>(names: [&'static str; N]) -> (Scenario, [Client; N]) {
    let scenario = Scenario::serving(House, &[]);
    let clients = names.map(|name| {
        let client = scenario.client(name);
        client.handshake_with(json!({"password": "friend"}));
        client.connect().answer();
        client
    });
    (scenario, clients)
}

#[test]
fn a_denied_handshake_opens_no_session_and_the_client_gives_up() {
    let (scenario, []) = with_friends([]);
    for (password, error) in [(None, "403::handshake_denied"), (Some("x"), "403:wrong  sorry  no:handshake_denied")] {
        let reply = scenario.client("stranger").shake_hands_with(json!({"password": password}));
        assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!(error)));
        assert_eq!(reply["advice"], json!({"reconnect": "none"}));
        assert!(reply.get("clientId").is_none());
        assert_eq!(scenario.notices(), [Notice::HandshakeRefused { error: error.to_owned() }]);
    }
}

#[test]
fn a_denied_subscribe_applies_nothing_of_its_list() {
    let (_scenario, [alice, bob]) = with_friends(["alice", "bob"]);
    let subscribe = json!({"channel": "/meta/subscribe", "subscription": ["/chat", "/private/x"]});
    assert_eq!(bob.error_of(subscribe), "403:nope:subscribe_denied");
    alice.publish("/chat", "unheard");
    assert!(bob.connect().is_held());
}

#[test]
fn a_denied_publish_reaches_nobody() {
    let (_scenario, [alice, bob]) = with_friends(["alice", "bob"]);
    bob.subscribe("/**");
    for (channel, error) in [
        ("/quiet", "403:denied_by_security_policy:publish_denied"),
        ("/private/x", "403:nope:publish_denied"),
        ("/service/private", "403:nope:publish_denied"),
    ] {
        assert_eq!(alice.error_of(json!({"channel": channel, "data": 1})), error);
    }
    assert!(bob.connect().is_held());
}

#[test]
fn the_policy_reads_the_whole_message() {
    let (_scenario, [alice]) = with_friends(["alice"]);
    assert_eq!(alice.ask(json!({"channel": "/quiet", "data": 1, "loud": true}))["successful"], true);
}
