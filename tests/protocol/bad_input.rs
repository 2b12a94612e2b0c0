//! Requests that are refused as a whole, each with an HTTP status and one reply without a channel.

use bayeux_edge::bayeux::RequestError;
use serde_json::{Value, json};

use crate::scenario::Scenario;

#[test]
fn a_body_that_is_no_json_object_or_array_is_refused() {
    let scenario = Scenario::new();
    for body in ["", " ", "nonsense", "[", "[{]", "{}{}", "[{}]x", "\"[{}]\"", "5", "null", "true", "[{\"a\":01}]"] {
        assert_eq!(scenario.read(body), Err(RequestError::JsonInvalid), "{body}");
    }
    assert_eq!(scenario.read("[]"), Err(RequestError::Empty));
}

#[test]
fn a_form_carries_one_or_many_messages() {
    let scenario = Scenario::new();
    for (form, messages) in [
        ("message=%7B%7D", 1),
        ("message=[{},{}]&x=y&message={}", 3),
        ("message=%5B%7B%22data%22%3A%22%2B%22%7D%5D", 1),
    ] {
        assert_eq!(scenario.read_form(form), Ok(messages), "{form}");
    }
    assert_eq!(scenario.read_form("x=y"), Err(RequestError::Empty));
    assert_eq!(scenario.read_form("message="), Err(RequestError::JsonInvalid));
    assert_eq!(scenario.read_form("message={}&message=nonsense"), Err(RequestError::JsonInvalid));
}

#[test]
fn a_bad_request_is_answered_with_a_4xx_and_an_array() {
    for (error, status, text) in [
        (RequestError::JsonInvalid, 400, "400::json_invalid"),
        (RequestError::Empty, 400, "400::batch_empty"),
        (RequestError::TooDeep, 400, "400::json_too_deep"),
        (RequestError::TooLarge, 413, "413::request_too_large"),
        (RequestError::TooMany, 413, "413::batch_too_large"),
    ] {
        assert_eq!(error.status(), status);
        let body: Value = serde_json::from_str(&error.body()).unwrap();
        assert_eq!(body, json!([{"successful": false, "error": text}]));
    }
}

#[test]
fn the_last_of_duplicate_fields_counts() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let id = alice.id();
    alice.post_text(&format!(
        r#"[{{"channel":"/meta/disconnect","channel":"/chat","clientId":5,"clientId":"{id}","data":1,"data":2}}]"#
    ));
    bob.connect();
    assert_eq!(bob.receives_events(), [json!({"channel": "/chat", "data": 2})]);
}

#[test]
fn field_and_channel_names_may_be_written_with_escapes() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat");
    let id = alice.id();
    let body = format!(r#"[{{"ch\u0061nnel":"\/ch\u0061t","\u0063lientId":"{id}","id":1,"d\u0061ta":"\u0061"}}]"#);
    alice.post_text(&body);
    let reply = bob.connect_with(json!({"id": null})).answer();
    assert_eq!(reply.text, r#"[{"channel":"/chat","data":"\u0061"},{"channel":"/meta/connect","successful":true}]"#);
}
