//! What the log is told: whose session a line is about, and why a message was refused.

use bayeux_edge::bayeux::{Notice, SessionKey, Who};
use serde_json::json;

use crate::scenario::Scenario;

#[test]
fn a_line_about_a_session_says_whose_it_is() {
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
fn a_refused_message_is_told_with_its_channel_and_the_reason() {
    let scenario = Scenario::with(&[("ACCESS_RULES", "anyone * /open/**")]);
    let [alice] = scenario.join(["alice"]);
    scenario.told();
    alice.error_of(alice.a_publish("/closed", 1));
    alice.error_of(json!({ "channel": "/meta/subscribe", "clientId": alice.id(), "subscription": "/secret" }));
    let refused = |channel: &str, subscription: Option<&str>, error: &str, name| Notice::MessageRefused {
        channel: Some(channel.into()),
        subscription: subscription.map(Into::into),
        error: error.to_owned(),
        name,
    };
    let told = scenario.told();
    assert!(told.iter().all(|(_, who)| who.is_some()), "{told:?}");
    let told: Vec<_> = told.into_iter().map(|(notice, _)| notice).collect();
    let by_rules = "403:denied_by_access_rules";
    let expected = [
        refused("/closed", None, &format!("{by_rules}:publish_denied"), "publish_denied"),
        refused("/meta/subscribe", Some("\"/secret\""), &format!("{by_rules}:subscribe_denied"), "subscribe_denied"),
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_a_client_wrote_is_cut_before_it_is_told() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    scenario.told();
    let long: Vec<_> = (0..100).map(|n| format!("/a/ü*{n}")).collect();
    alice.error_of(json!({ "channel": "/meta/subscribe", "clientId": alice.id(), "subscription": long }));
    let told = scenario.told();
    let [(Notice::MessageRefused { subscription: Some(subscription), .. }, _)] = &told[..] else { panic!("{told:?}") };
    assert!((250..=256).contains(&subscription.len()), "{}", subscription.len());
}
