//! Parse, logging, dispatch, exit code.

#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::print_stderr,
        clippy::print_stdout
    )
)]

use std::io;
use std::process::ExitCode;

use clap::FromArgMatches;
use host::cli::{self, Cli};
use host::commands::Stderr;
use host::config::check_foreign;
use host::exit;
use host::terminal::{LogTime, shows_colours};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let (command, matches) = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(failure) = check_foreign(&command, &matches) {
        return exit::report(&failure.into());
    }
    log_to_stderr(cli.verbose);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&anyhow::Error::new(error).context("cannot start the runtime")),
    };
    let outcome = runtime.block_on(cli.command.execute());
    // A thread that still waits for a slow reader of stdout must not keep the process.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

fn log_to_stderr(verbose: u8) {
    let default = match verbose {
        0 => "warn,host=info,guest=info",
        1 => "info,host=debug",
        _ => "debug,host=trace",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| Stderr)
        .with_timer(LogTime::of(&io::stderr()))
        .with_ansi(shows_colours(&io::stderr()))
        .with_target(false)
        // It would report a log that cannot be written to in that same log, and panic.
        .log_internal_errors(false)
        .init();
}
