//! How far an owner has done the calls of each home: a call that comes again, because its answer was lost, is not done
//! twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::home_name::Home;
use super::messages::{Failure, to_json};
use super::{Cluster, Context};
use crate::bayeux::persistence::Note;

/// How far a home's calls are done, so that one whose answer was lost is not done twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneCalls {
    /// The life of the home's uplink, in which its items are numbered.
    pub life: u64,
    /// The number of the last item.
    pub last: u64,
    /// The latest items that failed.
    pub failed: BTreeMap<u64, Failure>,
}

impl Cluster {
    /// Saves how far calls are done, together with the events that were saved: a crash must not publish them again.
    pub(super) fn note_done(&mut self, cx: &mut Context) {
        for key in std::mem::take(&mut self.remote_homes.unnoted) {
            let Some(remote) = self.remote_homes.get(key) else { continue };
            let (name, text) = (Note::Done(remote.home.to_string()), to_json(&remote.done));
            self.note(cx, &name, Some(&text));
        }
    }

    pub(super) fn restore_done(&mut self, home: &str, text: &str) {
        if let (Some(home), Ok(done)) = (Home::named(home), serde_json::from_str::<DoneCalls>(text)) {
            let known = self.remote_homes.by_home.get(&home).copied();
            match known.and_then(|key| self.remote_homes.get_mut(key)) {
                Some(remote) => remote.done = done,
                None => drop(self.remote_homes.done.insert(home, done)),
            }
        }
    }
}
