//! Options that an application sets for the channels that match a pattern.

use std::time::Duration;

use crate::bayeux::delivery::HistoryBounds;

/// Options of the channels that match a pattern. Of several patterns that match, the first one that sets an option
/// counts.
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

    /// Events wait for others, at most for this time: CometD's lazy channels, which `LAZY_CHANNELS` sets with one time
    /// for all. Zero makes such a channel prompt again.
    #[must_use]
    pub fn lazy(self, longest: Duration) -> Self {
        Self { lazy: Some(longest), ..self }
    }

    /// The channel keeps so many events for replay, and none longer than that: `HISTORY`.
    #[must_use]
    pub fn history(self, events: usize, age: Option<Duration>) -> Self {
        Self { history: Some(HistoryBounds { events: events.max(1), age, bytes: None }), ..self }
    }

    /// New subscribers receive the latest event of the channel first: `RETAIN`.
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
    /// `403::subscribers_exceeded`. Subscribers of wider patterns are not counted: a policy can forbid those.
    #[must_use]
    pub fn max_subscribers(self, sessions: usize) -> Self {
        Self { max_subscribers: Some(sessions), ..self }
    }
}
