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
use host::exit::{self, Failure};
use host::files;
use host::terminal::{LogTime, shows_colours};
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::prelude::*;

fn main() -> ExitCode {
    let (command, matches) = cli::parse(std::env::args_os()).unwrap_or_else(|error| error.exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(failure) = check_foreign(&command, &matches) {
        return exit::report(&failure.into());
    }
    log_to_stderr(cli.verbose);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&cannot_start(&error)),
    };
    let outcome = runtime.block_on(cli.command.execute());
    // A thread that still waits for a slow reader of stdout must not keep the process.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}

fn cannot_start(error: &io::Error) -> anyhow::Error {
    let said = format!("cannot start the runtime: {error}");
    match files::is_of_too_many(&said) {
        true => Failure::Configuration(format!("{said}; {}", files::TOO_MANY.join(": "))).into(),
        false => Failure::Stopped(said).into(),
    }
}

fn log_to_stderr(verbose: u8) {
    let wanted = std::env::var_os("RUST_LOG").map(|wanted| wanted.to_string_lossy().into_owned());
    let (levels, refused) = levels(verbose, wanted.as_deref());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Stderr)
        .with_timer(LogTime::of(&io::stderr()))
        .with_ansi(shows_colours(&io::stderr()))
        .with_target(false)
        // It would report a log that cannot be written to in that same log, and panic.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(lines).with(levels).init();
    if let Some(refused) = refused {
        tracing::warn!("{refused}");
    }
}

/// What is logged, and why it is not what RUST_LOG asks for.
///
/// `EnvFilter` would also know spans and fields, which nobody needs here, and would take a regex engine for them.
fn levels(verbose: u8, wanted: Option<&str>) -> (Targets, Option<String>) {
    let parsed = wanted.map(|wanted| wanted.parse().map_err(|error: ParseError| (wanted, error)));
    let refused = match parsed {
        Some(Ok(levels)) => return (levels, None),
        Some(Err((wanted, error))) => Some(format!(
            "RUST_LOG is '{wanted}', which is ignored: {error}; write levels, such as warn,host=debug"
        )),
        None => None,
    };
    let (all, host) = match verbose {
        0 => (LevelFilter::WARN, LevelFilter::INFO),
        1 => (LevelFilter::INFO, LevelFilter::DEBUG),
        _ => (LevelFilter::DEBUG, LevelFilter::TRACE),
    };
    let levels = Targets::new().with_default(all).with_target("host", host);
    // What a component prints.
    (levels.with_target("guest", all.max(LevelFilter::INFO)), refused)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn more_verbose_is_more_and_rust_log_decides_instead() {
        let shows = |verbose, wanted, target, level| levels(verbose, wanted).0.would_enable(target, &level);
        for (verbose, target, most, too_much) in [
            (0, "host::pipeline", Level::INFO, Level::DEBUG),
            (0, "guest", Level::INFO, Level::DEBUG),
            (0, "rustls", Level::WARN, Level::INFO),
            (1, "host::pipeline", Level::DEBUG, Level::TRACE),
            (1, "rustls", Level::INFO, Level::DEBUG),
            (2, "rustls", Level::DEBUG, Level::TRACE),
        ] {
            assert!(shows(verbose, None, target, most), "{verbose} {target}");
            assert!(!shows(verbose, None, target, too_much), "{verbose} {target}");
        }
        assert!(shows(2, None, "host::pipeline", Level::TRACE));
        let wanted = Some("warn,host::pipeline=trace");
        assert!(shows(0, wanted, "host::pipeline", Level::TRACE));
        assert!(!shows(2, wanted, "host::broker", Level::INFO));
        assert!(!shows(2, Some("off"), "host", Level::ERROR));
    }

    #[test]
    fn levels_that_do_not_exist_are_refused_by_name_and_the_usual_ones_stay() {
        let (levels, refused) = levels(0, Some("host=loud"));
        assert!(levels.would_enable("host", &Level::INFO));
        assert!(refused.unwrap().contains("'host=loud'"));
    }
}
