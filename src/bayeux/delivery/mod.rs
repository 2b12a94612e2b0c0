//! From an event to whoever listens: who subscribes, what waits, when it leaves, and in which frames.
//!
//! | Type | Is |
//! |---|---|
//! | [`Subscriptions`] | subscribers by pattern |
//! | [`Queue`], [`Bounds`] | the events that wait for one subscriber; how many may |
//! | [`Weighed`] | an event with its charge to the home's memory |
//! | [`FlushPace`], [`Sent`] | when the next flush may leave; what the last one sent |
//! | [`Frames`] | the same events to many sockets as one text |
//! | [`HistoryRules`] | which channels keep events for replay |
//! | [`Roster`], [`Member`] | who is there in a channel, and what its watchers were told of that |
//! | [`Tails`] | what was said lately in the channels that an operator looks at |
//! | [`Replays`] | the earlier events that one session has still to receive |
//! | [`Attempt`], [`DedupKey`] | how a publish is recognised when it comes again |
//! | [`Dedup`], [`Unanswered`] | publishes that were accepted, and those whose answers reached nobody |
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
