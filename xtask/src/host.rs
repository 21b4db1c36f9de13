//! The host's side: its build, its demo and the tests of the whole workspace.

use crate::steps::{self, Steps};
use crate::workspace::Workspace;
use anyhow::Result;
use std::process::{Command, ExitCode};

/// Builds the host's binary.
///
/// `--workspace` chooses the features of its dependencies, `--bin` what is built: so they are the features of
/// `cargo test --workspace`, where `--package host` would compile wasmtime a second time.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.time("host", || {
        steps::run(
            workspace
                .cargo()
                .args(["build", "--workspace", "--bin", "host"]),
        )
    })
}

/// Hands the terminal to `host demo`; its exit code is this program's.
pub fn demo(workspace: &Workspace, args: &[String]) -> Result<ExitCode> {
    let mut host = Command::new(workspace.target.join("debug").join("host"));
    host.args(["demo", "--component"])
        .arg(workspace.component("classifier"))
        .args(args);
    steps::replace_self(&mut host)
}

/// Compiles and runs every test, in two steps so that the minutes of each are known.
pub fn test(workspace: &Workspace, steps: &mut Steps, args: &[String]) -> Result<()> {
    steps.time("build tests", || {
        steps::run(workspace.cargo().args(["test", "--workspace", "--no-run"]))
    })?;
    steps.time("run tests", || {
        steps::run(workspace.cargo().args(["test", "--workspace"]).args(args))
    })
}
