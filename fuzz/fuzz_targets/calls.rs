//! What other objects may say to a home, named in the first line, in whatever order: a call is answered once, and
//! clients are served all the same.
#![no_main]

use bayeux_edge::bayeux::{
    Application, BayeuxContext, BayeuxServer, Endpoint, EndpointKey, Forgetful, Home, Input, Millis, Options, Output,
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

/// A home, those who wait for an answer of it, and what the platform owes it.
struct World {
    server: BayeuxServer,
    now: Millis,
    /// When it wants to be woken.
    wake: Option<Millis>,
    /// Who waits for an answer.
    open: BTreeSet<u64>,
    /// What it has asked of others.
    asked: BTreeSet<u64>,
    client_id: String,
}

impl World {
    fn input(&mut self, input: Input) {
        for output in self.server.handle(self.now, input) {
            match output {
                Output::Send { to, messages, .. } => {
                    let EndpointKey::LongPolling(number) = to.key() else { panic!("{to:?}") };
                    assert!(self.open.remove(&number), "answered twice, or never asked");
                    if self.client_id.is_empty()
                        && let Some((_, rest)) = messages.split_once(r#""clientId":""#)
                    {
                        self.client_id = rest.chars().take_while(|c| *c != '"').collect();
                    }
                }
                Output::Ask { token, .. } => assert!(self.asked.insert(token), "a token that is in use"),
                Output::WakeAt(time) => {
                    assert!(time > self.now, "a timer would run in circles");
                    self.wake = Some(self.wake.map_or(time, |wake| wake.min(time)));
                }
                _ => {}
            }
        }
    }

    /// Time passes, and it is woken whenever it wants to be.
    fn passes(&mut self, ms: u64) {
        let end = Millis(self.now.0 + ms);
        while let Some(wake) = self.wake.take_if(|wake| *wake <= end) {
            self.now = wake;
            self.input(Input::TurnOver);
            self.input(Input::Timeout);
        }
        self.now = end;
    }
}

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Some(home) = lines.next().and_then(Home::named) else { return };
    let steps = lines.take(64).filter_map(Step::parse);
    let options = Options::default();
    let mut server = BayeuxServer::new(home, options.clone(), Application::new(), [7; 32], Box::new(Forgetful));
    let now = Millis(1_700_000_000_000);
    server.restore(now, Stored::default(), Vec::new());
    let (open, asked, client_id) = Default::default();
    let mut world = World { server, now, wake: None, open, asked, client_id };
    let handshake = r#"{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}"#;
    for (number, step) in (1..).zip(std::iter::once(Step::Says(handshake)).chain(steps)) {
        let from = Endpoint::LongPolling(RequestId::new(number));
        match step {
            Step::Call(text) => {
                world.open.insert(number);
                world.input(Input::Call { from, call: text.to_owned() });
            }
            Step::Answer(token, answer) if world.asked.remove(&token) => {
                world.input(Input::Answer { token, answer: answer.map(str::to_owned) });
            }
            Step::Answer(..) => {}
            Step::Says(text) => {
                let Ok(messages) = parse_json(&text.replace("MINE", &world.client_id), &options) else { continue };
                world.open.insert(number);
                world.input(Input::Messages { from, context: BayeuxContext::default(), messages });
            }
            Step::Passes(ms) => world.passes(ms),
        }
    }
    // Nobody answers any more. Whoever waits is told so at the latest then.
    for _ in 0..20 {
        for token in std::mem::take(&mut world.asked) {
            world.input(Input::Answer { token, answer: None });
        }
        world.passes(10_000);
    }
    assert!(world.open.is_empty(), "never answered: {:?}", world.open);
});
