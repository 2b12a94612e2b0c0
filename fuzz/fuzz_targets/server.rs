//! A whole server with clients, sockets, a clock and restarts, under what tests/protocol/world.rs checks at every step:
//! each message is answered once, no clientId reaches another client, nothing is due in the past.
#![no_main]
#![allow(dead_code)]

#[path = "../../tests/protocol/client.rs"]
mod client;
#[path = "../../tests/protocol/rows.rs"]
mod rows;
#[path = "../../tests/protocol/scenario.rs"]
mod scenario;
#[path = "../../tests/protocol/stream.rs"]
mod stream;
#[path = "../../tests/protocol/world.rs"]
mod world;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use scenario::Scenario;

#[derive(Arbitrary, Debug)]
struct Talk<'a> {
    options: u8,
    steps: Vec<Step<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Step<'a> {
    /// A client says this, with `MINE` for its clientId.
    Says {
        who: u8,
        text: &'a str,
    },
    Sends {
        who: u8,
        messages: Vec<Message>,
    },
    Closes(u8),
    BreaksOff(u8),
    Passes(u16),
    Crashes,
    Hibernates,
    DiskFull(bool),
}

#[derive(Arbitrary, Debug)]
enum Message {
    Connect { at_once: bool, ack: Option<u8> },
    Subscribe(Vec<u8>),
    Unsubscribe(Vec<u8>),
    Publish { channel: u8, size: u8 },
    Disconnect,
}

const NAMES: [&str; 8] = ["/a", "/a/b", "/a/b/c", "/a/*", "/a/**", "/**", "/service/x", "/lazy/x"];

const OPTIONS: [&[(&str, &str)]; 4] = [
    &[],
    &[("DURABILITY", "strict"), ("FLUSH_PACE", "0"), ("TIMESTAMP", "true")],
    &[("MAX_QUEUE", "3"), ("QUEUE_OVERFLOW", "disconnect"), ("MAX_SUBSCRIPTIONS", "4"), ("MAX_SESSIONS", "6")],
    &[
        ("META_CONNECT_DELIVER_ONLY", "true"),
        ("LAZY_CHANNELS", "/lazy/**"),
        ("MAX_QUEUE_BYTES", "2000"),
        ("RATE_PUBLISHES", "20/10"),
    ],
];

impl Message {
    fn json(&self) -> String {
        let names = |names: &[u8]| {
            let names: Vec<_> =
                names.iter().take(6).map(|name| format!("{:?}", NAMES[usize::from(*name) % NAMES.len()])).collect();
            names.join(",")
        };
        let rest = match self {
            Self::Connect { at_once, ack } => {
                let advice = if *at_once { r#","advice":{"timeout":0}"# } else { "" };
                let ack = ack.map(|ack| format!(r#","ext":{{"ack":{ack}}}"#)).unwrap_or_default();
                format!(r#""channel":"/meta/connect","connectionType":"long-polling"{advice}{ack}"#)
            }
            Self::Subscribe(some) => format!(r#""channel":"/meta/subscribe","subscription":[{}]"#, names(some)),
            Self::Unsubscribe(some) => format!(r#""channel":"/meta/unsubscribe","subscription":[{}]"#, names(some)),
            Self::Publish { channel, size } => {
                let (channel, data) = (NAMES[usize::from(*channel) % NAMES.len()], "x".repeat(usize::from(*size) * 8));
                format!(r#""channel":"{channel}","data":"{data}""#)
            }
            Self::Disconnect => r#""channel":"/meta/disconnect""#.to_owned(),
        };
        format!(r#"{{"clientId":"MINE","id":"1",{rest}}}"#)
    }
}

fuzz_target!(|talk: Talk| {
    let scenario = Scenario::with(OPTIONS[usize::from(talk.options) % OPTIONS.len()]);
    let clients = ["alice", "bob", "carol"].map(|name| scenario.client(name));
    for (client, ack) in clients.iter().zip([false, true, false]) {
        client.handshake_with(serde_json::json!({"ext": {"ack": ack}}));
        client.connect();
    }
    let sockets = [scenario.socket(), scenario.socket()];
    clients[2].moves_to(&sockets[0]);
    let mut requests = Vec::new();
    for step in talk.steps.into_iter().take(64) {
        let say = |who: u8, text: String| {
            let client = &clients[usize::from(who) % clients.len()];
            let text = text.replace("MINE", client.id());
            scenario.read(&text).is_ok().then(|| client.post_text(&text))
        };
        match step {
            Step::Says { who, text } => requests.extend(say(who, text.to_owned()).filter(|_| who % 3 != 2)),
            Step::Sends { who, messages } => {
                let messages: Vec<_> = messages.iter().take(8).map(Message::json).collect();
                requests.extend(say(who, format!("[{}]", messages.join(","))).filter(|_| who % 3 != 2));
            }
            Step::Closes(socket) => sockets[usize::from(socket) % 2].closes(),
            Step::BreaksOff(at) => {
                if let Some(request) = requests.get(usize::from(at) % requests.len().max(1))
                    && request.is_held()
                {
                    requests.swap_remove(usize::from(at) % requests.len().max(1)).breaks_off();
                }
            }
            Step::Passes(ms) => scenario.after(ms.into()),
            Step::Crashes => {
                scenario.crashes();
                requests.clear();
            }
            Step::Hibernates => {
                scenario.hibernates();
                requests.clear();
            }
            Step::DiskFull(full) => scenario.rows().are_full(full),
        }
    }
});
