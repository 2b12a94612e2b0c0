//! A list of all homes, or the figures of each: `?tree=*`.
//!
//! ```text
//! GET /cometd/api/clients?tree=*&limit=2
//! ← {"clients":[{"client":"17…","tree":"@0",…},{"client":"17…","tree":"@2",…}],"next":"@2,17…"}
//! GET /cometd/api/clients?tree=*&limit=2&after=@2,17…
//! ```
//!
//! The homes are asked in turn until a page is full: the root, the registered trees, and those of `HOMES`. A page's
//! `next` is a home and the name of an entry in its list. Metrics are text, which has no place for it: there the header
//! `Link` (RFC 8288) leads to the next page.

use std::collections::VecDeque;
use std::iter;

use serde_json::{Map, Value};

use super::error::ApiError;
use super::page::ListPage;
use super::{json, openmetrics};
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::bayeux::cluster::{API_PATH, Home, Placement};
use crate::bayeux::metrics::Merged;

/// A page in progress.
#[derive(Debug)]
pub struct FanOut {
    list: List,
    limit: usize,
    homes: Placement,
    /// The homes still to be asked. The first one's list continues after `after`.
    waiting: VecDeque<Home>,
    after: Option<String>,
    /// Whether more registered trees must be looked up, after the first one in `homes`.
    trees: bool,
    asked: usize,
    entries: Vec<Value>,
    metrics: Merged,
    refusal: Option<HttpResponse>,
}

/// The lists that can be merged.
#[derive(Clone, Copy, Debug)]
pub(super) enum List {
    Clients,
    Channels,
    /// One entry a home.
    Stats,
    /// The same as text.
    Metrics,
}

/// The next request to a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    pub whom: Home,
    /// Path and query, [`API_PATH`] included.
    pub path: String,
}

/// How many homes are asked for one page: as many as a request can call without being slow, and few enough for a
/// program that keeps a series for each of their figures. A page may be short or empty and still not be the last.
const MOST: usize = 32;

impl FanOut {
    /// Whether a call is for all homes.
    pub fn is_meant(request: &HttpRequest) -> bool {
        request.method == "GET" && List::of(request).is_some() && request.query_field("tree").as_deref() == Some("*")
    }

    /// # Errors
    /// [`ApiError::LimitInvalid`] or [`ApiError::AfterInvalid`].
    pub fn new(request: &HttpRequest, homes: Placement) -> Result<Self, ApiError> {
        let list = List::of(request).ok_or(ApiError::PathUnknown)?;
        let ListPage { after, limit } = ListPage::of(request, place)?;
        let (first, after) = after.unwrap_or((Home::Root, None));
        let trees = !matches!(first, Home::Shard(_));
        let waiting = if trees {
            VecDeque::from([first])
        } else {
            iter::once(first.clone()).chain(behind(homes, Some(&first))).collect()
        };
        let (asked, entries, metrics, refusal) = Default::default();
        Ok(Self { list, limit, homes, waiting, after, trees, asked, entries, metrics, refusal })
    }

    /// The next request; none where the page is complete.
    pub fn question(&self) -> Option<PageRequest> {
        let first = self.waiting.front().filter(|_| !self.is_complete())?;
        if self.trees {
            return Some(ask(&Home::Root, "trees", MOST, Some(first.name())));
        }
        Some(ask(first, self.list.name(), self.limit - self.count(), self.after.as_deref()))
    }

    fn is_complete(&self) -> bool {
        self.count() >= self.limit || self.asked >= MOST || self.refusal.is_some()
    }

    /// How many entries the page has so far.
    fn count(&self) -> usize {
        match self.list {
            List::Metrics => self.asked,
            List::Clients | List::Channels | List::Stats => self.entries.len(),
        }
    }

