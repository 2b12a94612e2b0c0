//! All that `src/app.rs` needs, in one line: `use bayeux_edge::prelude::*;`

pub use std::time::Duration;

pub use serde::{Deserialize, Serialize};
pub use serde_json::{Value, json};

pub use crate::bayeux::app::{
    Actions, Application, Attributes, ChannelOptions, Client, Fetch, FetchError, FetchResponse, HandlerError,
    HttpRequest, HttpResponse, LocalSession, Outcome, Publication, SecurityPolicy, Sender, ServerEvent, answer, ask,
    failure, publish, reply,
};
pub use crate::bayeux::{Advice, BayeuxError, ChannelId, ChannelPattern, Denial, Ending, Message, SessionKey};
