//! What outlives the object: its rows.
//!
//! | Type | Is |
//! |---|---|
//! | [`Store`] | the table that the shell offers; [`Forgetful`] keeps nothing |
//! | [`SavedSession`], [`SavedEvent`] | one row each |
//! | [`Stored`], [`KeptSocket`] | all rows as they are read at a restart; a socket that stayed open |
//! | [`Journal`] | which events have a row |
//!
//! This room never decides what a row means for a session: `server/restore.rs` does.

mod journal;
mod saved_session;
mod store;

pub use self::journal::Journal;
pub(in crate::bayeux) use self::store::{Deliveries, Fate};
pub use self::store::{Forgetful, KeptSocket, SavedEvent, SavedSession, Store, StoreError, Stored};
