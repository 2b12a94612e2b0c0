//! The members of a channel with presence, and which of them watchers have been told.
//!
//! Changes gather and are published together, so a roster keeps the published members and the changes since. A new
//! watcher is sent the published members: the changes come to it as to all watchers.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::bayeux::limits::Charge;

/// Bytes of a member besides its name and its data.
const MEMBER: usize = 256;

/// A session, as watchers see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The user whose session it is. An unnamed session is its own user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Box<str>>,
    /// The data that the application shows with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<Value>,
}

/// A session in a tree: the number of its home, none for the owner itself, and its own key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<K> {
    pub home: Option<K>,
    pub session: K,
}

/// The members of a channel.
#[derive(Debug)]
pub struct Roster<K> {
    told: BTreeMap<Place<K>, Rc<Present>>,
    /// Unpublished changes: sessions that joined or changed, and those that left.
    changed: BTreeMap<Place<K>, Option<Rc<Present>>>,
    /// How many published sessions each user has.
    users: BTreeMap<Box<str>, usize>,
    /// Whether members are named: there are few enough users.
    named: bool,
    /// Watchers may have missed changes: all members are published next.
    retell: bool,
    /// What a new watcher is sent, until the next change is published.
    whole: Option<Rc<str>>,
}

#[derive(Debug)]
struct Present {
    member: Member,
    _charge: Charge,
}

impl Member {
    /// Bytes of a member in a roster.
    pub fn size(&self) -> usize {
        let info = self.info.as_ref().map_or(0, |info| 2 * info.to_string().len());
        MEMBER + self.user.as_ref().map_or(0, |user| user.len()) + info
    }
}

impl<K: fmt::Display> fmt::Display for Place<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.home {
            Some(home) => write!(f, "{home}.{}", self.session),
            None => self.session.fmt(f),
        }
    }
}

impl<K> Default for Roster<K> {
    fn default() -> Self {
        let (told, changed, users) = Default::default();
        Self { told, changed, users, named: true, retell: false, whole: None }
    }
}

impl<K: Ord + Copy + fmt::Display> Roster<K> {
    /// Restores a member that was published in an earlier life. `most`: how many users are named.
    pub fn restore(&mut self, place: Place<K>, member: Member, charge: Charge, most: usize) {
        self.tell(place, Some(Rc::new(Present { member, _charge: charge })));
        self.named = self.users.len() <= most - most / 8;
    }

    /// A member joined, or its data changed.
    pub fn come(&mut self, place: Place<K>, member: Member, charge: Charge) {
        if self.told.get(&place).is_some_and(|told| told.member == member) {
            self.changed.remove(&place);
        } else {
            self.changed.insert(place, Some(Rc::new(Present { member, _charge: charge })));
        }
    }

    /// A member left.
    pub fn go(&mut self, place: Place<K>) {
        if self.told.contains_key(&place) {
            self.changed.insert(place, None);
        } else {
            self.changed.remove(&place);
        }
    }

    /// The member as it is now, published or not.
    pub fn get(&self, place: Place<K>) -> Option<&Member> {
        let present = match self.changed.get(&place) {
            Some(changed) => changed.as_ref(),
            None => self.told.get(&place),
        };
        present.map(|present| &present.member)
    }

    /// The sessions of a home, as they are now.
    pub fn of_home(&self, home: Option<K>) -> Vec<Place<K>> {
        let all = self.told.keys().chain(self.changed.keys()).filter(|place| place.home == home).copied();
        let all: std::collections::BTreeSet<_> = all.filter(|place| self.get(*place).is_some()).collect();
        all.into_iter().collect()
    }

    pub fn has_changed(&self) -> bool {
        self.retell || !self.changed.is_empty()
    }

    /// Publishes all members with the next change.
    pub fn tell_everything(&mut self) {
        self.retell = true;
    }

    /// Whether there are no members, and no changes to publish.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty() && !self.has_changed()
    }

    /// The next event for watchers, as JSON: joins and leaves; all members, where watchers missed changes or members
    /// are named again; or a count, where there are more than `most` users. None where nothing changed.
    pub fn news(&mut self, most: usize) -> Option<String> {
        if !self.has_changed() {
            return None;
        }
        let (mut joins, mut leaves) = (Map::new(), Map::new());
        let count = self.users.len();
        for (place, present) in std::mem::take(&mut self.changed) {
            let before = self.tell(place, present.clone());
            // A session with another name leaves under the old one.
            if let Some(before) = before
                && present.as_ref().is_none_or(|present| present.member.user != before.member.user)
            {
                add(&mut leaves, place, &before.member);
            }
            if let Some(present) = &present {
                add(&mut joins, place, &present.member);
            }
        }
        self.whole = None;
        let is_named = self.users.len() <= self.limit(most);
        let were_named = std::mem::replace(&mut self.named, is_named);
        let retell = std::mem::take(&mut self.retell);
        if !self.named && !were_named && !retell && count == self.users.len() {
            return None;
        }
        if !self.named || !were_named || retell {
            return Some(self.whole().to_string());
        }
        Some(json!({ "count": self.users.len(), "joins": joins, "leaves": leaves }).to_string())
    }

    /// The event for a new watcher, as JSON: all members, or their count.
    pub fn whole(&mut self) -> Rc<str> {
        if let Some(whole) = &self.whole {
            return Rc::clone(whole);
        }
        let mut whole = json!({ "count": self.users.len() });
        if self.named {
            let mut members = Map::new();
            self.told.iter().for_each(|(place, present)| add(&mut members, *place, &present.member));
            whole["members"] = Value::Object(members);
        }
        let whole: Rc<str> = whole.to_string().into();
        self.whole = Some(Rc::clone(&whole));
        whole
    }

    /// The most users whose names are told. Past it only numbers are told, until there are an eighth fewer.
    fn limit(&self, most: usize) -> usize {
        if self.named { most } else { most - most / 8 }
    }

    fn tell(&mut self, place: Place<K>, present: Option<Rc<Present>>) -> Option<Rc<Present>> {
        if let Some(present) = &present {
            *self.users.entry(user(place, &present.member)).or_default() += 1;
        }
        let before = match present {
            Some(present) => self.told.insert(place, present),
            None => self.told.remove(&place),
        };
        if let Some(before) = &before {
            let user = user(place, &before.member);
            if let Some(sessions) = self.users.get_mut(&user) {
                *sessions -= 1;
                if *sessions == 0 {
                    self.users.remove(&user);
                }
            }
        }
        before
    }
}

