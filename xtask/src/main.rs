//! What a Makefile would do, but with nothing to install except Rust: `cargo xtask component`, `browser`, `demo`, `install`,
//! `kafka`, `pubsub`, `test` and `bench`.
//!
//! Separate from the host because the component has its own compiler and settings, and because a `build.rs` that
//! builds WebAssembly would delay every `cargo check`.

#![cfg_attr(not(test), deny(clippy::disallowed_macros))]

mod bench;
mod browser;
mod component;
mod debian;
mod host;
mod install;
#[cfg(unix)]
mod kafka;
#[cfg(unix)]
mod pubsub;
#[cfg(unix)]
mod python;
mod steps;
mod suite;
mod toolchain;
mod workspace;

use anyhow::Result;
use bench::Part;
use component::Guests;
use std::io::Write;
use std::process::ExitCode;
use steps::Steps;
use workspace::Workspace;

const HELP: &str = "\
Builds, shows and tests the image stream.

Usage: cargo xtask COMMAND

Commands:
  component [--tests]  Build the classifier for wasm32-wasip2 into target/component/classifier.wasm, and into
                       classifier-full.wasm beside it with the operators of all models; with --tests also the test
                       components, each into target/component/NAME.wasm
  browser              Build both components and the page around it, into target/browser; needs Node.js
  demo [ARGS...]       Build component and host, then run `host demo ARGS...`; with --browser also build the page
  install [--root DIR] Build an optimised host that carries both components, and put it into cargo's bin folder or DIR/bin
  bench [PART] [RUNS]  Build component and host, then measure the numbers of BENCHMARKS.md, 5 times or RUNS. PART is demo,
                       scaling, throughput or peers (with a real Kafka), pubsub or browser; without it: all
  kafka [--nodes 3] [--secure]
                       Run an Apache Kafka until Ctrl-C, on 127.0.0.1:9092 if that is free; with --nodes 3 a cluster of
                       three, with --secure also TLS and SASL
  pubsub [--port N]    Run Google's in-memory Pub/Sub until Ctrl-C, on 127.0.0.1:8085 if that is free
  python               Make the Python environments of the tests in target/python: one with PyTorch, one with Keras
  test [ARGS...]       Build all components, the page, the test brokers and the Python environments, check the page and
                       the Pub/Sub server, then run all tests, two programs at a time, or with ARGS
                       `cargo test --workspace ARGS...`
  hostile              Build the components, then run those that mean harm, and print the table of docs/sandbox.md
  faults               Build all of this, then run every fault of Kafka and Pub/Sub and print the table (an hour)
  help                 Print this text

Examples:
  cargo xtask demo                       the whole path on 10,000 real images
  cargo xtask demo --format json         the same, for a script
  cargo xtask demo --browser             the same component on a web page
  cargo xtask install                    one program on the PATH that works in any folder
  cargo xtask test                       all tests
  cargo xtask test -- kill               only the tests with `kill` in their names
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut steps = Steps::default();
    let done = match args.as_slice() {
        ["component"] => component(&mut steps, Guests::Both),
        ["component", "--tests"] => component(&mut steps, Guests::All),
        ["browser"] => browser(&mut steps),
        ["demo", args @ ..] => demo(&mut steps, args),
        ["install"] => install(&mut steps, None),
        ["install", "--root", root] => install(&mut steps, Some(root)),
        ["bench", args @ ..] => bench(&mut steps, args),
        #[cfg(unix)]
        ["kafka", args @ ..] => kafka(&mut steps, args),
        #[cfg(unix)]
        ["pubsub", args @ ..] => pubsub(&mut steps, args),
        #[cfg(unix)]
        ["python"] => python(&mut steps),
        #[cfg(unix)]
        ["faults"] => faults(&mut steps),
        ["hostile"] => hostile(&mut steps),
        ["test", args @ ..] => test(&mut steps, args),
        ["help" | "--help" | "-h"] => {
            // A reader that closes the pipe early, such as `head`, is no failure.
            let _ = std::io::stdout().write_all(HELP.as_bytes());
            Ok(ExitCode::SUCCESS)
        }
        other => Ok(usage(&misunderstood(other))),
    };
    done.unwrap_or_else(|error| {
        steps.print();
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

/// What is wrong with arguments that are none of the above.
fn misunderstood(args: &[&str]) -> String {
    let commands = || HELP.lines().take_while(|line| *line != "Examples:").filter_map(command);
    match args {
        [] => "which command?".to_owned(),
        [name, rest @ ..] if commands().any(|command| command == *name) => {
            format!("`{name}` does not take `{}`", rest.join(" "))
        }
        [name, ..] => {
            let likeness = |command: &str| strsim::jaro_winkler(name, command);
            let nearest = commands().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
            match nearest.filter(|command| likeness(command) > ALIKE) {
                Some(command) => format!("`{name}` is not a command; did you mean `{command}`?"),
                None => format!("`{name}` is not a command"),
            }
        }
    }
}

/// As clap has it: from here on a word may be meant for another.
const ALIKE: f64 = 0.7;

/// The command that a line of the help is about.
fn command(line: &str) -> Option<&str> {
    let line = line.strip_prefix("  ")?;
    line.split(' ').next().filter(|word| !word.is_empty())
}

fn component(steps: &mut Steps, guests: Guests) -> Result<ExitCode> {
    component::build(&Workspace::locate()?, steps, guests)?;
    steps.print();
    Ok(ExitCode::SUCCESS)
}

fn browser(steps: &mut Steps) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    component::build(&workspace, steps, Guests::Both)?;
    browser::build(&workspace, steps)?;
    steps.print();
    browser::describe(&workspace);
    Ok(ExitCode::SUCCESS)
}

fn demo(steps: &mut Steps, args: &[&str]) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    let has_page = args.contains(&host::PAGE);
    let guests = if has_page { Guests::Both } else { Guests::Classifier };
    component::build(&workspace, steps, guests)?;
    if has_page {
        browser::build(&workspace, steps)?;
    }
    host::build(&workspace, steps)?;
    steps.print();
    host::demo(&workspace, args)
}

