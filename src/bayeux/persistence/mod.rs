//! What outlives the object: its rows.
//!
//! | Type | File | Is |
//! |---|---|---|
//! | [`Store`] | `store` | the rows that the shell reads and writes; [`Forgetful`] keeps nothing |
//! | [`SavedSession`], [`SavedEvent`] | `store` | one row each; a session to its row and back is `saved_session` |
//! | [`Stored`], [`KeptSocket`] | `store` | all rows as they are read at a restart; a socket that stayed open |
//! | `Note`, `Notes` | `notes` | rows of one text each under a name |
//! | [`Journal`] | | which events that wait for a session have a row |
//! | `History` | | what channels keep for those who come later: numbers, bounds, pages |
//! | [`HistoryStore`] | | the rows of that, which the shell reads and writes |
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
