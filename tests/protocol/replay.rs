//! Earlier events: history, replay from a replay id on, and retained events.

use std::time::Duration;

use bayeux_edge::bayeux::Application;
use bayeux_edge::bayeux::app::ChannelOptions;
use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

const HISTORY: (&str, &str) = ("HISTORY", "/hist/** 100 1h; /few/* 3; /small/* 100 200B");
const RETAIN: (&str, &str) = ("RETAIN", "/keep/**");

pub fn with_history() -> Scenario {
    Scenario::with(&[HISTORY, RETAIN])
}

/// A client that shook hands with this `ext` and had the answer to its first connect.
pub fn join(scenario: &Scenario, name: &'static str, ext: Value) -> Client {
    let client = scenario.client(name);
    client.handshake_with(json!({"ext": ext}));
    client.connect().answer();
    client
}

pub fn subscribe_from(client: &Client, channel: &str, from: impl Into<Value>) -> Value {
    let ext = json!({"replay": {channel: from.into()}});
    client.ask(json!({"channel": "/meta/subscribe", "subscription": channel, "ext": ext}))
}

/// One more client, subscribed to a channel from this replay id on.
fn listen(scenario: &Scenario, name: &'static str, channel: &str, from: impl Into<Value>) -> Client {
    let client = join(scenario, name, json!({"replay": true}));
    let reply = subscribe_from(&client, channel, from);
    assert_eq!(reply["successful"], true, "{reply}");
    client
}

/// Publishes numbers.
pub fn say(publisher: &Client, channel: &str, numbers: std::ops::RangeInclusive<u64>) {
    numbers.for_each(|n| publisher.publish(channel, json!({"n": n})));
}

/// The numbers that a client receives with its next connects, until one has no events.
pub fn hears(client: &Client) -> Vec<u64> {
    heard(client).iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect()
}

pub fn heard(client: &Client) -> Vec<Value> {
    let mut events = client.receives_events();
    loop {
        let connect = client.connect_with(json!({"advice": {"timeout": 0}}));
        assert!(!connect.is_held());
        let more = client.receives_events();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

fn ids(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["data"]["event"]["replayId"].as_u64().unwrap()).collect()
}

#[test]
fn a_handshake_reply_offers_replay_if_channels_keep_events() {
    let offered = with_history();
    assert_eq!(offered.client("alice").handshake()["ext"]["replay"], true);
    assert_eq!(offered.client("bob").handshake_with(json!({"ext": {"replay": "ext"}}))["ext"]["replay"], "ext");
    assert_eq!(Scenario::new().client("carol").handshake()["ext"]["replay"], Value::Null);
}

#[test]
fn replay_from_minus_2_sends_all_kept_events_in_order_with_replay_ids_and_dates_and_then_new_ones() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=5);
    scenario.after(1500);
    let bob = listen(&scenario, "bob", "/hist/a", -2);
    let held = bob.connect();
    assert!(!held.is_held());
    let events = bob.receives_events();
    assert_eq!(events[0]["data"]["event"]["createdDate"], "2023-11-14T22:13:20.000Z");
    let numbers = ids(&events);
    assert!(numbers.is_sorted() && numbers.len() == 5 && numbers[4] < 1 << 53, "{numbers:?}");
    say(&alice, "/hist/a", 6..=6);
    assert_eq!(hears(&bob), [6]);
}

#[test]
fn replay_from_minus_1_sends_new_events_and_from_a_replay_id_the_later_ones() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=4);
    let numbers = ids(&heard(&listen(&scenario, "all", "/hist/a", "-2")));
    let fresh = listen(&scenario, "fresh", "/hist/a", "-1");
    assert!(hears(&fresh).is_empty());
    assert_eq!(hears(&listen(&scenario, "bob", "/hist/a", numbers[1])), [3, 4]);
    assert_eq!(hears(&listen(&scenario, "carol", "/hist/a", numbers[1].to_string())), [3, 4]);
    assert!(hears(&listen(&scenario, "dave", "/hist/a", numbers[3])).is_empty());
    say(&alice, "/hist/a", 5..=5);
    assert_eq!(hears(&fresh), [5]);
}

