//! Google's in-memory Pub/Sub, for the tests and for trying the host.

use crate::steps::{self, Steps};
use crate::suite;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::Duration;
use test_brokers::{PubSub, PubSubOptions, PubSubProgram, need_go};

/// The port of Google's own emulator.
const PORT: u16 = 8085;

/// How soon a server that has ended is noticed.
const PAUSE: Duration = Duration::from_millis(500);

pub fn build(workspace: &Workspace) -> Result<PubSubProgram> {
    PubSubProgram::find_or_build(&workspace.root.join("target/brokers"))
}

/// Builds the server, and runs its own tests. `false`: there is no Go, and this is not CI.
pub fn test(workspace: &Workspace, steps: &mut Steps) -> Result<bool> {
    steps.time("pubsub", || {
        match need_go().and_then(|()| build(workspace)) {
            Err(error) if suite::may_skip() => {
                eprintln!("skipped: the tests of test-brokers/pubsub: {error:#}");
                return Ok(false);
            }
            built => built?,
        };
        for command in ["vet", "test"] {
            let mut go = Command::new("go");
            steps::run(
                go.args([command, "./..."])
                    .current_dir(workspace.root.join("test-brokers/pubsub")),
            )?;
        }
        Ok(true)
    })
}

/// Runs a server until Ctrl-C, which ends this program; the server ends with it.
pub fn run(workspace: &Workspace, steps: &mut Steps, args: &[&str]) -> Result<()> {
    let mut options = parse(args)?;
    let asked = options.port.is_some();
    let program = steps.time("pubsub", || build(workspace))?;
    if !asked && TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok() {
        options.port = Some(PORT);
    }
    let pubsub = PubSub::start(&program, &options)?;
    let mut text = String::new();
    if options.port.is_none() {
        writeln!(text, "127.0.0.1:{PORT} is taken, so this is another port.")?;
    }
    text.push_str(&describe(&pubsub.address()));
    // The reader may have gone; the server serves all the same.
    let _ = std::io::stdout().write_all(text.as_bytes());
    loop {
        pubsub.check()?;
        std::thread::sleep(PAUSE);
    }
}

fn parse(args: &[&str]) -> Result<PubSubOptions> {
    let mut options = PubSubOptions::default();
    let mut args = args.iter().copied();
    while let Some(arg) = args.next() {
        match (arg, arg.strip_prefix("--port=")) {
            ("--port", _) => options.port = Some(port(args.next().unwrap_or_default())?),
            (_, Some(number)) => options.port = Some(port(number)?),
            _ => bail!("`{arg}` is not an option of `cargo xtask pubsub`: take --port N"),
        }
    }
    Ok(options)
}

fn port(number: &str) -> Result<u16> {
    match number.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => bail!("--port `{number}`: take 1 to 65535"),
    }
}

fn describe(address: &str) -> String {
    format!(
        "
Pub/Sub serves at {address}
Its data is in its memory, and goes with it. Ctrl-C ends it.

    export PUBSUB_EMULATOR_HOST={address}
    host run --broker pubsub my-project
    host consume --broker pubsub my-project
    host produce --broker pubsub my-project
"
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::parse;

    #[test]
    fn the_port_is_the_one_that_is_asked_for() {
        assert_eq!(parse(&[]).unwrap().port, None);
        for args in [["--port", "8086"].as_slice(), &["--port=8086"]] {
            assert_eq!(parse(args).unwrap().port, Some(8086));
        }
    }

    #[test]
    fn what_is_no_option_is_refused_by_name() {
        let refused = |args: &[&str]| parse(args).unwrap_err().to_string();
        assert_eq!(refused(&["--port", "0"]), "--port `0`: take 1 to 65535");
        assert_eq!(refused(&["--port"]), "--port ``: take 1 to 65535");
        assert!(refused(&["--ports"]).starts_with("`--ports` is not an option"));
    }
}
