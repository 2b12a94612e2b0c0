//! A home, and rows of it, a line each, as another version, a bug or a disk may have left them: a server starts with
//! them, and serves.
#![no_main]

use bayeux_edge::bayeux::{
    Application, BayeuxContext, BayeuxServer, Delivery, Endpoint, EventNumber, Forgetful, Home, Input, KeptSocket,
    Millis, Options, Output, RequestId, SavedEvent, SessionKey, SocketId, Stored, parse_json,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let Some(home) = lines.next().and_then(Home::named) else { return };
    let (mut stored, mut sockets) = (Stored::default(), Vec::new());
    let (mut sessions, mut events) = (Vec::new(), Vec::new());
    for line in lines.take(64) {
        let mut words = line.splitn(3, ' ');
        let (Some(table), Some(key), Some(json)) = (words.next(), words.next(), words.next()) else { continue };
        let number = key.parse().unwrap_or_default();
        match table {
            "session" => sessions.extend(serde_json::from_str(json).ok().map(|session| (SessionKey(number), session))),
            "event" => {
                let Some((to, json)) = json.split_once(' ') else { continue };
                let (Ok(to), true) = (serde_json::from_str(to), is_json(json)) else { continue };
                events.push(SavedEvent { number: EventNumber(number), json: json.to_owned(), to });
            }
            "delivery" => stored.deliveries.extend(serde_json::from_str::<Vec<Delivery>>(json).unwrap_or_default()),
            "note" if is_json(json) => stored.notes.push((key.to_owned(), json.to_owned())),
            "socket" => sockets.push(KeptSocket { socket: SocketId(number), address: None, held: json.to_owned() }),
            _ => {}
        }
    }
    (stored.sessions, stored.events) = (Box::new(sessions.into_iter()), Box::new(events.into_iter()));
    let options = Options::default();
    let mut server = BayeuxServer::new(home, options.clone(), Application::new(), [7; 32], Box::new(Forgetful));
    let now = Millis(1_700_000_000_000);
    server.restore(now, stored, sockets);
    let _ = server.handle(now, Input::Timeout);
    let handshake = r#"{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}"#;
    let (from, messages) = (Endpoint::LongPolling(RequestId::new(1)), parse_json(handshake, &options).unwrap());
    let outputs = server.handle(now, Input::Messages { from, context: BayeuxContext::default(), messages });
    let answered =
        outputs.iter().any(|output| matches!(output, Output::Send { messages, .. } if messages.contains("successful")));
    assert!(answered, "{outputs:?}");
    let _ = server.handle(Millis(now.0 + 60_000), Input::Timeout);
});

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}
