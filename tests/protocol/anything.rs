//! Whatever a client sends: no panic, every message is answered once, and no other client is disturbed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::client::Client;
use crate::scenario::Scenario;

/// JSON text, not values: numbers that no `f64` holds, duplicate names, escapes that are no characters.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "0", "-0", "1E400", "-1e-400", "18446744073709551616", "1.10", "[]", "{}"])
            .prop_map(str::to_owned),
        any::<f64>().prop_filter("JSON has no such number", |number| number.is_finite()).prop_map(|n| n.to_string()),
        any_string(),
    ];
    leaf.prop_recursive(6, 32, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|elements| format!("[{}]", elements.join(","))),
            vec((any_string(), inner), 0..4).prop_map(|members| object(&members)),
        ]
    })
}

fn any_string() -> impl Strategy<Value = String> {
    let odd = [r#""""#, r#""\ud800""#, r#""\u0000""#, r#""😀é\"\\""#, r#""</script>""#, r#""__proto__""#, r#""/**""#];
    prop_oneof![
        select(odd.to_vec()).prop_map(str::to_owned),
        ".{0,12}".prop_map(|text| serde_json::Value::from(text).to_string()),
    ]
}

fn object(members: &[(String, String)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// What a client would send, as it is or with some fields sent once more with anything in them: the last one counts.
fn any_message() -> impl Strategy<Value = String> {
    let meant = prop_oneof![
        4 => Just(r#""channel":"/meta/connect","connectionType":"long-polling""#),
        4 => select(vec![
            r#""channel":"/meta/subscribe","subscription":["/private/**","/**"]"#,
            r#""channel":"/meta/subscribe","subscription":"/private/*""#,
            r#""channel":"/meta/unsubscribe","subscription":["/private/*","/**"]"#,
        ]),
        3 => select(vec![
            r#""channel":"/evil/x","data":{"text":"hi"}"#,
            r#""channel":"/evil/x/","data":1E400,"ext":{"timesync":{"tc":1}}"#,
            r#""channel":"/service/x","data":1"#,
            r#""channel":"/evil/*","data":1"#,
            r#""channel":"/meta/x","data":1"#,
        ]),
        1 => Just(r#""channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]"#),
        1 => Just(r#""channel":"/meta/disconnect""#),
    ];
    let changes = prop_oneof![2 => Just(vec![]), 1 => vec(any_field(), 1..4)];
    (meant, changes).prop_map(|(meant, changes)| {
        let changes: String = changes.into_iter().map(|(name, value)| format!(",{name}:{value}")).collect();
        format!(r#"{{"clientId":"MALLORY","id":"1",{meant}{changes}}}"#)
    })
}

fn any_field() -> impl Strategy<Value = (String, String)> {
    let known = select(vec![
        r#""channel""#,
        r#""clientId""#,
        r#""id""#,
        r#""data""#,
        r#""subscription""#,
        r#""connectionType""#,
        r#""version""#,
        r#""minimumVersion""#,
        r#""supportedConnectionTypes""#,
        r#""advice""#,
        r#""ext""#,
    ]);
    let advice = select(vec![
        r#"{"timeout":0}"#,
        r#"{"timeout":-1,"interval":1e300}"#,
        r#"{"timeout":{},"interval":[]}"#,
        r#"{"timeout":1E400}"#,
    ]);
    let ext = select(vec![r#"{"ack":true}"#, r#"{"ack":-1}"#, r#"{"ack":1E400}"#, r#"{"timesync":{"tc":{}}}"#]);
    prop_oneof![
        4 => (known.prop_map(str::to_owned), any_json()),
        1 => (any_string(), any_json()),
        1 => advice.prop_map(|advice| (r#""advice""#.to_owned(), advice.to_owned())),
        1 => ext.prop_map(|ext| (r#""ext""#.to_owned(), ext.to_owned())),
    ]
}

fn any_batch() -> impl Strategy<Value = String> {
    let element = prop_oneof![8 => any_message(), 1 => any_json()];
    prop_oneof![
        6 => any_message(),
        3 => vec(element, 1..5).prop_map(|elements| format!("[{}]", elements.join(","))),
        1 => any_json(),
    ]
}

/// Alice and Bob talk.
fn still_served(alice: &Client, bob: &Client) {
    alice.publish("/private/talk", "hello");
    assert_eq!(bob.receives(), ["hello"]);
    assert!(bob.connect().is_held());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_messages_of_mallory_are_answered_and_do_not_disturb_alice_and_bob(
        batches in vec((any_batch(), proptest::bool::weighted(0.2), 0..2_u64), 1..12)
    ) {
        let scenario = Scenario::with(&[("FLUSH_PACE", "0")]);
        let [alice, bob] = scenario.join(["alice", "bob"]);
        let [mallory] = scenario.join(["mallory"]);
        bob.subscribe("/private/*");
        bob.hold();
        for (batch, breaks_off, pause) in batches {
            if scenario.read(&batch).is_err() {
                continue;
            }
            let request = mallory.post_text(&batch.replace("MALLORY", mallory.id()));
            scenario.after(pause);
            if breaks_off && request.is_held() {
                request.breaks_off();
            }
            still_served(&alice, &bob);
        }
    }

    #[test]
    fn any_request_text_is_read_or_refused_with_a_4xx(text in any::<String>(), json in any_json()) {
        let scenario = Scenario::new();
        for body in [&text, &json, &format!("[{text}]"), &format!("message={text}&message={json}")] {
            let _ = scenario.read(body).map_err(|error| is_a_4xx(error.status()));
            let _ = scenario.read_form(body).map_err(|error| is_a_4xx(error.status()));
        }
    }

    #[test]
    fn any_json_data_arrives_as_it_was_sent(data in any_json()) {
        let scenario = Scenario::new();
        let [alice, bob] = scenario.join(["alice", "bob"]);
        bob.subscribe("/chat");
        let held = bob.connect_with(json!({"id": null}));
        alice.post_text(&format!(r#"{{"data":{data},"channel":"/chat","clientId":"{}"}}"#, alice.id()));
        let reply = r#"{"channel":"/meta/connect","successful":true}"#;
        prop_assert_eq!(held.answer().text, format!(r#"[{{"channel":"/chat","data":{data}}},{reply}]"#));
    }
}

fn is_a_4xx(status: u16) {
    assert!((400..500).contains(&status));
}
