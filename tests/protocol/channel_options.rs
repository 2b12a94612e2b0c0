//! What an application sets for single channels.

use std::time::Duration;

use bayeux_edge::bayeux::app::{Application, ChannelOptions};
use serde_json::json;

use crate::scenario::Scenario;

fn house() -> Scenario {
    let app = Application::new()
        .channel("/prompt/now", ChannelOptions::new().lazy(Duration::ZERO))
        .channel("/slow/**", ChannelOptions::new().lazy(Duration::from_millis(800)))
        .channel("/rooms/*", ChannelOptions::new().max_subscribers(1));
    Scenario::serving(app, &[("LAZY_CHANNELS", "/prompt/** /slow/**"), ("MAX_LAZY_TIMEOUT", "1500")])
}

#[test]
fn a_channels_own_lazy_timeout_replaces_max_lazy_timeout() {
    let scenario = house();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    for (channel, wait) in [("/slow/a", 800), ("/prompt/later", 1500), ("/prompt/now", 0)] {
        let held = bob.hold();
        alice.publish(channel, 1);
        if wait > 0 {
            scenario.after(wait - 1);
            assert!(held.is_held(), "{channel}");
            scenario.after(1);
        }
        assert_eq!(held.answer().data(), [1], "{channel}");
    }
}

#[test]
fn a_lazy_event_that_is_due_takes_the_other_lazy_events_with_it() {
    let scenario = house();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    let held = bob.hold();
    alice.publish("/prompt/later", 1);
    alice.publish("/slow/a", 2);
    scenario.after(799);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(held.answer().data(), [1, 2]);
}

#[test]
fn a_full_channel_refuses_subscribers_until_one_leaves() {
    let scenario = house();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.subscribe("/rooms/tea");
    alice.subscribe("/rooms/tea");
    let subscribe = |name: serde_json::Value| json!({"channel": "/meta/subscribe", "subscription": name});
    assert_eq!(bob.error_of(subscribe(json!("/rooms/tea"))), "403::subscribers_exceeded");
    assert_eq!(bob.error_of(subscribe(json!(["/rooms/milk", "/rooms/tea"]))), "403::subscribers_exceeded");
    alice.subscribe("/rooms/milk");
    alice.subscribe("/rooms/*");
    assert_eq!(bob.error_of(subscribe(json!("/rooms/*"))), "403::subscribers_exceeded");
    bob.subscribe("/rooms/tea/corner");
    alice.unsubscribe("/rooms/tea");
    bob.subscribe("/rooms/tea");
}
