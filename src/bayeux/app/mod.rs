//! What an application decides: who may do what, and what its services answer.

use serde_json::value::RawValue;

use super::{BayeuxError, ChannelId, ChannelPattern, Denial, Message};

/// The server asks; the defaults allow everything and answer nothing.
pub trait Application {
    /// Whether a client may have a session. `handshake` is the whole message, with the credentials in its `ext`.
    ///
    /// # Errors
    /// The denial that the client reads.
    fn can_handshake(&self, _handshake: &Message) -> Result<(), Denial> {
        Ok(())
    }

    /// Whether a client may subscribe. Meta channels are never asked about: nobody may.
    ///
    /// # Errors
    /// The denial that the client reads.
    fn can_subscribe(&self, _pattern: &ChannelPattern) -> Result<(), Denial> {
        Ok(())
    }

    /// Whether a client may publish. What the application itself publishes is not asked about.
    ///
    /// # Errors
    /// The denial that the client reads.
    fn can_publish(&self, _channel: &ChannelId, _message: &Message) -> Result<(), Denial> {
        Ok(())
    }

    /// Every message that a client may publish, before it is delivered: the services listen to `/service/**` here, and
    /// listeners to whatever they like.
    ///
    /// # Errors
    /// An error vetoes the message: nobody receives it, and the publisher reads the error.
    fn receive(&mut self, _channel: &ChannelId, _message: &Message) -> Result<Vec<Action>, BayeuxError> {
        Ok(Vec::new())
    }
}

/// What an application wants done after a message.
#[derive(Debug)]
pub enum Action {
    /// Deliver this data to the sender, on the channel it sent to.
    Reply(Box<RawValue>),
    /// Publish as the server, whom no policy binds.
    Publish { channel: ChannelId, data: Box<RawValue> },
    /// End the sender's session.
    Disconnect,
}

/// An application that leaves everything open.
#[derive(Debug)]
pub struct Open;

impl Application for Open {}
