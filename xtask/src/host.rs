//! The host's binary: how to build it and how to start its demo.

use crate::steps::{self, Steps};
use crate::workspace::Workspace;
use anyhow::Result;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Asks `host demo` for the page that `cargo xtask browser` builds.
pub const PAGE: &str = "--browser";

/// Builds the host's binary.
///
/// `--workspace` chooses the features of its dependencies, `--bin` what to build: the features are those of `cargo
/// test --workspace`. `--package host` would compile wasmtime a second time.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.time("host", || {
        steps::run(workspace.cargo().args(["build", "--workspace", "--bin", "host"]))
    })
}

/// Hands the terminal to `host demo`, whose exit code becomes this program's.
pub fn demo(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    let mut host = Command::new(workspace.host());
    host.arg("demo");
    if args.contains(&PAGE) {
        // The same folder, wherever this is started.
        let mut page = OsString::from("--browser=");
        page.push(workspace.page());
        host.arg(page);
    } else if !args.iter().any(|arg| arg.starts_with(PAGE)) {
        host.arg("--component").arg(workspace.component("classifier"));
    }
    host.args(args.iter().filter(|arg| **arg != PAGE));
    steps::replace_self(&mut host)
}