#[test]
fn a_subscribe_reply_has_a_cursor_that_replays_the_same_events() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let early = join(&scenario, "early", json!({"replay": true}));
    let cursor = subscribe_from(&early, "/hist/a", -1)["ext"]["replay"]["/hist/a"].clone();
    say(&alice, "/hist/a", 1..=2);
    assert_eq!(hears(&listen(&scenario, "late", "/hist/a", cursor)), [1, 2]);
    let all = join(&scenario, "all", json!({"replay": true}));
    let cursor = subscribe_from(&all, "/hist/a", -2)["ext"]["replay"]["/hist/a"].clone();
    assert_eq!(hears(&listen(&scenario, "again", "/hist/a", cursor)), [1, 2]);
    // Without a map it is like -1, and the reply has the cursor.
    let plain = all.ask(json!({"channel": "/meta/subscribe", "subscription": "/hist/b"}));
    say(&alice, "/hist/b", 3..=3);
    let cursor = plain["ext"]["replay"]["/hist/b"].clone();
    assert_eq!(hears(&listen(&scenario, "last", "/hist/b", cursor)), [3]);
}

#[test]
fn a_replay_id_that_is_not_kept_is_refused_and_nothing_is_subscribed() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/few/a", 1..=3);
    let numbers = ids(&heard(&listen(&scenario, "all", "/few/a", -2)));
    say(&alice, "/few/a", 4..=5);
    assert_eq!(hears(&listen(&scenario, "again", "/few/a", -2)), [3, 4, 5]);
    assert_eq!(hears(&listen(&scenario, "exact", "/few/a", numbers[1])), [3, 4, 5]);
    let bob = join(&scenario, "bob", json!({"replay": true}));
    for gone in [82, numbers[0], numbers[2] + 1, numbers[2] + (1 << 30)] {
        let reply = subscribe_from(&bob, "/few/a", gone);
        assert_eq!(reply["error"], format!("400:/few/a,{gone}:replay_id_not_kept"), "{reply}");
    }
    assert_eq!(subscribe_from(&bob, "/few/a", 1.5)["error"], "400:/few/a:replay_id_invalid");
    assert_eq!(subscribe_from(&bob, "/nothing/kept", 82)["successful"], false);
    let both = json!({"replay": {"/few/a": -2, "/few/b": 82}});
    let both = bob.ask(json!({"channel": "/meta/subscribe", "subscription": ["/few/a", "/few/b"], "ext": both}));
    assert_eq!(both["error"], "400:/few/b,82:replay_id_not_kept");
    say(&alice, "/few/a", 6..=6);
    assert!(hears(&bob).is_empty());
}

#[test]
fn without_the_extension_data_is_unchanged_and_on_request_the_replay_id_is_in_ext() {
    let scenario = with_history();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/hist/a");
    let carol = join(&scenario, "carol", json!({"replay": "ext"}));
    carol.subscribe("/hist/a");
    let dave = join(&scenario, "dave", json!({"replay": true}));
    dave.subscribe("/hist/a");
    alice.publish("/hist/a", "hi");
    assert_eq!(heard(&bob), [json!({"channel": "/hist/a", "data": "hi"})]);
    let [event] = heard(&carol).try_into().unwrap();
    assert_eq!(event["data"], "hi");
    let replay = &event["ext"]["replay"];
    assert_eq!(heard(&dave), [json!({"channel": "/hist/a", "data": {"event": replay, "payload": "hi"}})]);
    // A client that asks only with a subscribe gets the data in Salesforce's form.
    subscribe_from(&bob, "/hist/a", -2);
    assert_eq!(heard(&bob)[0]["data"], json!({"event": replay, "payload": "hi"}));
}

#[test]
fn a_pattern_is_replayed_in_the_order_of_its_tree() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    for n in 1..=6 {
        say(&alice, if n % 2 == 1 { "/hist/a" } else { "/hist/b/c" }, n..=n);
    }
    assert_eq!(hears(&listen(&scenario, "bob", "/hist/**", -2)), [1, 2, 3, 4, 5, 6]);
    let numbers = ids(&heard(&listen(&scenario, "carol", "/hist/*", -2)));
    assert_eq!(hears(&listen(&scenario, "dave", "/hist/**", numbers[1])), [4, 5, 6]);
}

#[test]
fn events_published_during_a_long_replay_come_once_after_it() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 5000"), ("MAX_QUEUE", "10"), ("FLUSH_PACE", "0")]);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=1200);
    let bob = listen(&scenario, "bob", "/hist/a", -2);
    bob.connect().answer();
    let first = bob.receives().len();
    assert!(0 < first && first < 1200, "pages are bounded: {first}");
    say(&alice, "/hist/a", 1201..=1250);
    let rest = hears(&bob);
    assert_eq!(rest, (first as u64 + 1..=1250).collect::<Vec<_>>());
    say(&alice, "/hist/a", 1251..=1251);
    assert_eq!(hears(&bob), [1251]);
}

