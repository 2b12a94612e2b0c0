//! A token, and on the next line a key set: nothing opens that was not signed with one of the keys.
#![no_main]

use bayeux_edge::bayeux::tokens::{Bearer, Expected, Keys, plain_subprotocol};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (token, keys) = text.split_once('\n').unwrap_or((text, ""));
    let _ = (Bearer::of_authorization(token), Bearer::of_subprotocols(token), plain_subprotocol(token));
    let expected = Expected::default();
    let secret = Keys::parse("a secret that no fuzzer has ever come upon").unwrap();
    assert!(secret.verify(token, &expected, 1_795_000_000).is_err(), "{token}");
    for keys in [Keys::parse(keys), Keys::public(keys)].into_iter().flatten() {
        // With keys that the fuzzer chose it may sign.
        let _ = keys.verify(token, &expected, 1_795_000_000);
    }
});
