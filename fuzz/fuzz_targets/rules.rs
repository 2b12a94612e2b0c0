//! Access rules, claims, a pattern and a channel, with empty lines between: what they allow on a pattern they allow on
//! each channel of it, and no claim leads to `/meta` or `/service`.
#![no_main]

use bayeux_edge::bayeux::{AccessRules, ChannelId, ChannelPattern, Operation, Realm};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let mut parts = text.splitn(4, "\n\n").chain([""; 3]);
    let [rules, claims, pattern, channel] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    let written = rules;
    let Ok(rules) = AccessRules::parse(rules) else { return };
    let claims: Value = serde_json::from_str(claims).unwrap_or_default();
    let claims = claims.as_object();
    let Some(pattern) = ChannelPattern::parse(pattern) else { return };
    for operation in [Operation::Subscribe, Operation::Publish] {
        let allowed = rules.allow(claims, operation, &pattern);
        if let Some(channel) = ChannelId::parse(channel)
            && allowed
            && pattern.matches(&channel)
        {
            assert!(rules.allow(claims, operation, &channel.into()), "{pattern:?}");
        }
        if allowed && claims.is_some() && !rules.allow(None, operation, &pattern) && pattern.realm() != Realm::Broadcast
        {
            // Only a rule that names the realm itself leads there.
            let named = written.contains("/meta") || written.contains("/service") || written.contains("/*");
            assert!(named, "{rules:?} {pattern:?}");
        }
    }
});
