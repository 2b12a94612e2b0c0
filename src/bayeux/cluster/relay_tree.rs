//! When an event is for more than `RELAY_FANOUT` homes, one home of each region gets it for the others as well, and
//! passes it on: the owner makes a call for each group, not for each home.
//!
//! Each home of a group does so in turn, for 31 others at most. Where a home does not answer only itself goes without:
//! whoever was to pass on says within seconds who has heard, and the owner asks all others of the group on their own,
//! for a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use super::home::{Home, Region};
use super::messages::{Heard, Relay, Relayed};
use super::{Cluster, Context};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Endpoint, EventNumber};

/// How many homes are told by one call at most, so that what one of them fails to do concerns few.
const MOST_TOGETHER: usize = 32;

/// How long a home that passes events on waits for the others, before it says who has heard. Well below what its owner
/// waits for it. Whoever is later hears the same from the owner, and passes over it.
const PASSING_ON: Duration = Duration::from_secs(3);

/// Relays that this home passes on, by a number.
#[derive(Debug, Default)]
pub struct RelayTree {
    last: u64,
    by_number: BTreeMap<u64, PassedOn>,
}

#[derive(Debug)]
struct PassedOn {
    from: Endpoint,
    heard: Vec<Heard>,
    left: usize,
    until: Millis,
}

impl RelayTree {
    /// The first of them is the oldest.
    pub fn due(&self) -> Option<Millis> {
        self.by_number.first_key_value().map(|(_, passed_on)| passed_on.until)
    }

    /// So many homes are to hear, this one among them, before the owner is answered. Its number.
    pub fn begin(&mut self, now: Millis, from: Endpoint, homes: usize) -> u64 {
        self.last += 1;
        let passed_on = PassedOn { from, heard: Vec::new(), left: homes, until: now + PASSING_ON };
        self.by_number.insert(self.last, passed_on);
        self.last
    }
}

impl Cluster {
    /// A home that a relay is passed on to has heard, or could not be reached.
    pub(super) fn passed_on(&mut self, cx: &mut Context, number: u64, answer: Option<Vec<Heard>>) {
        let by_number = &mut self.relay_tree.by_number;
        let Some(passed_on) = by_number.get_mut(&number) else { return };
        passed_on.heard.extend(answer.into_iter().flatten());
        passed_on.left = passed_on.left.saturating_sub(1);
        if passed_on.left == 0
            && let Some(PassedOn { from, heard, .. }) = by_number.remove(&number)
        {
            cx.answer_with(from, &heard);
        }
    }

    /// The owner is told who has heard, and asks the others itself.
    pub(super) fn passing_on_is_due(&mut self, cx: &mut Context) {
        while self.relay_tree.due().is_some_and(|until| until <= cx.now)
            && let Some((_, PassedOn { from, heard, .. })) = self.relay_tree.by_number.pop_first()
        {
            cx.answer_with(from, &heard);
        }
    }
}

/// What one home is to hear.
pub struct ToHome {
    pub key: SessionKey,
    pub home: Home,
    pub relay: Relay,
    /// Whether it may come by way of another home.
    pub together: bool,
}

/// Homes that are told the same by one call.
pub struct Group {
    pub homes: Vec<(SessionKey, Home)>,
    pub relay: Relay,
}

/// A group for each home, or, for more of them than `most`, groups of homes of a region that are to hear the same.
pub fn groups(relays: Vec<ToHome>, most: usize) -> Vec<Group> {
    let apart = relays.len() <= most;
    let mut groups = Vec::new();
    let mut by_content: BTreeMap<(Option<Region>, Vec<EventNumber>), Group> = BTreeMap::new();
    for ToHome { key, home, relay, together } in relays {
        // What one session is not to hear, or is to hear alone, or one home has missed, is said to that home alone.
        let of_one = |event: &Relayed| event.not_to.is_some() || event.only_to.is_some();
        let special = || relay.gap.is_some() || relay.events.iter().any(of_one);
        if apart || !together || special() {
            groups.push(Group { homes: vec![(key, home)], relay });
            continue;
        }
        let content = (home.region(), relay.events.iter().map(|event| event.number).collect());
        let group = by_content.entry(content).or_insert(Group { homes: Vec::new(), relay });
        group.homes.push((key, home));
    }
    for Group { homes, relay } in by_content.into_values() {
        let parts = homes.len().div_ceil(MOST_TOGETHER).max(1);
        let part = homes.len().div_ceil(parts).max(1);
        groups.extend(homes.chunks(part).map(|homes| Group { homes: homes.to_vec(), relay: relay.clone() }));
    }
    groups
}
