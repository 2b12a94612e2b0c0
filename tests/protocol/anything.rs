//! Whatever a client sends: no panic, every message answered once, and nobody else disturbed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::client::Client;
use crate::scenario::Scenario;

/// JSON text, not values: numbers that no `f64` holds, names that stand twice, escapes that are no characters.
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

/// A message of the fields that mean something, each with what makes sense, or with anything.
fn any_message() -> impl Strategy<Value = String> {
    let meant = prop_oneof![
        ("channel", channel()),
        ("clientId", select(vec![r#""MALLORY""#, r#""rNoSuchSession""#])),
        ("id", select(vec![r#""1""#, "7", r#""<""#])),
        ("data", select(vec![r#""hi""#, "1E400"])),
        ("subscription", select(vec![r#""/evil/x""#, r#"["/evil/*","/evil/**"]"#, r#"["/evil/x",5]"#, "[]"])),
        ("connectionType", select(vec![r#""long-polling""#, r#""callback-polling""#])),
        ("version", select(vec![r#""1.0""#, r#""1""#])),
        ("supportedConnectionTypes", select(vec![r#"["long-polling"]"#, "[]"])),
        ("minimumVersion", select(vec![r#""99""#, r#""1.0""#])),
        ("advice", select(vec![r#"{"timeout":0}"#, r#"{"timeout":-1,"interval":1e300}"#, "[0,0]"])),
        ("ext", select(vec![r#"{"ack":true}"#, r#"{"ack":-1}"#, r#"{"ack":1E400}"#, r#"{"timesync":{"tc":1}}"#])),
    ]
    .prop_map(|(name, value)| (name.to_owned(), value.to_owned()));
    let names = select(vec!["channel", "clientId", "id", "data", "subscription", "connectionType", "advice", "ext"]);
    let meant_not = (names, any_json()).prop_map(|(name, value)| (name.to_owned(), value));
    let strange = (any_string(), any_json()).prop_map(|(name, value)| (unquoted(&name), value));
    let field = prop_oneof![12 => meant, 2 => meant_not, 1 => strange];
    vec(field, 0..8).prop_map(|fields| {
        let quoted: Vec<_> = fields.into_iter().map(|(name, value)| (format!("\"{name}\""), value)).collect();
        object(&quoted)
    })
}

fn channel() -> impl Strategy<Value = &'static str> {
    select(vec![
        r#""/meta/handshake""#,
        r#""/meta/connect""#,
        r#""/meta/subscribe""#,
        r#""/meta/unsubscribe""#,
        r#""/meta/disconnect""#,
        r#""/meta/x""#,
        r#""/service/x""#,
        r#""/evil/x""#,
        r#""/evil/x/""#,
        r#""/evil/*""#,
    ])
}

fn unquoted(string: &str) -> String {
    string[1..string.len() - 1].to_owned()
}

fn any_batch() -> impl Strategy<Value = String> {
    let element = prop_oneof![8 => any_message(), 1 => any_json()];
    prop_oneof![
        3 => any_message(),
        6 => vec(element, 1..5).prop_map(|elements| format!("[{}]", elements.join(","))),
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
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_mallory_sends_it_is_answered_and_alice_and_bob_notice_nothing(
        batches in vec((any_batch(), any::<bool>(), 0..2_u64), 1..12)
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
    fn whatever_text_comes_it_is_read_or_refused(text in any::<String>(), json in any_json()) {
        let scenario = Scenario::new();
        for body in [&text, &json, &format!("[{text}]"), &format!("message={text}&message={json}")] {
            let _ = scenario.read(body).map_err(|error| is_a_4xx(error.status()));
            let _ = scenario.read_form(body).map_err(|error| is_a_4xx(error.status()));
        }
    }

    #[test]
    fn whatever_data_it_is_it_arrives_as_it_was_sent(data in any_json()) {
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