fn install(steps: &mut Steps, root: Option<&str>) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    component::build(&workspace, steps, Guests::Both)?;
    install::run(&workspace, steps, root)?;
    Ok(ExitCode::SUCCESS)
}

fn bench(steps: &mut Steps, args: &[&str]) -> Result<ExitCode> {
    let (parts, runs) = match args {
        [] => (&Part::ALL[..], "5"),
        [first, rest @ ..] => match (Part::named(first), rest) {
            (Some(part), []) => (&[part][..], "5"),
            (Some(part), [runs]) => (&[part][..], *runs),
            (None, []) => (&Part::ALL[..], *first),
            _ => return Ok(usage(&format!("`{}` is not what `bench` takes", args.join(" ")))),
        },
    };
    match runs.parse() {
        Ok(runs) if runs > 0 => bench::run(&Workspace::locate()?, steps, parts, runs)?,
        _ => {
            return Ok(usage(&format!(
                "`{runs}` is neither a part of the bench nor a number of runs above 0"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn usage(what: &str) -> ExitCode {
    eprintln!("xtask: {what}\n\n{HELP}");
    ExitCode::from(2)
}

#[cfg(unix)]
fn kafka(steps: &mut Steps, args: &[&str]) -> Result<ExitCode> {
    kafka::run(&Workspace::locate()?, steps, args)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(unix)]
fn pubsub(steps: &mut Steps, args: &[&str]) -> Result<ExitCode> {
    pubsub::run(&Workspace::locate()?, steps, args)?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(unix)]
fn python(steps: &mut Steps) -> Result<ExitCode> {
    python::run(&Workspace::locate()?, steps)?;
    steps.print();
    Ok(ExitCode::SUCCESS)
}

#[cfg(unix)]
fn faults(steps: &mut Steps) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    component::build(&workspace, steps, Guests::All)?;
    kafka::fetch_for_tests(&workspace, steps)?;
    steps.time("faults", || {
        // Every test run includes their short forms.
        for tests in [&["faults"][..], &["conformance", "one_busy_lane"]] {
            let mut cargo = workspace.cargo();
            cargo.args(["test", "--workspace", "--test"]).args(tests).arg("--");
            cargo.args(["--nocapture", "--test-threads=1"]);
            steps::run(cargo.env("HOST_FAULTS", "long"))?;
        }
        Ok(())
    })?;
    steps.print();
    Ok(ExitCode::SUCCESS)
}

fn hostile(steps: &mut Steps) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    component::build(&workspace, steps, Guests::All)?;
    steps.time("hostile", || {
        let mut cargo = workspace.cargo();
        cargo.args(["test", "--workspace", "--test", "guest", "--"]);
        cargo.args(["--ignored", "--nocapture", "the_table_of_hostile_guests"]);
        steps::run(&mut cargo)
    })?;
    steps.print();
    Ok(ExitCode::SUCCESS)
}

fn test(steps: &mut Steps, args: &[&str]) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    component::build(&workspace, steps, Guests::All)?;
    let page_is_tested = browser::test(&workspace, steps)?;
    #[cfg(unix)]
    kafka::fetch_for_tests(&workspace, steps)?;
    #[cfg(unix)]
    let go_is_tested = pubsub::test(&workspace, steps)?;
    #[cfg(unix)]
    python::make_for_tests(&workspace, steps)?;
    #[cfg(not(unix))]
    let go_is_tested = false;
    let mut total = suite::run(&workspace, steps, args)?;
    for is_tested in [page_is_tested, go_is_tested] {
        if !is_tested {
            total.skip_step();
        }
    }
    steps.print();
    eprintln!("{total}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_nearly_one_is_guessed_and_one_with_wrong_arguments_is_told_so() {
        assert_eq!(
            misunderstood(&["componet"]),
            "`componet` is not a command; did you mean `component`?"
        );
        assert_eq!(
            misunderstood(&["tests"]),
            "`tests` is not a command; did you mean `test`?"
        );
        assert_eq!(misunderstood(&["xyz"]), "`xyz` is not a command");
        assert_eq!(
            misunderstood(&["component", "--test"]),
            "`component` does not take `--test`"
        );
        assert_eq!(misunderstood(&[]), "which command?");
    }
}
