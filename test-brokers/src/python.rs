//! Python environments for programs that talk to the brokers, in tests and benchmarks.

use crate::program::{self, DEADLINE};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of a virtual environment `NAME` in a folder, with the packages that `requirements` pins. It is created
/// if it is missing, was made for other requirements, or was not finished.
pub fn python_environment(folder: &Path, name: &str, requirements: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    // One program at a time. The lock ends with its process.
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let required = fs::read_to_string(requirements).with_context(|| requirements.display().to_string())?;
    let environment = folder.join(name);
    let python = environment.join("bin/python");
    let made_for = environment.join("requirements.txt");
    if python.exists() && fs::read_to_string(&made_for).is_ok_and(|text| text == required) {
        return Ok(python);
    }
    let log = folder.join("log");
    let mut venv = Command::new("python3");
    program::run(venv.args(["-m", "venv", "--clear"]).arg(&environment), &log, DEADLINE)
        .context("Python's venv is missing: run `apt-get install python3-venv`")?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]);
    program::run(pip.arg(requirements), &log, DEADLINE)?;
    fs::write(made_for, required)?;
    Ok(python)
}

/// The Python of an environment that `cargo xtask python` has made in a folder.
pub fn find_python(folder: &Path, name: &str) -> Result<PathBuf> {
    let python = folder.join(name).join("bin/python");
    ensure!(
        python.exists(),
        "{} is missing: run `cargo xtask python`",
        python.display()
    );
    Ok(python)
}
