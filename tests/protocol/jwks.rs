//! `TOKEN_JWKS_URL`: when keys are fetched, which handshakes wait for them, and what holds while they cannot be
//! fetched.

use bayeux_edge::bayeux::{Notice, Options};
use serde_json::{Value, json};

use crate::client::{Client, Request};
use crate::scenario::Scenario;
use crate::tokens::made::{EC_KEY, ED_KEY, EDDSA, ES256, HS256, RS256, RSA_KEY, SECRET_KEY};

const URL: &str = "https://id.example/jwks";

/// The options for the tokens that were made for these tests.
const VARS: [(&str, &str); 3] =
    [("TOKEN_JWKS_URL", URL), ("TOKEN_ISSUER", "https://id.example"), ("TOKEN_AUDIENCE", "chat")];

fn scenario(more: &[(&str, &str)]) -> Scenario {
    let scenario = Scenario::with(&[&VARS[..], more].concat());
    // A time at which the tokens are valid.
    scenario.goes_forward(1_794_991_000_000 - 1_700_000_000_000);
    scenario
}

fn set(keys: &[&str]) -> String {
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

fn handshake(client: &Client, token: &str) -> Request {
    client.post(&json!([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"],
        "ext": {"token": token}}]))
}

/// The error of a handshake that must not wait.
fn outcome(scenario: &Scenario, token: &str) -> Option<String> {
    error(&handshake(&scenario.client("somebody"), token))
}

fn error(request: &Request) -> Option<String> {
    let reply = request.answer().reply();
    assert_eq!(reply["successful"], reply["error"].is_null(), "{reply}");
    reply["error"].as_str().map(str::to_owned)
}

const UNKNOWN: &str = "403::token_key_unknown";
const UNAVAILABLE: &str = "503::token_keys_unavailable";

/// A server that has fetched these keys, which are good for a minute.
fn knowing(keys: &[&str]) -> Scenario {
    let scenario = scenario(&[]);
    let first = handshake(&scenario.client("first"), EDDSA);
    scenario.keys_come(&set(keys), Some("max-age=60"));
    first.answer();
    scenario
}

#[test]
fn the_first_handshakes_wait_for_the_keys_and_later_ones_do_not() {
    let scenario = scenario(&[]);
    let waiting = [RS256, ES256, HS256].map(|token| handshake(&scenario.client("early"), token));
    assert!(waiting.iter().all(Request::is_held));
    assert_eq!(scenario.fetching().as_deref(), Some(URL), "once for all of them");
    scenario.keys_come(&set(&[RSA_KEY, EC_KEY]), None);
    assert_eq!(waiting.map(|request| error(&request)), [None, None, Some(UNKNOWN.to_owned())]);
    assert!(scenario.notices().contains(&Notice::TokenKeysFetched { keys: 2 }));
    assert_eq!(outcome(&scenario, RS256), None);
    assert_eq!(scenario.fetching(), None);
}

#[test]
fn on_a_socket_a_handshake_waits_for_the_keys_too() {
    let scenario = scenario(&[]);
    let (alice, socket) = (scenario.client("alice"), scenario.socket());
    alice.moves_to(&socket);
    let waiting = handshake(&alice, EDDSA);
    assert!(waiting.is_held());
    scenario.keys_come(&set(&[ED_KEY]), None);
    assert_eq!(error(&waiting), None);
}

#[test]
fn a_handshake_without_a_valid_token_does_not_wait_for_keys() {
    let required = scenario(&[]);
    for token in ["nonsense", "", "e30.e30.e30.e30", "e30=.e30.e30"] {
        assert_eq!(outcome(&required, token).as_deref(), Some("403::token_malformed"));
    }
    assert_eq!(required.client("guest").shake_hands_with(json!({}))["error"], "403::token_missing");
    scenario(&[("TOKENS", "optional")]).client("guest").handshake();
    assert_eq!(required.fetching(), None);
}

#[test]
fn keys_past_their_max_age_are_fetched_again_and_removed_keys_are_refused() {
    let scenario = knowing(&[EC_KEY, ED_KEY]);
    scenario.after(59_999);
    assert_eq!((outcome(&scenario, EDDSA), scenario.fetching()), (None, None));
    scenario.after(1);
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    assert!(waiting.is_held());
    scenario.keys_come(&set(&[EC_KEY]), Some("max-age=60"));
    assert_eq!(error(&waiting).as_deref(), Some(UNKNOWN));
    assert_eq!(outcome(&scenario, ES256), None);
}

