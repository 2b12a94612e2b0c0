//! From the text of a request to a batch of messages.

use std::fmt;

use serde_json::value::RawValue;

use super::error::BayeuxError;
use super::message::Message;

/// Each message of a batch past `MAX_MESSAGES_PER_BATCH` is refused with its own reply, up to this multiple of the
/// limit. With 256 that covers what a client gathers in a long time offline, and costs half a megabyte of replies.
const REFUSED_ONE_BY_ONE: usize = 16;

/// Why a request as a whole is refused. Nothing of it was processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// Not JSON, or JSON that is neither an object nor an array.
    JsonInvalid,
    /// Bytes that are no UTF-8 (RFC 8259, section 8.1).
    Utf8Invalid,
    /// A `charset` other than UTF-8.
    CharsetUnsupported,
    /// A `Content-Encoding` that is not supported.
    EncodingUnsupported,
    /// An empty array, or a form without `message`.
    Empty,
    /// Deeper than `MAX_JSON_DEPTH`.
    TooDeep,
    /// Longer than `MAX_MESSAGE_SIZE`.
    TooLarge,
    /// So far past `MAX_MESSAGES_PER_BATCH` that messages are not refused one by one.
    TooMany,
    /// A callback's name that could be more than a name.
    CallbackInvalid,
}

/// How large a request may be: a part of [`Options`](crate::bayeux::Options).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Bytes.
    pub max_message_size: usize,
    pub max_messages_per_batch: usize,
    /// Brackets within brackets.
    pub max_json_depth: usize,
}

/// One element of a batch: a message, or what is wrong with it.
pub type Element = Result<Message, BayeuxError>;

impl RequestError {
    /// The HTTP status (RFC 9110).
    pub fn status(self) -> u16 {
        match self {
            Self::JsonInvalid | Self::Utf8Invalid | Self::Empty | Self::TooDeep | Self::CallbackInvalid => 400,
            Self::TooLarge | Self::TooMany => 413,
            Self::CharsetUnsupported | Self::EncodingUnsupported => 415,
        }
    }

    /// The body: a reply to no message in particular.
    pub fn body(self) -> String {
        format!(r#"[{{"successful":false,"error":"{self}"}}]"#)
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::JsonInvalid => "json_invalid",
            Self::Utf8Invalid => "utf8_invalid",
            Self::CharsetUnsupported => "charset_unsupported",
            Self::EncodingUnsupported => "content_encoding_unsupported",
            Self::Empty => "batch_empty",
            Self::TooDeep => "json_too_deep",
            Self::TooLarge => "request_too_large",
            Self::TooMany => "batch_too_large",
            Self::CallbackInvalid => "callback_invalid",
        };
        write!(f, "{}::{name}", self.status())
    }
}

/// Reads a JSON body: an array of messages, or a single one.
///
/// # Errors
/// Where the body as a whole is invalid. An invalid message among valid ones is an [`Element`] of its own.
pub fn parse_json(body: &str, limits: impl Into<RequestLimits>) -> Result<Vec<Element>, RequestError> {
    parse_documents([without_bom(body)], body.len(), limits.into())
}

/// The text of a body.
///
/// ```
/// use bayeux_edge::bayeux::{RequestError, text_of};
///
/// assert_eq!(text_of(b"[]".to_vec()), Ok("[]".to_owned()));
/// assert_eq!(text_of(vec![b'"', 0xc3, b'"']), Err(RequestError::Utf8Invalid));
/// ```
///
/// # Errors
/// [`RequestError::Utf8Invalid`]: otherwise subscribers would read replacement characters.
pub fn text_of(bytes: Vec<u8>) -> Result<String, RequestError> {
    String::from_utf8(bytes).map_err(|_| RequestError::Utf8Invalid)
}

/// Whether a body of this `Content-Type` is a form. `curl -d` says that JSON is one; no form begins like JSON.
///
/// # Errors
/// [`RequestError::CharsetUnsupported`].
pub fn is_form(content_type: Option<&str>, body: &str) -> Result<bool, RequestError> {
    let type_ = content_type.unwrap_or_default().to_ascii_lowercase();
    let charset = type_.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("charset="));
    let charset = charset.map_or("utf-8", |charset| charset.trim_matches(['"', ' ']));
    // US-ASCII is a part of UTF-8.
    if !matches!(charset, "utf-8" | "utf8" | "us-ascii") {
        return Err(RequestError::CharsetUnsupported);
    }
    let is_json = without_bom(body).trim_start().starts_with(['[', '{']);
    Ok(!is_json && type_.starts_with("application/x-www-form-urlencoded"))
}

