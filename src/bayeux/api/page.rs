//! A page of a list of the server API.

use super::error::ApiError;
use crate::bayeux::app::HttpRequest;

/// The page that a request asks for.
#[derive(Debug)]
pub struct ListPage<Name> {
    /// It starts after this entry.
    pub after: Option<Name>,
    /// The most entries.
    pub limit: usize,
}

/// The entries of a page without a `limit`.
const USUAL: usize = 100;

/// The most entries of a page: names have at most 512 bytes, so this is half a megabyte.
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

    /// The entries of this page among those after `after`, and whether more follow.
    pub fn cut<T>(&self, entries: impl Iterator<Item = T>) -> (Vec<T>, bool) {
        let mut page: Vec<T> = entries.take(self.limit + 1).collect();
        let more = page.len() > self.limit;
        page.truncate(self.limit);
        (page, more)
    }
}
