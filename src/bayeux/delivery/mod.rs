//! From an event to whoever listens: who subscribes, what waits, when it leaves, and in which frames.
//!
//! | Type | Is |
//! |---|---|
//! | [`Subscriptions`] | subscribers by pattern |
//! | [`Queue`], [`Bounds`] | the events that wait for one subscriber; how many may |
//! | [`Weighed`] | an event with its charge to the home's memory |
//! | [`FlushPace`], [`Sent`] | when the next flush may leave; what the last one sent |
//! | [`Frames`] | the same events to many sockets as one text |
//! | [`Retries`], [`PublishKey`] | publishes that were taken already |
//!
//! This room never looks into an event, and knows no session but by its key.

mod dedup;
mod frames;
pub(in crate::bayeux) mod pacing;
mod queue;
mod subscriptions;

pub use self::dedup::PublishKey;
pub(in crate::bayeux) use self::dedup::Retries;
pub use self::frames::{Frames, Sending, array, split};
pub use self::pacing::{FlushPace, Sent};
pub use self::queue::{Bounds, ENTRY, Queue, Urgency, Weighed};
pub use self::subscriptions::Subscriptions;
