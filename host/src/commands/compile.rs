//! `host compile`: the process in which a component is compiled. Not for users, so no help names it.

use std::io;

use super::stdout;
use crate::classifier::compile_within;
use crate::cli::CompileCommand;

impl CompileCommand {
    /// Writes the code of the component on stdin.
    pub fn execute(self) -> anyhow::Result<()> {
        let code = compile_within(self.memory, self.seconds, io::stdin().lock())?;
        Ok(stdout::write_bytes(&code)?)
    }
}
