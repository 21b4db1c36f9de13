//! What a Makefile would do, with nothing to install but Rust: `cargo xtask component`, `demo` and `test`.
//!
//! Separate from the host because the component is built by another compiler setting than everything else, and because
//! a `build.rs` that builds WebAssembly would make every `cargo check` wait for it.

mod component;
mod host;
mod steps;
mod toolchain;
mod workspace;

use anyhow::{Result, bail};
use std::process::ExitCode;
use steps::Steps;
use workspace::Workspace;

const HELP: &str = "\
Builds, shows and tests the image stream.

Usage: cargo xtask COMMAND

Commands:
  component [--tests]  Build the classifier for wasm32-wasip2 into target/component/classifier.wasm;
                       with --tests also the guests of test-components/, each into target/component/NAME.wasm
  demo [ARGS...]       Build component and host, then run `host demo ARGS...`
  test [ARGS...]       Build every component, then run `cargo test --workspace ARGS...`
  help                 Print this text

Examples:
  cargo xtask demo                       the whole path on 10,000 real images
  cargo xtask demo --format json         the same, for a script
  cargo xtask test                       everything that has to pass
  cargo xtask test -- kill               only the tests with `kill` in their names
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = args.split_first() else {
        eprint!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    if matches!(command.as_str(), "help" | "--help" | "-h") {
        eprint!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }

    let workspace = Workspace::locate()?;
    let mut steps = Steps::default();
    match (command.as_str(), rest) {
        ("component", []) => {
            component::build(&workspace, &mut steps, component::Guests::Classifier)?
        }
        ("component", [only]) if only == "--tests" => {
            component::build(&workspace, &mut steps, component::Guests::All)?;
        }
        ("component", other) => bail!(
            "`component` takes --tests or nothing, not `{}`",
            other.join(" ")
        ),
        ("demo", args) => {
            component::build(&workspace, &mut steps, component::Guests::Classifier)?;
            host::build(&workspace, &mut steps)?;
            steps.print();
            return host::demo(&workspace, args);
        }
        ("test", args) => {
            component::build(&workspace, &mut steps, component::Guests::All)?;
            host::test(&workspace, &mut steps, args)?;
        }
        (other, _) => bail!("unknown command `{other}`: see `cargo xtask help`"),
    }
    steps.print();
    Ok(ExitCode::SUCCESS)
}