/// The user name of a member. The name of an unnamed session cannot be a user's.
fn user<K: fmt::Display>(place: Place<K>, member: &Member) -> Box<str> {
    member.user.clone().unwrap_or_else(|| format!("session:{place}").into())
}

/// Adds an entry for a session under its user's name.
fn add<K: Copy + fmt::Display>(users: &mut Map<String, Value>, place: Place<K>, member: &Member) {
    let mut entry = json!({ "session": place.to_string() });
    if let Some(info) = &member.info {
        entry["info"] = info.clone();
    }
    let entries = users.entry(user(place, member)).or_insert_with(|| json!([]));
    if let Some(entries) = entries.as_array_mut() {
        entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<u64> = None;

    fn member(user: &str) -> Member {
        Member { user: (!user.is_empty()).then(|| user.into()), info: None }
    }

    fn come(roster: &mut Roster<u64>, session: u64, user: &str) {
        roster.come(Place { home: HERE, session }, member(user), Charge::default());
    }

    fn go(roster: &mut Roster<u64>, session: u64) {
        roster.go(Place { home: HERE, session });
    }

    fn news(roster: &mut Roster<u64>, most: usize) -> Value {
        roster.news(most).map_or(Value::Null, |news| serde_json::from_str(&news).unwrap())
    }

    #[test]
    fn two_sessions_of_a_user_are_one_user_with_two_entries() {
        let mut roster = Roster::default();
        come(&mut roster, 1, "alice");
        come(&mut roster, 2, "alice");
        come(&mut roster, 3, "");
        let joins = json!({"alice": [{"session": "1"}, {"session": "2"}], "session:3": [{"session": "3"}]});
        assert_eq!(news(&mut roster, 9), json!({"count": 2, "joins": joins, "leaves": {}}));
        go(&mut roster, 1);
        let leaves = json!({"alice": [{"session": "1"}]});
        assert_eq!(news(&mut roster, 9), json!({"count": 2, "joins": {}, "leaves": leaves}));
    }

    #[test]
    fn a_session_that_joins_and_leaves_between_two_presence_messages_is_in_neither() {
        let mut roster = Roster::default();
        come(&mut roster, 1, "alice");
        go(&mut roster, 1);
        assert_eq!((news(&mut roster, 9), roster.is_empty()), (Value::Null, true));
        come(&mut roster, 1, "alice");
        news(&mut roster, 9);
        go(&mut roster, 1);
        come(&mut roster, 1, "alice");
        assert_eq!(news(&mut roster, 9), Value::Null);
    }

    #[test]
    fn a_new_presence_subscriber_gets_the_members_that_were_published_last() {
        let mut roster = Roster::default();
        come(&mut roster, 1, "alice");
        assert_eq!(&*roster.whole(), r#"{"count":0,"members":{}}"#);
        news(&mut roster, 9);
        assert_eq!(&*roster.whole(), r#"{"count":1,"members":{"alice":[{"session":"1"}]}}"#);
    }

    #[test]
    fn too_many_users_are_only_counted_until_an_eighth_fewer_are_there() {
        let mut roster = Roster::default();
        (1..=8).for_each(|session| come(&mut roster, session, &format!("u{session}")));
        assert_eq!(news(&mut roster, 8)["joins"].as_object().unwrap().len(), 8);
        come(&mut roster, 9, "u9");
        assert_eq!(news(&mut roster, 8), json!({"count": 9}));
        go(&mut roster, 9);
        assert_eq!(news(&mut roster, 8), json!({"count": 8}));
        go(&mut roster, 8);
        assert_eq!(news(&mut roster, 8)["members"].as_object().unwrap().len(), 7);
    }

    #[test]
    fn a_session_that_changes_its_user_leaves_as_the_old_user_and_joins_as_the_new_one() {
        let mut roster = Roster::default();
        come(&mut roster, 1, "");
        news(&mut roster, 9);
        come(&mut roster, 1, "alice");
        let (joins, leaves) = (json!({"alice": [{"session": "1"}]}), json!({"session:1": [{"session": "1"}]}));
        assert_eq!(news(&mut roster, 9), json!({"count": 1, "joins": joins, "leaves": leaves}));
    }
}
