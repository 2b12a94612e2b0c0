//! A message past the checks that all messages share, and the replies to it.

use super::replay_start::Cursors;
use crate::bayeux::auth::Identity;
use crate::bayeux::delivery::Attempt;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::replay::Replayed;
use crate::bayeux::wire::extensions::timesync;
use crate::bayeux::wire::{
    BayeuxError, ChannelId, Element, Message, MessageId, Realm, Reply, ReplyExt, Written, channel,
};

pub(in crate::bayeux) struct Checked {
    pub message: Message,
    pub id: MessageId,
    pub channel: ChannelId,
    /// How a publish is recognised when it comes again.
    pub attempt: Attempt,
    /// The timesync question of a meta message.
    pub timesync: Option<timesync::ClockReading>,
    /// The identity of a handshake's token.
    pub identity: Option<Identity>,
}

/// A message that lacks what every message must have.
pub(in crate::bayeux) struct Invalid {
    /// The finished reply.
    pub reply: Written,
    /// Who says that it sent it.
    pub client_id: Option<String>,
}

impl Checked {
    /// Checks what every message must have.
    ///
    /// # Errors
    /// The reply, and its sender.
    pub fn of(now: Millis, element: Element) -> Result<Self, Invalid> {
        let nameless = MessageId::default();
        let mut message = match element {
            Ok(message) => message,
            Err(error) => {
                return Err(Invalid { reply: Reply::failed(None, &nameless, &error).into_json(), client_id: None });
            }
        };
        // Clients match replies by the channel too, so even an invalid one is repeated, up to a length.
        let name = message.channel_name().filter(|name| name.len() <= channel::MAX_LENGTH);
        let invalid = |message: &Message, id: &MessageId, error: &BayeuxError| Invalid {
            reply: Reply::failed(name.as_deref(), id, error).into_json(),
            client_id: message.client_id(),
        };
        let id = message.id().map_err(|error| invalid(&message, &nameless, &error))?;
        let channel = message.channel().map_err(|error| invalid(&message, &id, &error))?;
        let meta = channel.realm() == Realm::Meta;
        let timesync = if meta { timesync::ClockReading::of(&message, now) } else { None };
        let attempt = match channel.realm() {
            Realm::Broadcast => Attempt::take_from(&mut message, &id, &channel),
            Realm::Meta | Realm::Service => Ok(Attempt::default()),
        };
        let attempt = attempt.map_err(|error| invalid(&message, &id, &error))?;
        Ok(Self { message, id, channel, attempt, timesync, identity: None })
    }

    /// The reply to a message that has not begun.
    pub fn refuse(now: Millis, element: Element, error: &BayeuxError) -> Written {
        match Self::of(now, element) {
            Ok(checked) => checked.failed(error).into_json(),
            Err(Invalid { reply, .. }) => reply,
        }
    }

    pub fn successful(&self) -> Reply<'_> {
        Reply { ext: self.ext(), ..Reply::successful(self.channel.as_str(), &self.id) }
    }

    /// A reply with the outcome alone.
    pub fn answered(&self, outcome: Result<(), BayeuxError>) -> Written {
        self.reply(&outcome).into_json()
    }

    /// The reply to a subscribe or an unsubscribe: it repeats the subscription.
    pub fn answered_subscription(&self, outcome: Result<(), BayeuxError>) -> Written {
        Reply { subscription: self.message.field("subscription"), ..self.reply(&outcome) }.into_json()
    }

    /// The reply to a successful subscribe, with the numbers at which it begins.
    pub fn answered_subscribe(&self, cursors: Cursors) -> Written {
        let mut reply = Reply { subscription: self.message.field("subscription"), ..self.successful() };
        reply.ext.replay = (!cursors.is_empty()).then_some(Replayed::Cursors(cursors));
        reply.into_json()
    }

    fn reply(&self, outcome: &Result<(), BayeuxError>) -> Reply<'_> {
        match outcome {
            Ok(()) => self.successful(),
            Err(error) => self.failed(error),
        }
    }

    pub fn failed(&self, error: &BayeuxError) -> Reply<'_> {
        let mut reply = Reply::failed(Some(self.channel.as_str()), &self.id, error);
        reply.ext.timesync = self.ext().timesync;
        reply
    }

    /// The `ext` of an immediate answer.
    fn ext(&self) -> ReplyExt {
        let timesync = self.timesync.and_then(timesync::ClockReading::answer_at_once);
        ReplyExt { timesync, ..ReplyExt::default() }
    }
}
