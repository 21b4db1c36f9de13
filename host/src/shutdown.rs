//! Two named stops. Soft: begin nothing new, finish what has begun. Hard: abandon that too; it is redelivered.

use std::time::Duration;
#[cfg(unix)]
use std::{io::IsTerminal, task::Poll};

use tokio_util::sync::CancellationToken;

use crate::exit::code;

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

    /// The first Ctrl-C, SIGTERM or SIGHUP asks for a soft stop, which becomes a hard one after the drain deadline.
    /// The second asks for a hard stop at once. The third ends the process immediately. Must be called within a tokio
    /// runtime.
    pub fn on_signals(drain: Duration) -> Self {
        Self::on(Signals::new(), drain)
    }

    /// The same for a service that SIGHUP asks for something else if it has [no terminal](Hangups).
    pub fn on_signals_of_a_service(drain: Duration) -> Self {
        Self::on(Signals::of_a_service(), drain)
    }

    fn on(mut signals: Signals, drain: Duration) -> Self {
        let shutdown = Self::new();
        let asked = shutdown.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "it waits for signals as long as the process lives"
        )]
        tokio::spawn(async move {
            signals.next().await;
            tracing::info!(
                "stopping: finishing what has begun, within {}; press Ctrl-C again to stop at once",
                humantime::format_duration(drain)
            );
            asked.stop();
            tokio::select! {
                () = signals.next() => tracing::warn!("stopping at once; press Ctrl-C again to end without waiting"),
                () = tokio::time::sleep(drain) => {
                    tracing::warn!("the drain deadline has passed: stopping at once; press Ctrl-C again to end without waiting");
                }
            }
            asked.abort();
            signals.next().await;
            code::at_once();
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

/// Resolves at the next Ctrl-C, SIGTERM or SIGHUP. Must be called within a tokio runtime.
pub async fn interrupted() {
    Signals::new().next().await;
}

/// The signals that ask for a stop; none is missed from here on. If no handler can be installed a signal ends the
/// process the usual way, so there is nothing to report.
struct Signals {
    #[cfg(unix)]
    each: Vec<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        // With `nohup` it is to outlive its terminal.
        Self::with(!ignores_hangup())
    }

    fn of_a_service() -> Self {
        Self::with(has_terminal() && !ignores_hangup())
    }

    fn with(hangup: bool) -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()];
        let kinds = kinds.into_iter().chain(hangup.then(SignalKind::hangup));
        Self {
            each: kinds.filter_map(|kind| signal(kind).ok()).collect(),
        }
    }

    async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let mut each = self.each.iter_mut();
            match each.any(|signal| signal.poll_recv(context).is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
    }
}

/// SIGHUP to a service without a terminal, which no closed terminal can have sent: somebody asks it to read its files again.
pub struct Hangups(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

impl Hangups {
    /// None is missed from here on. Must be called within a tokio runtime.
    #[cfg(unix)]
    pub fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let asks = !has_terminal() && !ignores_hangup();
        Self(asks.then(|| signal(SignalKind::hangup()).ok()).flatten())
    }

    /// Resolves at the next one.
    #[cfg(unix)]
    pub async fn next(&mut self) {
        if let Some(hangups) = &mut self.0
            && hangups.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(unix)]
fn has_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stderr().is_terminal()
}

/// Whether this process was started with SIGHUP ignored, as far as the system says.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = crate::files::read_text("/proc/self/status".as_ref(), crate::files::SMALL).unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // SIGHUP is the first of all signals.
    ignored.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self {}
    }

    fn of_a_service() -> Self {
        Self {}
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
