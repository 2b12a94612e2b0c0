//! What the application is told of after the fact.

use super::{Publication, ServerEvent};

/// One thing that has happened.
pub(in crate::bayeux) enum LifecycleEvent {
    Told(ServerEvent),
    /// Something was published that the local session at this place listens to.
    Received(usize, Publication),
}

impl LifecycleEvent {
    /// Bytes of data.
    pub fn size(&self) -> usize {
        match self {
            Self::Received(_, publication) | Self::Told(ServerEvent::Publish(publication)) => {
                publication.raw_data().get().len()
            }
            Self::Told(_) => 0,
        }
    }
}
