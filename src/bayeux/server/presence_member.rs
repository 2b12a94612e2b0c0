//! What watchers see of a member: its user, and what the application shows with it.

use serde::Deserialize;
use serde_json::Value;

use crate::bayeux::auth::CLAIMS;
use crate::bayeux::delivery::Member;
use crate::bayeux::session::Attributes;

/// The session attribute in which the application describes a member.
pub const PRESENCE: &str = "presence";

/// The longest user name, and the longest JSON of a member: the members of a room of 1,000 are 1 MiB at most.
const MAX_USER: usize = 256;
const MAX_INFO: usize = 1024;

/// The attribute `presence` of a session.
#[derive(Default, Deserialize)]
struct Shown {
    user: Option<Value>,
    info: Option<Value>,
}

/// What watchers see of a session with these attributes.
pub fn shown(attributes: &Attributes) -> Member {
    let Shown { user, info } = attributes.get(PRESENCE).unwrap_or_default();
    let of_claims = || attributes.value(CLAIMS).and_then(|claims| claims.get("sub")).cloned();
    let info = info.filter(|info| !info.is_null() && info.to_string().len() <= MAX_INFO);
    Member { user: user.or_else(of_claims).as_ref().and_then(name), info }
}

/// A user's name. It must not look like the name of an unnamed session.
fn name(user: &Value) -> Option<Box<str>> {
    let name = match user {
        Value::String(name) => name.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    ((1..=MAX_USER).contains(&name.len()) && !name.starts_with("session:")).then(|| name.into())
}
