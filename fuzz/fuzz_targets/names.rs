//! Channels, patterns, homes, a line each: parsed once, and then all of them agree with each other.
#![no_main]

use bayeux_edge::bayeux::{ChannelId, ChannelPattern, Home, Placement, Network, Rate, Subscriptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(3, '\n').chain([""; 2]);
    let [one, two, three] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let channel = ChannelId::parse(three);
    let (first, second) = (ChannelPattern::parse(one), ChannelPattern::parse(two));
    for pattern in [&first, &second].into_iter().flatten() {
        assert_eq!(ChannelPattern::parse(pattern.as_str()).as_ref(), Some(pattern), "what was parsed is canonical");
        assert!(pattern.covers(pattern));
    }
    if let Some(channel) = &channel {
        assert_eq!(ChannelId::parse(channel.as_str()).as_ref(), Some(channel));
        let name = ChannelPattern::from(channel.clone());
        assert!(name.matches(channel));
        let mut subscriptions = Subscriptions::default();
        for (number, pattern) in [&first, &second].into_iter().enumerate() {
            let Some(pattern) = pattern else { continue };
            subscriptions.add(pattern.clone(), number);
            // Who is in a channel hears only who asks for it by name.
            let hidden = channel.watched().is_some() && *pattern != name;
            assert_eq!(pattern.matches(channel), pattern.covers(&name) && !hidden, "{pattern:?} {channel:?}");
            let listed = channel.matching_keys().any(|key| key.as_str() == pattern.as_str());
            assert_eq!(pattern.matches(channel), listed, "{pattern:?} {channel:?}");
        }
        let heard: Vec<_> = subscriptions.matching(channel).collect();
        let expected =
            [&first, &second].map(|pattern| pattern.as_ref().is_some_and(|pattern| pattern.matches(channel)));
        assert_eq!([0, 1].map(|number| heard.contains(&number)), expected);
        if let (Some(first), Some(second)) = (&first, &second)
            && first.covers(second)
            && channel.watched().is_none()
        {
            assert!(first.matches(channel) || !second.matches(channel), "{first:?} {second:?} {channel:?}");
        }
    }
    for home in
        [Home::named(one), Home::at_path(one), Home::of_client_id(one), Home::of_stream(one).map(|(home, _)| home)]
            .into_iter()
            .flatten()
    {
        assert_eq!(Home::named(&home.to_string()), Some(home));
    }
    let _ = (Placement::parse(one), Rate::parse(two), Network::of(three));
});
