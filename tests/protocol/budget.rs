//! A home's memory: it stays within `MAX_MEMORY`, the client that holds most loses events, and all others are served.

use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::scenario::Scenario;

const ATTACKER: &str = "192.0.2.1";
const NEIGHBOUR: &str = "198.51.100.1";
const MOST: usize = 1 << 20;

fn small_home(vars: &[(&str, &str)]) -> Scenario {
    Scenario::with(&[&[("MAX_MEMORY", "1048576"), ("MAX_INTERVAL", "600000"), ("FLUSH_PACE", "0")], vars].concat())
}

fn joined(scenario: &Scenario, name: &'static str, address: &'static str) -> Client {
    let client = scenario.client(name).at_address(address);
    client.handshake();
    client.connect().answer();
    client
}

/// This many clients of one address that subscribe to this channel and do not read.
fn crowd(scenario: &Scenario, size: usize, address: &'static str, channel: &str) -> Vec<Client> {
    let members = (0..size).map(|_| {
        let client = joined(scenario, "crowd", address);
        client.subscribe(channel);
        client
    });
    members.collect()
}

/// A client of another address joins, subscribes and receives its own event.
fn is_served(scenario: &Scenario, name: &'static str) {
    let client = joined(scenario, name, NEIGHBOUR);
    client.subscribe("/neighbours");
    client.publish("/neighbours", "well");
    assert_eq!(client.receives().pop(), Some(json!("well")));
    client.ask(json!({"channel": "/meta/disconnect"}));
}

/// The number of dropped events that its client is told, and the data of the queued ones.
fn reads(client: &Client) -> (u64, Vec<Value>) {
    let events = client.connect_with(json!({"advice": {"timeout": 0}})).answer().events();
    let (told, events): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| event["channel"] == "/service/dropped");
    let dropped = told.first().and_then(|event| event["data"]["events"].as_u64()).unwrap_or_default();
    (dropped, events.into_iter().map(|mut event| event["data"].take()).collect())
}

#[test]
fn unacknowledged_history_pages_count_as_queued_events() {
    let scenario = small_home(&[("HISTORY", "/hist/** 5000")]);
    let alice = joined(&scenario, "alice", NEIGHBOUR);
    for number in 0..200 {
        alice.publish("/hist/a", json!({"n": number, "text": "x".repeat(1000)}));
    }
    let before = scenario.memory();
    let readers: Vec<_> = (0..20)
        .map(|number| {
            let reader = scenario.client("mallory").at_address(ATTACKER);
            reader.handshake_with(json!({"ext": {"replay": true, "ack": true}}));
            reader.connect().answer();
            reader.ask(
                json!({"channel": "/meta/subscribe", "subscription": "/hist/a", "ext": {"replay": {"/hist/a": -2}}}),
            );
            let page = reader.connect_with(json!({"ext": {"ack": 1}, "advice": {"timeout": 0}})).answer().events();
            assert!(number > 0 || page.len() == 200 && scenario.memory() > before + 200_000, "{}", scenario.memory());
            assert!(scenario.memory() <= MOST, "{number}: {}", scenario.memory());
            reader
        })
        .collect();
    is_served(&scenario, "bob");
    drop(readers);
}

#[test]
fn queued_events_of_many_clients_stay_within_max_memory() {
    let scenario = small_home(&[]);
    let crowd = crowd(&scenario, 100, ATTACKER, "/x");
    let mallory = joined(&scenario, "mallory", ATTACKER);
    for number in 0..1000 {
        mallory.publish("/x", number);
        assert!(scenario.memory() <= MOST, "{number}: {}", scenario.memory());
    }
    is_served(&scenario, "bob");
    let (dropped, read) = reads(&crowd[0]);
    assert_eq!((dropped + read.len() as u64, read.last()), (1000, Some(&json!(999))), "the oldest events are dropped");
}

