//! The metrics of all homes as each of them last wrote them down: no object is called.
//!
//! ```text
//! GET /cometd/api/metrics?tree=*&limit=50
//! ← bayeux_sessions{home="/chat",transport="websocket"} 2
//!   Link: </cometd/api/metrics?tree=*&limit=50&after=…>; rel="next"
//! ```

use super::error::ApiError;
use super::fan_out::{List, link};
use super::openmetrics;
use super::page::ListPage;
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::bayeux::metrics::Merged;

/// How many texts are read at a time: Workers KV reads 100 keys in one call.
const MOST: usize = 100;

/// A page of the texts in the store.
#[derive(Debug)]
pub struct KeptMetrics {
    /// Where the page before ended, in the store's own words.
    pub cursor: Option<String>,
    pub limit: usize,
}

impl KeptMetrics {
    /// Whether a call for all homes can be answered from the store.
    pub fn is_meant(request: &HttpRequest) -> bool {
        matches!(List::of(request), Some(List::Metrics))
    }

    /// # Errors
    /// [`ApiError::LimitInvalid`].
    pub fn new(request: &HttpRequest) -> Result<Self, ApiError> {
        let ListPage { after, limit } = ListPage::of(request, |cursor| Some(cursor.to_owned()))?;
        Ok(Self { cursor: after, limit: limit.min(MOST) })
    }

    /// The page with the texts of these homes. `next`: where the store goes on.
    ///
    /// ```
    /// use bayeux_edge::bayeux::api::KeptMetrics;
    /// use bayeux_edge::bayeux::app::HttpRequest;
    ///
    /// let request = HttpRequest { query: "tree=*&limit=1".to_owned(), ..HttpRequest::default() };
    /// let page = KeptMetrics::new(&request).unwrap();
    /// assert_eq!((page.limit, &page.cursor), (1, &None));
    /// let kept = [("/chat".to_owned(), "# TYPE bayeux_sockets gauge\nbayeux_sockets 3\n# EOF\n".to_owned())];
    /// let response = page.response(kept, Some("L2E="));
    /// let text = b"# TYPE bayeux_sockets gauge\nbayeux_sockets{home=\"/chat\"} 3\n# EOF\n";
    /// assert_eq!(response.body.as_deref(), Some(text.as_slice()));
    /// let next = r#"</cometd/api/metrics?tree=*&limit=1&after=L2E%3D>; rel="next""#;
    /// assert!(response.headers.contains(&("link".to_owned(), next.to_owned())));
    /// ```
    pub fn response(&self, kept: impl IntoIterator<Item = (String, String)>, next: Option<&str>) -> HttpResponse {
        let mut merged = Merged::default();
        kept.into_iter().for_each(|(home, text)| merged.add(&home, &text));
        let response = openmetrics(merged.into_text());
        match next {
            Some(next) => response.header("link", link(List::Metrics, self.limit, next)),
            None => response,
        }
    }
}
