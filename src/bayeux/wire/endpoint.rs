//! Where answers and events go: requests, sockets, streams.

/// Where an answer goes. Neither `Copy` nor `Clone`, so a request cannot be answered twice.
#[derive(Debug)]
pub enum Endpoint {
    LongPolling(RequestId),
    WebSocket(SocketId),
    EventSource(StreamId),
}

/// One HTTP request of this home.
#[derive(Debug)]
pub struct RequestId(u64);

/// One WebSocket of this home. It takes any number of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// One event stream of this home. It takes any number of events, and one answer, which ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// The name of an [`Endpoint`], which cannot be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointKey {
    LongPolling(u64),
    WebSocket(u64),
    EventSource(u64),
}

/// Where events can go while a connect stays held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    Socket(SocketId),
    Stream(StreamId),
}

/// How a request went, apart from what its replies say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Ok,
    /// A newer connect of the same session replaced this one. Not 408, on which Chrome sends the request again.
    Overtaken,
    /// The address holds too many connects.
    Unavailable,
    /// No session has the stream's clientId.
    SessionUnknown,
    /// This session's events cannot go to a stream.
    Refused,
    /// This version does not understand what another object asks.
    Misunderstood,
}

impl Endpoint {
    pub fn key(&self) -> EndpointKey {
        match self {
            Self::LongPolling(RequestId(number)) => EndpointKey::LongPolling(*number),
            Self::WebSocket(SocketId(number)) => EndpointKey::WebSocket(*number),
            Self::EventSource(StreamId(number)) => EndpointKey::EventSource(*number),
        }
    }

    pub fn socket(&self) -> Option<SocketId> {
        match self {
            Self::LongPolling(_) | Self::EventSource(_) => None,
            Self::WebSocket(socket) => Some(*socket),
        }
    }
}

impl EndpointKey {
    /// What it is reached by, in a word: a connection type's name.
    pub fn transport(self) -> &'static str {
        match self {
            Self::LongPolling(_) => "long-polling",
            Self::WebSocket(_) => "websocket",
            Self::EventSource(_) => "eventsource",
        }
    }
}

impl RequestId {
    /// `number` must be given once in the life of a home.
    pub fn new(number: u64) -> Self {
        Self(number)
    }
}

impl Status {
    /// As HTTP says it (RFC 9110).
    pub fn code(self) -> u16 {
        match self {
            Self::Ok => 200,
            Self::Overtaken => 409,
            Self::Unavailable => 503,
            Self::SessionUnknown => 404,
            Self::Refused => 403,
            Self::Misunderstood => 400,
        }
    }
}
