//! The token of a handshake: whom it admits, who sees its claims, and what happens to the session when it expires.
//! `tokens/` tests which tokens are valid.

use base64ct::{Base64UrlUnpadded, Encoding};
use bayeux_edge::bayeux::app::{Application, Client as Sender, SecurityPolicy};
use bayeux_edge::bayeux::tokens::LEEWAY;
use bayeux_edge::bayeux::{Denial, Ending, Message, Notice, Options};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::client::Client;
use crate::scenario::Scenario;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The `exp` of a token that is valid for the first ten seconds of a scenario.
const IN_TEN_SECONDS: u64 = 1_700_000_010 - LEEWAY;

/// A token with these claims, and a late `exp` if they have none.
fn token(claims: &Value) -> String {
    let mut claims = claims.clone();
    if claims.get("exp").is_none() {
        claims["exp"] = json!(4_102_444_800_u64);
    }
    let base64 = Base64UrlUnpadded::encode_string;
    let signed = format!("{}.{}", base64(br#"{"alg":"HS256"}"#), base64(claims.to_string().as_bytes()));
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(&signed);
    format!("{signed}.{}", base64(&mac.finalize().into_bytes()))
}

fn with_keys(more: &[(&str, &str)]) -> Scenario {
    Scenario::with(&[&[("TOKEN_KEYS", SECRET)], more].concat())
}

/// The error of a handshake with this token, or none.
fn refusal(scenario: &Scenario, token: impl Into<Value>) -> Option<String> {
    let token = token.into();
    let reply = scenario.client("somebody").shake_hands_with(json!({"ext": {"token": token}}));
    let error = reply["error"].as_str()?.to_owned();
    assert_eq!((&reply["successful"], &reply["advice"]), (&json!(false), &json!({"reconnect": "none"})));
    assert!(reply.get("clientId").is_none() && reply.get("ext").is_none());
    assert!(scenario.notices().contains(&Notice::HandshakeRefused { error: error.clone() }));
    Some(error)
}

fn joined(scenario: &Scenario, name: &'static str, claims: &Value) -> Client {
    let client = scenario.client(name);
    client.handshake_with(json!({"ext": {"token": token(claims)}}));
    client.connect().answer();
    client
}

#[test]
fn only_a_valid_token_opens_a_session() {
    let scenario = with_keys(&[("TOKEN_ISSUER", "https://id.example"), ("TOKEN_AUDIENCE", "chat")]);
    let good = json!({"iss": "https://id.example", "aud": ["chat"], "sub": "alice"});
    assert_eq!(refusal(&scenario, token(&good)), None);
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        token(&claims)
    };
    let forged = token(&good).replacen("eyJhdWQi", "eyJhdXQi", 1);
    for (token, error) in [
        (json!(with("iss", json!("https://other.example"))), "403::token_issuer_refused"),
        (json!(with("aud", json!("mail"))), "403::token_audience_refused"),
        (json!(with("exp", json!(IN_TEN_SECONDS - 10))), "403::token_expired"),
        (json!(with("nbf", json!(4_102_444_800_u64))), "403::token_not_yet_valid"),
        (json!(with("publish", json!("/a"))), "403:publish:token_claim_invalid"),
        (json!(forged), "403::token_signature_invalid"),
        (json!("no token"), "403::token_malformed"),
        (json!(""), "403::token_malformed"),
        (json!(7), "403::token_malformed"),
        (json!({"token": token(&good)}), "403::token_malformed"),
        (json!([token(&good)]), "403::token_malformed"),
        (json!("x.".repeat(300_000)), "403::token_too_long"),
        (json!(null), "403::token_missing"),
    ] {
        assert_eq!(refusal(&scenario, token.clone()).as_deref(), Some(error), "{token:.100}");
    }
}

#[test]
fn a_handshake_without_a_token_is_refused_unless_tokens_are_optional() {
    let required = with_keys(&[]);
    let reply = required.client("guest").shake_hands_with(json!({"ext": {"other": 1}}));
    assert_eq!((&reply["error"], &reply["successful"]), (&json!("403::token_missing"), &json!(false)));
    let optional = with_keys(&[("TOKENS", "optional"), ("ACCESS_RULES", "authenticated * /**")]);
    let guest = optional.client("guest");
    guest.handshake();
    assert_eq!(guest.error_of(json!({"channel": "/a", "data": 1})), "403:denied_by_access_rules:publish_denied");
    joined(&optional, "alice", &json!({})).publish("/a", 1);
    assert_eq!(refusal(&optional, "wrong").as_deref(), Some("403::token_malformed"), "a sent token must be valid");
}

#[test]
fn a_token_outside_the_messages_is_checked_like_one_in_ext() {
    let scenario = with_keys(&[("ACCESS_RULES", "authenticated * /user/{sub}/**")]);
    let of = |name: &str| token(&json!({"sub": name}));
    let alice = scenario.client("alice").carrying(&of("alice"));
    alice.handshake();
    alice.publish("/user/alice/x", 1);
    assert_eq!(
        alice.error_of(json!({"channel": "/user/bob/x", "data": 1})),
        "403:denied_by_access_rules:publish_denied"
    );
    for (beside, error) in [
        ("no token", "403::token_malformed"),
        ("", "403::token_malformed"),
        (&token(&json!({"exp": IN_TEN_SECONDS - 10})), "403::token_expired"),
        (&"x.".repeat(300_000), "403::token_too_long"),
        (&token(&json!({"aud": "others"})), "403::token_audience_refused"),
    ] {
        let reply = scenario.client("mallory").carrying(beside).shake_hands_with(json!({}));
        assert_eq!((reply["error"].as_str(), &reply["advice"]), (Some(error), &json!({"reconnect": "none"})));
    }
}

#[test]
fn of_two_tokens_the_one_in_ext_counts() {
    let scenario = with_keys(&[("ACCESS_RULES", "authenticated * /user/{sub}/**")]);
    let of = |name: &str| token(&json!({"sub": name}));
    let in_ext = |token: Value| json!({"ext": {"token": token}});
    let alice = scenario.client("alice").carrying(&of("bob"));
    alice.handshake_with(in_ext(json!(of("alice"))));
    alice.publish("/user/alice/x", 1);
    for nonsense in [json!("wrong"), json!(""), json!(7), json!({})] {
        let reply = scenario.client("bob").carrying(&of("bob")).shake_hands_with(in_ext(nonsense));
        assert_eq!(reply["error"], "403::token_malformed", "a valid token in another place does not help");
    }
    let bob = scenario.client("bob").carrying(&of("bob"));
    bob.handshake_with(in_ext(Value::Null));
    bob.publish("/user/bob/x", 1);
}

#[test]
fn where_tokens_are_optional_a_token_outside_the_messages_admits_and_an_invalid_one_is_refused() {
    let optional = with_keys(&[("TOKENS", "optional"), ("ACCESS_RULES", "authenticated * /user/{sub}/**")]);
    let alice = optional.client("alice").carrying(&token(&json!({"sub": "alice"})));
    alice.handshake();
    alice.publish("/user/alice/x", 1);
    assert_eq!(
        optional.client("mallory").carrying("wrong").shake_hands_with(json!({}))["error"],
        "403::token_malformed"
    );
}

#[test]
fn without_keys_no_token_is_read() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice").carrying("wrong");
    alice.handshake_with(json!({"ext": {"token": "wrong too"}}));
    alice.publish("/a", 1);
}