#[test]
fn after_a_crash_a_home_is_restored_within_max_memory() {
    let scenario = small_home(&[("DURABILITY", "strict")]);
    let crowd = crowd(&scenario, 100, ATTACKER, "/x");
    let mallory = joined(&scenario, "mallory", ATTACKER);
    for number in 0..1000 {
        mallory.publish("/x", number);
    }
    for _ in 0..2 {
        scenario.crashes();
        assert!(scenario.memory() <= MOST, "{}", scenario.memory());
    }
    is_served(&scenario, "bob");
    assert_eq!(reads(&crowd[0]).1.last(), Some(&json!(999)));
}

#[test]
fn with_a_smaller_max_memory_rows_are_restored_as_far_as_they_fit() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "600000")]);
    let clients = crowd(&scenario, 40, ATTACKER, "/x");
    for (number, client) in clients.iter().enumerate() {
        let names: Vec<_> = (0..200).map(|name| format!("/{number}/{name}/{}", "x".repeat(400))).collect();
        assert_eq!(client.ask(json!({"channel": "/meta/subscribe", "subscription": names}))["successful"], true);
    }
    assert!(scenario.memory() > 2 * MOST);
    scenario.crashes_with(&[("MAX_MEMORY", "1048576")]);
    assert!(scenario.memory() <= MOST, "{}", scenario.memory());
    is_served(&scenario, "bob");
}

#[test]
fn a_client_that_holds_little_loses_nothing_when_another_fills_the_memory() {
    let scenario = small_home(&[]);
    let [mallory, bob] =
        [("mallory", ATTACKER), ("bob", NEIGHBOUR)].map(|(name, address)| joined(&scenario, name, address));
    bob.subscribe("/talk");
    mallory.subscribe("/large");
    mallory.publish("/talk", "first");
    for _ in 0..40 {
        let large = "x".repeat(100_000);
        // His own events come with the answer.
        let other = joined(&scenario, "other", ATTACKER);
        other.publish("/large", large);
        assert!(scenario.memory() <= MOST, "{}", scenario.memory());
    }
    let (dropped, read) = reads(&mallory);
    assert!(dropped > 0 && dropped + read.len() as u64 == 40, "{dropped} dropped, {} read", read.len());
    mallory.publish("/talk", "last");
    assert_eq!(reads(&bob), (0, vec![json!("first"), json!("last")]));
}

#[test]
fn in_the_address_that_holds_most_the_session_that_holds_most_loses_its_oldest_events() {
    let scenario = small_home(&[]);
    let [alice, small, large] = [("alice", NEIGHBOUR), ("small", ATTACKER), ("large", ATTACKER)]
        .map(|(name, address)| joined(&scenario, name, address));
    small.subscribe("/small");
    large.subscribe("/large");
    let event = |number: u64| json!({"n": number, "text": "x".repeat(20_000)});
    (0..5).for_each(|number| alice.publish("/small", event(number)));
    (0..80).for_each(|number| alice.publish("/large", event(number)));
    assert!(scenario.memory() <= MOST, "{}", scenario.memory());
    let (dropped, read) = reads(&small);
    assert_eq!((dropped, read.len()), (0, 5));
    let (dropped, read) = reads(&large);
    assert!(dropped > 0, "{} events of 20 kB fit into 1 MiB", read.len());
    assert_eq!(read, (dropped..80).map(event).collect::<Vec<_>>());
}

#[test]
fn an_address_that_holds_most_in_many_sessions_loses_events_first() {
    let scenario = small_home(&[]);
    let bob = joined(&scenario, "bob", NEIGHBOUR);
    bob.subscribe("/talk");
    let alice = joined(&scenario, "alice", NEIGHBOUR);
    (0..20).for_each(|_| alice.publish("/talk", "x".repeat(4000)));
    let mallory = joined(&scenario, "mallory", ATTACKER);
    let crowd: Vec<_> = (0..60)
        .map(|number| {
            let channel = format!("/{number}");
            let client = joined(&scenario, "crowd", ATTACKER);
            client.subscribe(&channel);
            (0..10).for_each(|_| mallory.publish(&channel, "x".repeat(4000)));
            client
        })
        .collect();
    let (dropped, read) = reads(&bob);
    assert_eq!((dropped, read.len()), (0, 20), "more than each of the crowd holds");
    let lost: u64 = crowd.iter().map(|client| reads(client).0).sum();
    assert!(lost > 0);
}

