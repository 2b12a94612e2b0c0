//! `/meta/subscribe`: the names a client wants to hear.
//!
//! ```text
//! → [{"channel":"/meta/subscribe","clientId":"…","subscription":["/chat/demo","/news/**"],"id":"2"}]
//! ← [{"channel":"/meta/subscribe","id":"2","successful":true,"subscription":["/chat/demo","/news/**"]}]
//! ```
//!
//! * `subscription` MUST be a name, a pattern or an array of them (Bayeux 1.0 section 4.3); the reply repeats it as it came.
//! * All or nothing: one invalid or denied name, and none is applied.
//! * What was said before comes with the next connect, where `ext.replay` asks for it or the channel retains its latest event.
//! * Meta channels cannot be subscribed; a subscription to a service channel is accepted and does nothing.

use std::collections::BTreeSet;

use crate::bayeux::app::ServerEvent;
use crate::bayeux::limits::Charge;
use crate::bayeux::server::{Asked, Batch, BayeuxServer, Begun, Checked, Cursors, Past, Step};
use crate::bayeux::session::{Client, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{
    BayeuxError, ChannelPattern, Denial, Message, Operation, Realm, patterns, spelt_with_slash, subscribed_names,
};

impl BayeuxServer {
    pub(in crate::bayeux) fn subscribe(&mut self, now: Millis, batch: &mut Batch, checked: Checked) -> Step {
        let (client, session, patterns) = match self.allowed_subscriptions(batch, &checked.message) {
            Ok(allowed) => allowed,
            Err(error) => return Step::Replied(checked.answered_subscription(Err(error))),
        };
        let past = match self.past_wanted(session, &checked.message, named(&checked.message, &patterns)) {
            Ok(past) => past,
            Err(error) => return Step::Replied(checked.answered_subscription(Err(error))),
        };
        let ticket = self.waiting.draw_ticket();
        let words = self.ask_owners(now, session, &patterns, ticket);
        match words.map(|words| words + self.ask_for_beginnings(&past, ticket)) {
            Ok(0) => {
                let outcome = self.apply_subscriptions(&client, session, &patterns, &checked.message, &past, &[]);
                Step::Replied(checked.answered_subscribe(outcome))
            }
            Ok(words) => {
                let under_way = self.names_under_way(session, &patterns);
                let asked = Asked::Subscribe { checked, client, session, patterns, past, under_way };
                Step::Asked(ticket, words, Box::new(asked))
            }
            Err(error) => Step::Replied(checked.answered_subscription(Err(error))),
        }
    }

    /// Who wants to subscribe to what, where it may.
    fn allowed_subscriptions(
        &mut self,
        batch: &mut Batch,
        message: &Message,
    ) -> Result<(Client, SessionKey, Vec<ChannelPattern>), BayeuxError> {
        let key = self.speaker(batch, message)?;
        let mut patterns = patterns(message)?;
        let client = self.client(batch, Some(key));
        for pattern in &patterns {
            self.may_subscribe(&client, pattern, message)?;
        }
        patterns.retain(|pattern| pattern.realm() == Realm::Broadcast);
        self.new_subscriptions(key, &patterns)?;
        Ok((client, key, patterns))
    }

    /// Those of the patterns that the session does not have, where it may have so many.
    fn new_subscriptions(
        &self,
        key: SessionKey,
        patterns: &[ChannelPattern],
    ) -> Result<BTreeSet<ChannelPattern>, BayeuxError> {
        let session = self.sessions.get(key).ok_or(BayeuxError::SessionUnknown)?;
        let new = patterns.iter().filter(|pattern| !session.subscriptions.contains(*pattern));
        let new: BTreeSet<_> = new.map(|pattern| self.subscriptions.shared(pattern)).collect();
        self.may_have(key, &new)?;
        for pattern in &new {
            let most = self.app.max_subscribers(pattern).unwrap_or(usize::MAX);
            if self.subscriptions.count(pattern) >= most {
                return Err(BayeuxError::SubscribersExceeded);
            }
        }
        Ok(new)
    }

    /// Lets a session listen, where its owners know of it. Meanwhile it may have ended, or subscribed to something else.
    pub(in crate::bayeux) fn apply_subscriptions(
        &mut self,
        client: &Client,
        key: SessionKey,
        patterns: &[ChannelPattern],
        message: &Message,
        past: &Past,
        elsewhere: &[(ChannelPattern, Begun)],
    ) -> Result<Cursors, BayeuxError> {
        let new = self.new_subscriptions(key, patterns)?;
        let begun = self.begun(past, elsewhere)?;
        if new.is_empty() && past.is_empty() {
            return Ok(Cursors::new());
        }
        let session = self.sessions.get_mut(key).ok_or(BayeuxError::SessionUnknown)?;
        session.subscriptions.extend(new.iter().cloned());
        session.spell(patterns, spelt_with_slash(message));
        let cursors = self.begin_replays(key, past, &begun);
        if let Err(error) = self.save_session(key) {
            let session = self.sessions.get_mut(key).into_iter();
            session.for_each(|session| {
                session.subscriptions.retain(|pattern| !new.contains(pattern));
                new.iter().for_each(|pattern| session.replays.end(pattern));
            });
            return Err(self.storage_failed(&error));
        }
        for pattern in new {
            self.listen(&pattern, key);
            self.happened(|| ServerEvent::Subscribe { client: client.clone(), pattern });
        }
        Ok(cursors)
    }

    /// Those that a session does not have count as long as it waits for them.
    fn names_under_way(&self, key: SessionKey, patterns: &[ChannelPattern]) -> Charge {
        let Some(session) = self.sessions.get(key) else { return Charge::default() };
        let new: BTreeSet<_> = patterns.iter().filter(|pattern| !session.subscriptions.contains(*pattern)).collect();
        session.held.names.charge(new.len())
    }

    fn may_subscribe(&mut self, client: &Client, name: &ChannelPattern, message: &Message) -> Result<(), BayeuxError> {
        let denied = |denial| BayeuxError::Denied(Operation::Subscribe, denial);
        if name.realm() == Realm::Meta {
            return Err(denied(Denial::default()));
        }
        self.check_access(client, Operation::Subscribe, name)?;
        // A rule that allows it names it, or what is even more.
        if self.spans_trees(name) && !self.options.spanning_patterns && self.options.access_rules.is_none() {
            return Err(denied(Denial::because("spans_trees")));
        }
        self.may_create(client, name, message)?;
        let Some(policy) = &mut self.app.policy else { return Ok(()) };
        policy.can_subscribe(client, name, message).map_err(denied)
    }

    /// Whether somebody listens to this very name, or the application is at home there.
    pub(in crate::bayeux) fn exists(&self, name: &ChannelPattern) -> bool {
        self.subscriptions.has(name.as_str()) || self.app.has(name)
    }

    /// Whether a message may name a channel that nobody has named before: with a subscriber, or the application at home
    /// there, it exists.
    pub(in crate::bayeux) fn may_create(
        &mut self,
        client: &Client,
        name: &ChannelPattern,
        message: &Message,
    ) -> Result<(), BayeuxError> {
        let exists = self.exists(name);
        match &mut self.app.policy {
            Some(policy) if !exists => {
                let denied = |denial| BayeuxError::Denied(Operation::Create, denial);
                policy.can_create(client, name, message).map_err(denied)
            }
            _ => Ok(()),
        }
    }
}

/// Each of these patterns by the name that the client gave it.
fn named(message: &Message, patterns: &[ChannelPattern]) -> Vec<(String, ChannelPattern)> {
    let mut left: BTreeSet<_> = patterns.iter().collect();
    let named = subscribed_names(message).into_iter().filter_map(|name| {
        let pattern = ChannelPattern::parse(&name)?;
        left.remove(&pattern).then_some((name, pattern))
    });
    named.collect()
}
