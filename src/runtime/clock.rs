//! The runtime's only look at the clock: for time-outs, intervals and durations, never for anything an output or a state depends on.

use std::time::{Duration, Instant};

/// Now.
#[allow(clippy::disallowed_methods, reason = "commit intervals, time-outs and durations are processing time")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// Time left until `deadline`; zero once it has passed.
pub(super) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(now())
}
