//! What an application does to sessions other than the sender's.

use std::collections::BTreeMap;

use bayeux_edge::bayeux::app::{Actions, Application, HttpRequest, HttpResponse, Outcome, Publication, publish};
use bayeux_edge::bayeux::{
    BayeuxError, BayeuxServer, Ending, Endpoint, Home, Input, Millis, Notice, Options, Output, RequestId, SessionKey,
    Stored,
};
use serde_json::json;

use crate::rows::Rows;
use crate::scenario::Scenario;

/// The sessions, by the name that they gave.
#[derive(Default)]
struct Roster(BTreeMap<String, SessionKey>);

impl Roster {
    fn call(&mut self, call: &Publication) -> Outcome {
        let (verb, name): (String, String) = call.data()?;
        if verb == "join" {
            self.0.extend(call.client.session().map(|session| (name, session)));
            return Ok(Actions::new());
        }
        let session = *self.0.get(&name).ok_or(BayeuxError::Service(404, "nobody of that name".to_owned()))?;
        let whisper = Actions::new().push(session, "/whispers", "psst");
        Ok(if verb == "evict" { whisper.disconnect_session(session) } else { whisper })
    }
}

fn house() -> Scenario {
    let mut roster = Roster::default();
    Scenario::serving(Application::new().service("roster", move |call| roster.call(call)), &[])
}

#[test]
fn a_push_reaches_its_session_over_polls_and_sockets_and_no_subscriber() {
    let scenario = house();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let [(carol, socket)] = scenario.join_on_sockets(["carol"]);
    for (client, name) in [(&bob, "bob"), (&carol, "carol")] {
        client.publish("/service/roster", json!(["join", name]));
    }
    alice.subscribe("/**");
    let (for_alice, for_bob, _for_carol) = (alice.hold(), bob.hold(), carol.connect());
    socket.frames();
    for name in ["bob", "carol"] {
        alice.publish("/service/roster", json!(["whisper", name]));
    }
    let whisper = json!({"channel": "/whispers", "data": "psst"});
    assert_eq!(for_bob.answer().events(), std::slice::from_ref(&whisper));
    assert_eq!(socket.frames(), [[whisper]]);
    assert!(for_alice.is_held());
    assert_eq!(
        alice.error_of(json!({"channel": "/service/roster", "data": ["whisper", "x"]})),
        "404::nobody of that name"
    );
}

#[test]
fn a_session_that_the_application_ends_gets_its_queued_events_and_no_other_session_does() {
    let scenario = house();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.publish("/service/roster", json!(["join", "bob"]));
    let held = bob.hold();
    scenario.notices();
    let answer = alice.send(json!({"channel": "/service/roster", "data": ["evict", "bob"]})).answer();
    assert_eq!(answer.events().len(), 0);
    let expected =
        [json!({"channel": "/whispers", "data": "psst"}), json!({"channel": "/meta/disconnect", "successful": true})];
    assert_eq!(held.answer().events(), expected);
    assert_eq!(scenario.notices(), [Notice::SessionClosed { why: Ending::Dismissed, sessions: 1 }]);
    // A push to a session that has ended does nothing.
    alice.publish("/service/roster", json!(["evict", "bob"]));
}

#[test]
fn a_session_without_a_held_connect_is_ended_too_and_no_other_session_gets_its_events() {
    let scenario = house();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.publish("/service/roster", json!(["join", "bob"]));
    let answer = alice.send(json!({"channel": "/service/roster", "data": ["evict", "bob"]})).answer();
    assert_eq!(answer.messages.len(), 1, "{}", answer.text);
    assert_eq!(bob.error_of(json!({"channel": "/x", "data": 1})), "402::session_unknown");
}

#[test]
fn an_application_publish_past_max_relays_is_logged() {
    let publishing = Application::new().route("GET", "/say", |_| HttpResponse::new(204).and(publish("/a/x", 1)));
    let options = Options { max_relays: 1, ..Options::default() };
    let mut server = BayeuxServer::new(Home::Root, options, publishing, [1; 32], Box::new(Rows::default()));
    let now = Millis(1_700_000_000_000);
    server.restore(now, Stored::default(), Vec::new());
    let mut failures = Vec::new();
    for number in 0..3 {
        let request = HttpRequest { method: "GET".into(), path: "/say".into(), ..HttpRequest::default() };
        let from = Endpoint::LongPolling(RequestId::new(number));
        for output in server.handle(now, Input::Http { from, request }) {
            if let Output::Tell(Notice::ActionFailed { reason }, _) = output {
                failures.push(reason);
            }
        }
    }
    assert_eq!(failures, ["a publish: 503::owner_unreachable"; 2]);
}
