//! The host's binary: how it is built and how its demo is started.

use crate::steps::{self, Steps};
use crate::workspace::Workspace;
use anyhow::Result;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Asks `host demo` for the page that `cargo xtask browser` builds.
pub const PAGE: &str = "--browser";

/// Builds the host's binary.
///
/// `--workspace` chooses the features of its dependencies, `--bin` what is built: so they are the features of
/// `cargo test --workspace`, where `--package host` would compile wasmtime a second time.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.time("host", || {
        steps::run(workspace.cargo().args(["build", "--workspace", "--bin", "host"]))
    })
}

/// Hands the terminal to `host demo`; its exit code is this program's.
pub fn demo(workspace: &Workspace, args: &[&str]) -> Result<ExitCode> {
    let mut host = Command::new(workspace.host());
    host.arg("demo");
    if args.contains(&PAGE) {
        // The same folder from wherever this is started.
        let mut page = OsString::from("--browser=");
        page.push(workspace.page());
        host.arg(page);
    } else if !args.iter().any(|arg| arg.starts_with(PAGE)) {
        host.arg("--component").arg(workspace.component("classifier"));
    }
    host.args(args.iter().filter(|arg| **arg != PAGE));
    steps::replace_self(&mut host)
}
