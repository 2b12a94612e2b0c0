//! The rows of one home in its object's SQLite.
//!
//! The tables are created with the first row, so an unused object stores nothing. SQLite runs in the object's own
//! thread, and the platform holds every response until earlier writes are durable ("output gates").

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use worker::durable::State;
use worker::{SqlCursor, SqlStorage, SqlStorageValue, Storage};

use crate::bayeux::{
    DedupKey, Delivery, EventNumber, Notice, SavedEvent, SavedSession, SessionKey, Store, StoreError, Stored,
};
use crate::cloudflare::log::{Log, LogLevel};
use crate::cloudflare::object::history_rows::ADD_HISTORY;

/// The migrations, one for each version of the tables. An object runs those it lacks when it wakes; during a gradual
/// deployment an older version may wake after a newer one: so migrations only add, and statements name their columns. A
/// migration that failed half-way, on a full disk, is run again.
const MIGRATIONS: [&str; 4] = [
    "
    CREATE TABLE IF NOT EXISTS session (key INTEGER PRIMARY KEY, json TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS event (number INTEGER PRIMARY KEY, json TEXT NOT NULL, recipients TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS delivery (newest INTEGER NOT NULL, json TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS damaged (origin TEXT NOT NULL, key INTEGER NOT NULL, text TEXT NOT NULL);
",
    "
    CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
",
    ADD_KEYS,
    ADD_HISTORY,
];

/// A 64-bit number, too large for JavaScript's numbers: so it is text.
const ADD_KEYS: &str = "ALTER TABLE event ADD COLUMN key TEXT";

/// The tables of one object. Clones share them.
#[derive(Clone)]
pub struct SqlStore {
    sql: SqlStorage,
    storage: Rc<Storage>,
    tables: Rc<Cell<Tables>>,
    /// Whether anything was written since this was last asked.
    written: Rc<Cell<bool>>,
    /// Rows written in this life.
    rows_written: Rc<Cell<u64>>,
    /// Why a page could not be read.
    unread: Rc<RefCell<Option<StoreError>>>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Tables {
    #[default]
    Missing,
    /// Tables of an older version whose migration failed.
    Outdated,
    Ready,
}

/// Bytes of rows that are read at a time; a single row may have up to 2 MB.
const PAGE: usize = 1 << 20;

/// The rows of a query for a whole number and two texts, sorted by the number, which is also its parameter: where to
/// start.
struct RowPages {
    store: SqlStore,
    query: &'static str,
    from: u64,
    page: std::vec::IntoIter<(u64, [String; 2])>,
    is_last: bool,
}

/// One row, by a column of its table.
struct Row {
    table: &'static str,
    column: &'static str,
    key: SqlStorageValue,
}

pub(super) type Result<T> = std::result::Result<T, StoreError>;

impl SqlStore {
    pub fn open(state: &State) -> Self {
        let storage = state.storage();
        Self {
            sql: storage.sql(),
            storage: Rc::new(storage),
            tables: Rc::default(),
            written: Rc::default(),
            rows_written: Rc::default(),
            unread: Rc::default(),
        }
    }

    /// Reads all rows, those of sessions and events when they are asked for, after the migrations. If those fail, it
    /// reads the tables as they are, and each write tries again. A damaged row is moved into the table `damaged`. Both
    /// are logged.
    ///
    /// # Errors
    /// Where the tables cannot be read.
    pub fn load(&self, log: &Log) -> Result<Stored> {
        let mut stored = Stored::default();
        if !self.has_table("version")? {
            return Ok(stored);
        }
        self.tables.set(Tables::Outdated);
        self.migrate().unwrap_or_else(|error| log_failure(log, &error));
        let sessions = self.pages("session", "SELECT key, json, '' FROM session WHERE key >= ? ORDER BY key")?;
        let events =
            self.pages("event", "SELECT number, json, recipients FROM event WHERE number >= ? ORDER BY number")?;
        let (store, own_log) = (self.clone(), log.clone());
        stored.sessions = Box::new(sessions.into_iter().flatten().filter_map(move |(key, [json, _])| {
            let session = store.parsed(&own_log, Row::of("session", "key", key), &json)?;
            Some((SessionKey(key), session))
        }));
        let (store, own_log) = (self.clone(), log.clone());
        stored.events = Box::new(events.into_iter().flatten().filter_map(move |(number, [json, to])| {
            let whole = serde_json::from_str::<IgnoredAny>(&json).is_ok();
            let to = if whole { &to } else { &json };
            let to = store.parsed(&own_log, Row::of("event", "number", number), to)?;
            Some(SavedEvent { number: EventNumber(number), json, to })
        }));
        if self.has_keys()? {
            let keys = self.rows("SELECT number, key, '' FROM event WHERE key IS NOT NULL ORDER BY number")?;
            let key = |(number, [key, _]): &(u64, [String; 2])| {
                serde_json::from_str(key).ok().map(|key| (EventNumber(*number), key))
            };
            stored.keys = keys.iter().filter_map(key).collect();
        }
        for (row, [json, _]) in self.rows_of("delivery", "SELECT rowid, json, '' FROM delivery ORDER BY rowid")? {
            if let Some(deliveries) = self.parsed::<Vec<Delivery>>(log, Row::of("delivery", "rowid", row), &json) {
                stored.deliveries.extend(deliveries);
            }
        }
        for (_, [name, text]) in self.rows_of("note", "SELECT 0, name, text FROM note")? {
            let row = Row { table: "note", column: "name", key: name.as_str().into() };
            if self.parsed::<IgnoredAny>(log, row, &text).is_some() {
                stored.notes.push((name, text));
            }
        }
        Ok(stored)
    }

    /// Checks that all requested rows were read.
    ///
    /// # Errors
    /// A page failed: what was restored from the others is incomplete.
    pub fn was_read(&self) -> Result<()> {
        self.unread.take().map_or(Ok(()), Err)
    }

    /// Whether there are rows of an earlier life.
    pub fn is_in_use(&self) -> bool {
        self.tables.get() != Tables::Missing
    }

    /// Whether anything was written since this was last asked.
    pub fn has_written(&self) -> bool {
        self.written.take()
    }

    /// Rows written in this life, as the platform counts them.
    pub fn rows_written(&self) -> u64 {
        self.rows_written.get()
    }

    /// Deletes the tables and the alarm of an unused object.
    pub fn clear(&self) {
        if self.tables.replace(Tables::Missing) != Tables::Missing {
            // It is done when it returns; its promise is for durability.
            let _ = self.storage.as_raw().delete_all();
        }
    }

    fn has_table(&self, name: &str) -> Result<bool> {
        let tables = self.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?", [name.into()])?;
        Ok(tables.raw().next().is_some())
    }

    /// Whether the column of [`ADD_KEYS`] exists: SQLite has no IF NOT EXISTS for columns.
    fn has_keys(&self) -> Result<bool> {
        let query = "SELECT name FROM sqlite_master WHERE name = 'event' AND sql LIKE '%key TEXT%'";
        Ok(self.exec(query, [])?.raw().next().is_some())
    }

    fn migrate(&self) -> Result<()> {
        self.exec("CREATE TABLE IF NOT EXISTS version (number INTEGER NOT NULL)", [])?;
        let version = self.rows("SELECT number, '', '' FROM version")?.first().map_or(0, |(version, _)| *version);
        let known = MIGRATIONS.len() as u64;
        if version < known {
            for migration in MIGRATIONS.iter().skip(version as usize) {
                if *migration != ADD_KEYS || !self.has_keys()? {
                    self.exec(migration, [])?;
                }
            }
            self.exec("DELETE FROM version", [])?;
            self.exec("INSERT INTO version VALUES (?)", [number(known)])?;
        }
        self.tables.set(Tables::Ready);
        Ok(())
    }

    /// Parses a row's JSON; none where it is damaged.
    fn parsed<T: DeserializeOwned>(&self, log: &Log, row: Row, json: &str) -> Option<T> {
        let error = match serde_json::from_str(json) {
            Ok(value) => return Some(value),
            Err(error) => error.to_string(),
        };
        let key = match &row.key {
            SqlStorageValue::Integer(key) => json!(key),
            SqlStorageValue::String(name) => json!(name),
            _ => json!(null),
        };
        log.line(LogLevel::Error, "row_damaged", json!({ "table": row.table, "key": key, "error": error }));
        // Where it cannot be moved it stays.
        self.set_aside(row, json).unwrap_or_else(|error| log_failure(log, &error));
        None
    }

    fn set_aside(&self, Row { table, column, key }: Row, text: &str) -> Result<()> {
        let query = "INSERT INTO damaged (origin, key, text) VALUES (?, ?, ?)";
        self.exec(query, [table.into(), key.clone(), text.into()])?;
        self.exec(&format!("DELETE FROM {table} WHERE {column} = ?"), [key]).map(drop)
    }

    /// The rows of a query, where its table exists.
    fn rows_of(&self, table: &str, query: &str) -> Result<Vec<(u64, [String; 2])>> {
        if self.has_table(table)? { self.rows(query) } else { Ok(Vec::new()) }
    }

    /// The same in pages, by the number that the query starts at.
    fn pages(&self, table: &str, query: &'static str) -> Result<Option<RowPages>> {
        let new = || RowPages { store: self.clone(), query, from: 0, page: Vec::new().into_iter(), is_last: false };
        Ok(self.has_table(table)?.then(new))
    }

    /// The rows of a query of one whole number and two texts. What has other types reads as 0 and empty.
    fn rows(&self, query: &str) -> Result<Vec<(u64, [String; 2])>> {
        self.exec(query, [])?.raw().map(row).collect()
    }

    /// Whether all tables can be read.
    ///
    /// # Errors
    /// The migration of older tables failed.
    pub(super) fn is_readable(&self) -> Result<bool> {
        if self.tables.get() == Tables::Outdated {
            self.migrate()?;
        }
        Ok(self.tables.get() == Tables::Ready)
    }

    /// Bytes of the whole database.
    pub fn database_size(&self) -> usize {
        self.sql.database_size()
    }

    /// Runs a statement that writes, and creates the tables first if necessary. It is tried on older tables too.
    pub(super) fn write(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<()> {
        match self.tables.get() {
            Tables::Ready => {}
            Tables::Outdated => drop(self.migrate()),
            Tables::Missing => self.migrate()?,
        }
        self.change(query, values)
    }

    /// Runs a statement that deletes, where there are tables.
    pub(super) fn delete(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<()> {
        if !self.is_in_use() {
            return Ok(());
        }
        self.change(query, values)
    }

    fn change(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<()> {
        self.written.set(true);
        let rows = self.exec(query, values)?.rows_written();
        self.rows_written.set(self.rows_written.get() + rows as u64);
        Ok(())
    }

    pub(super) fn exec(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<SqlCursor> {
        self.sql.exec(query, Some(values.into_iter().collect())).map_err(|error| failed(&error))
    }
}

impl Iterator for RowPages {
    type Item = (u64, [String; 2]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.len() == 0 && !self.is_last {
            match self.next_page() {
                Ok(rows) => self.page = rows.into_iter(),
                Err(error) => {
                    self.is_last = true;
                    self.store.unread.replace(Some(error));
                }
            }
        }
        self.page.next()
    }
}

impl RowPages {
    fn next_page(&mut self) -> Result<Vec<(u64, [String; 2])>> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        for next in self.store.exec(self.query, [number(self.from)])?.raw().map(row) {
            let (key, [one, two]) = next?;
            bytes += one.len() + two.len();
            rows.push((key, [one, two]));
            if bytes >= PAGE {
                self.from = key + 1;
                return Ok(rows);
            }
        }
        self.is_last = true;
        Ok(rows)
    }
}

impl Store for SqlStore {
    fn save_session(&mut self, key: SessionKey, session: &SavedSession) -> Result<()> {
        self.write("INSERT OR REPLACE INTO session (key, json) VALUES (?, ?)", [number(key.0), text(session)?])
    }

    fn forget_session(&mut self, key: SessionKey) -> Result<()> {
        self.delete("DELETE FROM session WHERE key = ?", [number(key.0)])
    }

    fn save_event(&mut self, event: EventNumber, json: &str, key: Option<DedupKey>, to: &[SessionKey]) -> Result<()> {
        let query = "INSERT OR REPLACE INTO event (number, json, recipients, key) VALUES (?, ?, ?, ?)";
        let key = key.map_or(Ok(SqlStorageValue::Null), |key| text(&key))?;
        self.write(query, [number(event.0), json.into(), text(to)?, key])
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

impl Row {
    fn of(table: &'static str, column: &'static str, key: u64) -> Self {
        Self { table, column, key: number(key) }
    }
}

/// A row of a whole number and two texts. Other types read as 0 and empty.
fn row(values: worker::Result<Vec<SqlStorageValue>>) -> Result<(u64, [String; 2])> {
    let text = |value: Option<SqlStorageValue>| match value {
        Some(SqlStorageValue::String(text)) => text,
        _ => String::new(),
    };
    let mut values = values.map_err(|error| failed(&error))?.into_iter();
    let key = match values.next() {
        Some(SqlStorageValue::Integer(key)) => u64::try_from(key).unwrap_or_default(),
        _ => 0,
    };
    Ok((key, [text(values.next()), text(values.next())]))
}

/// Counts sessions and events, and stays below 2^53.
pub(super) fn number(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn text(value: &(impl serde::Serialize + ?Sized)) -> Result<SqlStorageValue> {
    serde_json::to_string(value).map(Into::into).map_err(|error| StoreError(error.to_string()))
}

fn log_failure(log: &Log, error: &StoreError) {
    log.notice(&Notice::StoreFailed { error: error.to_string() }, None);
}

pub(super) fn failed(error: &worker::Error) -> StoreError {
    StoreError(error.to_string())
}
