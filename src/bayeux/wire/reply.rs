//! A reply to one message.

use serde::Serialize;
use serde_json::value::RawValue;

use super::advice::Advice;
use super::error::BayeuxError;
use super::extensions::ReplyExt;
use super::message::MessageId;

/// The fields a reply may have; those that do not apply stay out of the JSON.
///
/// ```
/// use bayeux_edge::bayeux::{BayeuxError, MessageId, Reply};
///
/// let id = MessageId::default();
/// let reply = Reply::failed(Some("/chat/demo"), &id, &BayeuxError::DataMissing);
/// let written = reply.into_json();
/// assert_eq!(written.json, r#"{"channel":"/chat/demo","successful":false,"error":"400::data_missing"}"#);
/// assert_eq!(written.refused.unwrap().name, "data_missing");
/// ```
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a RawValue>,
    pub successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supported_connection_types: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
    #[serde(skip_serializing_if = "ReplyExt::is_empty")]
    pub ext: ReplyExt,
    /// What the log has of the error, where there is one.
    #[serde(skip)]
    pub cause: Option<Grounds>,
}

/// What a client is not told of an error.
#[derive(Default)]
pub struct Grounds {
    name: &'static str,
    reason: Option<Box<str>>,
    rule: Option<Box<str>>,
}

/// A reply as it is sent, and what it refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub json: String,
    pub refused: Option<Box<RefusedMessage>>,
}

/// What a reply refuses, for the log and the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedMessage {
    /// The message's channel, as far as it is known.
    pub channel: Option<Box<str>>,
    /// What it wanted to subscribe to, in JSON.
    pub subscription: Option<Box<str>>,
    /// As the client reads it.
    pub error: String,
    /// See [`BayeuxError::name`].
    pub name: &'static str,
    /// What denied it: the access rules, the claims, or the policy's own words.
    pub reason: Option<Box<str>>,
    /// The access rule that allows it to others.
    pub rule: Option<Box<str>>,
}

/// Bytes that the log repeats of what a client wrote, or of a rule.
const MOST_REPEATED: usize = 256;

fn cut(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MOST_REPEATED)].into()
}

impl<'a> Reply<'a> {
    pub fn successful(channel: &'a str, id: &'a MessageId) -> Self {
        Self { channel: Some(channel), id: id.as_json(), successful: true, ..Self::default() }
    }

    pub fn failed(channel: Option<&'a str>, id: &'a MessageId, error: &BayeuxError) -> Self {
        let mut cause = Grounds { name: error.name(), ..Grounds::default() };
        let (advice, own) = match error {
            BayeuxError::Denied(_, denial) => {
                cause.reason = denial.reason().map(cut);
                cause.rule = denial.rule().map(cut);
                (denial.advice.clone(), denial.ext.clone())
            }
            _ => Default::default(),
        };
        let ext = ReplyExt { own, ..ReplyExt::default() };
        let (error, cause) = (Some(error.to_string()), Some(cause));
        Self { channel, id: id.as_json(), error, cause, advice, ext, ..Self::default() }
    }

    pub fn into_json(self) -> Written {
        // Strings, numbers and valid JSON always serialize, whatever a client sends.
        let json = serde_json::to_string(&self)
            .unwrap_or_else(|_| r#"{"successful":false,"error":"500::reply_invalid"}"#.to_owned());
        let Some((error, cause)) = self.error.zip(self.cause) else { return Written { json, refused: None } };
        let Grounds { name, reason, rule } = cause;
        let channel = self.channel.map(cut);
        let subscription = self.subscription.map(|subscription| cut(subscription.get()));
        Written { json, refused: Some(Box::new(RefusedMessage { channel, subscription, error, name, reason, rule })) }
    }
}
