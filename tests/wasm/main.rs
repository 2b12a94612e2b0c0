//! What is worth testing on wasm32 itself. Runs in Node: `node scripts/test.mjs wasm`.

#![cfg(target_arch = "wasm32")]

use bayeux_edge::bayeux::{
    Application, BayeuxContext, BayeuxServer, Endpoint, Forgetful, Home, Input, Millis, Options, Output, RequestId,
    parse_json,
};
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

/// A server and the number of its next request.
struct Room {
    server: BayeuxServer,
    requests: u64,
}

impl Room {
    fn new() -> Self {
        let options = Options { tree_depth: 0, ..Options::default() };
        let server = BayeuxServer::new(Home::Root, options, Application::new(), [7; 32], Box::new(Forgetful));
        Self { server, requests: 0 }
    }

    /// Sends one message; gives back all that is answered to anyone.
    fn send(&mut self, message: &str) -> Vec<String> {
        self.requests += 1;
        let from = Endpoint::LongPolling(RequestId::new(self.requests));
        let messages = parse_json(message, &Options::default()).unwrap();
        let input = Input::Messages { from, context: BayeuxContext::default(), messages };
        let outputs = self.server.handle(Millis(1_700_000_000_000), input);
        outputs
            .into_iter()
            .filter_map(|output| match output {
                Output::Send { messages, .. } => Some(messages),
                _ => None,
            })
            .collect()
    }

    /// A session that had its first connect.
    fn join(&mut self) -> String {
        let handshake =
            json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]});
        let answer: Value = serde_json::from_str(&self.send(&handshake.to_string())[0]).unwrap();
        let id = answer[0]["clientId"].as_str().unwrap().to_owned();
        assert_eq!(self.send(&connect(&id)).len(), 1);
        id
    }
}

fn connect(id: &str) -> String {
    json!({"channel": "/meta/connect", "clientId": id, "connectionType": "long-polling"}).to_string()
}

#[wasm_bindgen_test]
fn an_event_is_delivered_with_numbers_that_javascript_cannot_hold() {
    let mut room = Room::new();
    let (alice, bob) = (room.join(), room.join());
    room.send(&json!({"channel": "/meta/subscribe", "clientId": bob, "subscription": "/chat/*"}).to_string());
    assert_eq!(room.send(&connect(&bob)), Vec::<String>::new());
    let data = "[18446744073709551615,18446744073709551616,-9223372036854775809,1E400,-0,1.10]";
    let publish = format!(r#"{{"channel":"/chat/demo","clientId":"{alice}","id":18446744073709551615,"data":{data}}}"#);
    let expected = [
        r#"[{"channel":"/chat/demo","id":18446744073709551615,"successful":true}]"#.to_owned(),
        format!(r#"[{{"channel":"/chat/demo","data":{data}}},{{"channel":"/meta/connect","successful":true}}]"#),
    ];
    assert_eq!(room.send(&publish), expected);
}

#[wasm_bindgen_test]
fn a_clock_beyond_32_bits_is_exact_to_the_millisecond() {
    let mut room = Room::new();
    room.join();
    let input = Input::Closed(Endpoint::LongPolling(RequestId::new(u64::MAX)).key());
    let wake = room.server.handle(Millis(1_700_000_009_999), input);
    assert!(wake.is_empty(), "a millisecond before the session ends: {wake:?}");
    let ended = room.server.handle(Millis(1_700_000_010_000), Input::Timeout);
    assert!(matches!(ended[..], [Output::Tell(..)]), "{ended:?}");
}
