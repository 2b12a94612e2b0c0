//! Who may publish and subscribe where, by `ACCESS_RULES` and by the claims of a session.

use bayeux_edge::bayeux::app::{Application, Client as Sender, LocalSession, SecurityPolicy, publish, reply};
use bayeux_edge::bayeux::{ChannelId, ChannelPattern, Denial, Message, Options};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

const RULES: &str = "anyone subscribe /news/**; authenticated * /chat/**; authenticated * /user/{sub}/**
    role=editor publish /news/*; anyone publish /service/echo";
const BY_RULES: &str = "403:denied_by_access_rules:subscribe_denied";

/// Accepts all claims, and denies publishes on `/chat/closed`.
struct Believer;

impl SecurityPolicy for Believer {
    fn can_handshake(&mut self, client: &mut Sender, handshake: &Message) -> Result<(), Denial> {
        client.attributes.set("claims", handshake.get::<Value>("claims"));
        Ok(())
    }

    fn can_publish(&mut self, _: &Sender, channel: &ChannelId, _: &Message) -> Result<(), Denial> {
        if channel.as_str() == "/chat/closed" { Err(Denial::because("closed")) } else { Ok(()) }
    }

    fn can_subscribe(&mut self, _: &Sender, pattern: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        if pattern.as_str() == "/secrets" { panic!("the rules deny this before the policy") } else { Ok(()) }
    }
}

fn house() -> Application {
    let herald = LocalSession::new("herald", |_| publish("/news/all", "as told"));
    Application::new()
        .security_policy(Believer)
        .service("echo", |call| Ok(reply(call.raw_data())))
        .local_session(herald.subscribe("/chat/*"))
}

fn under(rules: &str) -> Scenario {
    Scenario::serving(house(), &[("ACCESS_RULES", rules), ("ANON_PUBLISH", "true")])
}

fn with_claims(scenario: &Scenario, name: &'static str, claims: Value) -> Client {
    let client = scenario.client(name);
    client.handshake_with(json!({ "claims": claims }));
    client.connect().answer();
    client
}

fn subscribing(names: Value) -> Value {
    json!({"channel": "/meta/subscribe", "subscription": names})
}

#[test]
fn an_operation_that_no_rule_allows_is_denied_and_reaches_nobody() {
    let scenario = under(RULES);
    let guest = with_claims(&scenario, "guest", Value::Null);
    let alice = with_claims(&scenario, "alice", json!({"sub": "alice"}));
    guest.subscribe("/news/**");
    alice.subscribe("/user/alice/**");
    for name in ["/**", "/*", "/chat/demo", "/user/alice/**", "/newsroom"] {
        assert_eq!(guest.error_of(subscribing(json!(name))), BY_RULES, "{name}");
    }
    for name in ["/**", "/user/**", "/user/*", "/user/bob/x"] {
        assert_eq!(alice.error_of(subscribing(json!(name))), BY_RULES, "{name}");
    }
    for (client, channel) in [(&guest, "/news/x"), (&guest, "/chat/demo"), (&alice, "/news/x"), (&alice, "/other")] {
        let error = client.error_of(json!({"channel": channel, "data": 1}));
        assert_eq!(error, "403:denied_by_access_rules:publish_denied");
    }
    with_claims(&scenario, "alice's phone", json!({"sub": "alice"})).publish("/user/alice/x", "mine");
    assert!(guest.connect().is_held());
    assert_eq!(alice.connect().answer().data(), ["mine"]);
}

#[test]
fn one_denied_channel_denies_the_whole_subscribe() {
    let scenario = under(RULES);
    let guest = with_claims(&scenario, "guest", Value::Null);
    assert_eq!(guest.error_of(subscribing(json!(["/news/a", "/secrets"]))), BY_RULES);
    with_claims(&scenario, "editor", json!({"role": "editor"})).publish("/news/a", "unheard");
    assert!(guest.connect().is_held());
}

#[test]
fn the_security_policy_is_asked_after_the_rules() {
    let scenario = under(RULES);
    let alice = with_claims(&scenario, "alice", json!({"sub": "alice"}));
    assert_eq!(alice.error_of(json!({"channel": "/chat/closed", "data": 1})), "403:closed:publish_denied");
}

#[test]
fn the_rules_bind_services_and_anonymous_publishers_but_not_the_application_or_the_api() {
    let scenario = under(RULES);
    let guest = with_claims(&scenario, "guest", Value::Null);
    guest.subscribe("/news/*");
    let called =
        |name: &str| guest.ask(json!({"channel": format!("/service/{name}"), "data": 1}))["successful"].clone();
    assert_eq!((called("echo"), called("other")), (json!(true), json!(false)));
    let anonymous = json!({"channel": "/news/x", "data": 1, "clientId": null});
    assert_eq!(guest.error_of(anonymous), "403:denied_by_access_rules:publish_denied");
    with_claims(&scenario, "alice", json!({})).publish("/chat/demo", "hello");
    assert_eq!(guest.connect().answer().data(), ["as told"], "the rules do not apply to a local session");
    let (status, _) = scenario.call("POST", "/publish", "", r#"[{"channel":"/news/key","data":"by key"}]"#);
    assert_eq!((status, guest.connect().answer().data()), (200, vec![json!("by key")]));
}

#[test]
fn claims_narrow_what_the_rules_allow_and_never_widen_it() {
    let (scenario, open) = (under(RULES), Scenario::serving(house(), &[]));
    let claims = json!({"sub": "alice", "subscribe": ["/chat/demo", "/secrets", 7, "no pattern"], "publish": []});
    for scenario in [&scenario, &open] {
        let alice = with_claims(scenario, "alice", claims.clone());
        alice.subscribe("/chat/demo");
        for name in ["/chat/*", "/chat/other"] {
            assert_eq!(alice.error_of(subscribing(json!(name))), "403:denied_by_claims:subscribe_denied");
        }
        let error = alice.error_of(json!({"channel": "/chat/demo", "data": 1}));
        assert_eq!(error, "403:denied_by_claims:publish_denied");
    }
    let alice = with_claims(&scenario, "alice too", claims);
    assert_eq!(alice.error_of(subscribing(json!("/secrets"))), BY_RULES);
    for wrong in [json!("/chat/**"), json!({"/chat/**": true}), json!(true), json!(["chat"])] {
        let client = with_claims(&open, "of a wrong type", json!({"subscribe": wrong}));
        assert_eq!(client.error_of(subscribing(json!("/chat/x"))), "403:denied_by_claims:subscribe_denied");
    }
}

#[test]
fn a_hooks_worker_is_not_asked_about_what_the_rules_deny() {
    let scenario = Scenario::with(&[("ACCESS_RULES", RULES), ("HOOKS_FOR", "publish subscribe")]).with_hooks();
    let guest = scenario.client("guest");
    guest.handshake();
    guest.connect().answer();
    assert_eq!(guest.error_of(subscribing(json!("/chat/x"))), BY_RULES);
    assert_eq!(guest.error_of(json!({"channel": "/chat/x", "data": 1})), "403:denied_by_access_rules:publish_denied");
    assert!(scenario.asked().is_empty());
}

#[test]
fn invalid_rules_are_refused_and_the_error_shows_the_wrong_one() {
    let with = |rules: &str| Options::from_vars(|name| (name == "ACCESS_RULES").then(|| rules.to_owned()));
    let error = with("anyone * /a; everybody * /b").unwrap_err();
    let told = r#"ACCESS_RULES is "everybody * /b", but must be rules, each with anyone, authenticated or CLAIM=VALUE for who"#;
    assert_eq!(error.to_string(), told);
    assert!(with("").is_err(), "an empty text is no rule");
}
