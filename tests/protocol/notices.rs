//! Log lines: which session a line is about, and why a message was refused.

use bayeux_edge::bayeux::app::{Application, Client, SecurityPolicy};
use bayeux_edge::bayeux::{BayeuxError, ChannelId, Denial, Message, Notice, SessionKey, Who};
use serde_json::json;

use crate::scenario::Scenario;

#[test]
fn a_log_line_about_a_session_names_the_session() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let name = scenario.call("GET", "/clients", "", "").1["clients"][0]["client"].as_str().unwrap().to_owned();
    alice.ask(json!({ "channel": "/meta/disconnect", "clientId": alice.id() }));
    let told = scenario.told();
    let [(Notice::SessionOpened { .. }, Some(opened)), (Notice::SessionClosed { .. }, Some(closed))] = &told[..] else {
        panic!("{told:?}")
    };
    let client = SessionKey::parse(&name).unwrap();
    assert_eq!(*opened, Who { client, user: None, transport: "none" });
    assert_eq!(*closed, Who { client, user: None, transport: "long-polling" });
}

#[test]
fn a_refused_message_is_logged_with_its_channel_and_the_reason() {
    let rules = "anyone * /open/**; authenticated publish /user/{sub}/*; role=editor * /closed/**";
    let scenario = Scenario::with(&[("ACCESS_RULES", rules)]);
    let [alice] = scenario.join(["alice"]);
    scenario.told();
    alice.error_of(alice.a_publish("/closed/a", 1));
    alice.error_of(alice.a_publish("/user/bob/notes", 1));
    alice.error_of(json!({ "channel": "/meta/subscribe", "clientId": alice.id(), "subscription": "/secret" }));
    let refused = |channel: &str, subscription: Option<&str>, rule: Option<&str>, denied| Notice::MessageRefused {
        channel: Some(channel.into()),
        subscription: subscription.map(Into::into),
        error: format!("403:denied_by_access_rules:{denied}"),
        name: denied,
        reason: Some("denied_by_access_rules".into()),
        rule: rule.map(Into::into),
    };
    let told = scenario.told();
    assert!(told.iter().all(|(_, who)| who.is_some()), "{told:?}");
    let told: Vec<_> = told.into_iter().map(|(notice, _)| notice).collect();
    let expected = [
        refused("/closed/a", None, Some("role=editor * /closed/**"), "publish_denied"),
        refused("/user/bob/notes", None, Some("authenticated publish /user/{sub}/*"), "publish_denied"),
        refused("/meta/subscribe", Some("\"/secret\""), None, "subscribe_denied"),
    ];
    assert_eq!(told, expected, "the rule is the first that allows it to others, if there is one");
}

#[test]
fn a_refusal_by_the_policy_is_logged_with_its_own_reason() {
    let app = Application::new()
        .security_policy(Closed)
        .service("busy", |_| Err(BayeuxError::Service(503, "call again later".to_owned()).into()));
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    scenario.told();
    alice.error_of(alice.a_publish("/closed", 1));
    alice.error_of(alice.a_publish("/service/busy", 1));
    let reasons: Vec<_> = scenario.told().into_iter().map(|(notice, _)| reason_of(notice)).collect();
    assert_eq!(reasons, [Some("the shop is closed".into()), None], "an error of the service has no other reason");
}

struct Closed;

impl SecurityPolicy for Closed {
    fn can_publish(&mut self, _: &Client, channel: &ChannelId, _: &Message) -> Result<(), Denial> {
        if channel.as_str() == "/closed" { Err(Denial::because("the shop is closed")) } else { Ok(()) }
    }
}

fn reason_of(notice: Notice) -> Option<Box<str>> {
    let Notice::MessageRefused { reason, .. } = notice else { panic!("{notice:?}") };
    reason
}

#[test]
fn long_client_text_is_cut_in_log_lines() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    scenario.told();
    let long: Vec<_> = (0..100).map(|n| format!("/a/ü*{n}")).collect();
    alice.error_of(json!({ "channel": "/meta/subscribe", "clientId": alice.id(), "subscription": long }));
    let told = scenario.told();
    let [(Notice::MessageRefused { subscription: Some(subscription), .. }, _)] = &told[..] else { panic!("{told:?}") };
    assert!((250..=256).contains(&subscription.len()), "{}", subscription.len());
}
