//! The connection types that the server knows.

/// A connection type (Bayeux 1.0 section 2.2.2), the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConnectionType {
    WebSocket,
    EventSource,
    LongPolling,
    CallbackPolling,
}

impl ConnectionType {
    pub const ALL: [Self; 4] = [Self::WebSocket, Self::EventSource, Self::LongPolling, Self::CallbackPolling];

    /// As `supportedConnectionTypes` and `connectionType` say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::EventSource => "eventsource",
            Self::LongPolling => "long-polling",
            Self::CallbackPolling => "callback-polling",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|type_| type_.name() == name)
    }
}
