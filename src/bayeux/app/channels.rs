//! How single channels differ from the others.

use std::time::Duration;

use crate::bayeux::delivery::HistoryBounds;

/// What holds for the channels that match a pattern. Of several patterns that match, the first one that says something counts.
///
/// ```
/// use std::time::Duration;
///
/// use bayeux_edge::bayeux::app::{Application, ChannelOptions};
///
/// let application = Application::new()
///     .channel("/news/**", ChannelOptions::new().lazy(Duration::from_secs(2)))
///     .channel("/rooms/*", ChannelOptions::new().max_subscribers(50));
/// ```
#[derive(Clone, Debug, Default)]
pub struct ChannelOptions {
    pub(super) lazy: Option<Duration>,
    pub(super) max_subscribers: Option<usize>,
    pub(super) history: Option<HistoryBounds>,
    pub(super) retain: bool,
    pub(super) presence: bool,
}

impl ChannelOptions {
    pub fn new() -> Self {
        Self::default()
    }

    /// Events wait for company, for so long at the most: CometD's lazy channels, as `LAZY_CHANNELS` makes them with one time
    /// for all. Zero makes a channel of those a prompt one.
    #[must_use]
    pub fn lazy(self, longest: Duration) -> Self {
        Self { lazy: Some(longest), ..self }
    }

    /// The channel keeps so many of its events for those who come later, and none longer than that: `HISTORY`.
    #[must_use]
    pub fn history(self, events: usize, age: Option<Duration>) -> Self {
        Self { history: Some(HistoryBounds { events: events.max(1), age, bytes: None }), ..self }
    }

    /// Whoever subscribes hears the latest event of the channel first: `RETAIN`.
    #[must_use]
    pub fn retain(self) -> Self {
        Self { retain: true, ..self }
    }

    /// The channel tells who is there: `PRESENCE`.
    #[must_use]
    pub fn presence(self) -> Self {
        Self { presence: true, ..self }
    }

    /// How many sessions may subscribe to such a channel, or to such a pattern, by its very name; one more is answered
    /// `403::subscribers_exceeded`. Whoever listens through a wider pattern is not counted: that is the policy's to forbid.
    #[must_use]
    pub fn max_subscribers(self, sessions: usize) -> Self {
        Self { max_subscribers: Some(sessions), ..self }
    }
}
