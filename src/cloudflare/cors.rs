//! Which pages of other origins may use the server (Fetch standard, CORS protocol).
//!
//! cometd.js always sends credentials, so an answer names the page's origin and never says `*`.

use crate::bayeux::OptionError;

/// `ALLOWED_ORIGINS`: origins separated by spaces or commas, or `*` for any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    Any,
    Listed(Vec<String>),
}

impl AllowedOrigins {
    /// # Errors
    /// A part that is no origin.
    pub fn parse(value: Option<String>) -> Result<Self, OptionError> {
        let value = value.unwrap_or_default();
        let parts = value.split([' ', ',']).filter(|part| !part.is_empty());
        let origins: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        if origins == ["*"] {
            return Ok(Self::Any);
        }
        if origins.iter().all(|origin| is_origin(origin)) {
            return Ok(Self::Listed(origins));
        }
        let allowed = "* or origins like https://example.com:8443, separated by spaces".to_owned();
        Err(OptionError { name: "ALLOWED_ORIGINS", value, allowed })
    }

    pub fn allow(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(origins) => origins.iter().any(|listed| listed == origin),
        }
    }
}

/// `scheme://host[:port]`, without a path.
fn is_origin(origin: &str) -> bool {
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    authority.is_some_and(|authority| !authority.is_empty() && !authority.contains(['/', '*', '?', '#']))
}
