//! A store in memory, that outlives its server and can be told to fail.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bayeux_edge::bayeux::{
    ChannelId, ChannelPattern, ChannelSummary, Cut, DedupKey, Delivery, EventNumber, HistoryRange, HistoryRow,
    HistoryStore, Millis, SavedEvent, SavedSession, SessionKey, Store, StoreError, Stored,
};

/// The rows of one home. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Rows(Rc<RefCell<Tables>>);

#[derive(Debug, Default)]
struct Tables {
    sessions: BTreeMap<SessionKey, String>,
    events: BTreeMap<EventNumber, (String, Option<DedupKey>, Vec<SessionKey>)>,
    deliveries: Vec<(EventNumber, String)>,
    notes: BTreeMap<String, String>,
    history: BTreeMap<(ChannelId, EventNumber), (HistoryRow, Option<DedupKey>)>,
    /// By channel: its floor, and its latest event if that is retained.
    latest: BTreeMap<ChannelId, (EventNumber, Option<HistoryRow>)>,
    written: usize,
    full: bool,
}

impl Rows {
    /// From now on every write fails, or none.
    pub fn are_full(&self, full: bool) {
        self.0.borrow_mut().full = full;
    }

    /// How many rows were written or deleted since the last call, as SQLite counts them.
    pub fn written(&self) -> usize {
        std::mem::take(&mut self.0.borrow_mut().written)
    }

    /// How many rows there are: of sessions, of events, of deliveries.
    pub fn count(&self) -> (usize, usize, usize) {
        let tables = self.0.borrow();
        (tables.sessions.len(), tables.events.len(), tables.deliveries.len())
    }

    /// How many rows there are of events that are kept, and of channels.
    pub fn kept(&self) -> (usize, usize) {
        let tables = self.0.borrow();
        (tables.history.len(), tables.latest.len())
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
        key: Option<DedupKey>,
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

/// The rows of the range, as far as they fit.
fn page<'a>(rows: impl Iterator<Item = &'a HistoryRow>, range: &HistoryRange) -> Vec<HistoryRow> {
    let HistoryRange { pattern, after, upto, events, bytes } = range;
    let wanted = |row: &&HistoryRow| pattern.matches(&row.channel) && *after < row.number && row.number <= *upto;
    let mut rows: Vec<_> = rows.filter(wanted).cloned().collect();
    rows.sort_by_key(|row| row.number);
    let mut read = 0;
    let fits = |row: &HistoryRow| {
        let before = read;
        read += row.json.len();
        before < *bytes
    };
    rows.into_iter().take(*events).take_while(fits).collect()
}

impl Tables {
    /// The kept events of one channel, newest first.
    fn newest<'a>(&'a self, channel: &'a ChannelId) -> impl Iterator<Item = &'a HistoryRow> {
        self.history.iter().rev().filter(move |((name, _), _)| name == channel).map(|(_, (row, _))| row)
    }
}

impl HistoryStore for Rows {
    fn keep(&mut self, row: &HistoryRow, key: Option<DedupKey>) -> Result<(), StoreError> {
        self.write(1, |tables| {
            let before = tables.history.insert((row.channel.clone(), row.number), (row.clone(), key));
            assert!(before.is_none(), "a number that was given twice: {row:?}");
        })
    }

    fn unkeep(&mut self, channel: &ChannelId, number: EventNumber) -> Result<(), StoreError> {
        self.0.borrow_mut().history.remove(&(channel.clone(), number));
        Ok(())
    }

    fn retain(&mut self, row: &HistoryRow, floor: EventNumber) -> Result<(), StoreError> {
        self.write(1, |tables| drop(tables.latest.insert(row.channel.clone(), (floor, Some(row.clone())))))
    }

