//! An event for more than `RELAY_FANOUT` homes goes to one home of each region, which passes it on: the owner calls
//! once for a group, not for each home.
//!
//! The homes of a group take turns at passing events on. Each passes them to at most 31 others. Where a home does not
//! answer, only that one misses the event: the passing home reports within seconds which homes have it, and the owner
//! calls the others of the group one by one, for a minute.

use std::collections::BTreeMap;
use std::time::Duration;

use super::home_name::Home;
use super::messages::{Heard, Relay, Relayed};
use super::shard::Region;
use super::{Cluster, Context};
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{Endpoint, EventNumber};

/// Most homes of a group, so that a failure affects few.
const MOST_TOGETHER: usize = 32;

/// How long a passing home waits for the others before it reports: well below the owner's timeout. A home that
/// answers later gets the same events from the owner, and drops them as duplicates.
const PASSING_ON: Duration = Duration::from_secs(3);

/// The relays that this home passes on, by number.
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
    /// The first one is the oldest.
    pub fn due(&self) -> Option<Millis> {
        self.by_number.first_key_value().map(|(_, passed_on)| passed_on.until)
    }

    /// Records a relay that this many homes, this one included, must confirm before the owner is answered. Returns its
    /// number.
    pub fn begin(&mut self, now: Millis, from: Endpoint, homes: usize) -> u64 {
        self.last += 1;
        let passed_on = PassedOn { from, heard: Vec::new(), left: homes, until: now + PASSING_ON };
        self.by_number.insert(self.last, passed_on);
        self.last
    }
}

impl Cluster {
    /// A home that the relay was passed on to has answered, or was unreachable.
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

    /// Reports to the owner; it calls the remaining homes itself.
    pub(super) fn passing_on_is_due(&mut self, cx: &mut Context) {
        while self.relay_tree.due().is_some_and(|until| until <= cx.now)
            && let Some((_, PassedOn { from, heard, .. })) = self.relay_tree.by_number.pop_first()
        {
            cx.answer_with(from, &heard);
        }
    }
}

/// What one home is sent.
pub struct ToHome {
    pub key: SessionKey,
    pub home: Home,
    pub relay: Relay,
    /// Whether another home may pass it on.
    pub together: bool,
}

/// Homes that get the same by one call.
pub struct Group {
    pub homes: Vec<(SessionKey, Home)>,
    pub relay: Relay,
}

/// Groups of homes of a region that get the same; a group for each home where there are no more than `most`.
pub fn groups(relays: Vec<ToHome>, most: usize) -> Vec<Group> {
    let apart = relays.len() <= most;
    let mut groups = Vec::new();
    let mut by_content: BTreeMap<(Option<Region>, Vec<EventNumber>), Group> = BTreeMap::new();
    for ToHome { key, home, relay, together } in relays {
        // What is for one session, without one session, or was missed by one home goes to that home directly.
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
