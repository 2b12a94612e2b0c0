//! Presence: the members of a channel, for subscribers to its presence channel.

use bayeux_edge::bayeux::app::{Actions, Application, ChannelOptions, Client as Sender, SecurityPolicy, reply};
use bayeux_edge::bayeux::{Denial, Message};
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

const PRESENCE: (&str, &str) = ("PRESENCE", "/room/*");
const WATCHED: &str = "/room/a/$presence";

/// Accepts all claims, and lets each client choose what is shown of it.
struct Believer;

impl SecurityPolicy for Believer {
    fn can_handshake(&mut self, client: &mut Sender, handshake: &Message) -> Result<(), Denial> {
        client.attributes.set("claims", handshake.get::<Value>("claims"));
        client.attributes.set("presence", handshake.get::<Value>("shown"));
        Ok(())
    }
}

fn house() -> Application {
    Application::new()
        .security_policy(Believer)
        .channel("/hall", ChannelOptions::new().presence())
        .service("rename", |call| Ok(Actions::new().set_attribute("presence", call.data::<Value>()?)))
        .service("echo", |call| Ok(reply(call.raw_data())))
}

fn with(vars: &[(&str, &str)]) -> Scenario {
    Scenario::serving(house(), &[&[PRESENCE, ("MAX_INTERVAL", "60000")], vars].concat())
}

fn join(scenario: &Scenario, name: &'static str, user: &str) -> Client {
    join_with(scenario, name, json!({"claims": {"sub": user}}))
}

fn join_with(scenario: &Scenario, name: &'static str, fields: Value) -> Client {
    let client = scenario.client(name);
    client.handshake_with(fields);
    client.connect().answer();
    client
}

/// The data of all events since the last call, after one more connect.
fn told(client: &Client) -> Vec<Value> {
    client.connect_with(json!({"advice": {"timeout": 0}})).answer();
    client.receives()
}

/// The names of users, and the number of sessions of each.
fn users(told: &Value) -> Vec<(String, usize)> {
    let users = told.as_object().unwrap_or_else(|| panic!("no users: {told}"));
    users.iter().map(|(user, sessions)| (user.clone(), sessions.as_array().unwrap().len())).collect()
}

fn named(names: &[(&str, usize)]) -> Vec<(String, usize)> {
    names.iter().map(|(name, sessions)| ((*name).to_owned(), *sessions)).collect()
}

fn subscribing(name: &str) -> Value {
    json!({"channel": "/meta/subscribe", "subscription": name})
}

#[test]
fn a_presence_subscriber_gets_all_members_and_then_the_changes() {
    let scenario = with(&[]);
    let [alice, bob] = [join(&scenario, "alice", "alice"), join(&scenario, "bob", "bob")];
    alice.subscribe("/room/a");
    scenario.after(1000);
    bob.subscribe(WATCHED);
    let whole = told(&bob);
    assert_eq!((whole.len(), &whole[0]["count"]), (1, &json!(1)));
    assert_eq!(users(&whole[0]["members"]), named(&[("alice", 1)]));
    bob.subscribe("/room/a");
    assert!(told(&bob).is_empty(), "changes are sent once a second");
    scenario.after(1000);
    let changes = told(&bob);
    assert_eq!((changes.len(), &changes[0]["count"], &changes[0]["leaves"]), (1, &json!(2), &json!({})));
    assert_eq!(users(&changes[0]["joins"]), named(&[("bob", 1)]));
    alice.unsubscribe("/room/a");
    scenario.after(1000);
    let changes = told(&bob);
    assert_eq!((&changes[0]["count"], users(&changes[0]["leaves"])), (&json!(1), named(&[("alice", 1)])));
    assert_eq!(changes[0]["joins"], json!({}));
}

#[test]
fn sessions_of_one_user_are_one_member_and_a_session_without_a_user_is_its_own() {
    let scenario = with(&[]);
    let [tab, other] = [join(&scenario, "tab", "alice"), join(&scenario, "other tab", "alice")];
    let nobody = join_with(&scenario, "nobody", json!({}));
    let spoof = join(&scenario, "spoof", "session:1");
    let watcher = join(&scenario, "watcher", "w");
    watcher.subscribe(WATCHED);
    told(&watcher);
    [&tab, &other, &nobody, &spoof].iter().for_each(|client| client.subscribe("/room/a"));
    scenario.after(1000);
    let joined = told(&watcher);
    assert_eq!(joined[0]["count"], 3);
    let users = users(&joined[0]["joins"]);
    assert_eq!(users[0], ("alice".to_owned(), 2));
    assert!(users[1..].iter().all(|(name, _)| name.starts_with("session:") && name.len() > 12), "{users:?}");
    tab.unsubscribe("/room/a");
    scenario.after(1000);
    let left = told(&watcher);
    assert_eq!((&left[0]["count"], left[0]["leaves"]["alice"].as_array().unwrap().len()), (&json!(3), 1));
    // No clientId is in it.
    assert!(!joined[0].to_string().contains(tab.id()));
}

