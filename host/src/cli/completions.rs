//! `host completions`: what may be typed.

use clap::Args;
use clap_complete::Shell;

/// `host completions`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host completions bash > ~/.local/share/bash-completion/completions/host
  host completions zsh > ~/.zfunc/_host")]
pub struct CompletionsCommand {
    /// The shell.
    #[arg(value_enum)]
    pub shell: Shell,
}
