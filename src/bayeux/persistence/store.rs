//! What outlives the object: rows that a [`Store`] keeps, and from which a server is restored.
//!
//! A store is called while an input is handled, and it answers at once: on the platform SQLite is in the same thread,
//! and no reply leaves the object before what was written is safe (Durable Objects, "output gates").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::history_store::HistoryStore;
use super::notes::Note;
use crate::bayeux::delivery::{DedupKey, SavedReplays};
use crate::bayeux::session::{Attributes, ClientId, Delivery, Negotiated, SessionKey};
use crate::bayeux::wire::{ChannelPattern, EventNumber, SocketId};

/// Keeps rows. What is saved under a number takes the place of what was.
pub trait Store: HistoryStore {
    /// # Errors
    /// Nothing was written.
    fn save_session(&mut self, key: SessionKey, session: &SavedSession) -> Result<(), StoreError>;

    /// # Errors
    /// Nothing was written.
    fn forget_session(&mut self, key: SessionKey) -> Result<(), StoreError>;

    /// `key` identifies the publish when it comes again.
    ///
    /// # Errors
    /// Nothing was written.
    fn save_event(
        &mut self,
        number: EventNumber,
        json: &str,
        key: Option<DedupKey>,
        to: &[SessionKey],
    ) -> Result<(), StoreError>;

    /// # Errors
    /// Nothing was written.
    fn forget_events(&mut self, numbers: &[EventNumber]) -> Result<(), StoreError>;

    /// One row for all of them. None of them names an event after `newest`.
    ///
    /// # Errors
    /// Nothing was written.
    fn save_deliveries(&mut self, newest: EventNumber, deliveries: &[Delivery]) -> Result<(), StoreError>;

    /// Forgets the rows of deliveries whose newest event comes before `oldest`; all of them, where there is none.
    ///
    /// # Errors
    /// Nothing was written.
    fn forget_deliveries(&mut self, oldest: Option<EventNumber>) -> Result<(), StoreError>;

    /// Any other row, by its name: see `notes.rs`.
    ///
    /// # Errors
    /// Nothing was written.
    fn save_note(&mut self, name: &str, text: &str) -> Result<(), StoreError>;

    /// # Errors
    /// Nothing was written.
    fn forget_note(&mut self, name: &str) -> Result<(), StoreError>;
}

/// Why a row could not be written, in the storage's own words, for example that it is full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

/// A session's row. Fields that an older version did not write have defaults; fields of a newer version are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedSession {
    pub client_id: ClientId,
    #[serde(default)]
    pub subscriptions: BTreeSet<ChannelPattern>,
    /// The subscribed channels that its client spells with a slash at the end.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub with_slash: BTreeSet<ChannelPattern>,
    /// When its token expires: ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    #[serde(default, rename = "agreed")]
    pub negotiated: Negotiated,
    /// ms.
    #[serde(default)]
    pub interval: u64,
    /// With the ack extension: no batch has had a higher number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<u64>,
    /// The earlier events that it has still to receive.
    #[serde(default, skip_serializing_if = "SavedReplays::is_empty")]
    pub replays: SavedReplays,
    /// Set where the row is another home's: earlier versions had sessions for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SavedPeer>,
}

/// Another home in the row of an earlier version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPeer {
    /// Its name.
    pub home: String,
    #[serde(default)]
    pub strict: bool,
}

/// An event's row: its JSON once, and for whom it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedEvent {
    pub number: EventNumber,
    pub json: String,
    pub to: Vec<SessionKey>,
}

/// Rows, read as they are needed: a home may have more of them than fit into its memory.
pub type Pages<T> = Box<dyn Iterator<Item = T>>;

/// All rows of a home.
pub struct Stored {
    /// By key.
    pub sessions: Pages<(SessionKey, SavedSession)>,
    /// By number.
    pub events: Pages<SavedEvent>,
    /// The keys of events that clients published.
    pub keys: Vec<(EventNumber, DedupKey)>,
    pub deliveries: Vec<Delivery>,
    /// By name.
    pub notes: Vec<(String, String)>,
}

impl Default for Stored {
    fn default() -> Self {
        let (sessions, events) = (Box::new(std::iter::empty()), Box::new(std::iter::empty()));
        Self { sessions, events, keys: Vec::new(), deliveries: Vec::new(), notes: Vec::new() }
    }
}

impl Stored {
    /// Adds what sockets have kept of the data points: see [`crate::bayeux::BayeuxServer::points_to_keep`].
    pub fn add_points(&mut self, kept: Vec<String>) {
        self.notes.extend(kept.into_iter().map(|text| (Note::Points.to_string(), text)));
    }
}

