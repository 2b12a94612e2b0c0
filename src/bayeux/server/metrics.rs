//! The metrics report of this home.

use crate::bayeux::api::json;
use crate::bayeux::app::HttpResponse;
use crate::bayeux::metrics::{Gauges, Metrics, Platform, Report};
use crate::bayeux::server::BayeuxServer;

/// The media type of OpenMetrics 1.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl BayeuxServer {
    /// All metrics of this home. It walks all sessions, so it is for an occasional scrape.
    pub fn report(&self, platform: Platform) -> Report {
        let mut there_is = Gauges {
            channels: self.subscriptions.after(None).count() as u64,
            memory_bytes: self.memory() as u64,
            memory_limit: self.options.max_memory as u64,
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

    pub(super) fn show_metrics(&self, platform: Platform) -> HttpResponse {
        let body = self.report(platform).to_openmetrics();
        HttpResponse { body: Some(body.into_bytes()), ..HttpResponse::new(200) }
            .header("content-type", OPENMETRICS)
            .header("cache-control", "no-store")
            .header("x-content-type-options", "nosniff")
    }

    pub(super) fn show_stats(&self, platform: Platform) -> HttpResponse {
        json(self.report(platform).to_json())
    }
}
