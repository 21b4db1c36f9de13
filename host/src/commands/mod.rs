//! One file a subcommand: each turns its arguments into a validated configuration and runs.

mod age;
mod bench;
mod classify;
mod compile;
mod completions;
mod confirm;
mod consume;
mod dead_letters;
mod demo;
mod evaluate;
mod inspect;
mod latency;
mod produce;
mod progress;
mod reader;
mod run;
mod stdout;
mod swap;
mod table;
mod topics;
mod waiting;

use std::time::{Duration, Instant};

pub use progress::Stderr;

use crate::broker::{BrokerError, Idle};
use crate::classifier::{Classifier, ClassifierConfig, ComponentError};
use crate::cli::Command;
use crate::shutdown::Shutdown;

impl Command {
    /// Does what was asked. Data goes to stdout, everything else to stderr.
    pub async fn execute(self) -> anyhow::Result<()> {
        match self {
            Self::Run(command) => command.execute().await,
            Self::Swap(command) => command.execute().await,
            Self::Produce(command) => command.execute().await,
            Self::Consume(command) => command.execute().await,
            Self::DeadLetters(command) => command.execute().await,
            Self::Replay(command) => command.execute().await,
            Self::Demo(command) => command.execute().await,
            Self::Classify(command) => command.execute().await,
            Self::Evaluate(command) => command.execute().await,
            Self::Inspect(command) => command.execute().await,
            Self::Bench(command) => command.execute().await,
            Self::Topics(command) => command.execute().await,
            Self::Completions(command) => command.execute(),
            Self::Compile(command) => command.execute(),
        }
    }
}

/// How often a broker that does not answer is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// Opens what a service needs of a broker, and keeps trying while nobody answers there, but with an idle time-out no longer
/// than that allows. None: a stop came first.
async fn keep_trying<T>(
    shutdown: &Shutdown,
    idle_timeout: Option<Duration>,
    mut open: impl AsyncFnMut() -> Result<T, BrokerError>,
) -> Result<Option<T>, BrokerError> {
    let began = Instant::now();
    let patience = Idle::patience(idle_timeout);
    loop {
        let opened = tokio::select! {
            biased;
            () = shutdown.stopping() => return Ok(None),
            opened = open() => opened,
        };
        match opened {
            Err(error @ BrokerError::Unreachable(_))
                if patience.is_some_and(|patience| began.elapsed() >= patience) =>
            {
                return Err(error);
            }
            Err(error @ BrokerError::Unreachable(_)) => tracing::warn!("{error}; trying again"),
            opened => return opened.map(Some),
        }
        tokio::select! {
            biased;
            () = shutdown.stopping() => return Ok(None),
            () = tokio::time::sleep(TRY_AGAIN) => {}
        }
    }
}

/// What is said while a component is made ready.
const PREPARING: &str = "preparing the component; the first time it has to be compiled";

/// Starts the classifier, and tells whoever waits that the first time may take long.
async fn start(config: &ClassifierConfig) -> Result<Classifier, ComponentError> {
    let waiting = progress::waiting(PREPARING);
    let started = Classifier::start(config).await;
    waiting.finish_and_clear();
    started
}
