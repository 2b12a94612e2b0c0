//! What other objects may say to a home, named in the first line, in whatever order: a call is answered once, and
//! clients are served all the same.
#![no_main]

use bayeux_edge::bayeux::{
    Application, BayeuxServer, Endpoint, EndpointKey, Forgetful, Home, Input, Millis, Options, Origin, Output,
    RequestId, Stored, parse_json,
};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

enum Step<'a> {
    /// Another object's.
    Call(&'a str),
    /// To a question that this object asked.
    Answer(u64, Option<&'a str>),
    /// A client, with `MINE` for its clientId.
    Says(&'a str),
    /// So many ms.
    Passes(u64),
}

impl<'a> Step<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        match line.split_once(' ')? {
            ("call", text) => Some(Self::Call(text)),
            ("answer", text) => {
                let (token, answer) =
                    text.split_once(' ').map_or((text, None), |(token, answer)| (token, Some(answer)));
                Some(Self::Answer(token.parse().ok()?, answer))
            }
            ("says", text) => Some(Self::Says(text)),
            ("passes", ms) => Some(Self::Passes(ms.parse().ok().filter(|ms| *ms < 100_000)?)),
            _ => None,
        }
    }
}

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Some(home) = lines.next().and_then(Home::named) else { return };
    let steps = lines.take(64).filter_map(Step::parse);
    let options = Options::default();
    let mut server = BayeuxServer::new(home, options.clone(), Application::new(), [7; 32], Box::new(Forgetful));
    let mut now = Millis(1_700_000_000_000);
    server.restore(now, Stored::default(), Vec::new());
    let (mut last, mut open) = (0, BTreeSet::new());
    // What it has asked of others: the platform answers each, if only that nobody answers.
    let mut asked = BTreeSet::new();
    let mut client_id = String::new();
    let handshake = r#"{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}"#;
    for step in std::iter::once(Step::Says(handshake)).chain(steps) {
        last += 1;
        let from = Endpoint::LongPolling(RequestId::new(last));
        let input = match step {
            Step::Call(text) => {
                open.insert(last);
                Input::Call { from, call: text.to_owned() }
            }
            Step::Answer(token, _) if !asked.remove(&token) => continue,
            Step::Answer(token, answer) => Input::Answer { token, answer: answer.map(str::to_owned) },
            Step::Says(text) => {
                let Ok(messages) = parse_json(&text.replace("MINE", &client_id), &options) else { continue };
                open.insert(last);
                Input::Messages { from, origin: Origin::default(), messages }
            }
            Step::Passes(ms) => {
                now = Millis(now.0 + ms);
                Input::Timeout
            }
        };
        for output in server.handle(now, input) {
            match output {
                Output::Send { to, messages, .. } => {
                    let EndpointKey::LongPolling(number) = to.key() else { panic!("{to:?}") };
                    assert!(open.remove(&number), "answered twice, or never asked");
                    if client_id.is_empty()
                        && let Some((_, rest)) = messages.split_once(r#""clientId":""#)
                    {
                        client_id = rest.chars().take_while(|c| *c != '"').collect();
                    }
                }
                Output::Ask { token, .. } => assert!(asked.insert(token), "a token that is in use"),
                Output::WakeAt(time) => assert!(time > now, "a timer would run in circles"),
                _ => {}
            }
        }
    }
    // Nobody answers any more. Whoever waits for others is told so at the latest then.
    for _ in 0..20 {
        now = Millis(now.0 + 60_000);
        let unanswered = std::mem::take(&mut asked).into_iter().map(|token| Input::Answer { token, answer: None });
        for input in unanswered.chain([Input::TurnOver, Input::Timeout]) {
            for output in server.handle(now, input) {
                match output {
                    Output::Send { to, .. } => {
                        let EndpointKey::LongPolling(number) = to.key() else { panic!("{to:?}") };
                        assert!(open.remove(&number), "answered twice, or never asked");
                    }
                    Output::Ask { token, .. } => assert!(asked.insert(token), "a token that is in use"),
                    _ => {}
                }
            }
        }
    }
    assert!(open.is_empty(), "never answered: {open:?}");
});
