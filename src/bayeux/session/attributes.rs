//! What an application knows of a session.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names with JSON values that belong to one session, such as who has logged in. They live as long as the session,
/// evictions of its home included, and no client ever sees them. Cheap to clone.
///
/// ```
/// use bayeux_edge::bayeux::app::Attributes;
///
/// let mut attributes = Attributes::default();
/// attributes.set("user", "alice");
/// attributes.set("level", 3);
/// assert_eq!(attributes.text("user"), Some("alice"));
/// assert_eq!(attributes.get("level"), Some(3));
/// assert_eq!(attributes.get::<bool>("user"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(Rc<BTreeMap<String, Value>>);

impl Attributes {
    /// The attribute as a `T`; `None` where it is absent or of another type.
    pub fn get<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        T::deserialize(self.0.get(name)?).ok()
    }

    /// The attribute as it is.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The attribute, where it is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// Gives an attribute its value; `null` takes it away.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let attributes = Rc::make_mut(&mut self.0);
        match value.into() {
            Value::Null => attributes.remove(name),
            value => attributes.insert(name.to_owned(), value),
        };
    }

    /// Bytes that they take in memory, about twice their JSON's.
    pub fn size(&self) -> usize {
        if self.is_empty() { 0 } else { 2 * serde_json::to_string(self).map_or(0, |json| json.len()) }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
