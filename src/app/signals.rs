//! SIGINT and SIGTERM: the first asks for a clean stop, the second ends the process at once, as somebody who cannot wait expects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code after a second signal: nothing was finished, nothing that was committed is lost.
pub const ENDED_AT_ONCE: i32 = 130;

/// Set by the first signal.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Begins to listen. From the return of this call on, no signal ends the process unheard.
    ///
    /// # Errors
    /// When the operating system gives no thread or takes no handler.
    pub fn on_signals() -> anyhow::Result<Self> {
        let stop = Stop::default();
        let flag = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = runtime.block_on(async { Signals::listen() })?;
        let listen = move || {
            runtime.block_on(async {
                loop {
                    signals.next().await;
                    if flag.0.swap(true, Ordering::SeqCst) {
                        std::process::exit(ENDED_AT_ONCE);
                    }
                }
            });
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
        Ok(stop)
    }

    /// Whether a clean stop was asked for.
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
