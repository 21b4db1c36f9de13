//! One file a subcommand: each turns its arguments into a validated configuration and runs.

mod classify;
mod completions;
mod consume;
mod demo;
mod inspect;
mod produce;
mod progress;
mod reader;
mod run;
mod stdout;
mod table;
mod topics;

use crate::classifier::{Classifier, ClassifierConfig, ComponentError};
use crate::cli::Command;

impl Command {
    /// Does what was asked. Data goes to stdout, everything else to stderr.
    pub async fn execute(self) -> anyhow::Result<()> {
        match self {
            Self::Run(command) => command.execute().await,
            Self::Produce(command) => command.execute().await,
            Self::Consume(command) => command.execute().await,
            Self::Demo(command) => command.execute().await,
            Self::Classify(command) => command.execute().await,
            Self::Inspect(command) => command.execute().await,
            Self::Topics(command) => command.execute().await,
            Self::Completions(command) => command.execute(),
        }
    }
}

/// Starts the classifier, and tells whoever waits that the first time may take long.
async fn start(config: &ClassifierConfig) -> Result<Classifier, ComponentError> {
    let waiting = progress::waiting("preparing the component; the first time it has to be compiled");
    let started = Classifier::start(config).await;
    waiting.finish_and_clear();
    started
}
