//! Callback-polling: a GET with the messages in its query, for pages that may not POST to another origin.

use crate::bayeux::{Callback, RequestError, parse_form};
use crate::cloudflare::config::Config;
use crate::cloudflare::http::request::ClientRequest;
use crate::cloudflare::transport::long_polling::{Arrival, context};

/// Reads a request.
///
/// # Errors
/// The request as a whole is refused.
pub fn read(request: &ClientRequest, config: &Config) -> Result<Arrival, RequestError> {
    let callback = Callback::of_query(request.query())?;
    let messages = parse_form(request.query(), &config.options)?;
    Ok(Arrival { context: context(request), messages, callback: Some(callback), body: None })
}
