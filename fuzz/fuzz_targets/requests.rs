//! Bodies, forms and JSONP queries: read or refused with a 4xx, within the limits, and what was read is repeated as it
//! came.
#![no_main]

use bayeux_edge::bayeux::{Callback, Message, Options, parse_form, parse_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let options = Options { max_messages_per_batch: 8, max_json_depth: 16, ..Options::default() };
    for read in [parse_json(text, &options), parse_form(text, &options)] {
        match read {
            Ok(messages) => {
                // Past the limit they are refused one by one, and of many times as many none is read.
                assert!((1..=16 * options.max_messages_per_batch).contains(&messages.len()));
                messages.iter().flatten().for_each(check);
            }
            Err(error) => assert!((400..500).contains(&error.status())),
        }
    }
    if let Ok(callback) = Callback::of_query(text) {
        let script = callback.script("[{\"data\":\"\u{2028}\u{2029}\"}]");
        assert!(script.is_ascii() && script.len() <= 64 + 40, "a name and nothing else: {script}");
    }
});

fn check(message: &Message) {
    let _ = message.client_id();
    if let Ok(channel) = message.channel() {
        assert!(channel.as_str().len() <= 512);
    }
    if let Ok(id) = message.id()
        && let Some(id) = id.as_json()
    {
        let id = id.get();
        assert!(!id.contains(['<', '>', '&', '\'', '\\']), "an id that a page could take for a script: {id}");
    }
    // Written and read again it is the same.
    let json = serde_json::to_string(message).unwrap();
    let again: Message = serde_json::from_str(&json).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), json);
}
