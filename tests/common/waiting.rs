//! Waiting with an end: for a condition, and for a whole test.
//!
//! A test that hangs holds everything behind it up and says nothing. So whoever starts processes or waits for brokers takes a [`Deadline`]: if the test is not
//! over by then, the test process ends with a message that names it, and takes its own processes with it.

#![allow(clippy::disallowed_methods, reason = "waiting takes a clock")]

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Processes that a test has started and that must not outlive it.
static PROCESSES: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// Looks again and again until `done`; whether it came true in time.
pub fn wait_until(patience: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !done() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

/// The process ends with the test process if a deadline passes.
pub fn ends_at_deadlines(id: u32) {
    PROCESSES.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
}

/// The process has ended: its id may be somebody else's from now on.
pub fn has_ended(id: u32) {
    PROCESSES.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// The end of a test's time; it is called off by being dropped.
pub struct Deadline {
    _over: Sender<()>,
}

impl Deadline {
    /// Ends the test process with a message when this value still lives after `time`.
    pub fn of(test: &str, time: Duration) -> Self {
        let (over, waits) = channel::<()>();
        let test = test.to_owned();
        std::thread::spawn(move || {
            if waits.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                // Not through the test harness, which would keep it to itself.
                drop(writeln!(std::io::stderr(), "\n{test} is not over after {time:?}: it hangs, and everything ends here"));
                for id in PROCESSES.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    drop(Command::new("kill").args(["-KILL", &id.to_string()]).status());
                }
                std::process::exit(101);
            }
        });
        Deadline { _over: over }
    }
}
