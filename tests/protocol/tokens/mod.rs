//! Tokens: which are accepted, and which are refused.

mod bearer;
pub mod made;

use base64ct::{Base64UrlUnpadded, Encoding};
use bayeux_edge::bayeux::tokens::{Expected, Keys, KeysError, LEEWAY, MAX_KEYS, MAX_LENGTH, TokenClaims, TokenError};
use hmac::{Hmac, Mac};
use made::{EC_KEY, ED_KEY, EDDSA, ES256, HS256, RS256, RSA_KEY, RSA_PEM, SECRET_KEY};
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "a secret of 32 bytes, no less...";
const NOW: u64 = 1_794_999_000;
const ANYONE: Expected<'_> = Expected { issuer: None, audience: None };
const US: Expected<'_> = Expected { issuer: Some("https://id.example"), audience: Some("chat") };

fn set(keys: &[&str]) -> Result<Keys, KeysError> {
    Keys::parse(&format!(r#"{{"keys":[{}]}}"#, keys.join(",")))
}

fn all_keys() -> Keys {
    set(&[SECRET_KEY, RSA_KEY, EC_KEY, ED_KEY]).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

fn sign_with(secret: &[u8], header: &str, claims: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let hmac = Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(&signed);
    format!("{signed}.{}", encode(hmac.finalize().into_bytes()))
}

fn sign(claims: &Value) -> String {
    sign_with(SECRET.as_bytes(), r#"{"alg":"HS256"}"#, &claims.to_string())
}

fn verify(claims: &Value, expected: &Expected<'_>) -> Result<TokenClaims, TokenError> {
    Keys::parse(SECRET).unwrap().verify(&sign(claims), expected, NOW)
}

fn with_header(header: &str) -> Result<TokenClaims, TokenError> {
    let token = sign_with(SECRET.as_bytes(), header, &json!({ "exp": NOW }).to_string());
    Keys::parse(SECRET).unwrap().verify(&token, &ANYONE, NOW)
}

#[test]
fn a_token_of_each_algorithm_is_accepted() {
    for (token, key) in [(HS256, SECRET_KEY), (RS256, RSA_KEY), (ES256, EC_KEY), (EDDSA, ED_KEY)] {
        for keys in [all_keys(), set(&[key]).unwrap()] {
            let claims = keys.verify(token, &US, NOW).unwrap();
            assert_eq!(claims.expires, 1_795_000_000);
            assert_eq!(claims.valid_until(), 1_795_000_060);
            assert_eq!(claims.subject.as_deref(), Some("alice"));
            let names = |list: Option<Vec<_>>| list.unwrap().into_iter().map(String::from).collect::<Vec<_>>();
            assert_eq!(names(claims.publish), ["/chat/**"]);
            assert_eq!(names(claims.subscribe), ["/chat/*", "/news"]);
            assert_eq!(claims.all["role"], "admin");
        }
    }
}

#[test]
fn a_token_with_any_part_changed_is_refused() {
    for token in [HS256, RS256, ES256, EDDSA] {
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
        let mut flipped = Base64UrlUnpadded::decode_vec(signature).unwrap();
        flipped[7] ^= 1;
        let header_changed = format!("{} ", String::from_utf8(Base64UrlUnpadded::decode_vec(header).unwrap()).unwrap());
        for changed in [
            format!("{header}.{claims}.{}", encode(flipped)),
            format!("{header}.{}.{signature}", encode(r#"{"exp":1795000000,"sub":"bob"}"#)),
            format!("{}.{claims}.{signature}", encode(header_changed)),
            format!("{header}.{claims}."),
            format!("{header}.{claims}.{signature}AAAA"),
        ] {
            assert_eq!(all_keys().verify(&changed, &US, NOW), Err(TokenError::SignatureInvalid), "{changed}");
        }
    }
}

#[test]
fn a_token_signed_with_another_key_is_refused() {
    let keys = Keys::parse("another secret, just as long as the other").unwrap();
    assert_eq!(keys.verify(&sign(&json!({ "exp": NOW })), &ANYONE, NOW), Err(TokenError::SignatureInvalid));
    assert_eq!(keys.verify(HS256, &US, NOW), Err(TokenError::SignatureInvalid));
}

#[test]
fn a_signature_with_the_right_key_in_another_form_is_refused() {
    for token in [made::ES256_IN_DER, made::PS256_AS_RS256] {
        assert_eq!(all_keys().verify(token, &US, NOW), Err(TokenError::SignatureInvalid));
    }
}

#[test]
fn a_public_key_is_not_accepted_as_an_hmac_secret() {
    let claims = json!({ "exp": NOW }).to_string();
    let keys = set(&[RSA_KEY]).unwrap();
    for known in [RSA_PEM, RSA_PEM.trim(), RSA_KEY] {
        let token = sign_with(known.as_bytes(), r#"{"alg":"HS256"}"#, &claims);
        assert_eq!(keys.verify(&token, &ANYONE, NOW), Err(TokenError::AlgorithmRefused));
        let token = sign_with(known.as_bytes(), r#"{"alg":"RS256"}"#, &claims);
        assert_eq!(keys.verify(&token, &ANYONE, NOW), Err(TokenError::SignatureInvalid));
    }
}

#[test]
fn the_key_and_not_the_header_decides_on_the_algorithm() {
    let unsigned =
        |alg: &str| format!("{}.{}.", encode(json!({ "alg": alg }).to_string()), encode(r#"{"exp":1795000000}"#));
    for alg in ["none", "None", "", "HS512", "PS256", "hs256", "ES384"] {
        assert_eq!(all_keys().verify(&unsigned(alg), &ANYONE, NOW), Err(TokenError::AlgorithmRefused), "{alg}");
        assert_eq!(with_header(&json!({ "alg": alg }).to_string()), Err(TokenError::AlgorithmRefused), "{alg}");
    }
    for header in [r#"{"alg":256}"#, r#"{"alg":["HS256"]}"#, r#"{"typ":"JWT"}"#, r#"{"alg":"HS256","alg":"none"}"#] {
        assert_eq!(with_header(header), Err(TokenError::AlgorithmRefused), "{header}");
    }
}

#[test]
fn the_kid_selects_the_key() {
    let claims = json!({ "exp": NOW }).to_string();
    let other = r#"{"kty":"oct","kid":"other","k":"b3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIgb3RoZXIg"}"#;
    let keys = set(&[SECRET_KEY, RSA_KEY, other]).unwrap();
    let signed = |header: &str| sign_with(b"other other other other other other ", header, &claims);
    for (header, said) in [
        (r#"{"alg":"HS256","kid":"other"}"#, None),
        // Without a kid each key of the algorithm is tried.
        (r#"{"alg":"HS256"}"#, None),
        (r#"{"alg":"HS256","kid":"hs"}"#, Some(TokenError::SignatureInvalid)),
        (r#"{"alg":"HS256","kid":"rs"}"#, Some(TokenError::AlgorithmRefused)),
        (r#"{"alg":"HS256","kid":"nobody"}"#, Some(TokenError::KeyUnknown)),
        (r#"{"alg":"HS256","kid":7}"#, Some(TokenError::Malformed)),
    ] {
        assert_eq!(keys.verify(&signed(header), &ANYONE, NOW).err(), said, "{header}");
    }
    // A key without a kid is tried for tokens with any kid.
    assert!(with_header(r#"{"alg":"HS256","kid":"whatever"}"#).is_ok());
}

#[test]
fn a_header_with_crit_is_refused() {
    for crit in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null"] {
        assert_eq!(with_header(&format!(r#"{{"alg":"HS256","crit":{crit}}}"#)), Err(TokenError::Malformed), "{crit}");
    }
}

#[test]
fn text_that_is_no_token_is_malformed() {
    let good = sign(&json!({ "exp": NOW }));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    for token in [
        "",
        ".",
        "..",
        "...",
        signed,
        header,
        &format!("{good}="),
        &format!("{good}.{signature}.{signature}"),
        &format!("{header}=.{claims}.{signature}"),
        &format!("{header}.{claims}.{signature}+/"),
        &format!(" {good}"),
        &format!("{good}\n"),
        &format!("{}.{claims}.{signature}", encode("[]")),
        &format!("{}.{claims}.{signature}", encode("{")),
        &format!("{}.{claims}.{signature}", encode(b"\xff")),
        "é.é.é",
    ] {
        assert_eq!(Keys::parse(SECRET).unwrap().verify(token, &ANYONE, NOW), Err(TokenError::Malformed), "{token}");
    }
    for claims in ["[]", "\"\"", "", "{\"exp\":1795000000", "{\"exp\":1e999}"] {
        let token = sign_with(SECRET.as_bytes(), r#"{"alg":"HS256"}"#, claims);
        assert_eq!(Keys::parse(SECRET).unwrap().verify(&token, &ANYONE, NOW), Err(TokenError::Malformed), "{claims}");
    }
}

#[test]
fn a_token_that_is_too_long_is_refused() {
    let padded = |count| sign(&json!({ "exp": NOW, "pad": "x".repeat(count) }));
    let keys = Keys::parse(SECRET).unwrap();
    let longest = (5_900..).map(padded).take_while(|token| token.len() <= MAX_LENGTH).last().unwrap();
    assert!(longest.len() > MAX_LENGTH - 3);
    assert!(keys.verify(&longest, &ANYONE, NOW).is_ok());
    assert_eq!(keys.verify(&padded(6_200), &ANYONE, NOW), Err(TokenError::TooLong));
    assert_eq!(keys.verify(&".".repeat(1 << 20), &ANYONE, NOW), Err(TokenError::TooLong));
}

#[test]
fn a_token_is_valid_until_exp_plus_the_leeway() {
    let end = NOW as f64;
    for (exp, said) in [
        (json!(NOW + 1), None),
        (json!(NOW - LEEWAY + 1), None),
        (json!(NOW - LEEWAY), Some(TokenError::Expired)),
        (json!(end - 60.0), Some(TokenError::Expired)),
        (json!(end - 59.5), None),
        (json!(1e300), None),
        (json!(0), Some(TokenError::Expired)),
        (json!(-1), Some(TokenError::Expired)),
        (json!("1795000000"), Some(TokenError::ClaimInvalid("exp"))),
        (json!(null), Some(TokenError::ClaimInvalid("exp"))),
    ] {
        assert_eq!(verify(&json!({ "exp": exp }), &ANYONE).err(), said, "{exp}");
    }
    assert_eq!(verify(&json!({ "sub": "alice" }), &ANYONE), Err(TokenError::ClaimInvalid("exp")));
    assert_eq!(verify(&json!({ "exp": 1e300 }), &ANYONE).unwrap().valid_until(), u64::MAX);
    assert_eq!(verify(&json!({ "exp": end + 0.25 }), &ANYONE).unwrap().expires, NOW + 1);
}

#[test]
fn a_token_is_valid_from_nbf_minus_the_leeway() {
    for (nbf, said) in [
        (json!(NOW), None),
        (json!(NOW + LEEWAY), None),
        (json!(NOW as f64 + 59.5), None),
        (json!(NOW as f64 + 60.5), Some(TokenError::NotYetValid)),
        (json!(NOW + LEEWAY + 1), Some(TokenError::NotYetValid)),
        (json!(-5), None),
        (json!(true), Some(TokenError::ClaimInvalid("nbf"))),
    ] {
        assert_eq!(verify(&json!({ "exp": NOW + 600, "nbf": nbf }), &ANYONE).err(), said, "{nbf}");
    }
}

#[test]
fn a_token_of_another_issuer_or_audience_is_refused() {
    let (issuer, audience) = (Some(TokenError::IssuerRefused), Some(TokenError::AudienceRefused));
    let id = "https://id.example";
    for (claims, expected, said) in [
        (json!({ "iss": id, "aud": "chat" }), US, None),
        (json!({ "iss": id, "aud": ["other", "chat"] }), US, None),
        (json!({ "iss": id, "aud": "other" }), US, audience),
        (json!({ "iss": id, "aud": ["other"] }), US, audience),
        (json!({ "iss": id, "aud": [] }), US, audience),
        (json!({ "iss": id, "aud": "Chat" }), US, audience),
        (json!({ "iss": id }), US, audience),
        (json!({ "iss": "https://id.example/", "aud": "chat" }), US, issuer),
        (json!({ "aud": "chat" }), US, issuer),
        (json!({ "iss": "whoever" }), ANYONE, None),
        // A server without an audience refuses a token that has one.
        (json!({ "aud": "chat" }), ANYONE, audience),
        (json!({ "aud": ["chat"] }), ANYONE, audience),
        (json!({ "iss": 1, "aud": "chat" }), US, Some(TokenError::ClaimInvalid("iss"))),
        (json!({ "iss": id, "aud": ["chat", 1] }), US, Some(TokenError::ClaimInvalid("aud"))),
        (json!({ "iss": id, "aud": null }), US, Some(TokenError::ClaimInvalid("aud"))),
    ] {
        let mut claims = claims;
        claims["exp"] = json!(NOW);
        assert_eq!(verify(&claims, &expected).err(), said, "{claims}");
    }
}

#[test]
fn claims_of_a_wrong_type_or_with_an_invalid_pattern_are_refused() {
    for (claim, value) in [
        ("sub", json!(7)),
        ("sub", json!(null)),
        ("publish", json!("/chat/**")),
        ("publish", json!(null)),
        ("publish", json!({ "0": "/chat/**" })),
        ("publish", json!(["/chat", 7])),
        ("publish", json!(["/chat", "chat"])),
        ("publish", json!(["/**/chat"])),
        ("subscribe", json!(["/chat/***"])),
        ("subscribe", json!([""])),
        ("subscribe", json!(true)),
    ] {
        let claims = json!({ "exp": NOW, claim: value });
        assert_eq!(verify(&claims, &ANYONE), Err(TokenError::ClaimInvalid(claim)), "{claims}");
    }
    let claims = verify(&json!({ "exp": NOW, "publish": [] }), &ANYONE).unwrap();
    assert_eq!((claims.publish, claims.subscribe, claims.subject), (Some(Vec::new()), None, None));
}

#[test]
fn keys_of_a_set_that_have_another_use_are_ignored() {
    let with = |key: &str, member: &str| format!("{},{member}}}", key.strip_suffix('}').unwrap());
    let others = [
        made::P384_KEY.to_owned(),
        with(EC_KEY, r#""use":"enc""#),
        with(ED_KEY, r#""key_ops":["sign"]"#),
        with(EC_KEY, r#""alg":"ECDH-ES""#),
        r#"{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}"#.to_owned(),
        r#"{"kty":"OKP","crv":"X25519","x":"AA"}"#.to_owned(),
    ];
    for other in &others {
        assert_eq!(set(&[other]), Err(KeysError::NoKey), "{other}");
        assert_eq!(format!("{:?}", set(&[other, ED_KEY]).unwrap()), "Keys(1)");
    }
    assert!(set(&[&with(EC_KEY, r#""use":"sig","key_ops":["verify"],"alg":"ES256""#)]).is_ok());
}

#[test]
fn invalid_keys_are_reported_without_being_shown() {
    let short = r#"{"kty":"oct","k":"dG9vIHNob3J0"}"#;
    let unfit = RSA_KEY.replace("RS256", "HS256");
    let off_the_curve = EC_KEY.replace(r#""y":""#, r#""y":"AAAA"#);
    let many = vec![ED_KEY; MAX_KEYS + 1];
    for (keys, error) in [
        (vec![], KeysError::NoKey),
        (many, KeysError::TooMany),
        (vec![short], KeysError::SecretTooShort),
        (vec![ED_KEY, &unfit], KeysError::AlgorithmUnfit(2)),
        (vec![made::SHORT_RSA_KEY], KeysError::ModulusTooShort(1)),
        (vec![&off_the_curve], KeysError::KeyInvalid(1)),
        (vec![r#"{"kty":"EC","crv":"P-256","x":"AAAA"}"#], KeysError::KeyInvalid(1)),
        (vec![r#"{"kty":"RSA","n":7,"e":"AQAB"}"#], KeysError::KeyInvalid(1)),
        (vec![r#"{"kty":"OKP","crv":"Ed25519","x":"not base64url!"}"#], KeysError::KeyInvalid(1)),
        // The neutral element, to which anything is a signature.
        (
            vec![r#"{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#],
            KeysError::KeyInvalid(1),
        ),
        (vec![r#"{"k":"secret"}"#], KeysError::KeyInvalid(1)),
        (vec!["7"], KeysError::KeyInvalid(1)),
    ] {
        assert_eq!(set(&keys), Err(error), "{keys:?}");
    }
    for text in ["{", "{}", r#"{"keys":7}"#, ED_KEY, "{a secret that begins like JSON does}"] {
        assert_eq!(Keys::parse(text), Err(KeysError::NotASet), "{text}");
    }
    for text in ["", "31 bytes are one byte too little", "                                        "] {
        let text = text.strip_suffix('e').unwrap_or(text);
        assert_eq!(Keys::parse(text), Err(KeysError::SecretTooShort), "{text}");
    }
    assert_eq!(Keys::parse(&format!("\n{SECRET}\n")), Keys::parse(SECRET));
}