#[test]
fn an_absent_client_stays_a_member_until_its_session_ends() {
    let scenario = with(&[]);
    let watcher = scenario.client("watcher");
    let socket = scenario.socket();
    watcher.moves_to(&socket);
    watcher.handshake();
    watcher.connect().answer();
    watcher.connect();
    watcher.subscribe(WATCHED);
    let alice = join(&scenario, "alice", "alice");
    alice.subscribe("/room/a");
    scenario.after(1000);
    assert_eq!(watcher.receives().len(), 2);
    scenario.after(58_000);
    watcher.connect();
    assert!(watcher.receives().is_empty());
    scenario.after(4000);
    let left = watcher.receives();
    assert_eq!((left.len(), users(&left[0]["leaves"])), (1, named(&[("alice", 1)])), "{left:?}");
    watcher.ask(json!({"channel": "/meta/disconnect"}));
}

#[test]
fn a_reload_within_a_second_is_one_presence_message() {
    let scenario = with(&[]);
    let [watcher, alice] = [join(&scenario, "watcher", "w"), join(&scenario, "alice", "alice")];
    alice.subscribe("/room/a");
    scenario.after(1000);
    watcher.subscribe(WATCHED);
    told(&watcher);
    alice.ask(json!({"channel": "/meta/disconnect"}));
    join(&scenario, "alice again", "alice").subscribe("/room/a");
    scenario.after(1000);
    let changes = told(&watcher);
    assert_eq!((changes.len(), &changes[0]["count"]), (1, &json!(1)));
    assert_eq!(users(&changes[0]["joins"]), users(&changes[0]["leaves"]));
}

#[test]
fn a_wildcard_subscription_gets_no_presence_and_makes_no_member() {
    let scenario = with(&[("HISTORY", "/room/** 10"), ("RETAIN", "/room/**")]);
    let [alice, bob] = [join(&scenario, "alice", "alice"), join(&scenario, "bob", "bob")];
    alice.subscribe("/room/**");
    alice.subscribe("/room/a/*");
    bob.subscribe("/room/a");
    bob.subscribe(WATCHED);
    scenario.after(1000);
    assert!(told(&alice).is_empty());
    let told = told(&bob);
    assert_eq!(told.last().unwrap()["count"], 1, "{told:?}");
}

#[test]
fn only_the_server_publishes_presence() {
    let scenario = with(&[("ANON_PUBLISH", "true")]);
    let alice = join(&scenario, "alice", "alice");
    for name in [WATCHED, "/other/$presence"] {
        let error = alice.error_of(json!({"channel": name, "data": {"count": 99}}));
        assert_eq!(error, "403:presence:publish_denied", "{name}");
    }
    for name in ["/other/$presence", "/room/a/$presence/$presence"] {
        assert_eq!(alice.error_of(subscribing(name)), "403:no_presence:presence_denied", "{name}");
    }
}

#[test]
fn presence_is_sent_only_to_clients_that_may_see_it() {
    let rules = "anyone subscribe /room/**; role=host presence /room/*; anyone publish /service/presence";
    let scenario = with(&[("ACCESS_RULES", rules)]);
    let guest = join(&scenario, "guest", "guest");
    let host = join_with(&scenario, "host", json!({"claims": {"sub": "host", "role": "host"}}));
    let bound = json!({"claims": {"sub": "bound", "role": "host", "presence": ["/room/b"]}});
    let bound = join_with(&scenario, "bound", bound);
    let blind = json!({"claims": {"sub": "blind", "role": "host", "subscribe": ["/room/b"]}});
    let blind = join_with(&scenario, "blind", blind);
    let asking = || json!({"channel": "/service/presence", "data": {"channel": "/room/a"}});
    for (client, error) in [
        (&guest, "403:denied_by_access_rules:presence_denied"),
        (&bound, "403:denied_by_claims:presence_denied"),
        (&blind, "403:denied_by_claims:subscribe_denied"),
    ] {
        assert_eq!(client.error_of(subscribing(WATCHED)), error);
        assert_eq!(client.error_of(asking()), error);
    }
    host.subscribe(WATCHED);
    bound.subscribe("/room/b/$presence");
    assert_eq!(host.ask(asking())["successful"], true);
}

#[test]
fn service_presence_answers_with_the_members() {
    let scenario = with(&[]);
    let alice = join(&scenario, "alice", "alice");
    alice.subscribe("/room/a");
    scenario.after(1000);
    let ask = |data: Value| json!({"channel": "/service/presence", "id": "77", "data": data});
    let answer = alice.send(ask(json!({"channel": "/room/a"}))).answer();
    let event = answer.messages.iter().find(|message| message.get("data").is_some()).unwrap();
    assert_eq!((&event["id"], &event["successful"]), (&json!("77"), &json!(true)));
    assert_eq!(users(&event["data"]["members"]), named(&[("alice", 1)]));
    for data in [json!(1), json!({"channel": "x"}), json!({})] {
        assert_eq!(alice.error_of(ask(data)), "400::data_invalid");
    }
    assert_eq!(alice.error_of(ask(json!({"channel": "/elsewhere"}))), "403:no_presence:presence_denied");
}

