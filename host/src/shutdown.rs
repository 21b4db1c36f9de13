//! Two named stops. Soft: begin nothing new, finish what has begun. Hard: abandon that too; it comes again.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// A stop that any part may ask for and every part can wait for. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Shutdown {
    /// Nothing asks for a stop yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first Ctrl-C (or SIGTERM) asks for a soft stop, which becomes a hard one after the drain deadline; the second
    /// asks for a hard stop at once. Must be called within a tokio runtime.
    pub fn on_signals(drain: Duration) -> Self {
        let shutdown = Self::new();
        let signals = shutdown.clone();
        tokio::spawn(async move {
            interrupted().await;
            tracing::info!(
                "stopping: finishing what has begun, {} at most; once more stops at once",
                humantime::format_duration(drain)
            );
            signals.stop();
            tokio::select! {
                () = interrupted() => tracing::warn!("stopping at once"),
                () = tokio::time::sleep(drain) => tracing::warn!("the drain deadline has passed: stopping at once"),
            }
            signals.abort();
        });
        shutdown
    }

    /// Asks for a soft stop.
    pub fn stop(&self) {
        self.soft.cancel();
    }

    /// Asks for a hard stop, which is a soft one too.
    pub fn abort(&self) {
        self.soft.cancel();
        self.hard.cancel();
    }

    /// Resolves when a soft stop, or a hard one, was asked for.
    pub async fn stopping(&self) {
        self.soft.cancelled().await;
    }

    /// Resolves when a hard stop was asked for.
    pub async fn aborting(&self) {
        self.hard.cancelled().await;
    }

    /// A soft stop, or a hard one, was asked for.
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// A hard stop was asked for.
    pub fn is_aborting(&self) -> bool {
        self.hard.is_cancelled()
    }
}

/// Resolves at the next Ctrl-C or SIGTERM. Must be called within a tokio runtime.
pub async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return,
                _ = terminate.recv() => return,
            }
        }
    }
    // Where no handler can be installed the signal ends the process the usual way, so there is nothing to report.
    let _ = tokio::signal::ctrl_c().await;
}