#[test]
fn an_event_queued_for_many_clients_counts_once() {
    let scenario = small_home(&[]);
    let crowd = crowd(&scenario, 50, NEIGHBOUR, "/x");
    let alice = joined(&scenario, "alice", NEIGHBOUR);
    (0..5).for_each(|_| alice.publish("/x", "x".repeat(50_000)));
    for client in &crowd {
        assert_eq!(reads(client).0, 0);
    }
}

#[test]
fn the_memory_of_ended_sessions_is_given_back() {
    let scenario = small_home(&[]);
    let before = scenario.memory();
    let crowd = crowd(&scenario, 20, ATTACKER, "/x");
    (0..20).for_each(|_| crowd[0].publish("/x", "x".repeat(1000)));
    crowd.iter().for_each(|client| drop(client.ask(json!({"channel": "/meta/disconnect"}))));
    scenario.after(2000);
    assert_eq!(scenario.memory(), before);
}

#[test]
fn sessions_and_subscriptions_of_one_address_take_at_most_two_thirds_of_max_memory() {
    let scenario = small_home(&[("MAX_SUBSCRIPTION_BYTES", "1048576"), ("MAX_SUBSCRIPTIONS_PER_ADDRESS", "1000000")]);
    let (mut refused, mut number) = (None, 0);
    while refused.is_none() {
        number += 1;
        assert!(number < 100, "nothing is refused: {}", scenario.memory());
        let client = joined(&scenario, "mallory", ATTACKER);
        let names: Vec<_> = (0..100).map(|name| format!("/{number}/{name}/{}", "x".repeat(400))).collect();
        let reply = client.ask(json!({"channel": "/meta/subscribe", "subscription": names}));
        refused = (reply["successful"] == false).then(|| reply["error"].clone());
    }
    assert_eq!(refused, Some(json!("503::memory_exceeded")));
    assert!(scenario.memory() <= MOST * 2 / 3, "{}", scenario.memory());
    is_served(&scenario, "bob");
    let mut sessions = 0;
    let error = loop {
        let reply = scenario.client("silent").at_address(ATTACKER).shake_hands_with(json!({}));
        sessions += 1;
        assert!(sessions < 1000);
        if reply["successful"] == false {
            break reply;
        }
    };
    assert_eq!((&error["error"], &error["advice"]["interval"]), (&json!("503::memory_exceeded"), &json!(10_000)));
    is_served(&scenario, "carol");
}

#[test]
fn max_sessions_per_address_bounds_the_sessions_of_an_address() {
    let scenario = Scenario::with(&[("MAX_SESSIONS_PER_ADDRESS", "2"), ("MAX_INTERVAL", "5000")]);
    let [first, _second] = [(), ()].map(|()| joined(&scenario, "mallory", ATTACKER));
    let third = || scenario.client("mallory").at_address(ATTACKER).shake_hands_with(json!({}));
    assert_eq!((&third()["error"], &third()["advice"]["interval"]), (&json!("503::sessions_exceeded"), &json!(10_000)));
    is_served(&scenario, "bob");
    scenario.join(["whoever has no address"]);
    first.ask(json!({"channel": "/meta/disconnect"}));
    assert_eq!(third()["successful"], true);
    scenario.after(6000);
    assert_eq!(third()["successful"], true, "the silent sessions expire");
}