#[test]
fn an_unknown_kid_fetches_the_keys_again_at_most_every_five_seconds() {
    let scenario = knowing(&[EC_KEY]);
    assert_eq!(outcome(&scenario, EDDSA).as_deref(), Some(UNKNOWN), "the keys have just been fetched");
    scenario.after(4_999);
    assert_eq!((outcome(&scenario, EDDSA).as_deref(), scenario.fetching()), (Some(UNKNOWN), None));
    scenario.after(1);
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    assert!(waiting.is_held());
    assert_eq!(outcome(&scenario, ES256), None, "a token with a known key does not wait");
    scenario.keys_come(&set(&[EC_KEY, ED_KEY]), None);
    assert_eq!(error(&waiting), None);
    for _ in 0..100 {
        assert_eq!(outcome(&scenario, RS256).as_deref(), Some(UNKNOWN));
    }
    assert_eq!(scenario.fetching(), None);
}

#[test]
fn a_bad_signature_under_a_known_kid_does_not_fetch_keys() {
    let scenario = knowing(&[EC_KEY]);
    scenario.after(10_000);
    let (signed, _) = ES256.rsplit_once('.').unwrap();
    let (_, other) = EDDSA.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{other}");
    assert_eq!(outcome(&scenario, &forged).as_deref(), Some("403::token_signature_invalid"));
    assert_eq!(scenario.fetching(), None);
}

#[test]
fn without_keys_every_token_is_refused_and_clients_retry() {
    let scenario = scenario(&[]);
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    scenario.keys_fail("status 500");
    let reply = waiting.answer().reply();
    assert_eq!((&reply["error"], &reply["advice"]), (&json!(UNAVAILABLE), &json!({"interval": 10_000})));
    assert!(scenario.notices().contains(&Notice::TokenKeysFailed { reason: "status 500".to_owned() }));
    scenario.after(4_999);
    assert_eq!((outcome(&scenario, EDDSA).as_deref(), scenario.fetching()), (Some(UNAVAILABLE), None), "not at once");
    scenario.after(1);
    let waiting = handshake(&scenario.client("bob"), EDDSA);
    scenario.keys_come(&set(&[ED_KEY]), None);
    assert_eq!(error(&waiting), None);
}

#[test]
fn at_most_ten_thousand_handshakes_wait_for_keys() {
    let scenario = scenario(&[]);
    let alice = scenario.client("alice");
    let waiting: Vec<_> = (0..10_000).map(|_| handshake(&alice, EDDSA)).collect();
    assert!(waiting.iter().all(Request::is_held));
    assert_eq!(outcome(&scenario, EDDSA).as_deref(), Some(UNAVAILABLE));
    scenario.keys_come(&set(&[ED_KEY]), None);
    assert!(waiting.iter().all(|request| error(request).is_none()));
}

#[test]
fn while_keys_cannot_be_fetched_the_last_ones_are_used_for_an_hour() {
    let scenario = knowing(&[ED_KEY]);
    scenario.after(60_000);
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    scenario.keys_fail("it broke off");
    assert_eq!(error(&waiting), None);
    assert_eq!((outcome(&scenario, EDDSA), scenario.fetching()), (None, None), "in between no handshake waits");
    scenario.after(3_599_999);
    let waiting = handshake(&scenario.client("bob"), EDDSA);
    scenario.keys_fail("it broke off");
    assert_eq!(error(&waiting), None);
    scenario.after(1);
    assert_eq!(outcome(&scenario, EDDSA).as_deref(), Some(UNAVAILABLE));
}

#[test]
fn an_invalid_key_set_changes_nothing_and_an_empty_one_removes_all_keys() {
    for nonsense in ["", "<html>", "[]", "{}", r#"{"keys":{}}"#, &set(&vec![ED_KEY; 17])] {
        let scenario = knowing(&[ED_KEY]);
        scenario.after(60_000);
        let waiting = handshake(&scenario.client("alice"), EDDSA);
        scenario.keys_come(nonsense, None);
        assert_eq!(error(&waiting), None, "{nonsense}");
        assert!(scenario.notices().iter().any(|notice| matches!(notice, Notice::TokenKeysFailed { .. })));
    }
    let scenario = knowing(&[]);
    assert_eq!(outcome(&scenario, EDDSA).as_deref(), Some(UNKNOWN));
}

