//! What an application wants done, as values: the server does it when the handler has returned.

use std::panic::Location;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::fetch::{Ask, Fetch, FetchError, FetchResponse};
use super::handler_error::Outcome;
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::{BayeuxError, ChannelId, ChannelPattern};

/// Any number of things to do, in this order.
///
/// ```
/// use bayeux_edge::bayeux::app::{Actions, reply};
///
/// let nothing = Actions::new();
/// let twice = reply("one").reply("two").publish("/news", "somebody asked");
/// ```
#[derive(Debug, Default)]
pub struct Actions(Vec<Action>);

/// One thing to do. The policy is not asked: it binds clients, not the server.
#[derive(Debug)]
pub enum Action {
    /// Deliver this data to the sender, on the channel it sent to.
    Reply(Box<RawValue>),
    /// Answer the sender's remote call.
    Answer(CallAnswer),
    Publish {
        channel: ChannelId,
        data: Box<RawValue>,
        /// Whether it may wait for company.
        lazy: bool,
    },
    /// Deliver to one session alone, subscribed or not.
    Push {
        session: SessionKey,
        channel: ChannelId,
        data: Box<RawValue>,
    },
    /// End a session; the sender's, where none is named.
    Disconnect(Option<SessionKey>),
    /// Set an attribute of the sender's session.
    SetAttribute {
        name: String,
        value: Value,
    },
    /// Let a local session listen.
    Subscribe {
        local: String,
        pattern: ChannelPattern,
    },
    Unsubscribe {
        local: String,
        pattern: ChannelPattern,
    },
    /// Send a request, and do what its handler says when the response has come.
    Ask(Ask),
    /// An impossible action, with the reason: a line in the log, and the end of the message that it belongs to.
    Impossible(String),
}

/// The outcome of a remote call.
#[derive(Debug)]
pub struct CallAnswer {
    pub data: Box<RawValue>,
    pub successful: bool,
    /// The error that failed the call, where it was one.
    pub error: Option<BayeuxError>,
}

/// The answer of a remote call.
#[track_caller]
pub fn answer(data: impl Serialize) -> Actions {
    Actions::new().answer(data)
}

/// The answer of a remote call that fails: the caller's `successful` is false, and this is the data.
#[track_caller]
pub fn failure(data: impl Serialize) -> Actions {
    Actions::new().failure(data)
}

/// The answer of a service with one reply.
#[track_caller]
pub fn reply(data: impl Serialize) -> Actions {
    Actions::new().reply(data)
}

/// A request and nothing else: see [`Actions::ask`].
pub fn ask(fetch: Fetch, then: impl FnOnce(Result<FetchResponse, FetchError>) -> Outcome + 'static) -> Actions {
    Actions::new().ask(fetch, then)
}

/// A publish and nothing else.
#[track_caller]
pub fn publish(channel: impl AsRef<str>, data: impl Serialize) -> Actions {
    Actions::new().publish(channel, data)
}

impl Actions {
    /// Nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// Delivers `data` to the sender alone, on the channel it sent to. Where there is no message there is nobody to
    /// reply to.
    #[track_caller]
    pub fn reply(self, data: impl Serialize) -> Self {
        self.with(json(data).map(Action::Reply))
    }

    /// Answers a remote call. It makes sense in [`Application::remote_call`](super::Application::remote_call) alone.
    #[track_caller]
    pub fn answer(self, data: impl Serialize) -> Self {
        self.with(json(data).map(|data| Action::Answer(CallAnswer { data, successful: true, error: None })))
    }

    /// Answers a remote call that fails.
    #[track_caller]
    pub fn failure(self, data: impl Serialize) -> Self {
        self.with(json(data).map(|data| Action::Answer(CallAnswer { data, successful: false, error: None })))
    }

    /// Fails a remote call with an error, which is its data too: clients ignore answers without data.
    pub(in crate::bayeux) fn failed_by(error: BayeuxError) -> Self {
        let data = json(serde_json::json!({ "error": error.to_string() }));
        let failed = |data| Action::Answer(CallAnswer { data, successful: false, error: Some(error) });
        Self::new().with(data.map(failed))
    }

    /// These actions as those of a remote call. Its result is the `answer` among them, else what the handler of the
    /// last `ask` returns, else `null`.
    pub(super) fn answering_a_call(mut self) -> Self {
        if self.0.iter().any(|action| matches!(action, Action::Answer(_))) {
            return self;
        }
        let Some(place) = self.0.iter().rposition(|action| matches!(action, Action::Ask(_))) else {
            return self.answer(());
        };
        if let Action::Ask(ask) = self.0.remove(place) {
            self.0.insert(place, Action::Ask(ask.of_call()));
        }
        self
    }

    /// Publishes as the server.
    #[track_caller]
    pub fn publish(self, channel: impl AsRef<str>, data: impl Serialize) -> Self {
        self.with(json(data).and_then(|data| Ok(Action::Publish { channel: parsed(channel)?, data, lazy: false })))
    }

