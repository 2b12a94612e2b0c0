//! Notes: rows of one text each that belong to no session and to no event, each under its name.

use std::fmt;

use super::store::{Store, StoreError};
use crate::bayeux::session::SessionKey;
use crate::bayeux::wire::{ChannelId, ChannelPattern};

/// What a note is about. `Display` is its name in the store, which rows of earlier versions have too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The sessions that were away when the object fell asleep, and until when.
    Away,
    /// The keys of publishes whose rows are gone.
    Keys,
    /// What an owner knows of its tree's history.
    History,
    /// The highest number that this object may have given to an event.
    Since,
    /// How this tree is registered at the root.
    Registration,
    /// At the root: the patterns that span trees.
    Wildcards,
    /// At the root: a registered tree.
    Tree(String),
    /// The last event that came from this owner.
    Heard(String),
    /// The last request of this home that was done.
    Done(String),
    /// A home that listens here.
    RemoteHome(String),
    /// What such a home listens to.
    Listener(SessionKey, ChannelPattern),
    /// Who came and went may be untold.
    PresenceUntold,
    /// When the last data point was, and what happened since.
    Points,
    /// A session of such a home that is in a channel of this tree.
    Member(SessionKey, SessionKey, ChannelId),
}

impl Note {
    /// The note of this name; none where this version knows no such name.
    fn named(name: &str) -> Option<Self> {
        Some(match name.split_once(':') {
            None => match name {
                "away" => Self::Away,
                "keys" => Self::Keys,
                "history" => Self::History,
                "since" => Self::Since,
                "standing" => Self::Registration,
                "spans" => Self::Wildcards,
                "presence" => Self::PresenceUntold,
                "points" => Self::Points,
                _ => return None,
            },
            Some((kind, rest)) => match kind {
                "tree" => Self::Tree(rest.to_owned()),
                "heard" => Self::Heard(rest.to_owned()),
                "done" => Self::Done(rest.to_owned()),
                "home" => Self::RemoteHome(rest.to_owned()),
                "listen" => {
                    let (key, pattern) = rest.split_once(':')?;
                    Self::Listener(SessionKey::parse(key)?, ChannelPattern::parse(pattern)?)
                }
                "member" => {
                    let (home, rest) = rest.split_once(':')?;
                    let (session, channel) = rest.split_once(':')?;
                    Self::Member(SessionKey::parse(home)?, SessionKey::parse(session)?, ChannelId::parse(channel)?)
                }
                _ => return None,
            },
        })
    }

    /// # Errors
    /// Nothing was written.
    pub fn save(&self, store: &mut dyn Store, text: &str) -> Result<(), StoreError> {
        store.save_note(&self.to_string(), text)
    }

    /// # Errors
    /// Nothing was written.
    pub fn forget(&self, store: &mut dyn Store) -> Result<(), StoreError> {
        store.forget_note(&self.to_string())
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away => f.write_str("away"),
            Self::Keys => f.write_str("keys"),
            Self::History => f.write_str("history"),
            Self::Since => f.write_str("since"),
            Self::Registration => f.write_str("standing"),
            Self::Wildcards => f.write_str("spans"),
            Self::Tree(tree) => write!(f, "tree:{tree}"),
            Self::Heard(owner) => write!(f, "heard:{owner}"),
            Self::Done(home) => write!(f, "done:{home}"),
            Self::RemoteHome(home) => write!(f, "home:{home}"),
            Self::Listener(SessionKey(key), pattern) => write!(f, "listen:{key}:{}", pattern.as_str()),
            Self::PresenceUntold => f.write_str("presence"),
            Self::Points => f.write_str("points"),
            Self::Member(home, session, channel) => write!(f, "member:{home}:{session}:{channel}"),
        }
    }
}

/// All notes of the last life that this version knows.
#[derive(Debug, Default)]
pub struct Notes(Vec<(Note, String)>);

impl Notes {
    pub fn of(rows: Vec<(String, String)>) -> Self {
        Self(rows.into_iter().filter_map(|(name, text)| Some((Note::named(&name)?, text))).collect())
    }

    pub fn get(&self, note: &Note) -> Option<&str> {
        self.iter().find(|(known, _)| *known == note).map(|(_, text)| text)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Note, &str)> {
        self.0.iter().map(|(note, text)| (note, text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The note that stands after this one below. Without a line for each the test does not compile.
    fn after(note: &Note) -> Option<Note> {
        Some(match note {
            Note::Away => Note::Keys,
            Note::Keys => Note::History,
            Note::History => Note::Since,
            Note::Since => Note::Registration,
            Note::Registration => Note::Wildcards,
            Note::Wildcards => Note::Tree("/chat".to_owned()),
            Note::Tree(_) => Note::Heard("/".to_owned()),
            Note::Heard(_) => Note::Done("/#1".to_owned()),
            Note::Done(_) => Note::RemoteHome("/#2:3".to_owned()),
            Note::RemoteHome(_) => Note::Listener(SessionKey(7), ChannelPattern::parse("/a/**").unwrap()),
            Note::Listener(..) => Note::PresenceUntold,
            Note::PresenceUntold => Note::Points,
            Note::Points => Note::Member(SessionKey(7), SessionKey(8), ChannelId::parse("/a/b").unwrap()),
            Note::Member(..) => return None,
        })
    }

    #[test]
    fn a_note_is_found_by_its_name() {
        for note in std::iter::successors(Some(Note::Away), after) {
            assert_eq!(Note::named(&note.to_string()), Some(note));
        }
        for name in ["", "gone", "gone:1", "listen:1", "listen:x:/a", "listen:1:a", "member:1:/a", "member:1:2:a"] {
            assert_eq!(Note::named(name), None, "{name}");
        }
    }
}
