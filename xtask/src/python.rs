//! The Python environments that tests run programs in, in `target/python`. They are made before the tests, since a test that
//! installs PyTorch holds up the others, and hides its minutes among theirs.

use crate::steps::{self, Steps};
use crate::suite;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::Command;
use test_brokers::python_environment;

/// Makes those that are missing. Outside of CI the tests without theirs are skipped.
pub fn make_for_tests(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.time("python", || {
        for (name, made) in make(workspace) {
            match made {
                Err(error) if suite::may_skip() => {
                    eprintln!("xtask: the tests in target/python/{name} will be skipped: {error:#}");
                }
                made => made?,
            }
        }
        Ok(())
    })
}

/// Makes all of them.
pub fn run(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.time("python", || make(workspace).try_for_each(|(_, made)| made))
}

/// Each environment by its name, made as it is asked for.
fn make(workspace: &Workspace) -> impl Iterator<Item = (&'static str, Result<()>)> {
    let folder = workspace.root.join("target/python");
    let root = workspace.root.clone();
    ["kafka", "pubsub", "training", "keras"].into_iter().map(move |name| {
        let made = match name {
            "training" => training(&root, &folder.join(name)),
            "keras" => keras(&root, &folder.join(name)),
            _ => {
                let pinned = root.join(format!("host/tests/python/requirements-{name}.txt"));
                python_environment(&folder, name, &pinned).map(drop)
            }
        };
        (name, made)
    })
}

/// For `models/train`: `setup.sh`, as a user would.
fn training(root: &Path, folder: &Path) -> Result<()> {
    steps::run(Command::new(root.join("models/train/setup.sh")).arg(folder))
}

/// For Keras files: as in `models/README.md`.
pub fn keras(root: &Path, folder: &Path) -> Result<()> {
    if !Command::new("python3")
        .args(["-m", "venv"])
        .arg(folder)
        .status()?
        .success()
    {
        bail!("Python's venv is missing: run `apt-get install python3-venv`");
    }
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    steps::run(pip.arg(root.join("models/train/requirements-keras.txt")))
}
