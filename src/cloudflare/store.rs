//! The rows of one home in its object's SQLite.
//!
//! The tables are made with the first row, so that an object nobody uses keeps nothing. SQLite runs in the object's own
//! thread, and the platform holds every reply until what was written before it is safe ("output gates").

use std::cell::Cell;
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde_json::json;
use worker::durable::State;
use worker::{SqlCursor, SqlStorage, SqlStorageValue, Storage};

use super::log::{Log, LogLevel};
use crate::bayeux::{Delivery, EventNumber, SavedEvent, SavedSession, SessionKey, Store, StoreError, Stored};

/// What leads from each version of the tables to the next. An object runs those it lacks when it wakes, and during a
/// gradual deployment one of an older version may wake after a newer one: so they only ever add, and statements name
/// their columns.
const MIGRATIONS: [&str; 2] = [
    "
    CREATE TABLE session (key INTEGER PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE event (number INTEGER PRIMARY KEY, json TEXT NOT NULL, recipients TEXT NOT NULL);
    CREATE TABLE delivery (newest INTEGER NOT NULL, json TEXT NOT NULL);
    CREATE TABLE damaged (origin TEXT NOT NULL, key INTEGER NOT NULL, text TEXT NOT NULL);
",
    "
    CREATE TABLE note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
",
];

/// The tables of one object. Clones share them.
#[derive(Clone)]
pub struct SqlStore {
    sql: SqlStorage,
    storage: Rc<Storage>,
    /// Whether the tables are there, in their latest version.
    ready: Rc<Cell<bool>>,
    /// Whether anything was written since that was asked last.
    written: Rc<Cell<bool>>,
}

type Result<T> = std::result::Result<T, StoreError>;

impl SqlStore {
    /// # Errors
    /// Where the tables cannot be read or brought up to date.
    pub fn open(state: &State) -> Result<Self> {
        let storage = state.storage();
        let store =
            Self { sql: storage.sql(), storage: Rc::new(storage), ready: Rc::default(), written: Rc::default() };
        if store.has_tables()? {
            store.migrate()?;
        }
        Ok(store)
    }

    /// All rows. One that cannot be read is set aside, into the table `damaged`, and told in the log.
    ///
    /// # Errors
    /// Where the tables cannot be read.
    pub fn load(&self, log: &Log) -> Result<Stored> {
        let mut stored = Stored::default();
        if !self.ready.get() {
            return Ok(stored);
        }
        for (key, [json, _]) in self.rows("SELECT key, json, '' FROM session ORDER BY key")? {
            if let Some(session) = self.parsed(log, "session", "key", key, &json)? {
                stored.sessions.push((SessionKey(key), session));
            }
        }
        for (number, [json, to]) in self.rows("SELECT number, json, recipients FROM event ORDER BY number")? {
            let whole: Option<&serde_json::value::RawValue> = serde_json::from_str(&json).ok();
            let to = if whole.is_some() { &to } else { &json };
            if let Some(to) = self.parsed(log, "event", "number", number, to)? {
                stored.events.push(SavedEvent { number: EventNumber(number), json, to });
            }
        }
        for (row, [json, _]) in self.rows("SELECT rowid, json, '' FROM delivery ORDER BY rowid")? {
            if let Some(deliveries) = self.parsed::<Vec<Delivery>>(log, "delivery", "rowid", row, &json)? {
                stored.deliveries.extend(deliveries);
            }
        }
        for (_, note) in self.rows("SELECT 0, name, text FROM note")? {
            stored.notes.push(note.into());
        }
        Ok(stored)
    }

    /// Whether there is anything of an earlier life.
    pub fn is_in_use(&self) -> bool {
        self.ready.get()
    }

    /// Whether anything was written since this was asked last.
    pub fn has_written(&self) -> bool {
        self.written.take()
    }

    /// Leaves nothing behind of an object that nobody uses: neither its tables nor its alarm.
    pub fn clear(&self) {
        if self.ready.replace(false) {
            // Done when it returns; what it promises is that it is safe on the disk.
            let _ = self.storage.as_raw().delete_all();
        }
    }

    fn has_tables(&self) -> Result<bool> {
        let tables = self.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'version'", [])?;
        Ok(tables.raw().next().is_some())
    }

    fn migrate(&self) -> Result<()> {
        self.exec("CREATE TABLE IF NOT EXISTS version (number INTEGER NOT NULL)", [])?;
        let version = self.rows("SELECT number, '', '' FROM version")?.first().map_or(0, |(version, _)| *version);
        let known = MIGRATIONS.len() as u64;
        if version < known {
            for migration in MIGRATIONS.iter().skip(version as usize) {
                self.exec(migration, [])?;
            }
            self.exec("DELETE FROM version", [])?;
            self.exec("INSERT INTO version VALUES (?)", [number(known)])?;
        }
        self.ready.set(true);
        Ok(())
    }

    /// A row's JSON; none where it is damaged.
    fn parsed<T: DeserializeOwned>(
        &self,
        log: &Log,
        table: &str,
        column: &str,
        key: u64,
        json: &str,
    ) -> Result<Option<T>> {
        let error = match serde_json::from_str(json) {
            Ok(value) => return Ok(Some(value)),
            Err(error) => error.to_string(),
        };
        log.line(LogLevel::Error, "row_damaged", json!({ "table": table, "key": key, "error": error }));
        self.exec(
            "INSERT INTO damaged (origin, key, text) VALUES (?, ?, ?)",
            [table.into(), number(key), json.into()],
        )?;
        self.exec(&format!("DELETE FROM {table} WHERE {column} = ?"), [number(key)])?;
        Ok(None)
    }

    /// The rows of a query of one whole number and two texts. What has other types reads as 0 and empty.
    fn rows(&self, query: &str) -> Result<Vec<(u64, [String; 2])>> {
        let text = |value: Option<SqlStorageValue>| match value {
            Some(SqlStorageValue::String(text)) => text,
            _ => String::new(),
        };
        let rows = self.exec(query, [])?.raw().map(|row| {
            let mut values = row.map_err(|error| failed(&error))?.into_iter();
            let key = match values.next() {
                Some(SqlStorageValue::Integer(key)) => u64::try_from(key).unwrap_or_default(),
                _ => 0,
            };
            Ok((key, [text(values.next()), text(values.next())]))
        });
        rows.collect()
    }

    /// A statement that writes, with the tables there.
    fn write(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<()> {
        if !self.ready.get() {
            self.migrate()?;
        }
        self.written.set(true);
        self.exec(query, values).map(drop)
    }

    /// A statement that deletes, where there is anything.
    fn delete(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<()> {
        if !self.ready.get() {
            return Ok(());
        }
        self.written.set(true);
        self.exec(query, values).map(drop)
    }

    fn exec(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<SqlCursor> {
        self.sql.exec(query, Some(values.into_iter().collect())).map_err(|error| failed(&error))
    }
}

impl Store for SqlStore {
    fn save_session(&mut self, key: SessionKey, session: &SavedSession) -> Result<()> {
        self.write("INSERT OR REPLACE INTO session (key, json) VALUES (?, ?)", [number(key.0), text(session)?])
    }

    fn forget_session(&mut self, key: SessionKey) -> Result<()> {
        self.delete("DELETE FROM session WHERE key = ?", [number(key.0)])
    }

    fn save_event(&mut self, event: EventNumber, json: &str, to: &[SessionKey]) -> Result<()> {
        let query = "INSERT OR REPLACE INTO event (number, json, recipients) VALUES (?, ?, ?)";
        self.write(query, [number(event.0), json.into(), text(to)?])
    }

    fn forget_events(&mut self, numbers: &[EventNumber]) -> Result<()> {
        self.delete("DELETE FROM event WHERE number IN (SELECT value FROM json_each(?))", [text(numbers)?])
    }

    fn save_deliveries(&mut self, newest: EventNumber, deliveries: &[Delivery]) -> Result<()> {
        self.write("INSERT INTO delivery (newest, json) VALUES (?, ?)", [number(newest.0), text(deliveries)?])
    }

    fn forget_deliveries(&mut self, oldest: Option<EventNumber>) -> Result<()> {
        match oldest {
            Some(oldest) => self.delete("DELETE FROM delivery WHERE newest < ?", [number(oldest.0)]),
            None => self.delete("DELETE FROM delivery", []),
        }
    }

    fn save_note(&mut self, name: &str, text: &str) -> Result<()> {
        self.write("INSERT OR REPLACE INTO note (name, text) VALUES (?, ?)", [name.into(), text.into()])
    }

    fn forget_note(&mut self, name: &str) -> Result<()> {
        self.delete("DELETE FROM note WHERE name = ?", [name.into()])
    }
}

/// Numbers here count sessions and events, and stay below 2^53.
fn number(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(value: &(impl serde::Serialize + ?Sized)) -> Result<SqlStorageValue> {
    serde_json::to_string(value).map(Into::into).map_err(|error| StoreError(error.to_string()))
}

fn failed(error: &worker::Error) -> StoreError {
    StoreError(error.to_string())
}
