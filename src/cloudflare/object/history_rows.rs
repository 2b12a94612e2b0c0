//! History in the object's SQLite.
//!
//! `history` is ordered by channel, then by number: one row an event, and no second index, which would cost another
//! row. So a pattern's events are merged from its channels, each read from a number on; one index lookup finds each
//! channel.

use worker::SqlStorageValue;

use crate::bayeux::{
    ChannelId, ChannelPattern, ChannelSummary, Cut, DedupKey, EventNumber, HistoryRange, HistoryRow, HistoryStore,
    Millis,
};
use crate::cloudflare::object::store::{Result, SqlStore, failed, number, text};

/// The tables: see `MIGRATIONS`.
pub const ADD_HISTORY: &str = "
    CREATE TABLE IF NOT EXISTS history (
        channel TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, json TEXT NOT NULL, key TEXT,
        PRIMARY KEY (channel, number)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS latest (
        channel TEXT PRIMARY KEY, floor INTEGER NOT NULL, number INTEGER, at INTEGER, json TEXT
    ) WITHOUT ROWID;
";

/// The channels in a part of `history`, each found by an index lookup after the one before.
const CHANNELS: &str = "
    WITH RECURSIVE found (name) AS (
        SELECT min(channel) FROM history WHERE channel > ?1 AND channel >= ?2 AND channel < ?3
        UNION ALL
        SELECT (SELECT min(channel) FROM history WHERE channel > found.name AND channel < ?3)
        FROM found WHERE found.name IS NOT NULL
    )
";

/// The range of names that a pattern matches, and whether only direct children match.
struct Span {
    from: String,
    to: String,
    only_children: bool,
}

impl Span {
    fn of(pattern: &ChannelPattern) -> Self {
        let name = pattern.as_str();
        // The character after a slash is a zero.
        let below = |parent: &str| (format!("{parent}/"), format!("{parent}0"));
        let (from, to) = if let Some(parent) = name.strip_suffix("/**") {
            below(parent)
        } else if let Some(parent) = name.strip_suffix("/*") {
            below(parent)
        } else {
            (name.to_owned(), format!("{name}\u{1}"))
        };
        Self { from, to, only_children: name.ends_with("/*") }
    }

    /// The SQL condition on the name in this column.
    fn condition(&self, column: &str) -> String {
        if self.only_children {
            format!("instr(substr({column}, {}), '/') = 0", self.from.len() + 1)
        } else {
            "1".into()
        }
    }
}

fn integer(value: Option<&SqlStorageValue>) -> u64 {
    match value {
        Some(SqlStorageValue::Integer(integer)) => u64::try_from(*integer).unwrap_or_default(),
        // A sum or a maximum may be a float.
        Some(SqlStorageValue::Float(float)) => *float as u64,
        _ => 0,
    }
}

fn string(value: Option<&SqlStorageValue>) -> String {
    match value {
        Some(SqlStorageValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

/// Channel, number, time, JSON.
fn row(values: &[SqlStorageValue]) -> Option<HistoryRow> {
    let channel = ChannelId::parse(&string(values.first()))?;
    let (number, at) = (EventNumber(integer(values.get(1))), Millis(integer(values.get(2))));
    Some(HistoryRow { channel, number, at, json: string(values.get(3)) })
}

impl SqlStore {
    /// The first row of a query; none where there are no tables.
    fn first(&self, query: &str, values: impl IntoIterator<Item = SqlStorageValue>) -> Result<Vec<SqlStorageValue>> {
        Ok(self.all(query, values, 1)?.into_iter().next().unwrap_or_default())
    }

    fn all(
        &self,
        query: &str,
        values: impl IntoIterator<Item = SqlStorageValue>,
        most: usize,
    ) -> Result<Vec<Vec<SqlStorageValue>>> {
        if !self.is_readable()? {
            return Ok(Vec::new());
        }
        self.exec(query, values)?.raw().take(most).map(|row| row.map_err(|error| failed(&error))).collect()
    }

    /// Adds to each of the rows the JSON that `json` reads for it, up to this many bytes.
    fn with_json(
        &self,
        found: Vec<Vec<SqlStorageValue>>,
        bytes: usize,
        json: impl Fn(&HistoryRow) -> Result<Vec<SqlStorageValue>>,
    ) -> Result<Vec<HistoryRow>> {
        let (mut rows, mut read) = (Vec::new(), 0);
        for mut row in found.iter().filter_map(|values| row(values)) {
            row.json = string(json(&row)?.first());
            read += row.json.len();
            rows.push(row);
            if read >= bytes {
                break;
            }
        }
        Ok(rows)
    }

    /// The rows of a channel, as many as fit. Each is read by itself: one event may have a megabyte.
    fn history_of(&self, range: &HistoryRange) -> Result<Vec<HistoryRow>> {
        if !self.is_readable()? {
            return Ok(Vec::new());
        }
        let query = "SELECT channel, number, at, json FROM history WHERE channel = ? AND number > ? AND number <= ? ORDER BY number";
        let HistoryRange { pattern, after, upto, events, bytes } = range;
        let values = [pattern.as_str().into(), number(after.0), number(upto.0)];
        let (mut rows, mut read) = (Vec::new(), 0);
        for values in self.exec(query, values)?.raw() {
            let Some(row) = row(&values.map_err(|error| failed(&error))?) else { continue };
            read += row.json.len();
            rows.push(row);
            if rows.len() >= *events || read >= *bytes {
                break;
            }
        }
        Ok(rows)
    }
}

impl HistoryStore for SqlStore {
    fn keep(&mut self, row: &HistoryRow, key: Option<DedupKey>) -> Result<()> {
        let query = "INSERT INTO history (channel, number, at, json, key) VALUES (?, ?, ?, ?, ?)";
        let key = key.map_or(Ok(SqlStorageValue::Null), |key| text(&key))?;
        let HistoryRow { channel, number: event, at, json } = row;
        self.write(query, [channel.as_str().into(), number(event.0), number(at.0), json.as_str().into(), key])
    }

    fn unkeep(&mut self, channel: &ChannelId, event: EventNumber) -> Result<()> {
        self.delete("DELETE FROM history WHERE channel = ? AND number = ?", [channel.as_str().into(), number(event.0)])
    }

    fn retain(&mut self, row: &HistoryRow, floor: EventNumber) -> Result<()> {
        let query = "INSERT OR REPLACE INTO latest (channel, floor, number, at, json) VALUES (?, ?, ?, ?, ?)";
        let HistoryRow { channel, number: event, at, json } = row;
        let values = [channel.as_str().into(), number(floor.0), number(event.0), number(at.0), json.as_str().into()];
        self.write(query, values)
    }

    fn summary(&self, channel: &ChannelId) -> Result<ChannelSummary> {
        let query = "
            SELECT count(*), sum(octet_length(json)), min(at), max(number),
                (SELECT floor FROM latest WHERE channel = ?1), (SELECT number FROM latest WHERE channel = ?1)
            FROM history WHERE channel = ?1";
        let values = self.first(query, [channel.as_str().into()])?;
        let at = |place| integer(values.get(place));
        Ok(ChannelSummary {
            events: usize::try_from(at(0)).unwrap_or(usize::MAX),
            bytes: at(1),
            oldest: Millis(at(2)),
            last: EventNumber(at(3).max(at(5))),
            floor: EventNumber(at(4)),
        })
    }

    fn cut(&self, channel: &ChannelId, Cut { events, since, bytes }: Cut) -> Result<Option<EventNumber>> {
        let query = "
            SELECT max(number) FROM (
                SELECT number, at, row_number() OVER newest AS place, sum(octet_length(json)) OVER newest AS bytes
                FROM history WHERE channel = ? WINDOW newest AS (ORDER BY number DESC)
            ) WHERE place > ? OR at < ? OR place > 1 AND bytes > ?";
        let bytes = i64::try_from(bytes).unwrap_or(1 << 52);
        let values = [
            channel.as_str().into(),
            number(events as u64),
            number(since.0),
            SqlStorageValue::Integer(bytes.min(1 << 52)),
        ];
        let values = self.first(query, values)?;
        Ok(Some(EventNumber(integer(values.first()))).filter(|cut| cut.0 > 0))
    }

    fn trim(&mut self, channel: &ChannelId, upto: EventNumber) -> Result<()> {
        let query = "
            INSERT INTO latest (channel, floor) VALUES (?, ?) ON CONFLICT (channel) DO UPDATE SET floor = excluded.floor";
        self.write(query, [channel.as_str().into(), number(upto.0)])?;
        self.delete("DELETE FROM history WHERE channel = ? AND number <= ?", [channel.as_str().into(), number(upto.0)])
    }

    fn trim_oldest(&mut self) -> Result<EventNumber> {
        let query = "SELECT number FROM history ORDER BY number LIMIT 1 OFFSET (SELECT count(*) / 8 FROM history)";
        let upto = EventNumber(integer(self.first(query, [])?.first()));
        self.delete("DELETE FROM history WHERE number <= ?", [number(upto.0)])?;
        self.delete("DELETE FROM latest WHERE floor <= ?1 AND ifnull(number, 0) <= ?1", [number(upto.0)])?;
        Ok(upto)
    }

    fn history(&self, range: &HistoryRange) -> Result<Vec<HistoryRow>> {
        let HistoryRange { pattern, after, upto, events, bytes } = range;
        let span = Span::of(pattern);
        if ChannelId::parse(pattern.as_str()).is_some() {
            return self.history_of(range);
        }
        // First the numbers, then the JSON: sorting needs all rows at a time.
        let query = format!(
            "{CHANNELS} SELECT channel, number, at, octet_length(json) FROM found JOIN history ON channel = found.name
            WHERE {} AND number > ?4 AND number <= ?5 ORDER BY number LIMIT ?6",
            span.condition("found.name")
        );
        let values = [
            "".into(),
            span.from.as_str().into(),
            span.to.as_str().into(),
            number(after.0),
            number(upto.0),
            number(*events as u64),
        ];
        self.with_json(self.all(&query, values, *events)?, *bytes, |row| {
            let values = [row.channel.as_str().into(), number(row.number.0)];
            self.first("SELECT json FROM history WHERE channel = ? AND number = ?", values)
        })
    }

    fn retained(&self, range: &HistoryRange) -> Result<Vec<HistoryRow>> {
        let HistoryRange { pattern, after, upto, events, bytes } = range;
        let span = Span::of(pattern);
        let query = format!(
            "SELECT channel, number, at, octet_length(json) FROM latest
            WHERE channel >= ? AND channel < ? AND json IS NOT NULL AND {} AND number > ? AND number <= ?
            ORDER BY number LIMIT ?",
            span.condition("channel")
        );
        let values = [
            span.from.as_str().into(),
            span.to.as_str().into(),
            number(after.0),
            number(upto.0),
            number(*events as u64),
        ];
        self.with_json(self.all(&query, values, *events)?, *bytes, |row| {
            self.first("SELECT json FROM latest WHERE channel = ?", [row.channel.as_str().into()])
        })
    }

    fn floor(&self, pattern: &ChannelPattern) -> Result<EventNumber> {
        let span = Span::of(pattern);
        let query = format!(
            "SELECT max(floor) FROM latest WHERE channel >= ? AND channel < ? AND {}",
            span.condition("channel")
        );
        let values = [span.from.as_str().into(), span.to.as_str().into()];
        Ok(EventNumber(integer(self.first(&query, values)?.first())))
    }

    fn channels(&self, pattern: &ChannelPattern, after: &str, most: usize) -> Result<Vec<ChannelId>> {
        let span = Span::of(pattern);
        let query =
            format!("{CHANNELS} SELECT name FROM found WHERE name IS NOT NULL AND {} LIMIT ?4", span.condition("name"));
        let values = [after.into(), span.from.as_str().into(), span.to.as_str().into(), number(most as u64)];
        let names = self.all(&query, values, most)?;
        Ok(names.iter().filter_map(|values| ChannelId::parse(&string(values.first()))).collect())
    }

    fn recent_keys(&self, channel: &ChannelId, since: Millis) -> Result<Vec<DedupKey>> {
        // Newest first, up to the number that the server remembers.
        let query = "
            SELECT key FROM history WHERE channel = ? AND at >= ? AND key IS NOT NULL ORDER BY number DESC LIMIT 1000";
        let keys = self.all(query, [channel.as_str().into(), number(since.0)], 1000)?;
        Ok(keys.iter().filter_map(|values| serde_json::from_str(&string(values.first())).ok()).collect())
    }

    fn keeps_anything(&self) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM history) OR EXISTS (SELECT 1 FROM latest WHERE json IS NOT NULL)";
        Ok(integer(self.first(query, [])?.first()) > 0)
    }

    fn size(&self) -> Result<u64> {
        Ok(self.database_size() as u64)
    }
}
