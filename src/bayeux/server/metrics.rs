//! The metrics report of this home.

use crate::bayeux::api::{json, openmetrics};
use crate::bayeux::app::HttpResponse;
use crate::bayeux::metrics::{AtHand, DataPoint, Gauges, Metrics, Platform, Report};
use crate::bayeux::persistence::{Note, Notes};
use crate::bayeux::server::BayeuxServer;
use crate::bayeux::time::Millis;

impl BayeuxServer {
    /// All metrics of this home. It walks all sessions, so it is for an occasional scrape.
    pub fn report(&self, platform: Platform) -> Report {
        let mut there_is = Gauges {
            channels: self.subscriptions.after(None).count() as u64,
            memory_bytes: self.memory() as u64,
            memory_limit: self.options.max_memory as u64,
            restarts: self.points.restarts(),
            ..Gauges::default()
        };
        for (_, session) in self.sessions.after(None) {
            Metrics::count(&mut there_is.sessions, session.transport(), 1);
            Metrics::count(&mut there_is.held, session.transport(), u64::from(session.is_held()));
            there_is.subscriptions += session.subscriptions.len() as u64;
            there_is.queued_events += session.queue.count() as u64;
            there_is.queued_bytes += session.queue.bounded_bytes() as u64;
        }
        Report::new(self.home.name(), self.since, &self.metrics, there_is, platform)
    }

    /// The data point that is due, a minute after the last one. To be asked now and then: nothing wakes a home for it.
    /// `platform` is asked for a point only.
    pub fn data_point(&mut self, now: Millis, platform: impl FnOnce() -> Platform) -> Option<DataPoint> {
        self.points.is_due(now, self.since).then(|| self.take_point(now, platform()))
    }

    /// The data point of a home that falls asleep, which may lose its memory: what it has not told yet. None while its
    /// minute is not over: then [`Self::points_to_keep`] has it.
    pub fn last_data_point(&mut self, now: Millis, platform: impl FnOnce() -> Platform) -> Option<DataPoint> {
        let due = self.points.is_last_due(now, &self.metrics, self.is_empty());
        due.then(|| self.take_point(now, platform()))
    }

    /// What a home that starts, or falls asleep, has to keep of its figures for its next life, where that has changed
    /// or was `lost`. A home of which nothing is left keeps nothing.
    pub fn points_to_keep(&mut self, platform: impl FnOnce() -> Platform, lost: bool) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let kept = self.points.keep(&self.metrics, platform().rows_written, lost)?;
        serde_json::to_string(&kept).ok()
    }

    /// Keeps them in a row, where no socket is open that could.
    pub fn save_points(&mut self, points: &str) {
        self.saved(|store| Note::Points.save(store, points));
    }

    /// Several sockets may have kept some, and a row: the latest are those of the last life.
    pub(super) fn restore_points(&mut self, notes: &Notes) {
        let kept = notes.iter().filter(|(note, _)| **note == Note::Points);
        let latest = kept.filter_map(|(_, text)| serde_json::from_str(text).ok()).max();
        latest.into_iter().for_each(|kept| self.points.restore(kept));
    }

    /// To be called when all of the last life is restored.
    pub(super) fn count_restart(&mut self) {
        if !self.is_empty() {
            self.points.restarted();
        }
    }

    fn take_point(&mut self, now: Millis, platform: Platform) -> DataPoint {
        let there_is = AtHand { sessions: self.sessions.len() as u64, memory_bytes: self.memory() as u64, platform };
        let doubles = self.points.take(now, self.since, &self.metrics, there_is);
        DataPoint { home: self.home.name().to_owned(), doubles }
    }

    pub(super) fn show_metrics(&self, platform: Platform) -> HttpResponse {
        openmetrics(self.report(platform).to_openmetrics())
    }

    pub(super) fn show_stats(&self, platform: Platform) -> HttpResponse {
        json(self.report(platform).to_json())
    }
}