/// A byte order mark is not a part of the text (RFC 8259, section 8.1, lets it be ignored).
fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads an `application/x-www-form-urlencoded` body (or query): `message` fields, one or many, each an array or a
/// single message. Dojo's and POE's clients send it (Bayeux 1.0 section 6.1).
///
/// # Errors
/// As [`parse_json`].
pub fn parse_form(form: &str, limits: impl Into<RequestLimits>) -> Result<Vec<Element>, RequestError> {
    let documents: Vec<_> =
        form_urlencoded::parse(form.as_bytes()).filter(|(name, _)| name == "message").map(|(_, value)| value).collect();
    parse_documents(documents.iter().map(AsRef::as_ref), form.len(), limits.into())
}

fn parse_documents<'a>(
    documents: impl IntoIterator<Item = &'a str>,
    size: usize,
    limits: RequestLimits,
) -> Result<Vec<Element>, RequestError> {
    if size > limits.max_message_size {
        return Err(RequestError::TooLarge);
    }
    let mut batch = Vec::new();
    for json in documents {
        if depth(json) > limits.max_json_depth {
            return Err(RequestError::TooDeep);
        }
        let elements: Vec<&RawValue> = match json.trim_start().as_bytes().first() {
            Some(b'[') => serde_json::from_str(json),
            Some(b'{') => serde_json::from_str(json).map(|object| vec![object]),
            _ => return Err(RequestError::JsonInvalid),
        }
        .map_err(|_| RequestError::JsonInvalid)?;
        if batch.len() + elements.len() > limits.max_messages_per_batch.saturating_mul(REFUSED_ONE_BY_ONE) {
            return Err(RequestError::TooMany);
        }
        batch.extend(elements.into_iter().map(Message::parse));
    }
    if batch.is_empty() {
        return Err(RequestError::Empty);
    }
    Ok(batch)
}

/// How deep brackets nest. serde_json skips raw values without recursion and so without a limit of its own, but the
/// subscribers' parsers recurse.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut impl Iterator<Item = u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => {
                bytes.next();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::Options;

    fn json(body: &str) -> Result<usize, RequestError> {
        parse_json(body, &Options::default()).map(|batch| batch.len())
    }

    #[test]
    fn a_body_is_an_array_or_a_single_object() {
        assert_eq!(json(r#"[{"channel":"/a"},{}]"#), Ok(2));
        assert_eq!(json(r#" {"channel":"/a"} "#), Ok(1));
        assert_eq!(json("[]"), Err(RequestError::Empty));
        for body in ["", "nonsense", "5", "\"x\"", "null", "[{", "[{}", "{}{}", "[{\"channel\":\"/meta/conn"] {
            assert_eq!(json(body), Err(RequestError::JsonInvalid), "{body}");
        }
    }

    #[test]
    fn an_element_that_is_no_object_is_an_error_only_for_itself() {
        let batch = parse_json(r#"[{"id":1}, 5, null, "x", [{}], {"id":2}]"#, &Options::default()).unwrap();
        let good: Vec<bool> = batch.iter().map(Result::is_ok).collect();
        assert_eq!(good, [true, false, false, false, false, true]);
    }

    #[test]
    fn a_form_has_one_or_more_message_fields_of_objects_or_arrays() {
        let form = "message=%7B%22data%22%3A%22a+b%26c%25%22%7D&other=1&message=%5B%7B%7D%2C%7B%7D%5D";
        let batch = parse_form(form, &Options::default()).unwrap();
        assert_eq!(batch.len(), 3);
        assert_eq!(batch[0].as_ref().unwrap().get::<String>("data").unwrap(), "a b&c%");
        assert_eq!(parse_form("x=1", &Options::default()).unwrap_err(), RequestError::Empty);
    }

    #[test]
    fn size_count_and_depth_are_bounded() {
        let options =
            Options { max_message_size: 80, max_messages_per_batch: 1, max_json_depth: 3, ..Options::default() };
        let error = |body: &str| parse_json(body, &options).err();
        assert_eq!(error(&format!("[{}{{}}]", "{},".repeat(15))), None, "refused one by one");
        assert_eq!(error(&format!("[{}{{}}]", "{},".repeat(16))), Some(RequestError::TooMany));
        assert_eq!(error(&format!("[{}]", " ".repeat(80))), Some(RequestError::TooLarge));
        assert_eq!(error("[{\"a\":[]}]"), None);
        assert_eq!(error("[{\"a\":[[]]}]"), Some(RequestError::TooDeep));
        assert_eq!(error("[{\"a\":\"[[[[\\\"[[\"}]"), None);
    }
}
