//! What the outside tells the threads of an instance.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::clock;
use super::error::InstanceError;

/// What the threads shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    /// Go on.
    Run,
    /// Finish what is in flight, commit, keep the state and end, before this moment.
    Close(Instant),
    /// End at once, as a crash would.
    Abandon,
}

/// See the module's documentation.
pub(super) struct Control(Mutex<Command>);

impl Control {
    pub(super) fn new() -> Self {
        Control(Mutex::new(Command::Run))
    }

    pub(super) fn command(&self) -> Command {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first deadline counts.
    pub(super) fn close(&self, deadline: Instant) {
        let mut command = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *command == Command::Run {
            *command = Command::Close(deadline);
        }
    }

    pub(super) fn abandon(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Command::Abandon;
    }

    /// Whether a call may still be repeated.
    ///
    /// # Errors
    /// When the instance is to end by now.
    pub(super) fn patience(&self) -> Result<(), InstanceError> {
        match self.command() {
            Command::Run => Ok(()),
            Command::Close(deadline) if clock::now() < deadline => Ok(()),
            Command::Close(_) => Err(InstanceError::Deadline),
            Command::Abandon => Err(InstanceError::Abandoned),
        }
    }
}
