//! The tail of a pattern: what an operator reads of the channels that this home owns, call by call.
//!
//! ```text
//! GET /cometd/api/tail?channel=/chat/*                          ← {"events":[],"next":1740800000000000}
//! GET /cometd/api/tail?channel=/chat/*&after=1740800000000000   ← {"events":[{"channel":"/chat/a","data":1}],"next":…}
//! ```

use serde::Serialize;
use serde_json::value::RawValue;

use super::BayeuxServer;
use crate::bayeux::api::{ApiError, json};
use crate::bayeux::app::HttpResponse;
use crate::bayeux::delivery::TailPage;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::replay::Numbers;
use crate::bayeux::wire::{ChannelId, ChannelPattern, Event};

#[derive(Serialize)]
struct TailView {
    events: Vec<Box<RawValue>>,
    next: u64,
    /// Whether some events since `after` are not among them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    missed: bool,
}

impl BayeuxServer {
    /// As the owner: what was published in these channels since the call that told this number.
    pub(super) fn list_tail(&mut self, now: Millis, pattern: ChannelPattern, after: Option<u64>) -> HttpResponse {
        if self.options.tail_events == 0 {
            return ApiError::NoTail.into_response();
        }
        let Some(TailPage { events, next, missed }) = self.tails.read(now, pattern, after) else {
            return ApiError::TailsExceeded.into_response();
        };
        let events = events.into_iter().map(|event| event.with_number(Numbers::Ext));
        let events = events.filter_map(|event| RawValue::from_string(event.as_json().to_owned()).ok()).collect();
        json(TailView { events, next, missed })
    }

    pub(super) fn add_to_tails(&mut self, now: Millis, channel: &ChannelId, event: &Event) {
        self.tails.add(now, channel, event, self.options.tail_events);
    }
}
