//! `/meta/subscribe` and `/meta/unsubscribe`.

use bayeux_edge::bayeux::app::{Actions, Application};
use serde_json::{Value, json};

use crate::scenario::Scenario;

fn a_subscribe(subscription: Value) -> Value {
    json!({"channel": "/meta/subscribe", "id": "s", "subscription": subscription})
}

#[test]
fn a_subscribe_is_answered_with_the_subscription_as_it_came() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for subscription in [json!("/chat/demo"), json!(["/a", "/b/*"]), json!(["/c"]), json!("/service/echo")] {
        let expected =
            json!({"channel": "/meta/subscribe", "id": "s", "successful": true, "subscription": subscription});
        assert_eq!(alice.ask(a_subscribe(subscription)), expected);
    }
}

#[test]
fn a_subscription_to_a_channel_receives_that_channel_only() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat/demo");
    for channel in ["/chat", "/chat/demo", "/chat/demo/x", "/chat/other", "/Chat/demo"] {
        alice.publish(channel, channel);
    }
    bob.connect();
    assert_eq!(bob.receives(), ["/chat/demo"]);
}

#[test]
fn one_star_matches_one_segment_and_two_stars_one_or_more_and_neither_the_parent() {
    let scenario = Scenario::new();
    let [alice, bob, carol, dave] = scenario.join(["alice", "bob", "carol", "dave"]);
    bob.subscribe("/a/*");
    carol.subscribe("/a/**");
    dave.subscribe("/**");
    for channel in ["/a", "/a/b", "/a/b/c", "/ab", "/b/a"] {
        alice.publish(channel, channel);
    }
    for client in [&bob, &carol, &dave] {
        client.connect();
    }
    assert_eq!(bob.receives(), ["/a/b"]);
    assert_eq!(carol.receives(), ["/a/b", "/a/b/c"]);
    assert_eq!(dave.receives(), ["/a", "/a/b", "/a/b/c", "/ab", "/b/a"]);
}

#[test]
fn a_trailing_slash_is_the_same_channel_and_events_have_the_subscribers_spelling() {
    let scenario = Scenario::new();
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    bob.subscribe("/chat/");
    carol.subscribe("/chat");
    for name in ["/chat", "/chat/"] {
        alice.publish(name, 1);
        for (listener, heard) in [(&bob, "/chat/"), (&carol, "/chat")] {
            listener.connect();
            assert_eq!(listener.receives_events(), [json!({"channel": heard, "data": 1})], "{name}");
        }
    }
    bob.unsubscribe("/chat/");
    alice.publish("/chat/", 2);
    bob.connect();
    assert_eq!(bob.receives_events(), Vec::<serde_json::Value>::new());
    bob.subscribe("/chat");
    alice.publish("/chat/", 3);
    assert_eq!(bob.receives_events(), [json!({"channel": "/chat", "data": 3})]);
}

#[test]
fn channel_names_that_cometd_accepts_are_accepted() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    for name in ["/room/the blue one", "/room/#1", "/room/a+b", "/room/{x}", "/ a /b ", "/{", "/#", "/c++/{}"] {
        bob.subscribe(name);
        alice.publish(name, name);
        bob.connect();
        assert_eq!(bob.receives_events(), [json!({"channel": name, "data": name})]);
        bob.unsubscribe(name);
        alice.publish(name, "not heard");
    }
    bob.subscribe("/room/*");
    alice.publish("/room/{y}", 1);
    bob.connect();
    assert_eq!(bob.receives_events(), [json!({"channel": "/room/{y}", "data": 1})]);
}

#[test]
fn an_unsubscribe_from_an_invalid_channel_is_refused() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    let unsubscribe = |names: Value| json!({"channel": "/meta/unsubscribe", "subscription": names});
    for names in [json!("/meta/foo"), json!("/meta/**"), json!(["/a", "/meta/connect"])] {
        assert_eq!(alice.error_of(unsubscribe(names)), "403::subscription_invalid");
    }
    alice.publish("/a", "still");
    alice.connect();
    assert_eq!(alice.receives(), ["still"], "all or nothing");
    for names in [json!("/service/x"), json!("/never/subscribed")] {
        assert_eq!(alice.ask(unsubscribe(names))["successful"], true);
    }
}

#[test]
fn subscribing_twice_is_subscribing_once() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.subscribe("/chat");
    alice.publish("/chat", "once");
    bob.connect();
    assert_eq!(bob.receives(), ["once"]);
    bob.unsubscribe("/chat");
    alice.publish("/chat", "never");
    assert!(bob.connect().is_held());
}