#[test]
fn over_a_socket_pages_follow_each_other_and_the_connect_stays_held() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 5000")]);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=1200);
    let socket = scenario.socket();
    let bob = scenario.client("bob");
    bob.moves_to(&socket);
    bob.handshake_with(json!({"ext": {"replay": true}}));
    bob.connect().answer();
    subscribe_from(&bob, "/hist/a", -2);
    let held = bob.hold();
    scenario.after(1000);
    say(&alice, "/hist/a", 1201..=1201);
    scenario.after(1000);
    let numbers: Vec<_> = bob.receives().iter().map(|data| data["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=1201).collect::<Vec<_>>());
    assert!(held.is_held());
}

#[test]
fn a_client_on_a_new_socket_gets_the_events_that_went_to_the_dead_one() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let (old, new) = (scenario.socket(), scenario.socket());
    let bob = scenario.client("bob");
    bob.moves_to(&old);
    bob.handshake_with(json!({"ext": {"replay": true}}));
    bob.connect().answer();
    assert_eq!(subscribe_from(&bob, "/hist/x", -2)["successful"], true);
    bob.hold();
    say(&alice, "/hist/x", 1..=3);
    let last = ids(&bob.receives_events())[0];
    old.frames();

    // The old socket is dead, and nobody has noticed.
    bob.moves_to(&new);
    assert_eq!(subscribe_from(&bob, "/hist/x", last)["successful"], true);
    assert!(old.frames().iter().flatten().all(|message| message["data"].is_null()), "no event goes there any more");
    assert_eq!(hears(&bob), [2, 3]);
}

#[test]
fn a_client_that_resubscribes_while_its_lost_poll_is_held_gets_events_with_the_next_poll() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let bob = join(&scenario, "bob", json!({"replay": "ext"}));
    let heard = subscribe_from(&bob, "/hist/x", -1)["ext"]["replay"]["/hist/x"].as_i64().unwrap();
    let lost = bob.hold();
    say(&alice, "/hist/x", 1..=1);
    lost.answer();

    // The client did not get that answer, and does not get the next one.
    let lost = bob.hold();
    assert_eq!(subscribe_from(&bob, "/hist/x", heard)["successful"], true);
    assert!(lost.answer().events().is_empty(), "the subscribe may have been sent because this poll was lost");
    bob.receives();
    say(&alice, "/hist/x", 2..=2);
    assert_eq!(hears(&bob), [1, 2]);
}

#[test]
fn a_client_that_resubscribes_while_its_lost_stream_is_open_gets_events_on_the_next_stream() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let bob = listen(&scenario, "bob", "/hist/x", -1);
    let lost = scenario.stream(&bob);
    say(&alice, "/hist/x", 1..=1);
    assert_eq!(lost.receives().concat()[0]["n"], 1);

    // The client did not get that, and does not get the next event.
    assert_eq!(subscribe_from(&bob, "/hist/x", -2)["successful"], true);
    assert!(lost.receives().is_empty(), "the subscribe may have been sent because this stream was lost");
    let next = scenario.stream(&bob);
    say(&alice, "/hist/x", 2..=2);
    let numbers: Vec<Value> = next.receives().concat().into_iter().map(|mut data| data["n"].take()).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn a_held_poll_carries_the_replay_of_a_first_subscribe() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/x", 1..=2);
    let bob = join(&scenario, "bob", json!({"replay": "ext"}));
    let held = bob.hold();
    subscribe_from(&bob, "/hist/x", -2);
    assert_eq!(held.answer().events().len(), 2);
}

#[test]
fn with_the_ack_extension_a_page_of_history_comes_again_until_acknowledged_despite_crashes() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 5000")]);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=700);
    let bob = join(&scenario, "bob", json!({"replay": true, "ack": true}));
    subscribe_from(&bob, "/hist/a", -2);
    let take = |ack: u64| {
        let answer = bob.connect_with(json!({"ext": {"ack": ack}, "advice": {"timeout": 0}})).answer();
        let batch = answer.replies()[0]["ext"]["ack"].as_u64().unwrap();
        let numbers: Vec<_> = answer.events().iter().map(|event| event["data"]["n"].as_u64().unwrap()).collect();
        (batch, numbers)
    };
    let (batch, first) = take(1);
    let again = take(1);
    assert_eq!(again.1, first);
    scenario.crashes();
    let (_, after_crash) = take(1);
    assert_eq!(after_crash, first);
    scenario.crashes();
    let (batch, second) = take(batch);
    assert_eq!(second, (first.len() as u64 + 1..=700).collect::<Vec<_>>());
    let alice = scenario.join(["alice again"]).into_iter().next().unwrap();
    say(&alice, "/hist/a", 701..=702);
    scenario.crashes();
    let (batch, unacknowledged) = take(batch - 1);
    assert_eq!(unacknowledged, (first.len() as u64 + 1..=702).collect::<Vec<_>>());
    assert_eq!(take(batch).1, [0; 0]);
}

