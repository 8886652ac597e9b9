//! Threads for restores: several tasks may come back at once, and none of them holds a client thread or a stage up.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

type Job = Box<dyn FnOnce() + Send>;

/// See the module's documentation. Jobs wait in order when all threads are busy.
pub(super) struct RestorePool {
    jobs: Mutex<Option<Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl RestorePool {
    /// A pool of `threads`.
    ///
    /// # Errors
    /// When the operating system gives no more threads.
    pub(super) fn start(threads: usize) -> std::io::Result<Self> {
        let (jobs, waiting) = channel::<Job>();
        let waiting = Arc::new(Mutex::new(waiting));
        let start = |number| {
            let waiting = waiting.clone();
            std::thread::Builder::new().name(format!("tidemill-restore-{number}")).spawn(move || work(&waiting))
        };
        let threads = (0..threads).map(start).collect::<std::io::Result<Vec<_>>>()?;
        Ok(RestorePool { jobs: Mutex::new(Some(jobs)), threads: Mutex::new(threads) })
    }

    /// Adds a job.
    pub(super) fn submit(&self, job: impl FnOnce() + Send + 'static) {
        if let Some(jobs) = &*self.jobs.lock().unwrap_or_else(PoisonError::into_inner) {
            // The threads end only after the sender is gone.
            drop(jobs.send(Box::new(job)));
        }
    }

    /// Takes no more jobs and waits for those under way.
    pub(super) fn stop(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // Jobs catch their panics.
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn work(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}
