//! Callback-polling: a GET with the messages in its query, for pages that may not POST to another origin.

use worker::web_sys::Request;

use crate::bayeux::{Callback, RequestError, parse_form};
use crate::cloudflare::config::Config;
use crate::cloudflare::http::request::query;
use crate::cloudflare::transport::long_polling::{Arrival, origin};

/// Reads a request.
///
/// # Errors
/// The request as a whole is refused.
pub fn read(request: &Request, config: &Config) -> Result<Arrival, RequestError> {
    let url = request.url();
    let callback = Callback::of_query(query(&url))?;
    let messages = parse_form(query(&url), &config.options)?;
    Ok(Arrival { origin: origin(request), messages, callback: Some(callback), body: None })
}
