//! One file a subcommand: each turns its arguments into a validated configuration and runs.

mod completions;
mod consume;
mod produce;
mod progress;
mod stdout;
mod topics;

use crate::cli::Command;

impl Command {
    /// Does what was asked. Data goes to stdout, everything else to stderr.
    pub async fn execute(self) -> anyhow::Result<()> {
        match self {
            Self::Run(_) => Err(anyhow::anyhow!("not yet")),
            Self::Produce(command) => command.execute().await,
            Self::Consume(command) => command.execute().await,
            Self::Demo(_) => Err(anyhow::anyhow!("not yet")),
            Self::Classify(_) => Err(anyhow::anyhow!("not yet")),
            Self::Inspect(_) => Err(anyhow::anyhow!("not yet")),
            Self::Topics(command) => command.execute().await,
            Self::Completions(command) => command.execute(),
        }
    }
}