#[test]
fn one_invalid_channel_refuses_the_whole_subscribe() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    for bad in ["/a/*/b", "/a//b", "", "a", "/", "/meta/connect", "/meta/*", "/meta/**"] {
        let subscription = json!(["/chat", bad]);
        let reply = bob.ask(a_subscribe(subscription.clone()));
        assert_eq!((&reply["successful"], &reply["subscription"]), (&json!(false), &subscription));
    }
    alice.publish("/chat", "unheard");
    assert!(bob.connect().is_held());
}

#[test]
fn a_subscription_that_is_no_channel_name_is_invalid() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for bad in
        [json!("/*/a"), json!("/a/***"), json!("/é"), json!(5), json!({}), json!([5]), json!([["/a"]]), json!([null])]
    {
        for channel in ["/meta/subscribe", "/meta/unsubscribe"] {
            assert_eq!(
                alice.error_of(json!({"channel": channel, "subscription": bad})),
                "403::subscription_invalid",
                "{channel} {bad}"
            );
        }
    }
}

#[test]
fn a_subscribe_without_a_subscription_is_refused_as_missing() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for channel in ["/meta/subscribe", "/meta/unsubscribe"] {
        assert_eq!(alice.error_of(json!({"channel": channel})), "403::subscription_missing");
        assert_eq!(alice.error_of(json!({"channel": channel, "subscription": []})), "403::subscription_missing");
    }
}

#[test]
fn meta_channels_cannot_be_subscribed() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for name in ["/meta/connect", "/meta/*", "/meta/**", "/meta"] {
        let error = alice.error_of(a_subscribe(json!(name)));
        assert_eq!(error, "403:denied_by_security_policy:subscribe_denied", "{name}");
    }
}

#[test]
fn a_subscription_to_a_service_channel_is_accepted_and_does_nothing() {
    let scenario = Scenario::serving(Application::new().service("x", |_| Ok(Actions::new())), &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    for name in ["/service/x", "/service/*", "/service/**", "/**"] {
        bob.subscribe(name);
    }
    alice.publish("/service/x", "for the server only");
    assert!(bob.connect().is_held());
}

#[test]
fn after_an_unsubscribe_only_events_queued_before_it_arrive() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    bob.subscribe("/news");
    alice.publish("/chat", "before");
    bob.unsubscribe("/chat");
    alice.publish("/chat", "after");
    alice.publish("/news", "still");
    bob.connect();
    assert_eq!(bob.receives(), ["before", "still"]);
}

#[test]
fn an_unsubscribe_is_answered_with_the_subscription_as_it_came_even_if_never_subscribed() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    let reply = alice.ask(json!({"channel": "/meta/unsubscribe", "id": "u", "subscription": ["/never", "/heard/*"]}));
    let expected = json!({
        "channel": "/meta/unsubscribe", "id": "u", "successful": true, "subscription": ["/never", "/heard/*"],
    });
    assert_eq!(reply, expected);
}

#[test]
fn an_unsubscribe_removes_that_pattern_only() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat/*");
    bob.subscribe("/chat/demo");
    bob.unsubscribe("/chat/*");
    alice.publish("/chat/other", "unheard");
    alice.publish("/chat/demo", "heard");
    bob.connect();
    assert_eq!(bob.receives(), ["heard"]);
}

#[test]
fn other_subscribers_stay_when_one_leaves() {
    let scenario = Scenario::new();
    let [alice, bob, carol] = scenario.join(["alice", "bob", "carol"]);
    for client in [&bob, &carol] {
        client.subscribe("/chat");
        client.subscribe("/news");
    }
    bob.unsubscribe("/chat");
    alice.publish("/chat", "without bob");
    bob.ask(json!({"channel": "/meta/disconnect"}));
    alice.publish("/news", "without bob");
    assert_eq!(carol.connect().answer().data(), ["without bob", "without bob"]);
}

#[test]
fn without_a_session_there_is_no_subscription() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    for channel in ["/meta/subscribe", "/meta/unsubscribe"] {
        for client_id in [json!("rNoSuchSession"), json!(null), json!([])] {
            let message = json!({"channel": channel, "subscription": "/a", "clientId": client_id});
            let reply = alice.ask(message);
            assert_eq!(reply["error"], "402::session_unknown");
            assert!(reply.get("advice").is_none(), "only a connect is told how to go on: {reply}");
        }
    }
}

#[test]
fn events_published_after_the_reply_to_a_subscribe_arrive() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.publish("/chat", "too early");
    let held = bob.hold();
    bob.subscribe("/chat");
    assert!(held.is_held(), "a subscribe does not answer the held connect");
    alice.publish("/chat", "in time");
    assert_eq!(held.answer().data(), ["in time"]);
}
