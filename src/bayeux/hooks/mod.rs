//! An application in another Worker: asked through a service binding, in JSON. docs/HOOKS.md is the contract.
//!
//! A message that the hooks Worker decides on is suspended and leaves its place in the batch empty, as one that waits
//! for another object does (`server/suspended_messages.rs`). It goes on when the verdict has come. One request is under
//! way at a time, and later questions go with the next one: a busy home makes longer requests, not more of them, and
//! all questions are decided in order.
//!
//! | To find | Look in |
//! | --- | --- |
//! | what is asked | `question.rs` |
//! | what is answered | `verdict.rs` |

mod question;
mod verdict;

pub(in crate::bayeux) use self::question::{HookRequest, request};
pub(in crate::bayeux) use self::verdict::{Answers, Permission, Verdict};
use crate::bayeux::wire::{BayeuxError, Operation};

/// What a hooks Worker can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    Handshake,
    Subscribe,
    /// To any channel but a service's.
    Publish,
    /// A service that the application here does not have.
    Service,
    /// Told after the fact.
    Event,
}

impl Hook {
    /// The default of `HOOKS_FOR`.
    pub const DEFAULT: [Self; 4] = [Self::Handshake, Self::Subscribe, Self::Publish, Self::Service];
    pub const ALL: [Self; 5] = [Self::Handshake, Self::Subscribe, Self::Publish, Self::Service, Self::Event];

    pub fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Subscribe => "subscribe",
            Self::Publish => "publish",
            Self::Service => "service",
            Self::Event => "event",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }

    /// The error of a message where no answer came.
    pub(in crate::bayeux) fn failure(self) -> BayeuxError {
        match self {
            Self::Service => BayeuxError::Service(503, "service_unavailable".to_owned()),
            _ => BayeuxError::HooksUnavailable,
        }
    }

    pub(in crate::bayeux) fn operation(self) -> Operation {
        match self {
            Self::Handshake => Operation::Handshake,
            Self::Subscribe => Operation::Subscribe,
            Self::Publish | Self::Service | Self::Event => Operation::Publish,
        }
    }
}