#[test]
fn rules_and_policies_see_the_claims_and_never_the_token() {
    /// Checks that it gets no token, and refuses mallory.
    struct Porter;

    impl SecurityPolicy for Porter {
        fn can_handshake(&mut self, client: &mut Sender, handshake: &Message) -> Result<(), Denial> {
            assert!(!serde_json::to_string(handshake).unwrap().contains("eyJ"), "the token");
            let claims: Value = client.attributes.get("claims").unwrap();
            if claims["sub"] == "mallory" { Err(Denial::because("not you")) } else { Ok(()) }
        }
    }

    let rules =
        [("TOKEN_KEYS", SECRET), ("ACCESS_RULES", "authenticated * /user/{sub}/**; authenticated subscribe /**")];
    let scenario = Scenario::serving(Application::new().security_policy(Porter), &rules);
    assert_eq!(refusal(&scenario, token(&json!({"sub": "mallory"}))).as_deref(), Some("403:not you:handshake_denied"));
    let alice = joined(&scenario, "alice", &json!({"sub": "alice"}));
    let bob = joined(&scenario, "bob", &json!({"sub": "bob", "subscribe": ["/user/alice/*"]}));
    assert_eq!(
        alice.error_of(json!({"channel": "/user/bob/x", "data": 1})),
        "403:denied_by_access_rules:publish_denied"
    );
    let everything = json!({"channel": "/meta/subscribe", "subscription": "/**"});
    assert_eq!(bob.error_of(everything), "403:denied_by_claims:subscribe_denied");
    bob.subscribe("/user/alice/*");
    // A client that sends its token with every message.
    let ext = json!({"token": token(&json!({"sub": "alice"})), "kept": true});
    assert_eq!(alice.ask(json!({"channel": "/user/alice/x", "data": 1, "ext": ext}))["successful"], true);
    assert_eq!(bob.connect().answer().events()[0]["ext"], json!({"kept": true}));
}

