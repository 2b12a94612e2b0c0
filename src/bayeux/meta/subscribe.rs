//! `/meta/subscribe`: the names that a client subscribes to.
//!
//! ```text
//! → [{"channel":"/meta/subscribe","clientId":"…","subscription":["/chat/demo","/news/**"],"id":"2"}]
//! ← [{"channel":"/meta/subscribe","id":"2","successful":true,"subscription":["/chat/demo","/news/**"]}]
//! ```
//!
//! * `subscription` MUST be a name, a pattern or an array of them (Bayeux 1.0 section 4.3); the reply repeats it as it
//!   came.
//! * All or nothing: with one invalid or denied name, none is applied.
//! * Earlier events come with the next connect, where `ext.replay` asks for them or the channel retains its latest
//!   event.
//! * Who is there is told on `/chat/demo/$presence`: a name of its own, which no wildcard matches.
//! * Meta channels cannot be subscribed; a subscription to a service channel is accepted and does nothing.

use std::collections::BTreeSet;

use crate::bayeux::limits::Charge;
use crate::bayeux::server::{Batch, BayeuxServer, Begun, Checked, Past, Step, Subscribed, SuspendedMessage};
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
        if past.has_numbers() {
            let again = self.sessions.get(session).is_some_and(|session| !session.is_strict() && past.repeats(session));
            self.leaves_lost_connect(now, session, &batch.from, again);
        }
        let pending_id = self.pending.next_id();
        let outcomes = self.ask_owners(now, session, &patterns, &past, pending_id);
        match outcomes + self.ask_for_beginnings(now, &past, pending_id) {
            0 => self.apply_subscriptions(&checked, client, session, &patterns, &past, &[]),
            outcomes => {
                let under_way = self.names_under_way(session, &patterns);
                let suspended = SuspendedMessage::Subscribe { checked, client, session, patterns, past, under_way };
                Step::Suspended(pending_id, outcomes, Box::new(suspended))
            }
        }
    }

    /// The session and the patterns of a subscribe, if it is allowed.
    fn allowed_subscriptions(
        &mut self,
        batch: &mut Batch,
        message: &Message,
    ) -> Result<(Client, SessionKey, Vec<ChannelPattern>), BayeuxError> {
        let key = self.speaker(batch, message)?;
        let mut patterns = patterns(message)?;
        let client = self.client(batch, Some(key));
        for pattern in &patterns {
            self.options.check_tree(pattern)?;
            self.may_subscribe(&client, pattern, message)?;
        }
        patterns.retain(|pattern| pattern.realm() == Realm::Broadcast);
        self.new_subscriptions(key, &patterns)?;
        Ok((client, key, patterns))
    }

    /// The patterns that are new to the session, if it may have so many.
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

    /// Adds the subscriptions once their owners know of them. Meanwhile the session may have ended, or subscribed to
    /// something else.
    pub(in crate::bayeux) fn apply_subscriptions(
        &mut self,
        checked: &Checked,
        client: Client,
        key: SessionKey,
        patterns: &[ChannelPattern],
        past: &Past,
        elsewhere: &[(ChannelPattern, Begun)],
    ) -> Step {
        let found = self.new_subscriptions(key, patterns).and_then(|new| Ok((new, self.begun(past, elsewhere)?)));
        let (new, begun) = match found {
            Ok(found) => found,
            Err(error) => return Step::Replied(checked.answered_subscription(Err(error))),
        };
        if new.is_empty() && past.is_empty() && !self.awaits_row(key, patterns) {
            return Step::Replied(checked.answered_subscription(Ok(())));
        }
        if let Some(session) = self.sessions.get_mut(key) {
            session.subscriptions.extend(new.iter().cloned());
            session.spell(patterns, spelt_with_slash(&checked.message));
        }
        new.iter().for_each(|pattern| self.listen(pattern, key));
        let reply = checked.answered_subscribe(self.begin_replays(key, past, &begun, &new));
        let refusal = checked.answered_subscription(Err(BayeuxError::StorageFailed));
        let new = new.into_iter().collect();
        Step::Subscribed(Box::new(Subscribed { session: key, client, new, reply, refusal }))
    }

    /// Names that are new to the session count while it waits for them.
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
        if let Some(watched) = name.channel().and_then(|channel| channel.watched()) {
            return self.may_watch(client, &watched, message);
        }
        self.check_access(client, Operation::Subscribe, name)?;
        // With access rules no more is needed: a rule had to name this pattern, or a wider one.
        if self.cluster.spans(name) && !self.options.spanning_patterns && self.options.access_rules.is_none() {
            return Err(denied(Denial::because("spans_trees")));
        }
        self.may_create(client, name, message)?;
        self.app.can_subscribe(client, name, message).map_err(|fault| self.blame(fault))
    }

    /// Whether somebody listens to this very name, or the application serves it.
    pub(in crate::bayeux) fn exists(&self, name: &ChannelPattern) -> bool {
        self.subscriptions.has(name.as_str()) || self.app.has(name)
    }

    /// Whether a message may name a channel that nobody has named before: a channel exists where it has a subscriber or
    /// the application serves it.
    pub(in crate::bayeux) fn may_create(
        &mut self,
        client: &Client,
        name: &ChannelPattern,
        message: &Message,
    ) -> Result<(), BayeuxError> {
        if self.exists(name) {
            return Ok(());
        }
        self.app.can_create(client, name, message).map_err(|fault| self.blame(fault))
    }
}

/// Each of these patterns, with the spelling of the client.
fn named(message: &Message, patterns: &[ChannelPattern]) -> Vec<(String, ChannelPattern)> {
    let mut left: BTreeSet<_> = patterns.iter().collect();
    let named = subscribed_names(message).into_iter().filter_map(|name| {
        let pattern = ChannelPattern::parse(&name)?;
        left.remove(&pattern).then_some((name, pattern))
    });
    named.collect()
}
