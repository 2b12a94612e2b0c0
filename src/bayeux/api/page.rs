//! A page of a list.

use super::error::ApiError;
use crate::bayeux::app::HttpRequest;

/// A part of a list.
#[derive(Debug)]
pub struct ListPage<Name> {
    /// Where it begins: behind this.
    pub after: Option<Name>,
    /// How long it may be.
    pub limit: usize,
}

/// Entries of a page that does not say how many it wants: as many as one looks through.
const USUAL: usize = 100;

/// Entries of a page at the most: names have 512 bytes at most, so half a megabyte of them.
const MOST: usize = 1000;

impl<Name> ListPage<Name> {
    /// # Errors
    /// [`ApiError::LimitInvalid`] or [`ApiError::AfterInvalid`].
    pub fn of(request: &HttpRequest, name: impl Fn(&str) -> Option<Name>) -> Result<Self, ApiError> {
        let limit = match request.query_field("limit") {
            None => USUAL,
            Some(limit) => {
                limit.parse().ok().filter(|limit| (1..=MOST).contains(limit)).ok_or(ApiError::LimitInvalid)?
            }
        };
        let after = match request.query_field("after") {
            None => None,
            Some(after) => Some(name(&after).ok_or(ApiError::AfterInvalid)?),
        };
        Ok(Self { after, limit })
    }

    /// This page of what comes behind `after`, and whether there is more.
    pub fn cut<T>(&self, entries: impl Iterator<Item = T>) -> (Vec<T>, bool) {
        let mut page: Vec<T> = entries.take(self.limit + 1).collect();
        let more = page.len() > self.limit;
        page.truncate(self.limit);
        (page, more)
    }
}
