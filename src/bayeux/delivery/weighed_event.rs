//! An event and its charge to the home's memory, shared by all queues that hold it.

use std::rc::Rc;

use crate::bayeux::limits::{Budget, Charge};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::Event;

/// An event with what its JSON takes of a home's memory, however many hold it, and when it came.
#[derive(Clone, Debug)]
pub struct Weighed {
    pub event: Event,
    /// None where memory is not counted.
    pub(super) shared: Option<Rc<Shared>>,
}

/// What all who hold an event have in common.
#[derive(Debug)]
pub(super) struct Shared {
    _charge: Charge,
    /// None where it is not new: it was read from what is kept.
    pub(super) arrived: Option<Millis>,
}

/// Bytes that an event takes beside its JSON.
pub(super) const EVENT: usize = 64;

impl Weighed {
    pub fn new(event: Event, budget: &Budget, arrived: Millis) -> Self {
        Self::charged(event, budget, Some(arrived))
    }

    /// An event of a replay's page.
    pub fn replayed(event: Event, budget: &Budget) -> Self {
        Self::charged(event, budget, None)
    }

    fn charged(event: Event, budget: &Budget, arrived: Option<Millis>) -> Self {
        let charge = budget.charge(Self::weight(&event));
        Self { event, shared: Some(Rc::new(Shared { _charge: charge, arrived })) }
    }

    /// The weight of an event that nobody holds yet.
    pub fn weight(event: &Event) -> usize {
        EVENT + event.as_json().len()
    }
}

impl From<Event> for Weighed {
    fn from(event: Event) -> Self {
        Self { event, shared: None }
    }
}
