//! The answers of a hooks Worker. Anything that does not match the contract counts as no answer.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::Hook;
use crate::bayeux::app::{Action, Actions};
use crate::bayeux::session::{Client, SessionKey};
use crate::bayeux::wire::{Advice, ChannelId, Denial, Message};

/// The actions of an answer.
type Wanted = Vec<Action>;

/// A decision on one message.
pub enum Verdict {
    Allowed(Permission),
    Denied(Denial),
}

/// What a permission adds.
#[derive(Default)]
pub struct Permission {
    /// The sender at the time of the question: its session may have ended since.
    pub client: Option<Client>,
    /// The attributes of the session that is opened.
    pub attributes: BTreeMap<String, Value>,
    /// New data and `ext`, in place of what was sent.
    pub data: Option<Box<RawValue>>,
    pub ext: Option<Box<RawValue>>,
    pub actions: Wanted,
}

/// The answer to a request.
#[derive(Deserialize)]
pub struct Answers {
    answers: Vec<Box<RawValue>>,
    /// The hooks that the application has, where it lists them.
    hooks: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct HookAnswer {
    allow: Option<bool>,
    error: Option<String>,
    advice: Option<AdviceAnswer>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default, deserialize_with = "present")]
    data: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    ext: Option<Box<RawValue>>,
    replies: Option<Vec<Box<RawValue>>>,
    /// The result of a remote call.
    #[serde(default, deserialize_with = "present")]
    result: Option<Box<RawValue>>,
    /// The result of a remote call that fails.
    #[serde(default, deserialize_with = "present")]
    failure: Option<Box<RawValue>>,
    #[serde(default)]
    actions: Vec<ActionAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AdviceAnswer {
    reconnect: Reconnect,
    interval: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Reconnect {
    Handshake,
    None,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum ActionAnswer {
    Publish { channel: String, data: Value },
    Push { client: String, channel: String, data: Value },
    SetAttribute { name: String, value: Value },
    Disconnect { client: Option<String> },
}

impl Answers {
    /// None where the count differs from the questions'.
    pub fn parse(text: &str, count: usize) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|answers: &Self| answers.answers.len() == count)
    }

    pub fn get(&self, place: usize) -> Option<&RawValue> {
        self.answers.get(place).map(|answer| &**answer)
    }

    pub fn hooks(&self) -> Option<Vec<&str>> {
        Some(self.hooks.as_ref()?.iter().map(String::as_str).collect())
    }
}

impl Verdict {
    /// None where it does not answer such a question.
    pub fn read(answer: &RawValue, hook: Hook) -> Option<Self> {
        let answer: HookAnswer = serde_json::from_str(answer.get()).ok()?;
        let allowed = match hook {
            Hook::Service => answer.error.is_none(),
            _ => answer.allow?,
        };
        if !allowed {
            return denial(answer).map(Self::Denied);
        }
        let HookAnswer { replies, result, failure, attributes, data, ext, actions: wanted, .. } = answer;
        let mut said = replies.into_iter().flatten().fold(Actions::new(), Actions::reply);
        said = match (hook, result, failure) {
            (Hook::Service, Some(_), Some(_)) => return None,
            (Hook::Service, Some(result), None) => said.answer(result),
            (Hook::Service, None, Some(failure)) => said.failure(failure),
            _ => said,
        };
        let actions = said.into_iter().chain(actions(wanted)?).collect();
        Some(Self::Allowed(Permission { client: None, attributes, data, ext, actions }))
    }

    /// The actions on an event.
    pub fn actions(answer: &RawValue) -> Option<Wanted> {
        let answer: HookAnswer = serde_json::from_str(answer.get()).ok()?;
        actions(answer.actions)
    }
}

impl Permission {
    /// Applies the changes to the message.
    pub fn edit(&self, message: &mut Message) {
        for (name, value) in [("data", &self.data), ("ext", &self.ext)] {
            if let Some(value) = value {
                message.set(name, value);
            }
        }
    }
}

fn denial(answer: HookAnswer) -> Option<Denial> {
    let mut denial = match answer.error {
        Some(error) => Denial::worded(&error)?,
        None => Denial::default(),
    };
    if let Some(AdviceAnswer { reconnect, interval }) = answer.advice {
        denial = denial.advice(match (reconnect, interval) {
            (Reconnect::None, _) => Advice::none(),
            (Reconnect::Handshake, interval) => {
                Advice::handshake_after(Duration::from_millis(interval.unwrap_or_default().into()))
            }
        });
    }
    let ext: Map<String, Value> = match answer.ext {
        Some(ext) => serde_json::from_str(ext.get()).ok()?,
        None => Map::new(),
    };
    Some(ext.into_iter().fold(denial, |denial, (name, value)| denial.ext(&name, value)))
}

fn actions(wanted: Vec<ActionAnswer>) -> Option<Wanted> {
    let mut actions = Actions::new();
    for action in wanted {
        actions = match action {
            ActionAnswer::Publish { channel, .. } | ActionAnswer::Push { channel, .. }
                if ChannelId::parse(&channel).is_none() =>
            {
                actions.impossible("the hooks Worker named what is no channel")
            }
            ActionAnswer::Publish { channel, data } => actions.publish(channel, data),
            ActionAnswer::Push { client, channel, data } => actions.push(SessionKey::parse(&client)?, channel, data),
            ActionAnswer::SetAttribute { name, value } => actions.set_attribute(&name, value),
            ActionAnswer::Disconnect { client: None } => actions.disconnect(),
            ActionAnswer::Disconnect { client: Some(client) } => {
                actions.disconnect_session(SessionKey::parse(&client)?)
            }
        };
    }
    Some(actions.into_iter().collect::<Vec<Action>>())
}

/// A field that is present, even as `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}