#[test]
fn secrets_and_invalid_keys_in_a_fetched_set_are_ignored() {
    let scenario = knowing(&[SECRET_KEY, r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, "7", r#"{"kty":"x"}"#, ED_KEY]);
    assert_eq!(outcome(&scenario, HS256).as_deref(), Some(UNKNOWN));
    assert_eq!(outcome(&scenario, EDDSA), None);
    assert!(scenario.notices().contains(&Notice::TokenKeysFetched { keys: 1 }));
}

#[test]
fn keys_of_token_keys_are_tried_first() {
    let own = set(&[SECRET_KEY, EC_KEY]);
    let scenario = scenario(&[("TOKEN_KEYS", &own)]);
    assert_eq!((outcome(&scenario, HS256), outcome(&scenario, ES256)), (None, None));
    assert_eq!(scenario.fetching(), None);
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    scenario.keys_fail("status 503");
    assert_eq!(error(&waiting).as_deref(), Some(UNAVAILABLE));
    assert_eq!(outcome(&scenario, HS256), None);
    scenario.after(5_000);
    let waiting = handshake(&scenario.client("bob"), EDDSA);
    scenario.keys_come(&set(&[ED_KEY]), None);
    assert_eq!(error(&waiting), None);
    assert_eq!(outcome(&scenario, HS256), None, "and still are");
}

#[test]
fn with_a_bare_secret_in_token_keys_an_unknown_kid_still_fetches_keys() {
    let scenario = scenario(&[("TOKEN_KEYS", "0123456789abcdef0123456789abcdef")]);
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    scenario.keys_come(&set(&[ED_KEY]), Some("max-age=60"));
    assert_eq!(error(&waiting), None);
    scenario.after(5_000);
    let waiting = handshake(&scenario.client("bob"), ES256);
    assert!(waiting.is_held());
    scenario.keys_come(&set(&[ED_KEY, EC_KEY]), None);
    assert_eq!(error(&waiting), None);
}

#[test]
fn once_the_keys_have_come_the_hooks_worker_is_asked_with_the_claims() {
    let scenario = scenario(&[("HOOKS_FOR", "handshake")]).with_hooks();
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    assert!(scenario.asked().is_empty());
    scenario.keys_come(&set(&[ED_KEY]), None);
    let [call] = &scenario.asked()[..] else { panic!("one question") };
    assert_eq!(call["client"]["attributes"]["claims"]["sub"], "alice");
    assert!(call["message"].get("ext").is_none(), "{call}");
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(error(&waiting), None);
}

#[test]
fn a_token_outside_the_messages_waits_for_the_keys_too() {
    let scenario = scenario(&[]);
    let alice = scenario.client("alice").carrying(EDDSA);
    let asks = json!([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}]);
    let waiting = alice.post(&asks);
    scenario.keys_come(&set(&[ED_KEY]), None);
    assert_eq!(error(&waiting), None);
}

#[test]
fn token_jwks_url_must_be_https_or_on_this_machine() {
    let with = |url: &str| Options::from_vars(|asked| (asked == "TOKEN_JWKS_URL").then(|| url.to_owned()));
    for url in [
        URL,
        "https://id.example",
        "https://id.example:8443/a/b?c=d",
        "https://[2001:db8::1]/jwks",
        "http://localhost/jwks",
        "http://localhost:8080",
        "http://127.0.0.1:8080/jwks",
        "http://[::1]:8080/jwks",
    ] {
        assert_eq!(with(url).unwrap().tokens.jwks_url.as_deref(), Some(url));
    }
    for url in [
        "",
        "id.example/jwks",
        "ftp://id.example/jwks",
        "http://id.example/jwks",
        "http://localhost.example/jwks",
        "http://localhost@id.example/jwks",
        "http://localhost:80@id.example/jwks",
        "http://localhost\\@id.example/jwks",
        "http://127.0.0.1.example/jwks",
        "http://[::1",
        "https://",
        "https:///jwks",
        "https://user:word@id.example/jwks",
        "https://id.example/jw ks",
        "https://id.example/jwks#keys",
        "https://:443/jwks",
    ] {
        let error = with(url).unwrap_err();
        assert_eq!((error.name, error.value.as_str()), ("TOKEN_JWKS_URL", "(a URL)"), "{url}");
    }
    let asked = |name: &str| matches!(name, "TOKEN_JWKS_URL" | "TOKEN_ISSUER").then(|| URL.to_owned());
    assert!(Options::from_vars(asked).is_ok(), "TOKEN_JWKS_URL alone is enough");
}

#[test]
fn an_object_that_was_evicted_fetches_the_keys_again() {
    let scenario = knowing(&[ED_KEY]);
    scenario.crashes();
    let waiting = handshake(&scenario.client("alice"), EDDSA);
    assert!(waiting.is_held());
    scenario.keys_come(&set(&[ED_KEY]), None);
    assert_eq!(error(&waiting), None::<String>);
    let _: Value = waiting.answer().reply();
}