#[test]
fn a_hooks_worker_gets_the_claims_and_never_the_token() {
    let scenario = with_keys(&[("HOOKS_FOR", "handshake")]).with_hooks();
    assert_eq!(refusal(&scenario, "wrong").as_deref(), Some("403::token_malformed"));
    assert!(scenario.asked().is_empty(), "not asked about an invalid token");
    let ext = json!({"token": token(&json!({"sub": "alice"}))});
    let asks = json!([{"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"], "ext": ext}]);
    let request = scenario.client("alice").post(&asks);
    let [call] = &scenario.asked()[..] else { panic!("one question") };
    assert_eq!(call["client"]["attributes"]["claims"]["sub"], "alice");
    assert!(call["message"].get("ext").is_none(), "{call}");
    scenario.hooks_answer(&json!([{"allow": true}]));
    assert_eq!(request.answer().reply()["successful"], true);
}

#[test]
fn when_a_token_expires_the_session_ends_with_advice_to_handshake() {
    let scenario = with_keys(&[("TIMEOUT", "30000")]);
    let waiting = joined(&scenario, "waiting", &json!({"exp": IN_TEN_SECONDS}));
    let away = joined(&scenario, "away", &json!({"exp": IN_TEN_SECONDS}));
    let longer = joined(&scenario, "longer", &json!({"exp": IN_TEN_SECONDS + 5}));
    waiting.subscribe("/news");
    let held = waiting.hold();
    let other = longer.hold();
    scenario.after(9_999);
    assert!(held.is_held());
    scenario.after(1);
    let reply = held.answer().reply();
    assert_eq!((&reply["successful"], &reply["error"]), (&json!(false), &json!("403::token_expired")));
    assert_eq!(reply["advice"], json!({"reconnect": "handshake", "interval": 0}));
    assert!(
        scenario
            .notices()
            .iter()
            .any(|notice| matches!(notice, Notice::SessionClosed { why: Ending::TokenExpired, .. }))
    );
    assert_eq!(away.error_of(json!({"channel": "/news", "data": 1})), "402::session_unknown");
    let reply = away.connect().answer().reply();
    assert_eq!(reply["advice"]["reconnect"], "handshake");
    assert!(other.is_held());
}

#[test]
fn on_a_socket_a_token_expires_on_time_too() {
    let scenario = with_keys(&[]);
    let (alice, socket) = (scenario.client("alice"), scenario.socket());
    alice.moves_to(&socket);
    alice.handshake_with(json!({"ext": {"token": token(&json!({"exp": IN_TEN_SECONDS}))}}));
    alice.connect().answer();
    let held = alice.hold();
    scenario.after(9_999);
    assert!(held.is_held());
    scenario.after(1);
    assert_eq!(held.answer().reply()["advice"]["reconnect"], "handshake");
}

#[test]
fn a_token_expires_after_a_restart_too() {
    for (away, lives) in [(5_000, true), (9_999, true), (10_000, false)] {
        let scenario = with_keys(&[("MAX_INTERVAL", "60000")]);
        let alice = joined(&scenario, "alice", &json!({"exp": IN_TEN_SECONDS}));
        // Nobody wakes the object in time.
        scenario.goes_forward(away);
        scenario.crashes();
        let reply = alice.connect().answer().reply();
        assert_eq!(reply["successful"], lives, "after {away} ms");
        if lives {
            let held = alice.hold();
            scenario.after(10_000 - away);
            assert_eq!(held.answer().reply()["error"], "403::token_expired");
        }
    }
}

#[test]
fn invalid_keys_are_refused_without_being_shown() {
    let with = |name: &'static str, value: &str| Options::from_vars(|asked| (asked == name).then(|| value.to_owned()));
    for keys in ["", "a short secret", "{", "{}", r#"{"keys":[]}"#] {
        let error = with("TOKEN_KEYS", keys).unwrap_err();
        assert_eq!((error.name, error.value.as_str()), ("TOKEN_KEYS", "(a secret)"), "{keys}");
    }
    for asks in ["TOKENS", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "TOKEN_COOKIE"] {
        assert_eq!(with(asks, "optional").unwrap_err().name, "TOKEN_KEYS", "without keys everybody is admitted");
    }
}