    fn summary(&self, channel: &ChannelId) -> Result<ChannelSummary, StoreError> {
        let tables = self.0.borrow();
        let rows: Vec<_> = tables.newest(channel).collect();
        let (floor, latest) = tables.latest.get(channel).cloned().unwrap_or_default();
        let retained = latest.map(|row| row.number).unwrap_or_default();
        Ok(ChannelSummary {
            events: rows.len(),
            bytes: rows.iter().map(|row| row.json.len() as u64).sum(),
            oldest: rows.last().map(|row| row.at).unwrap_or_default(),
            last: rows.first().map(|row| row.number).unwrap_or_default().max(retained),
            floor,
        })
    }

    fn cut(&self, channel: &ChannelId, Cut { events, since, bytes }: Cut) -> Result<Option<EventNumber>, StoreError> {
        let tables = self.0.borrow();
        let mut read = 0;
        let goes = |(place, row): &(usize, &HistoryRow)| {
            read += row.json.len() as u64;
            *place >= events || row.at < since || *place > 0 && read > bytes
        };
        Ok(tables.newest(channel).enumerate().find(goes).map(|(_, row)| row.number))
    }

    fn trim(&mut self, channel: &ChannelId, upto: EventNumber) -> Result<(), StoreError> {
        self.write(1, |tables| {
            let before = tables.history.len();
            tables.history.retain(|(name, number), _| name != channel || *number > upto);
            tables.written += before - tables.history.len();
            tables.latest.entry(channel.clone()).or_default().0 = upto;
        })
    }

    fn trim_oldest(&mut self) -> Result<EventNumber, StoreError> {
        let mut numbers: Vec<_> = self.0.borrow().history.keys().map(|(_, number)| *number).collect();
        numbers.sort();
        let upto = numbers.get(numbers.len() / 8).copied().unwrap_or_default();
        self.write(1, |tables| {
            tables.history.retain(|(_, number), _| *number > upto);
            tables.latest.retain(|_, (floor, row)| *floor > upto || row.as_ref().is_some_and(|row| row.number > upto));
        })?;
        Ok(upto)
    }

    fn history(&self, range: &HistoryRange) -> Result<Vec<HistoryRow>, StoreError> {
        Ok(page(self.0.borrow().history.values().map(|(row, _)| row), range))
    }

    fn retained(&self, range: &HistoryRange) -> Result<Vec<HistoryRow>, StoreError> {
        Ok(page(self.0.borrow().latest.values().filter_map(|(_, row)| row.as_ref()), range))
    }

    fn floor(&self, pattern: &ChannelPattern) -> Result<EventNumber, StoreError> {
        let tables = self.0.borrow();
        let floors = tables.latest.iter().filter(|(channel, _)| pattern.matches(channel)).map(|(_, (floor, _))| *floor);
        Ok(floors.max().unwrap_or_default())
    }

    fn channels(&self, pattern: &ChannelPattern, after: &str, most: usize) -> Result<Vec<ChannelId>, StoreError> {
        let tables = self.0.borrow();
        let mut channels: Vec<_> = tables.history.keys().map(|(channel, _)| channel.clone()).collect();
        channels.dedup();
        channels.retain(|channel| pattern.matches(channel) && channel.as_str() > after);
        channels.truncate(most);
        Ok(channels)
    }

    fn recent_keys(&self, channel: &ChannelId, since: Millis) -> Result<Vec<DedupKey>, StoreError> {
        let tables = self.0.borrow();
        let rows = tables.history.values().filter(|(row, _)| row.channel == *channel && row.at >= since);
        Ok(rows.filter_map(|(_, key)| *key).collect())
    }

    fn keeps_anything(&self) -> Result<bool, StoreError> {
        let tables = self.0.borrow();
        Ok(!tables.history.is_empty() || tables.latest.values().any(|(_, row)| row.is_some()))
    }

    fn size(&self) -> Result<u64, StoreError> {
        let tables = self.0.borrow();
        let kept = tables.history.values().map(|(row, _)| row);
        let all = kept.chain(tables.latest.values().filter_map(|(_, row)| row.as_ref()));
        Ok(all.map(|row| row.json.len() as u64 + 100).sum())
    }
}
