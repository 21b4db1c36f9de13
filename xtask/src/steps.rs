//! The minutes of each step: the README promises what a cold build takes, so every run shows it.

use anyhow::{Context, Result, bail};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// Finished steps with their wall time, in order.
#[derive(Default)]
pub struct Steps(Vec<(String, Duration)>);

impl Steps {
    /// Runs `work` as the step `name` and notes how long it took, even if it fails.
    pub fn time<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("xtask: {name}");
        let start = Instant::now();
        let value = work();
        let took = start.elapsed();
        eprintln!("xtask: {name}: {}", minutes(took));
        self.0.push((name.to_string(), took));
        value
    }

    /// The table of all steps and their sum, on stderr.
    pub fn print(&self) {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        eprintln!();
        for (name, took) in &self.0 {
            eprintln!("{name:<width$}  {:>9}", minutes(*took));
        }
        let total = self.0.iter().map(|(_, took)| *took).sum();
        eprintln!("{:<width$}  {:>9}", "total", minutes(total));
    }
}

/// Runs a command to its end, with the terminal passed through.
pub fn run(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().with_context(|| format!("cannot start {program}"))?;
    if !status.success() {
        let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
        bail!("`{program} {}` ended with {status}", args.join(" "));
    }
    Ok(())
}

/// Replaces this process by `command`, so that Ctrl-C and the exit code are its own. Returns only on failure.
#[cfg(unix)]
pub fn replace_self(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// Runs `command` and passes its exit code on.
#[cfg(not(unix))]
pub fn replace_self(command: &mut Command) -> Result<ExitCode> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

/// As in the table: `2 min 05.1 s`.
pub fn minutes(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    format!("{:.0} min {:04.1} s", (seconds / 60.0).floor(), seconds % 60.0)
}
