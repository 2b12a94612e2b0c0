//! What outlives the object: its rows.
//!
//! | Type | Is |
//! |---|---|
//! | [`Store`] | the table that the shell offers; [`Forgetful`] keeps nothing |
//! | [`SavedSession`], [`SavedEvent`] | one row each |
//! | [`Stored`], [`KeptSocket`] | all rows as they are read at a restart; a socket that stayed open |
//! | `Note`, `Notes` | rows of one text each under a name |
//! | [`Journal`] | which events have a row |
//! | `History`, [`HistoryStore`] | what channels keep for those who come later, and its rows |
//!
//! This room never decides what a row means for a session: `server/restore.rs` does.

mod history;
mod history_store;
mod journal;
mod notes;
mod saved_session;
mod store;

pub(in crate::bayeux) use self::history::{History, Keeping, ReplayRefused, STRIDE};
pub use self::history_store::{ChannelSummary, Cut, HistoryRange, HistoryRow, HistoryStore};
pub use self::journal::Journal;
pub(in crate::bayeux) use self::notes::{Note, Notes};
pub(in crate::bayeux) use self::store::{Deliveries, Fate};
pub use self::store::{Forgetful, KeptSocket, SavedEvent, SavedPeer, SavedSession, Store, StoreError, Stored};
