//! What a service or a listener returns: the actions that it wants, or the error for which it gives up.

use std::error::Error;
use std::fmt;

use super::Actions;
use super::handler_calls::Fault;
use crate::bayeux::wire::BayeuxError;

/// What a service or a channel listener decides: what to do, or the error that the sender reads.
pub type Outcome = Result<Actions, HandlerError>;

/// Why a handler gives up. `?` turns any error into one: the sender reads a [`BayeuxError`] as it is, and of any other
/// `500::internal_error`, while the log has its words.
///
/// ```
/// use bayeux_edge::prelude::*;
///
/// fn add(call: &Publication) -> Outcome {
///     let [left, right]: [String; 2] = call.data()?; // 400::data_invalid
///     let sum = left.parse::<i64>()? + right.parse::<i64>()?; // 500::internal_error, and a line in the log
///     if sum < 0 {
///         return Err(BayeuxError::Service(422, "below zero".to_owned()).into());
///     }
///     Ok(reply(sum))
/// }
/// let application = Application::new().service("add", add);
/// ```
// It must not implement `Error`: the `From` below, for every `Error`, would overlap with `From<T> for T`.
pub struct HandlerError(Cause);

enum Cause {
    Told(BayeuxError),
    /// Its words and those of what caused it.
    Foreign(String),
}

impl<E: Error + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        let error: Box<dyn Error> = Box::new(error);
        match error.downcast::<BayeuxError>() {
            Ok(told) => Self(Cause::Told(*told)),
            Err(foreign) => Self(Cause::Foreign(words(&*foreign))),
        }
    }
}

impl HandlerError {
    /// An error in words for the log alone.
    pub fn internal(reason: impl fmt::Display) -> Self {
        Self(Cause::Foreign(reason.to_string()))
    }

    /// The error that the sender reads.
    ///
    /// # Errors
    /// `self`, unchanged, where its words are for the log alone.
    pub(super) fn told(self) -> Result<BayeuxError, Self> {
        match self.0 {
            Cause::Told(error) => Ok(error),
            Cause::Foreign(_) => Err(self),
        }
    }

    /// What this part of the application was at fault for.
    pub(super) fn blame(self, what: &str) -> Fault {
        match self.0 {
            Cause::Told(error) => Fault::Refused(error),
            Cause::Foreign(words) => Fault::Failed(format!("{what}: {words}")),
        }
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Cause::Told(error) => error.fmt(f),
            Cause::Foreign(words) => f.write_str(words),
        }
    }
}

fn words(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        words.push_str(": ");
        words.push_str(&error.to_string());
        source = error.source();
    }
    words
}
