//! Where subscriptions begin: what a subscribe asks for, and what its owner answers.

use std::collections::{BTreeMap, BTreeSet};

use super::BayeuxServer;
use super::history::{bounds_of, longest_age};
use super::suspended_messages::PendingId;
use crate::bayeux::cluster::Begun;
use crate::bayeux::delivery::{Start, Want};
use crate::bayeux::metrics::Metrics;
use crate::bayeux::persistence::ReplayRefused;
use crate::bayeux::session::{Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::replay::{Numbers, ReplayFrom, wanted};
use crate::bayeux::wire::{BayeuxError, ChannelPattern, Event, EventNumber, Kept, Message};

/// The earlier events that a subscribe asks for.
#[derive(Debug, Default)]
pub(in crate::bayeux) struct Past {
    numbers: Numbers,
    beginnings: Vec<Beginning>,
}

impl Past {
    pub fn is_empty(&self) -> bool {
        self.beginnings.is_empty()
    }

    /// Bytes of its names.
    pub fn weight(&self) -> usize {
        self.beginnings.iter().map(|beginning| beginning.name.len() * 2).sum()
    }

    /// Whether the client counts on the numbers of some of the events: see [`Session::counts_on_numbers`].
    pub fn has_numbers(&self) -> bool {
        !self.numbers.is_none() && !self.is_empty()
    }

    /// Whether it asks for earlier events of a name that this session has subscribed to before.
    pub fn repeats(&self, session: &Session) -> bool {
        let earlier = |from: ReplayFrom| matches!(from, ReplayFrom::All | ReplayFrom::After(_));
        self.beginnings
            .iter()
            .any(|Beginning { pattern, from, .. }| earlier(*from) && session.subscriptions.contains(pattern))
    }
}

/// One of its patterns.
#[derive(Debug)]
struct Beginning {
    pattern: ChannelPattern,
    /// As the client wrote it.
    name: String,
    from: ReplayFrom,
}

/// The number after which each subscription begins, by name.
pub(in crate::bayeux) type Cursors = BTreeMap<String, i64>;

fn cursor(EventNumber(number): EventNumber) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The numbers that ask for new events, and for all kept events.
const NEW: i64 = -1;
const ALL: i64 = -2;

impl BayeuxServer {
    /// The earlier events that a subscribe to these names asks for.
    ///
    /// # Errors
    /// Where that is impossible: nothing is subscribed then.
    pub(in crate::bayeux) fn past_wanted(
        &self,
        session: SessionKey,
        message: &Message,
        names: Vec<(String, ChannelPattern)>,
    ) -> Result<Past, BayeuxError> {
        if !self.keeps_history() {
            return Ok(Past::default());
        }
        let asked = wanted(message)?;
        let negotiated = self.sessions.get(session).map(|session| session.negotiated.numbers).unwrap_or_default();
        let numbers = if asked.is_some() && negotiated.is_none() { Numbers::Data } else { negotiated };
        let mut beginnings = Vec::new();
        for (name, pattern) in names {
            let explicit = asked.as_ref().and_then(|asked| asked.get(&pattern)).copied();
            if pattern.channel().is_some_and(|channel| channel.watched().is_some()) {
                continue;
            }
            let (history, retained) = self.keeps_of(&pattern);
            let from = match explicit {
                Some(from) => from,
                None if retained => ReplayFrom::Retained,
                None if numbers.is_none() || !history => continue,
                None => ReplayFrom::New,
            };
            if self.cluster.spans(&pattern) {
                match from {
                    ReplayFrom::All | ReplayFrom::After(_) => return Err(BayeuxError::ReplaySpansTrees(pattern)),
                    ReplayFrom::New | ReplayFrom::Retained => continue,
                }
            }
            beginnings.push(Beginning { pattern, name, from });
        }
        Ok(Past { numbers, beginnings })
    }

    /// Asks owners where their subscriptions begin. Returns how many answers will come.
    pub(in crate::bayeux) fn ask_for_beginnings(&mut self, now: Millis, past: &Past, pending_id: PendingId) -> usize {
        let elsewhere = past.beginnings.iter().filter(|beginning| self.is_relayed(&beginning.pattern));
        let elsewhere: Vec<_> = elsewhere.map(|beginning| (beginning.pattern.clone(), beginning.from)).collect();
        let outcomes = elsewhere.len();
        elsewhere.into_iter().for_each(|(pattern, from)| self.ask_to_begin(now, pending_id, pattern, from));
        outcomes
    }

    /// Where each of these subscriptions begins: as the owners answered, or as found here.
    ///
    /// # Errors
    /// [`BayeuxError::ReplayIdNotKept`] or [`BayeuxError::StorageFailed`].
    pub(in crate::bayeux) fn begun(
        &mut self,
        past: &Past,
        elsewhere: &[(ChannelPattern, Begun)],
    ) -> Result<Vec<Begun>, BayeuxError> {
        let mut begun = Vec::new();
        for Beginning { pattern, from, .. } in &past.beginnings {
            let told = elsewhere.iter().find(|(asked, _)| asked == pattern).map(|(_, begun)| *begun);
            begun.push(match told {
                Some(begun) => begun,
                None => self.begin_here(pattern, *from)?,
            });
        }
        Ok(begun)
    }

    /// As an owner: where a subscription begins.
    ///
    /// # Errors
    /// [`BayeuxError::ReplayIdNotKept`] or [`BayeuxError::StorageFailed`].
    pub(in crate::bayeux) fn begin_here(
        &mut self,
        pattern: &ChannelPattern,
        from: ReplayFrom,
    ) -> Result<Begun, BayeuxError> {
        let begun = self.try_to_begin_here(pattern, from);
        begun.map_err(|refused| match (refused, from) {
            (ReplayRefused::NotKept, ReplayFrom::After(number)) => {
                BayeuxError::ReplayIdNotKept(pattern.clone(), number)
            }
            (ReplayRefused::NotKept, _) => BayeuxError::ReplayIdInvalid(pattern.clone()),
            (ReplayRefused::Storage(error), _) => self.storage_failed(&error),
        })
    }

    fn try_to_begin_here(&mut self, pattern: &ChannelPattern, from: ReplayFrom) -> Result<Begun, ReplayRefused> {
        let (history_kept, retained_kept) = self.keeps_of(pattern);
        let (at, last, first) = (self.time_outside(), self.journal.last(), self.cluster.since());
        if !history_kept && !retained_kept {
            let start = Start { after: last, retained: None, floor: last };
            let nothing = Begun { start, cursor: NEW, behind: false };
            return if matches!(from, ReplayFrom::After(_)) { Err(ReplayRefused::NotKept) } else { Ok(nothing) };
        }
        self.note_numbers(last)?;
        let Self { history, store, app, options, .. } = self;
        let (bounds, store) = (bounds_of(app, options), &mut **store);
        let now = history.cursor(at, (first, last), longest_age(app, options), store)?;
        let begun = |after, told: Option<EventNumber>, retained, behind| Begun {
            start: Start { after, retained, floor: told.unwrap_or(now) },
            cursor: told.map_or(ALL, cursor),
            behind,
        };
        Ok(match from {
            ReplayFrom::New => begun(now, Some(now), None, false),
            ReplayFrom::Retained => begun(EventNumber::default(), Some(now), Some(last), true),
            ReplayFrom::All => {
                let (after, told) = history.all(at, pattern, &bounds, store)?;
                begun(after, told, None, true)
            }
            ReplayFrom::After(number) => {
                history.admits(at, pattern, number, last, &bounds, store)?;
                begun(number, Some(number), None, number < now)
            }
        })
    }

    /// Starts the subscriptions at these numbers. Returns what the client is told.
    pub(in crate::bayeux) fn begin_replays(
        &mut self,
        key: SessionKey,
        past: &Past,
        begun: &[Begun],
        new: &BTreeSet<ChannelPattern>,
    ) -> Cursors {
        let mut cursors = Cursors::new();
        self.sessions.change(key, |session| session.negotiated.numbers = past.numbers);
        for (Beginning { pattern, name, from }, Begun { start, cursor, behind }) in past.beginnings.iter().zip(begun) {
            if !past.numbers.is_none() {
                cursors.insert(name.clone(), *cursor);
            }
            // A repeated subscribe that asks only for new events keeps what already waits for the earlier one.
            let goes_on = |session: &Session| !session.replays.is_behind_with(pattern);
            if *from == ReplayFrom::New && !new.contains(pattern) && self.sessions.get(key).is_some_and(goes_on) {
                continue;
            }
            let relayed = self.is_relayed(pattern);
            Metrics::count(&mut self.metrics.replays, if *behind { "behind" } else { "new" }, 1);
            // Where another object relays, events may be on their way.
            let behind = relayed || *behind && self.is_anything_after(pattern, *start);
            self.sessions.change(key, |session| {
                session.replays.end(pattern);
                if behind {
                    // The client has already received every event up to the number that it names.
                    let heard = matches!(from, ReplayFrom::After(_));
                    let goes = |event: &Event| {
                        let in_history = |kept: Kept| start.retained.is_none() && (heard || start.after < kept.number);
                        event.kept().is_some_and(in_history)
                            && event.channel().is_some_and(|channel| pattern.matches(&channel))
                    };
                    session.queue.drop_matching(goes);
                    session.replays.begin(pattern.clone(), *start, relayed);
                }
            });
        }
        self.look_for_page(key);
        cursors
    }

    fn is_anything_after(&mut self, pattern: &ChannelPattern, start: Start) -> bool {
        let (retained, upto) = (start.retained.is_some(), start.retained);
        let want = Want { pattern: pattern.clone(), retained, after: start.after, upto };
        // A failed read is tried again.
        self.read_wants(&[want], 1)
            .map_or(true, |(reads, events)| !events.is_empty() || reads.iter().any(|read| start.floor < read.floor))
    }
}