#[test]
fn more_users_than_max_presence_are_only_counted() {
    let scenario = with(&[("MAX_PRESENCE", "2")]);
    let watcher = join(&scenario, "watcher", "w");
    watcher.subscribe(WATCHED);
    let crowd = ["a", "b", "c"].map(|name| join(&scenario, name, name));
    crowd.iter().for_each(|client| client.subscribe("/room/a"));
    scenario.after(1000);
    assert_eq!(told(&watcher).last().unwrap(), &json!({"count": 3}));
    let late = join(&scenario, "late", "late");
    late.subscribe(WATCHED);
    assert_eq!(told(&late), [json!({"count": 3})]);
    crowd[0].unsubscribe("/room/a");
    scenario.after(1000);
    let named_again = told(&late);
    assert_eq!(users(&named_again[0]["members"]), named(&[("b", 1), ("c", 1)]));
}

#[test]
fn the_application_sets_what_is_shown_of_a_member_up_to_a_limit() {
    let scenario = with(&[]);
    let watcher = join(&scenario, "watcher", "w");
    watcher.subscribe("/hall/$presence");
    let shown = json!({"claims": {"sub": "u1"}, "shown": {"user": "alice", "info": {"colour": "red"}}});
    let alice = join_with(&scenario, "alice", shown);
    alice.subscribe("/hall");
    scenario.after(1000);
    let joins = told(&watcher).pop().unwrap()["joins"].take();
    assert_eq!(joins["alice"][0]["info"], json!({"colour": "red"}));
    alice.ask(json!({"channel": "/service/rename", "data": {"user": 7, "info": "x".repeat(2000)}}));
    scenario.after(1000);
    let changes = told(&watcher).pop().unwrap();
    assert_eq!((users(&changes["joins"]), users(&changes["leaves"])), (named(&[("7", 1)]), named(&[("alice", 1)])));
    assert_eq!(changes["joins"]["7"][0]["info"], Value::Null, "info that is too long is not shown");
}

#[test]
fn a_restarted_object_repeats_no_presence_message() {
    let scenario = with(&[]);
    let [alice, watcher] = [join(&scenario, "alice", "alice"), join(&scenario, "watcher", "w")];
    alice.subscribe("/room/a");
    watcher.subscribe(WATCHED);
    scenario.after(1000);
    told(&watcher);
    scenario.after(5000);
    scenario.crashes_into(house());
    scenario.after(2000);
    assert!(told(&watcher).is_empty());
    alice.unsubscribe("/room/a");
    scenario.after(1000);
    let left = told(&watcher);
    assert_eq!((left.len(), users(&left[0]["leaves"])), (1, named(&[("alice", 1)])));
}

#[test]
fn an_object_that_hibernated_repeats_no_presence_message_and_knows_the_members() {
    let scenario = with(&[]);
    let [alice, watcher] = [("alice", "alice"), ("watcher", "w")].map(|(name, user)| {
        let (socket, client) = (scenario.socket(), scenario.client(name));
        client.moves_to(&socket);
        client.handshake_with(json!({"claims": {"sub": user}}));
        client.connect().answer();
        client.hold();
        client
    });
    alice.subscribe("/room/a");
    watcher.subscribe(WATCHED);
    scenario.after(1000);
    assert_eq!(watcher.receives().len(), 2);
    scenario.after(5000);
    scenario.hibernates_into(house());
    scenario.after(2000);
    assert!(watcher.receives().is_empty());
    alice.unsubscribe("/room/a");
    scenario.after(1000);
    let left = watcher.receives();
    assert_eq!((left.len(), users(&left[0]["leaves"])), (1, named(&[("alice", 1)])), "{left:?}");
}

#[test]
fn a_presence_change_before_a_crash_is_reported_after_it() {
    let scenario = with(&[]);
    let [alice, bob] = [join(&scenario, "alice", "alice"), join(&scenario, "bob", "bob")];
    let watcher = join(&scenario, "watcher", "w");
    [&alice, &bob].iter().for_each(|client| client.subscribe("/room/a"));
    watcher.subscribe(WATCHED);
    scenario.after(1000);
    told(&watcher);
    scenario.after(5000);
    alice.ask(json!({"channel": "/meta/disconnect"}));
    scenario.crashes_into(house());
    scenario.after(1000);
    let told = told(&watcher);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(users(&told[0]["members"]), named(&[("bob", 1)]));
}

#[test]
fn the_memory_of_members_is_counted_and_given_back() {
    let scenario = with(&[]);
    let alice = join(&scenario, "alice", "alice");
    let before = scenario.memory();
    alice.subscribe("/room/a");
    assert!(scenario.memory() > before + 200);
    alice.unsubscribe("/room/a");
    scenario.after(5000);
    told(&alice);
    assert!(scenario.memory() <= before, "{} {before}", scenario.memory());
}

#[test]
fn channels_without_presence_write_no_row() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/room/a");
    assert!(scenario.rows().load().notes.iter().all(|(name, _)| name != "presence"));
    assert_eq!(alice.error_of(subscribing(WATCHED)), "403:no_presence:presence_denied");
}
