//! `host completions`: a completion script for a shell.

use clap::CommandFactory;

use super::stdout;
use crate::cli::{Cli, CompletionsCommand};

impl CompletionsCommand {
    /// Prints the script.
    pub fn execute(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "host", &mut script);
        Ok(stdout::write(&String::from_utf8_lossy(&script))?)
    }
}
