//! The page that classifies in a browser: an npm project in `browser/` around the component.

use crate::debian;
use crate::steps::{self, Steps};
use crate::suite;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The oldest Node.js that the page's packages run on.
const NODE: u32 = 20;

const NPM: &str = if cfg!(windows) { "npm.cmd" } else { "npm" };

/// Builds the page from the component, after installing the page's packages.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    need_node()?;
    let folder = workspace.root.join("browser");
    if !has_packages(&folder) {
        steps.time("npm ci", || {
            steps::run(npm(&folder).args(["ci", "--no-audit", "--no-fund"]))
        })?;
    }
    steps.time("page", || run_script(&folder, "build"))
}

/// Builds the page and checks its sources. `false`: there is no Node.js, and this is not CI.
pub fn test(workspace: &Workspace, steps: &mut Steps) -> Result<bool> {
    match need_node() {
        Err(error) if suite::may_skip() => {
            eprintln!("skipped: the checks of browser/: {error:#}");
            return Ok(false);
        }
        found => found?,
    }
    build(workspace, steps)?;
    steps.time("browser", || run_script(&workspace.root.join("browser"), "check"))?;
    install_chromium(steps);
    Ok(true)
}

/// How soon the page answers, and how fast it classifies beside the host: Markdown tables.
#[cfg(unix)]
pub fn bench(workspace: &Workspace, steps: &mut Steps, runs: usize) -> Result<String> {
    let chromium = test_brokers::need_chromium()?;
    build(workspace, steps)?;
    let mut npm = npm(&workspace.root.join("browser"));
    npm.args(["run", "--silent", "bench", "--", &runs.to_string()]);
    npm.env("HOST", workspace.host()).env("CHROMIUM", chromium);
    let output = npm.stderr(Stdio::inherit()).output().context("cannot start npm")?;
    if !output.status.success() {
        bail!("the page cannot be measured: npm ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Says where the page is, and how to serve it.
pub fn describe(workspace: &Workspace) {
    let page = workspace.page();
    let text = format!(
        "
The page is in {page}
A browser opens it from a server, any of these:

    cargo xtask demo --browser
    host demo --browser={page}
    python3 -m http.server -d {page}
",
        page = page.display()
    );
    // The reader may have gone; the page is built all the same.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// For the tests in a browser, if this program may install one. Otherwise the tests say what is missing.
fn install_chromium(steps: &mut Steps) {
    if debian::may_install() && version(Command::new("chromium")).is_err() {
        let installed = steps.time("chromium", || debian::install(&["chromium"]));
        if let Err(error) = installed {
            eprintln!("xtask: the tests in a browser have no Chromium: {error:#}");
        }
    }
}

fn need_node() -> Result<()> {
    let remedy = || {
        format!(
            "the page takes node {NODE} or later, with npm: see https://nodejs.org, or on Debian 13 or later run \
             `apt-get install nodejs npm`"
        )
    };
    let node = version(Command::new("node")).with_context(remedy)?;
    if !is_enough(&node) {
        bail!("node is {node}; {}", remedy());
    }
    version(Command::new(NPM)).with_context(remedy)?;
    Ok(())
}

/// A program's version, as it reports it.
fn version(mut program: Command) -> Result<String> {
    program.arg("--version");
    let name = program.get_program().display().to_string();
    let output = program.output().with_context(|| format!("cannot start {name}"))?;
    if !output.status.success() {
        bail!("`{name} --version` ended with {}", output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// A version such as `v20.11.1`.
fn is_enough(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next();
    major
        .and_then(|major| major.parse().ok())
        .is_some_and(|major: u32| major >= NODE)
}

/// npm writes the one file after installing everything that the other names.
fn has_packages(folder: &Path) -> bool {
    let changed = |name: &str| fs::metadata(folder.join(name)).and_then(|file| file.modified());
    match (changed("node_modules/.package-lock.json"), changed("package-lock.json")) {
        (Ok(installed), Ok(named)) => installed >= named,
        _ => false,
    }
}

fn npm(folder: &Path) -> Command {
    let mut npm = Command::new(NPM);
    npm.current_dir(folder);
    npm
}

fn run_script(folder: &Path, name: &str) -> Result<()> {
    steps::run(npm(folder).args(["run", "--silent", name]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn node_is_taken_from_the_version_on_that_the_packages_need() {
        for (version, enough) in [
            ("v20.0.0", true),
            ("v24.1.0-nightly", true),
            ("v18.20.4", false),
            ("v9.9.9", false),
            ("", false),
            ("node", false),
        ] {
            assert_eq!(is_enough(version), enough, "{version}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_told_by_its_name() {
        let error = version(Command::new("no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "cannot start no-such-program");
    }
}
