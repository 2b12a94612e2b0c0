//! The security policy of an application.

use std::cell::RefCell;
use std::rc::Rc;

use bayeux_edge::bayeux::app::{Actions, Application, Client as Sender, SecurityPolicy, reply};
use bayeux_edge::bayeux::{Advice, ChannelId, ChannelPattern, Denial, Message, Notice};
use serde_json::json;

use crate::client::Client;
use crate::scenario::Scenario;

/// A policy: no clients without a password, no channels below `/private`, and no publishes on `/quiet`.
#[derive(Clone)]
struct House;

impl SecurityPolicy for House {
    fn can_handshake(&mut self, client: &mut Sender, handshake: &Message) -> Result<(), Denial> {
        client.attributes.set("name", handshake.get::<String>("name"));
        match handshake.get::<String>("password").as_deref() {
            Some("friend") => Ok(()),
            Some("later") => Err(Denial::error(401, "come back").advice(Advice::handshake()).ext("at", "noon")),
            Some(_) => Err(Denial::because("wrong: sorry, no")),
            None => Err(Denial::default()),
        }
    }

    fn can_create(&mut self, client: &Sender, channel: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        let owns = client.attributes.text("name") == Some("owner");
        if channel.as_str().starts_with("/rooms/") && !owns { Err(Denial::default()) } else { Ok(()) }
    }

    fn can_subscribe(&mut self, client: &Sender, pattern: &ChannelPattern, message: &Message) -> Result<(), Denial> {
        let own = client.attributes.text("name").is_some_and(|name| pattern.as_str() == format!("/private/{name}"));
        if pattern.as_str().starts_with("/private/") && !own && message.get::<bool>("please") != Some(true) {
            return Err(Denial::because("nope").ext("owner", "somebody else"));
        }
        Ok(())
    }

    fn can_publish(&mut self, _: &Sender, channel: &ChannelId, message: &Message) -> Result<(), Denial> {
        match channel.as_str() {
            "/quiet" if message.get::<bool>("loud") != Some(true) => Err(Denial::default()),
            "/private/x" | "/service/private" => Err(Denial::because("nope")),
            _ => Ok(()),
        }
    }
}

fn house() -> Application {
    Application::new()
        .security_policy(House)
        .service("private", |_| panic!("a denied message never gets here"))
        .service("whoami", |call| Ok(reply(call.client.attributes.text("name"))))
        .service("rename", |call| Ok(Actions::new().set_attribute("name", call.data::<String>()?)))
        .listener("/rooms/lobby", |_| Ok(Actions::new()))
}

fn with_friends<const N: usize>(names: [&'static str; N]) -> (Scenario, [Client; N]) {
    let scenario = Scenario::serving(house(), &[]);
    let clients = names.map(|name| {
        let client = scenario.client(name);
        client.handshake_with(json!({"password": "friend", "name": name}));
        client.connect().answer();
        client
    });
    (scenario, clients)
}

#[test]
fn a_denied_handshake_opens_no_session_and_advises_none() {
    let (scenario, []) = with_friends([]);
    for (password, error) in [(None, "403::handshake_denied"), (Some("x"), "403:wrong  sorry  no:handshake_denied")] {
        let reply = scenario.client("stranger").shake_hands_with(json!({"password": password}));
        assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!(error)));
        assert_eq!(reply["advice"], json!({"reconnect": "none"}));
        assert!(reply.get("clientId").is_none() && reply.get("ext").is_none());
        assert_eq!(scenario.notices(), [Notice::HandshakeRefused { error: error.to_owned() }]);
    }
}

#[test]
fn a_denial_may_set_its_error_advice_and_ext() {
    let (scenario, [bob]) = with_friends(["bob"]);
    let denied = scenario.client("stranger").shake_hands_with(json!({"password": "later"}));
    assert_eq!(denied["error"], "401::come back");
    assert_eq!(denied["advice"], json!({"reconnect": "handshake", "interval": 0}));
    assert_eq!(denied["ext"], json!({"at": "noon"}));
    let denied = bob.ask(json!({"channel": "/meta/subscribe", "subscription": "/private/x"}));
    assert_eq!(denied["error"], "403:nope:subscribe_denied");
    assert_eq!(denied["ext"], json!({"owner": "somebody else"}));
    assert!(denied.get("advice").is_none());
    let timesync = json!({"tc": 0, "l": 0, "o": 0});
    let subscribe = json!({"channel": "/meta/subscribe", "subscription": "/private/x", "ext": {"timesync": timesync}});
    let ext = &bob.ask(subscribe)["ext"];
    assert!(ext["owner"].is_string() && ext["timesync"].is_object(), "beside the extensions' own fields: {ext}");
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
    let subscribe = json!({"channel": "/meta/subscribe", "subscription": "/private/x", "please": true});
    assert_eq!(alice.ask(subscribe)["successful"], true);
}