    /// Publishes a lazy message: CometD's `setLazy`. It waits for other events as on a lazy channel, up to
    /// `MAX_LAZY_TIMEOUT`, or the channel's own time.
    #[track_caller]
    pub fn publish_lazily(self, channel: impl AsRef<str>, data: impl Serialize) -> Self {
        self.with(json(data).and_then(|data| Ok(Action::Publish { channel: parsed(channel)?, data, lazy: true })))
    }

    /// Delivers to one session, whether it is subscribed or not: CometD's `deliver`, POE's `client_push`. A session
    /// that has ended meanwhile gets nothing.
    #[track_caller]
    pub fn push(self, session: SessionKey, channel: impl AsRef<str>, data: impl Serialize) -> Self {
        self.with(json(data).and_then(|data| Ok(Action::Push { session, channel: parsed(channel)?, data })))
    }

    /// Sends a request, and calls `then` with its response. What `then` returns is done as if the handler had returned
    /// it: `reply` goes to the same sender, and `then` may ask again. A sender whose session has ended meanwhile, or
    /// who has none, gets no reply.
    ///
    /// The message itself is answered at once. So an error of `then` fails a remote call; elsewhere it is a line in the
    /// log.
    ///
    /// Six requests are under way at a time, 1,000 wait; of one more, `then` is not called: a remote call fails with
    /// `503::pending_exceeded`. What waits when the object is evicted or deployed is forgotten.
    ///
    /// ```
    /// use bayeux_edge::prelude::*;
    ///
    /// let application = Application::new().remote_call("weather", |call| {
    ///     let city: String = call.data()?;
    ///     Ok(ask(Fetch::post("https://weather.example/today", city), |response| {
    ///         let weather: Value = response?.json()?;
    ///         Ok(answer(weather))
    ///     }))
    /// });
    /// ```
    pub fn ask(
        mut self,
        fetch: Fetch,
        then: impl FnOnce(Result<FetchResponse, FetchError>) -> Outcome + 'static,
    ) -> Self {
        self.0.push(Action::Ask(Ask { fetch, then: Box::new(then), is_call: false }));
        self
    }

    /// Ends the sender's session.
    pub fn disconnect(self) -> Self {
        self.with(Ok(Action::Disconnect(None)))
    }

    /// Ends a session.
    pub fn disconnect_session(self, session: SessionKey) -> Self {
        self.with(Ok(Action::Disconnect(Some(session))))
    }

    /// Sets an attribute of the sender's session; `null` removes it.
    pub fn set_attribute(self, name: &str, value: impl Into<Value>) -> Self {
        self.with(Ok(Action::SetAttribute { name: name.to_owned(), value: value.into() }))
    }

    /// Lets the local session of this name listen.
    #[track_caller]
    pub fn subscribe(self, local: &str, pattern: impl AsRef<str>) -> Self {
        let local = local.to_owned();
        self.with(parsed_pattern(pattern).map(|pattern| Action::Subscribe { local, pattern }))
    }

    /// Lets the local session of this name listen no longer.
    #[track_caller]
    pub fn unsubscribe(self, local: &str, pattern: impl AsRef<str>) -> Self {
        let local = local.to_owned();
        self.with(parsed_pattern(pattern).map(|pattern| Action::Unsubscribe { local, pattern }))
    }

    /// Adds an action. An impossible one is logged with its place in the source.
    #[track_caller]
    fn with(mut self, action: Result<Action, String>) -> Self {
        let written = Location::caller();
        let impossible = |reason| Action::Impossible(format!("{reason}, at {}:{}", written.file(), written.line()));
        self.0.push(action.unwrap_or_else(impossible));
        self
    }

    /// An impossible action of another program.
    pub(in crate::bayeux) fn impossible(mut self, reason: &str) -> Self {
        self.0.push(Action::Impossible(reason.to_owned()));
        self
    }
}

impl Action {
    /// Why it cannot be done.
    pub(super) fn impossible(&self) -> Option<&str> {
        match self {
            Self::Impossible(reason) => Some(reason),
            _ => None,
        }
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::vec::IntoIter<Action>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

fn json(data: impl Serialize) -> Result<Box<RawValue>, String> {
    to_raw_value(&data).map_err(|error| format!("data that is no JSON: {error}"))
}

/// The name itself may come from a client, so it is not logged.
fn parsed(channel: impl AsRef<str>) -> Result<ChannelId, String> {
    ChannelId::parse(channel.as_ref()).ok_or_else(|| "a name that is no channel's".to_owned())
}

fn parsed_pattern(pattern: impl AsRef<str>) -> Result<ChannelPattern, String> {
    ChannelPattern::parse(pattern.as_ref()).ok_or_else(|| "a name that is neither a channel's nor a pattern".to_owned())
}