/// The text that a socket kept while the object was evicted: see [`crate::bayeux::Output::Keep`].
#[derive(Debug)]
pub struct KeptSocket {
    pub socket: SocketId,
    pub address: Option<Rc<str>>,
    pub held: String,
}

/// A store that keeps nothing: for a server that need not outlive anything, such as a benchmark's.
#[derive(Debug)]
pub struct Forgetful;

impl HistoryStore for Forgetful {}

impl Store for Forgetful {
    fn save_session(&mut self, _: SessionKey, _: &SavedSession) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget_session(&mut self, _: SessionKey) -> Result<(), StoreError> {
        Ok(())
    }

    fn save_event(&mut self, _: EventNumber, _: &str, _: Option<DedupKey>, _: &[SessionKey]) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget_events(&mut self, _: &[EventNumber]) -> Result<(), StoreError> {
        Ok(())
    }

    fn save_deliveries(&mut self, _: EventNumber, _: &[Delivery]) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget_deliveries(&mut self, _: Option<EventNumber>) -> Result<(), StoreError> {
        Ok(())
    }

    fn save_note(&mut self, _: &str, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn forget_note(&mut self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What each session was sent.
#[derive(Debug, Default)]
pub(in crate::bayeux) struct Deliveries(BTreeMap<SessionKey, Vec<(EventNumber, Fate)>>);

/// What is known of one event and one session after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bayeux) enum Fate {
    /// It was never sent.
    Waits,
    /// It was sent first with this batch, and not acknowledged as far as the rows tell.
    SentAs(u64),
    /// It was sent, and needs no acknowledgement.
    Gone,
}

impl Deliveries {
    /// Sorts them, so that a fate is found without looking at all: a client that never acknowledges has one for each
    /// batch.
    pub fn new(mut rows: Vec<Delivery>) -> Self {
        rows.sort_unstable_by_key(|delivery| delivery.newest);
        let mut by_session = BTreeMap::<_, Vec<_>>::new();
        for Delivery { session, newest, batch } in rows.into_iter().rev() {
            let fates = by_session.entry(session).or_default();
            let later = fates.last().map_or(Fate::Waits, |(_, fate)| *fate);
            fates.push((newest, later.and(batch)));
        }
        Self(by_session)
    }

    pub fn fate(&self, session: SessionKey, event: EventNumber) -> Fate {
        let fates = self.0.get(&session).map(Vec::as_slice).unwrap_or_default();
        let sent = fates.partition_point(|(newest, _)| event <= *newest);
        sent.checked_sub(1).and_then(|last| fates.get(last)).map_or(Fate::Waits, |(_, fate)| *fate)
    }
}

impl Fate {
    /// What is known when it was sent with this batch too.
    fn and(self, batch: Option<u64>) -> Self {
        match (self, batch) {
            (Self::Gone, _) | (_, None) => Self::Gone,
            (Self::SentAs(before), Some(batch)) => Self::SentAs(before.min(batch)),
            (Self::Waits, Some(batch)) => Self::SentAs(batch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(session: u64, newest: u64, batch: Option<u64>) -> Delivery {
        Delivery { session: SessionKey(session), newest: EventNumber(newest), batch }
    }

    #[test]
    fn an_event_belongs_to_the_first_batch_that_carried_it() {
        let deliveries = Deliveries::new(vec![
            delivery(1, 5, Some(2)),
            delivery(1, 3, Some(1)),
            delivery(2, 4, None),
            delivery(3, 9, Some(1)),
        ]);
        for (session, event, fate) in [
            (1, 3, Fate::SentAs(1)),
            (1, 4, Fate::SentAs(2)),
            (1, 6, Fate::Waits),
            (2, 4, Fate::Gone),
            (2, 5, Fate::Waits),
            (4, 1, Fate::Waits),
        ] {
            assert_eq!(deliveries.fate(SessionKey(session), EventNumber(event)), fate, "{session} {event}");
        }
    }

    #[test]
    fn a_row_of_another_version_is_read() {
        let session: SavedSession = serde_json::from_str(r#"{"clientId":"r1","later":[1]}"#).unwrap();
        assert_eq!((session.interval, session.batches, session.subscriptions.len()), (0, None, 0));
        assert!(serde_json::from_str::<SavedSession>(r#"{"clientId":"r1","subscriptions":["no channel"]}"#).is_err());
        assert!(serde_json::from_str::<SavedSession>(r#"{"clientId":""}"#).is_err());
    }
}
