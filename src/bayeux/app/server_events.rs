//! Server events: what has happened to sessions and messages, told to the application afterwards.

use serde_json::value::RawValue;

use super::publication::Publication;
use crate::bayeux::session::{Client, Ending, SessionKey};
use crate::bayeux::wire::{ChannelId, ChannelPattern};

/// What [`Application::on_event`](super::Application::on_event) hears of.
#[derive(Debug)]
pub enum ServerEvent {
    /// A handshake opened a session.
    ClientConnect { client: Client },
    /// A session ended: its client disconnected, did not come back in time ([`Ending::Expired`]), or was dismissed.
    /// [`ServerEvent::Unsubscribe`] of its subscriptions comes before.
    ClientDisconnect { client: Client, why: Ending },
    /// A client, or a local session, listens to a channel or pattern that it did not listen to before.
    Subscribe { client: Client, pattern: ChannelPattern },
    /// It no longer does.
    Unsubscribe { client: Client, pattern: ChannelPattern },
    /// A message went out to the subscribers of its channel, whoever published it.
    Publish(Publication),
    /// The application sent something to one session.
    ClientPush { session: SessionKey, channel: ChannelId, data: Box<RawValue> },
}

/// One thing that has happened.
pub(in crate::bayeux) enum LifecycleEvent {
    Told(ServerEvent),
    /// The same, caused by an action of the hooks Worker, which is not told of it: that could loop forever.
    ByHooks(ServerEvent),
    /// Something was published that the local session at this place listens to.
    Received(usize, Publication),
}

impl LifecycleEvent {
    /// Bytes of data.
    pub fn size(&self) -> usize {
        match self {
            Self::Received(_, publication)
            | Self::Told(ServerEvent::Publish(publication))
            | Self::ByHooks(ServerEvent::Publish(publication)) => publication.raw_data().get().len(),
            Self::Told(_) | Self::ByHooks(_) => 0,
        }
    }
}
