//! Several clients of one browser, which the cookie of `BROWSER_COOKIE` identifies.

use serde_json::{Value, json};

use crate::client::Client;
use crate::scenario::Scenario;

const MULTI_SESSION_INTERVAL: u64 = 2000;
const MAX_INTERVAL: u64 = 10_000;

/// A tab of the browser that has this cookie, after its handshake.
fn tab(scenario: &Scenario, browser: &str) -> Client {
    let tab = scenario.client("a tab").in_browser(browser);
    tab.handshake();
    tab
}

/// The same after its first connect.
fn polling_tab(scenario: &Scenario, browser: &str) -> Client {
    let tab = tab(scenario, browser);
    tab.connect().answer();
    tab
}

fn crowded(interval: u64) -> Value {
    json!({"reconnect": "retry", "interval": interval, "timeout": 30_000, "multiple-clients": true})
}

#[test]
fn one_tab_of_a_browser_is_held_and_the_others_poll_at_multi_session_interval() {
    let scenario = Scenario::new();
    let [first, second] = [polling_tab(&scenario, "firefox"), polling_tab(&scenario, "firefox")];
    first.hold();
    for _ in 0..3 {
        let reply = second.connect().answer().reply();
        assert_eq!((&reply["successful"], &reply["advice"]), (&json!(true), &crowded(MULTI_SESSION_INTERVAL)));
        scenario.after(MULTI_SESSION_INTERVAL);
    }
    polling_tab(&scenario, "chrome").hold();
    scenario.join(["no browser"])[0].hold();
}

#[test]
fn the_first_connect_of_a_second_tab_is_advised_too() {
    let scenario = Scenario::new();
    polling_tab(&scenario, "firefox").hold();
    let second = tab(&scenario, "firefox");
    assert_eq!(second.connect().answer().reply()["advice"], crowded(MULTI_SESSION_INTERVAL));
}

#[test]
fn events_for_the_other_tabs_come_with_their_next_connect() {
    let scenario = Scenario::new();
    let [first, second] = [polling_tab(&scenario, "firefox"), polling_tab(&scenario, "firefox")];
    second.subscribe("/chat");
    first.hold();
    second.connect().answer();
    scenario.join(["alice"])[0].publish("/chat", "hi");
    assert_eq!(second.connect().answer().data(), ["hi"]);
}

#[test]
fn the_session_of_a_waiting_tab_lives_for_the_interval_and_max_interval() {
    let scenario = Scenario::new();
    let [first, second] = [polling_tab(&scenario, "firefox"), polling_tab(&scenario, "firefox")];
    first.hold();
    second.connect().answer();
    scenario.after(MULTI_SESSION_INTERVAL + MAX_INTERVAL - 1);
    assert_eq!(second.connect().answer().reply()["successful"], true);
}

#[test]
fn when_the_first_tab_leaves_the_next_one_is_held_and_gets_the_usual_advice_again() {
    let scenario = Scenario::new();
    let [first, second] = [polling_tab(&scenario, "firefox"), polling_tab(&scenario, "firefox")];
    let held = first.hold();
    second.connect().answer();
    first.ask(json!({"channel": "/meta/disconnect"}));
    held.answer();
    let held = second.hold();
    scenario.after(30_000);
    assert_eq!(held.answer().reply()["advice"], json!({"reconnect": "retry", "interval": 0, "timeout": 30_000}));
}

#[test]
fn a_tab_that_connects_again_does_not_count_twice() {
    let scenario = Scenario::new();
    let first = polling_tab(&scenario, "firefox");
    first.hold();
    first.hold();
    first.hold();
}

#[test]
fn over_http2_and_on_sockets_all_tabs_are_held() {
    let scenario = Scenario::new();
    for _ in 0..3 {
        let tab = scenario.client("a tab").in_browser("firefox").over_http2();
        tab.handshake();
        tab.connect().answer();
        tab.hold();
        let (tab, socket) = (scenario.client("a tab").in_browser("firefox"), scenario.socket());
        tab.moves_to(&socket);
        tab.handshake();
        tab.connect().answer();
        tab.hold();
    }
    polling_tab(&scenario, "firefox").hold();
}

#[test]
fn the_number_of_tabs_and_their_interval_are_options() {
    let scenario = Scenario::with(&[("MAX_SESSIONS_PER_BROWSER", "2"), ("MULTI_SESSION_INTERVAL", "700")]);
    polling_tab(&scenario, "firefox").hold();
    polling_tab(&scenario, "firefox").hold();
    assert_eq!(polling_tab(&scenario, "firefox").connect().answer().reply()["advice"], crowded(700));
    let scenario = Scenario::with(&[("MAX_SESSIONS_PER_BROWSER", "0")]);
    for _ in 0..3 {
        polling_tab(&scenario, "firefox").hold();
    }
}

#[test]
fn with_multi_session_interval_0_the_other_tabs_are_refused() {
    let scenario = Scenario::with(&[("MULTI_SESSION_INTERVAL", "0")]);
    let second = polling_tab(&scenario, "firefox");
    polling_tab(&scenario, "firefox").hold();
    let reply = second.connect().answer().reply();
    assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!("403::multiple_clients")));
    assert_eq!(reply["advice"], json!({"reconnect": "none", "multiple-clients": true}));
}

#[test]
fn a_client_id_is_unknown_without_the_browser_cookie_of_its_handshake() {
    let scenario = Scenario::new();
    let alice = polling_tab(&scenario, "firefox");
    let stolen = |thief: Client| {
        let messages = [
            json!({"channel": "/meta/connect", "connectionType": "long-polling"}),
            json!({"channel": "/meta/subscribe", "subscription": "/chat"}),
            json!({"channel": "/chat", "data": 1}),
            json!({"channel": "/meta/disconnect"}),
        ];
        for mut message in messages {
            (message["clientId"], message["id"]) = (json!(alice.id()), json!("1"));
            let reply = thief.post(&json!([message])).answer().reply();
            assert_eq!(reply["error"], "402::session_unknown", "{message}");
        }
    };
    stolen(scenario.client("thief").in_browser("chrome"));
    stolen(scenario.client("thief"));
    let (thief, socket) = (scenario.client("thief"), scenario.socket());
    thief.moves_to(&socket);
    stolen(thief);
    assert!(!scenario.stream(&alice).is_open());
    scenario.crashes();
    stolen(scenario.client("thief"));
    assert_eq!(alice.connect().answer().reply()["successful"], true);
    let alice = alice.without_cookie();
    assert_eq!(alice.error_of(alice.a_publish("/chat", 1)), "402::session_unknown");
}

#[test]
fn a_browser_that_keeps_no_cookies_is_advised_to_handshake_after_ten_seconds() {
    let scenario = Scenario::new();
    for (handshaken, connects) in [("1", "2"), ("3", "4")] {
        let alice = scenario.client("alice").in_browser(handshaken);
        alice.handshake();
        let alice = alice.in_browser(connects);
        for _ in 0..2 {
            let reply = alice.connect().answer().reply();
            assert_eq!(reply["error"], "402::session_unknown");
            assert_eq!(reply["advice"], json!({"reconnect": "handshake", "interval": 10_000}));
        }
    }
    let gone = polling_tab(&scenario, "firefox");
    scenario.after(MAX_INTERVAL);
    let reply = gone.connect().answer().reply();
    assert_eq!(reply["advice"], json!({"reconnect": "handshake", "interval": 0}), "its session has just expired");
}