#[test]
fn attributes_set_in_the_handshake_belong_to_that_session_alone() {
    let (_scenario, [alice, bob]) = with_friends(["alice", "bob"]);
    alice.subscribe("/private/alice");
    let subscribe = json!({"channel": "/meta/subscribe", "subscription": "/private/alice"});
    assert_eq!(bob.error_of(subscribe), "403:nope:subscribe_denied");
    for (client, name) in [(&alice, "alice"), (&bob, "bob")] {
        assert_eq!(client.send(json!({"channel": "/service/whoami", "data": 0})).answer().data(), [name]);
    }
    bob.publish("/service/rename", "alice");
    bob.subscribe("/private/alice");
}

#[test]
fn attributes_survive_a_crash() {
    let (scenario, [alice, bob]) = with_friends(["alice", "bob"]);
    bob.publish("/service/rename", "robert");
    scenario.crashes_into(house());
    alice.subscribe("/private/alice");
    assert_eq!(bob.send(json!({"channel": "/service/whoami", "data": 0})).answer().data(), ["robert"]);
}

#[test]
fn the_first_to_name_a_channel_creates_it_and_it_exists_while_somebody_is_subscribed() {
    let (_scenario, [owner, guest]) = with_friends(["owner", "guest"]);
    let denied = "403:denied_by_security_policy:channel_create_denied";
    let subscribe = || json!({"channel": "/meta/subscribe", "subscription": "/rooms/tea"});
    let publish = || json!({"channel": "/rooms/tea", "data": 1});
    assert_eq!([guest.error_of(subscribe()), guest.error_of(publish())], [denied, denied]);
    owner.subscribe("/rooms/tea");
    guest.subscribe("/rooms/tea");
    guest.publish("/rooms/tea", 1);
    owner.unsubscribe("/rooms/tea");
    guest.publish("/rooms/tea", 2);
    guest.unsubscribe("/rooms/tea");
    assert_eq!([guest.error_of(subscribe()), guest.error_of(publish())], [denied, denied]);
}

#[test]
fn a_pattern_does_not_create_the_channels_that_it_matches() {
    let (_scenario, [owner, guest]) = with_friends(["owner", "guest"]);
    owner.subscribe("/rooms/*");
    guest.subscribe("/rooms/*");
    let denied = guest.error_of(json!({"channel": "/rooms/tea", "data": 1}));
    assert_eq!(denied, "403:denied_by_security_policy:channel_create_denied");
}

#[test]
fn a_channel_with_a_listener_exists() {
    let (_scenario, [guest]) = with_friends(["guest"]);
    guest.subscribe("/rooms/lobby");
    guest.publish("/rooms/lobby", 1);
}

/// Denies nothing and writes down what it is asked.
struct Clerk(Rc<RefCell<Vec<String>>>);

impl Clerk {
    fn note(&self, client: &Sender, what: &str, name: &str) -> Result<(), Denial> {
        let who = if client.session().is_some() { "somebody" } else { "nobody" };
        self.0.borrow_mut().push(format!("{who} at {:?} {what} {name}", client.address));
        Ok(())
    }
}

impl SecurityPolicy for Clerk {
    fn can_create(&mut self, client: &Sender, channel: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        self.note(client, "creates", channel.as_str())
    }

    fn can_publish(&mut self, client: &Sender, channel: &ChannelId, _: &Message) -> Result<(), Denial> {
        self.note(client, "publishes", channel.as_str())
    }

    fn can_subscribe(&mut self, client: &Sender, pattern: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        self.note(client, "subscribes", pattern.as_str())
    }
}

#[test]
fn can_create_is_asked_first_with_the_sender_and_never_for_the_applications_own_publishes() {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let app = Application::new()
        .security_policy(Clerk(Rc::clone(&asked)))
        .service("pub", |call| Ok(Actions::new().publish("/by/server", call.raw_data())));
    let scenario = Scenario::serving(app, &[("ANON_PUBLISH", "true")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    alice.publish("/service/pub", 1);
    let stranger = scenario.client("stranger").at_address("192.0.2.7");
    stranger.post(&json!([{"channel": "/a", "data": 1}])).answer();
    let expected = [
        "somebody at None creates /a",
        "somebody at None subscribes /a",
        "somebody at None publishes /service/pub",
        "nobody at Some(\"192.0.2.7\") publishes /a",
    ];
    assert_eq!(*asked.borrow(), expected);
}
