//! A store in memory, that outlives its server and can be told to fail.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bayeux_edge::bayeux::{
    Delivery, EventNumber, PublishKey, SavedEvent, SavedSession, SessionKey, Store, StoreError, Stored,
};

/// The rows of one home. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Rows(Rc<RefCell<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    sessions: BTreeMap<SessionKey, String>,
    events: BTreeMap<EventNumber, (String, Option<PublishKey>, Vec<SessionKey>)>,
    deliveries: Vec<(EventNumber, String)>,
    notes: BTreeMap<String, String>,
    written: usize,
    full: bool,
}

impl Rows {
    /// From now on every write fails, or none.
    pub fn are_full(&self, full: bool) {
        self.0.borrow_mut().full = full;
    }

    /// How many rows were written or deleted since this was asked last, as SQLite counts them.
    pub fn written(&self) -> usize {
        std::mem::take(&mut self.0.borrow_mut().written)
    }

    /// How many rows there are: of sessions, of events, of deliveries.
    pub fn count(&self) -> (usize, usize, usize) {
        let tables = self.0.borrow();
        (tables.sessions.len(), tables.events.len(), tables.deliveries.len())
    }

    /// Everything, as a new server reads it.
    pub fn load(&self) -> Stored {
        let tables = self.0.borrow();
        let (sessions, events) = (tables.sessions.clone().into_iter(), tables.events.clone().into_iter());
        let delivery = |json: &String| serde_json::from_str::<Vec<Delivery>>(json).unwrap();
        Stored {
            sessions: Box::new(sessions.map(|(key, json)| (key, serde_json::from_str(&json).unwrap()))),
            events: Box::new(events.map(|(number, (json, _, to))| SavedEvent { number, json, to })),
            keys: tables.events.iter().filter_map(|(number, (_, key, _))| Some((*number, (*key)?))).collect(),
            deliveries: tables.deliveries.iter().flat_map(|(_, json)| delivery(json)).collect(),
            notes: tables.notes.iter().map(|(name, text)| (name.clone(), text.clone())).collect(),
        }
    }

    fn write(&self, rows: usize, write: impl FnOnce(&mut Tables)) -> Result<(), StoreError> {
        let mut tables = self.0.borrow_mut();
        if tables.full {
            return Err(StoreError("the disk is full".to_owned()));
        }
        tables.written += rows;
        write(&mut tables);
        Ok(())
    }
}

impl Store for Rows {
    fn save_session(&mut self, key: SessionKey, session: &SavedSession) -> Result<(), StoreError> {
        let json = serde_json::to_string(session).unwrap();
        self.write(1, |tables| drop(tables.sessions.insert(key, json)))
    }

    fn forget_session(&mut self, key: SessionKey) -> Result<(), StoreError> {
        self.write(1, |tables| drop(tables.sessions.remove(&key)))
    }

    fn save_event(
        &mut self,
        number: EventNumber,
        json: &str,
        key: Option<PublishKey>,
        to: &[SessionKey],
    ) -> Result<(), StoreError> {
        self.write(1, |tables| drop(tables.events.insert(number, (json.to_owned(), key, to.to_vec()))))
    }

    fn forget_events(&mut self, numbers: &[EventNumber]) -> Result<(), StoreError> {
        self.write(numbers.len(), |tables| tables.events.retain(|number, _| !numbers.contains(number)))
    }

    fn save_deliveries(&mut self, newest: EventNumber, deliveries: &[Delivery]) -> Result<(), StoreError> {
        let json = serde_json::to_string(deliveries).unwrap();
        self.write(1, |tables| tables.deliveries.push((newest, json)))
    }

    fn forget_deliveries(&mut self, oldest: Option<EventNumber>) -> Result<(), StoreError> {
        self.write(0, |tables| {
            let before = tables.deliveries.len();
            tables.deliveries.retain(|(newest, _)| oldest.is_some_and(|oldest| oldest <= *newest));
            tables.written += before - tables.deliveries.len();
        })
    }

    fn save_note(&mut self, name: &str, text: &str) -> Result<(), StoreError> {
        self.write(1, |tables| drop(tables.notes.insert(name.to_owned(), text.to_owned())))
    }

    fn forget_note(&mut self, name: &str) -> Result<(), StoreError> {
        self.write(1, |tables| drop(tables.notes.remove(name)))
    }
}