    /// Adds the response to the last request. A failed one becomes the response to the whole.
    pub fn take(&mut self, answer: HttpResponse) {
        let body = answer.body.as_deref().filter(|_| answer.status == 200);
        if let (List::Metrics, false) = (self.list, self.trees) {
            return match body.and_then(|body| std::str::from_utf8(body).ok()) {
                Some(text) => self.take_metrics(text),
                None => self.refusal = Some(answer),
            };
        }
        let Some(mut page) = body.and_then(|body| serde_json::from_slice::<Map<String, Value>>(body).ok()) else {
            self.refusal = Some(answer);
            return;
        };
        let next = page.get("next").and_then(Value::as_str).map(str::to_owned);
        let mut entries = |list| match page.get_mut(list).map(Value::take) {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        if self.trees {
            self.trees = false;
            let trees = entries("trees");
            let names = trees.iter().filter_map(|tree| tree.get("tree")?.as_str());
            self.waiting.extend(names.filter_map(Home::named));
            // Where there are more trees than that, the page ends before the last of these.
            self.waiting.extend(behind(self.homes, None));
            return;
        }
        self.asked += 1;
        if let List::Stats = self.list {
            self.waiting.pop_front();
            return self.entries.push(page.into());
        }
        let Some(home) = self.waiting.front() else { return };
        let of_home = entries(self.list.name()).into_iter().map(|mut entry| {
            if let Value::Object(fields) = &mut entry {
                fields.insert("tree".to_owned(), home.name().into());
            }
            entry
        });
        self.entries.extend(of_home);
        if next.is_none() {
            self.waiting.pop_front();
        }
        self.after = next;
    }

    fn take_metrics(&mut self, text: &str) {
        let Some(home) = self.waiting.pop_front() else { return };
        self.asked += 1;
        self.metrics.add(home.name(), text);
    }

    /// The page, once there is no request left.
    pub fn into_response(self) -> HttpResponse {
        if let Some(refusal) = self.refusal {
            return refusal;
        }
        let after = self.after.unwrap_or_default();
        let next = self.waiting.front().map(|home| format!("{},{after}", home.name()));
        if let List::Metrics = self.list {
            let response = openmetrics(self.metrics.into_text());
            return match next {
                Some(next) => response.header("link", link(self.list, self.limit, &next)),
                None => response,
            };
        }
        let mut page = Map::new();
        page.insert(self.list.name().to_owned(), self.entries.into());
        if let Some(next) = next {
            page.insert("next".to_owned(), next.into());
        }
        json(page)
    }
}

impl List {
    pub(super) fn of(request: &HttpRequest) -> Option<Self> {
        match request.path.strip_prefix(API_PATH)? {
            "/clients" => Some(Self::Clients),
            "/channels" => Some(Self::Channels),
            "/stats" => Some(Self::Stats),
            "/metrics" => Some(Self::Metrics),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Channels => "channels",
            Self::Stats => "stats",
            Self::Metrics => "metrics",
        }
    }
}

/// The position of a page: `home,name`, or `home,` for all of that home.
fn place(text: &str) -> Option<(Home, Option<String>)> {
    let (home, name) = text.split_once(',')?;
    Some((Home::named(home)?, (!name.is_empty()).then(|| name.to_owned())))
}

/// The homes of `HOMES` that come after this one.
fn behind(homes: Placement, home: Option<&Home>) -> impl Iterator<Item = Home> {
    homes.shards().filter(move |shard| home.is_none_or(|home| shard > home)).take(MOST + 1)
}

fn ask(whom: &Home, list: &str, limit: usize, after: Option<&str>) -> PageRequest {
    PageRequest { whom: whom.clone(), path: path(list, None, limit, after) }
}

/// The header that leads to the next page.
pub(super) fn link(list: List, limit: usize, next: &str) -> String {
    format!("<{}>; rel=\"next\"", path(list.name(), Some("*"), limit, Some(next)))
}

fn path(list: &str, tree: Option<&str>, limit: usize, after: Option<&str>) -> String {
    let limit = limit.to_string();
    let fields = [("tree", tree), ("limit", Some(&*limit)), ("after", after)];
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields.into_iter().filter_map(|(name, value)| Some((name, value?))));
    format!("{API_PATH}/{list}?{}", query.finish())
}