#[test]
fn by_default_an_address_may_have_500_clients_with_300_subscriptions_each() {
    let scenario = Scenario::with(&[("MAX_INTERVAL", "600000")]);
    for _ in 0..500 {
        let client = joined(&scenario, "office", ATTACKER);
        let names: Vec<_> = (0..300).map(|name| format!("/prices/of/the/day/{name}")).collect();
        assert_eq!(client.ask(json!({"channel": "/meta/subscribe", "subscription": names}))["successful"], true);
    }
}

#[test]
fn max_subscriptions_per_address_bounds_the_subscriptions_of_an_address() {
    let scenario = Scenario::with(&[("MAX_SUBSCRIPTIONS_PER_ADDRESS", "5")]);
    let [one, two] = [(), ()].map(|()| joined(&scenario, "mallory", ATTACKER));
    let subscribe =
        |client: &Client, names: &[&str]| client.ask(json!({"channel": "/meta/subscribe", "subscription": names}));
    assert_eq!(subscribe(&one, &["/a", "/b", "/c"])["successful"], true);
    assert_eq!(subscribe(&two, &["/a", "/b", "/c"])["error"], "403::subscriptions_exceeded");
    assert_eq!(subscribe(&two, &["/a", "/b"])["successful"], true);
    is_served(&scenario, "bob");
    one.unsubscribe("/a");
    assert_eq!(subscribe(&two, &["/c"])["successful"], true);
    one.ask(json!({"channel": "/meta/disconnect"}));
    assert_eq!(subscribe(&two, &["/d", "/e"])["successful"], true);
}

#[test]
fn max_subscription_bytes_bounds_the_channel_names_of_a_session() {
    let scenario = Scenario::with(&[("MAX_SUBSCRIPTION_BYTES", "1024")]);
    let [alice] = scenario.join(["alice"]);
    let name = |letter: &str| format!("/{}", letter.repeat(400));
    alice.subscribe(&name("a"));
    alice.subscribe(&name("b"));
    let error = alice.error_of(json!({"channel": "/meta/subscribe", "subscription": name("c")}));
    assert_eq!(error, "403::subscriptions_exceeded");
    alice.subscribe(&name("a"));
    alice.unsubscribe(&name("a"));
    alice.subscribe(&name("c"));
}

#[test]
fn a_repeated_subscribe_writes_no_row() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    scenario.rows().written();
    for _ in 0..3 {
        alice.subscribe("/a");
    }
    assert_eq!(scenario.rows().written(), 0);
}

#[test]
fn a_message_has_at_most_64_fields() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let with = |count: usize| {
        let fields: String = (0..count).map(|number| format!(r#","f{number}":1"#)).collect();
        let text = format!(r#"[{{"channel":"/a","clientId":"{}","data":1{fields}}}]"#, alice.id());
        alice.post_text(&text).answer().replies()[0].clone()
    };
    assert_eq!(with(61)["successful"], true);
    assert_eq!(with(62)["error"], "400::message_fields_exceeded");
}

#[test]
fn messages_that_wait_for_the_hooks_worker_stay_within_max_memory() {
    let scenario = small_home(&[("HOOKS_FOR", "publish")]).with_hooks();
    let mallory = joined(&scenario, "mallory", ATTACKER);
    let large = "x".repeat(100_000);
    let waiting: Vec<_> = (0..20).map(|_| mallory.send(json!({"channel": "/x", "data": large}))).collect();
    assert!(scenario.memory() <= MOST, "{}", scenario.memory());
    let (held, refused): (Vec<_>, Vec<_>) = waiting.into_iter().partition(Request::is_held);
    assert_eq!((held.len(), refused.len()), (3, 17));
    assert!(refused.iter().all(|request| request.answer().reply()["error"] == "503::memory_exceeded"));
    while !scenario.asked().is_empty() {
        let answers: Vec<_> = scenario.asked().iter().map(|_| json!({"allow": true})).collect();
        scenario.hooks_answer(&answers.into());
    }
    assert!(held.iter().all(|request| request.answer().reply()["successful"] == true));
}