#[test]
fn without_the_ack_extension_sent_events_do_not_come_again_after_a_crash() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 5000")]);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=700);
    let bob = listen(&scenario, "bob", "/hist/a", -2);
    bob.connect().answer();
    let first = bob.receives().len() as u64;
    scenario.crashes();
    assert_eq!(hears(&bob), (first + 1..=700).collect::<Vec<_>>());
}

#[test]
fn without_the_ack_extension_events_queued_for_a_replay_client_survive_a_crash() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let bob = listen(&scenario, "bob", "/hist/a", -1);
    say(&alice, "/hist/a", 1..=2);
    scenario.crashes();
    assert_eq!(hears(&bob), [1, 2]);
}

#[test]
fn queued_events_that_a_replay_replaced_do_not_come_back_after_a_crash() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let bob = join(&scenario, "bob", json!({"replay": true}));
    let cursor = subscribe_from(&bob, "/hist/a", -1)["ext"]["replay"]["/hist/a"].clone();
    say(&alice, "/hist/a", 1..=2);
    scenario.after(1500);
    subscribe_from(&bob, "/hist/a", cursor);
    scenario.crashes();
    assert_eq!(hears(&bob), [1, 2]);
}

#[test]
fn a_second_subscribe_to_new_events_keeps_the_queue_in_order() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let bob = listen(&scenario, "bob", "/hist/a", -1);
    say(&alice, "/hist/a", 1..=2);
    subscribe_from(&bob, "/hist/a", -1);
    say(&alice, "/hist/a", 3..=3);
    assert_eq!(hears(&bob), [1, 2, 3]);
}

#[test]
fn a_replay_after_a_replay_id_has_later_events_only() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let bob = listen(&scenario, "bob", "/hist/a", -1);
    say(&alice, "/hist/a", 1..=3);
    let numbers = ids(&heard(&listen(&scenario, "carol", "/hist/a", -2)));
    subscribe_from(&bob, "/hist/a", numbers[1]);
    assert_eq!(hears(&bob), [3]);
}

#[test]
fn if_the_clock_goes_back_new_replay_ids_are_still_above_every_cursor() {
    let scenario = with_history();
    let bob = join(&scenario, "bob", json!({"replay": true}));
    let cursor = subscribe_from(&bob, "/hist/a", -1)["ext"]["replay"]["/hist/a"].clone();
    scenario.crashes();
    scenario.goes_back(60_000);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=1);
    assert_eq!(hears(&listen(&scenario, "carol", "/hist/a", cursor)), [1]);
}

#[test]
fn kept_events_survive_a_crash_and_replay_ids_rise_though_the_clock_goes_back() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=2);
    scenario.crashes();
    scenario.goes_back(3_000_000);
    let [bob] = scenario.join(["bob"]);
    say(&bob, "/hist/a", 3..=3);
    let events = heard(&listen(&scenario, "carol", "/hist/a", -2));
    assert!(ids(&events).is_sorted() && events.len() == 3, "{events:?}");
}

#[test]
fn an_event_that_cannot_be_written_is_refused_and_reaches_nobody() {
    let scenario = with_history();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/hist/a");
    scenario.rows().are_full(true);
    assert_eq!(alice.error_of(alice.a_publish("/hist/a", json!({"n": 1}))), "503::storage_failed");
    scenario.rows().are_full(false);
    assert!(hears(&bob).is_empty());
    assert!(hears(&listen(&scenario, "carol", "/hist/a", -2)).is_empty());
}

#[test]
fn a_publish_repeated_after_a_crash_is_kept_once() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let mut publish = alice.a_publish("/hist/a", json!({"n": 1}));
    publish["ext"] = json!({"idempotencyKey": "once"});
    assert_eq!(alice.ask(publish.clone())["successful"], true);
    scenario.crashes();
    assert_eq!(alice.ask(publish)["successful"], true);
    assert_eq!(hears(&listen(&scenario, "bob", "/hist/a", -2)), [1]);
}

