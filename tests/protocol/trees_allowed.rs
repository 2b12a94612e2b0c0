//! `TREES`: which trees of channels exist. `FORMER_HOMES`: which homes existed before.

use bayeux_edge::bayeux::app::{Actions, Application};
use bayeux_edge::bayeux::{ChannelId, Home, Options};
use serde_json::{Value, json};

use crate::scenario::Scenario;

const UNKNOWN: &str = "404::tree_unknown";

fn options(vars: &[(&str, &str)]) -> Options {
    Options::from_vars(|asked| vars.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned()))
        .unwrap()
}

fn has(trees: &str, tree: &str) -> bool {
    options(&[("TREES", trees)]).has_tree(&ChannelId::parse(tree).unwrap())
}

fn subscribe(subscription: &Value) -> Value {
    json!({"channel": "/meta/subscribe", "subscription": subscription})
}

#[test]
fn without_the_option_every_tree_exists() {
    assert!(options(&[]).has_tree(&ChannelId::parse("/anything").unwrap()));
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/anything/else");
}

#[test]
fn a_tree_exists_if_a_name_or_a_pattern_of_the_option_matches() {
    for (trees, tree, is_there) in [
        ("/chat /news", "/chat", true),
        ("/chat /news", "/chats", false),
        ("/chat", "/chat/demo", false),
        ("/**", "/anything", true),
        ("/*", "/anything", true),
        ("/rooms/*", "/rooms/a", true),
        ("/rooms/*", "/rooms", false),
        ("", "/chat", false),
    ] {
        assert_eq!(has(trees, tree), is_there, "{trees:?} {tree}");
    }
}

#[test]
fn publishes_and_subscribes_in_an_unknown_tree_are_refused() {
    let app = Application::new().service("anything", |_| Ok(Actions::new()));
    let scenario = Scenario::serving(app, &[("TREES", "/chat /news")]);
    let [alice] = scenario.join(["alice"]);
    for name in ["/other", "/other/demo", "/other/**", "/chats/*"] {
        assert_eq!(alice.error_of(subscribe(&json!(name))), UNKNOWN, "{name}");
    }
    assert_eq!(alice.error_of(json!({"channel": "/other/demo", "data": 1})), UNKNOWN);
    assert_eq!(alice.error_of(subscribe(&json!(["/chat/a", "/other"]))), UNKNOWN, "all or nothing");
    alice.subscribe("/chat/**");
    alice.publish("/chat/demo", 1);
    alice.publish("/service/anything", 1);
    let (_, answer) = scenario.call("POST", "/publish", "", r#"[{"channel":"/other","data":1}]"#);
    assert_eq!(answer[0]["error"], UNKNOWN);
}

#[test]
fn a_pattern_that_spans_trees_is_not_refused_as_an_unknown_tree() {
    let scenario = Scenario::with(&[("TREES", "/chat")]);
    let [alice] = scenario.join(["alice"]);
    let reply = alice.ask(subscribe(&json!("/**")));
    assert_ne!(reply["error"], UNKNOWN);
}

#[test]
fn a_client_id_leads_only_to_a_home_of_homes_or_former_homes() {
    let leads = |vars: &[(&str, &str)], home: &str| options(vars).leads_to(&Home::named(home).unwrap());
    for (homes, former, home, leads_there) in [
        ("root", "", "/", true),
        ("root", "", "@0", false),
        ("sharded:4", "", "@3", true),
        ("sharded:4", "", "@4", false),
        ("sharded:4", "", "/", true),
        ("sharded:4", "", "@weur.0", false),
        ("regional:2", "", "@weur.1", true),
        ("regional:2", "", "@weur.2", false),
        ("regional:2", "sharded:8", "@7", true),
        ("root", "sharded:8 regional:1", "@me.0", true),
        ("root", "sharded:8 regional:1", "@8", false),
    ] {
        assert_eq!(leads(&[("HOMES", homes), ("FORMER_HOMES", former)], home), leads_there, "{homes} {former} {home}");
    }
    let error = Options::from_vars(|asked| (asked == "FORMER_HOMES").then(|| "sharded".to_owned())).unwrap_err();
    assert_eq!((error.name, error.value.as_str()), ("FORMER_HOMES", "sharded"));
}

#[test]
fn callback_polling_is_off_unless_it_is_asked_for() {
    let types = json!({"supportedConnectionTypes": ["long-polling", "callback-polling"]});
    let shared = |scenario: &Scenario| {
        scenario.client("alice").handshake_with(types.clone())["supportedConnectionTypes"].clone()
    };
    assert_eq!(shared(&Scenario::new()), json!(["long-polling"]));
    let asked_for = Scenario::with(&[("CONNECTION_TYPES", "long-polling callback-polling")]);
    assert_eq!(shared(&asked_for), json!(["long-polling", "callback-polling"]));
}

#[test]
fn an_invalid_token_jwks_url_is_not_shown() {
    for url in ["http://user:hunter2@id.example/jwks", "https://hunter2@id.example/", "hunter2"] {
        let error = Options::from_vars(|asked| (asked == "TOKEN_JWKS_URL").then(|| url.to_owned())).unwrap_err();
        assert_eq!(error.name, "TOKEN_JWKS_URL");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}
