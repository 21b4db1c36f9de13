//! `host compile`, which only this program calls.

use clap::Args;

/// `host compile`.
#[derive(Args, Debug)]
pub struct CompileCommand {
    /// Memory, in bytes.
    pub memory: u64,
    /// Time of all threads together, in seconds.
    pub seconds: u64,
}