#[test]
fn a_channel_is_bounded_by_count_age_and_bytes_and_costs_no_more_rows_than_it_keeps() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=300);
    let (rows, _) = scenario.rows().kept();
    assert!((100..=113).contains(&rows), "{rows}");
    assert_eq!(hears(&listen(&scenario, "all", "/hist/a", -2)), (201..=300).collect::<Vec<_>>());
    say(&alice, "/small/a", 1..=20);
    let small = hears(&listen(&scenario, "small", "/small/a", -2));
    assert!((2..8).contains(&small.len()) && small.ends_with(&[20]), "{small:?}");
    scenario.after(3_000_000);
    let [bob] = scenario.join(["bob"]);
    say(&bob, "/hist/a", 301..=301);
    scenario.after(1_200_000);
    assert_eq!(hears(&listen(&scenario, "late", "/hist/a", -2)), [301]);
}

#[test]
fn past_max_history_bytes_the_oldest_events_of_all_channels_are_deleted() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 1000000"), ("MAX_HISTORY_BYTES", "1048576")]);
    let [alice] = scenario.join(["alice"]);
    let text = "x".repeat(10_000);
    for n in 1..=300 {
        alice.publish(&format!("/hist/{}", n % 40), json!({"n": n, "text": text}));
    }
    let (rows, _) = scenario.rows().kept();
    assert!((50..=125).contains(&rows), "{rows}");
    let heard = hears(&listen(&scenario, "bob", "/hist/**", -2));
    assert_eq!(heard, (301 - heard.len() as u64..=300).collect::<Vec<_>>());
}

#[test]
fn a_channel_without_history_writes_no_row() {
    let scenario = with_history();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/other");
    scenario.rows().written();
    let held = bob.hold();
    say(&alice, "/other", 1..=1);
    assert!(!held.is_held());
    assert_eq!((scenario.rows().written(), scenario.rows().kept()), (0, (0, 0)));
}

#[test]
fn a_history_of_expired_events_leaves_no_rows() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 100 1h")]);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=3);
    alice.ask(json!({"channel": "/meta/disconnect"}));
    scenario.after(8_000_000);
    assert_eq!(scenario.rows().kept().0, 0);
    assert!(scenario.rows().load().notes.iter().all(|(name, _)| name != "history"));
}

#[test]
fn every_new_subscriber_gets_the_retained_event_with_its_next_connect() {
    let scenario = with_history();
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    say(&alice, "/keep/a", 1..=3);
    say(&alice, "/keep/b", 4..=4);
    let answer = bob.send(json!({"channel": "/meta/subscribe", "subscription": "/keep/a"})).answer();
    assert_eq!((answer.messages.len(), &answer.messages[0]["ext"]), (1, &Value::Null));
    assert_eq!(heard(&bob), [json!({"channel": "/keep/a", "data": {"n": 3}})]);
    assert!(hears(&bob).is_empty());
    carol.subscribe("/keep/**");
    say(&alice, "/keep/a", 5..=5);
    assert_eq!(hears(&carol), [4, 5]);
    assert_eq!(hears(&bob), [5]);
    assert_eq!(scenario.rows().kept(), (0, 2));
    scenario.crashes();
    let [dave] = scenario.join(["dave"]);
    dave.subscribe("/keep/a");
    assert_eq!(hears(&dave), [5]);
}

#[test]
fn an_application_may_set_history_and_retain_for_its_channels() {
    let application = Application::new()
        .channel("/log", ChannelOptions::new().history(2, Some(Duration::from_secs(60))))
        .channel("/state", ChannelOptions::new().retain());
    let scenario = Scenario::serving(application, &[]);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/log", 1..=3);
    say(&alice, "/state", 4..=5);
    assert_eq!(hears(&listen(&scenario, "bob", "/log", -2)), [2, 3]);
    let [carol] = scenario.join(["carol"]);
    carol.subscribe("/state");
    assert_eq!(hears(&carol), [5]);
}

#[test]
fn an_unsubscribe_stops_the_replay() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 5000")]);
    let [alice] = scenario.join(["alice"]);
    say(&alice, "/hist/a", 1..=700);
    let bob = listen(&scenario, "bob", "/hist/a", -2);
    bob.connect().answer();
    bob.receives();
    bob.unsubscribe("/hist/a");
    assert!(hears(&bob).is_empty());
}

#[test]
fn a_client_that_resubscribes_after_a_replay_id_gets_queued_events_once() {
    let scenario = with_history();
    let [alice] = scenario.join(["alice"]);
    let bob = listen(&scenario, "bob", "/hist/a", -1);
    say(&alice, "/hist/a", 1..=2);
    let numbers = ids(&heard(&bob));
    say(&alice, "/hist/a", 3..=4);
    subscribe_from(&bob, "/hist/a", numbers[0]);
    say(&alice, "/hist/a", 5..=5);
    assert_eq!(hears(&bob), [2, 3, 4, 5]);
}
