//! From an event to whoever listens: who subscribes, what waits, when it leaves, and in which frames.
//!
//! | Type | File | Is |
//! |---|---|---|
//! | [`Subscriptions`] | | subscribers by pattern |
//! | [`Queue`], [`Bounds`] | `queue` | the events that wait for one session, urgent and lazy ones; how many may |
//! | [`Weighed`] | `weighed_event` | an event with its charge to the home's memory |
//! | [`FlushPace`], [`Sent`] | `flush_pace` | when the object may flush again, for all sessions together, and what it sent last; lazy events wait in [`Queue`] |
//! | [`Frames`] | | the same events to many sockets as one text |
//! | [`HistoryRules`] | | which channels keep events for replay |
//! | [`Roster`], [`Member`] | `roster` | who is there in a channel, and what its watchers were told of that |
//! | [`Tails`] | `live_tail` | the events that an operator watches live with `GET /cometd/api/tail`; no client's replay reads them |
//! | [`Replays`] | `replay_progress` | how far each replay of one session has come; the kept events are read in `persistence/history.rs` |
//! | [`Attempt`], [`DedupKey`] | `dedup_key` | how a publish is recognised when it comes again |
//! | [`Dedup`], [`Unanswered`] | `dedup` | publishes that were accepted, and those whose answers reached nobody |
//!
//! This room never looks into an event, and knows no session but by its key.

mod dedup;
mod dedup_key;
pub(in crate::bayeux) mod flush_pace;
mod frames;
mod history_rules;
mod live_tail;
mod queue;
mod replay_progress;
mod roster;
mod subscriptions;
mod weighed_event;

pub(in crate::bayeux) use self::dedup::{Dedup, Unanswered};
pub(in crate::bayeux) use self::dedup_key::Attempt;
pub use self::dedup_key::DedupKey;
pub use self::flush_pace::{FlushPace, Sent};
pub use self::frames::{Frames, Sending, array, split};
pub use self::history_rules::{HistoryBounds, HistoryRules};
pub use self::live_tail::{TailPage, Tails};
pub use self::queue::{Bounds, ENTRY, Queue, Urgency};
pub use self::replay_progress::{Read, Replays, SavedReplays, Start, Want};
pub use self::roster::{Member, Place, Roster};
pub use self::subscriptions::Subscriptions;
pub use self::weighed_event::Weighed;
