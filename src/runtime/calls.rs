//! Calls to the log with the answer to each kind of error.

use std::time::Duration;

use super::control::Control;
use super::error::InstanceError;
use crate::log::{LogClient, LogError, Reaction};
use crate::telemetry::{RuntimeEvent, Telemetry};

/// What keeps a client thread from going on as it was.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The transaction is lost: abort, and roll its tasks back.
    Abort(String),
    /// The client is lost: make a new one, and bring every task back.
    Replace(String),
    /// The instance ends.
    Stop(InstanceError),
}

impl From<InstanceError> for Trouble {
    fn from(error: InstanceError) -> Self {
        Trouble::Stop(error)
    }
}

/// First and longest pause before a call is made again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Makes a call to the log, and again while it fails for the moment only.
pub(super) fn call<T>(
    (client, control, telemetry): (&mut (dyn LogClient + 'static), &Control, &Telemetry),
    name: &'static str,
    mut make: impl FnMut(&mut dyn LogClient) -> Result<T, LogError>,
) -> Result<T, Trouble> {
    let mut pause = PAUSES.0;
    loop {
        let error = match make(client) {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        match error.reaction() {
            Reaction::Retry => {
                telemetry.event(&RuntimeEvent::LogRetry { call: name, why: &error.to_string() });
                control.patience()?;
                std::thread::sleep(pause);
                pause = (pause * 2).min(PAUSES.1);
            }
            Reaction::Abort => return Err(Trouble::Abort(error.to_string())),
            Reaction::Replace => return Err(Trouble::Replace(error.to_string())),
            Reaction::Stop => return Err(Trouble::Stop(error.into())),
        }
    }
}
