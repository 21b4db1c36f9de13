//! A real browser and its driver, for the page's tests and benchmarks.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;

/// Chromium's names, Debian's first.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The Chromium named by the variable CHROMIUM, or the first on the PATH. The error says what is missing, Chromium or
/// Node.js, and where to get it.
pub fn need_chromium() -> Result<PathBuf> {
    on_path("node").context("node 20 or later is not on the PATH: see https://nodejs.org")?;
    if let Some(named) = std::env::var_os("CHROMIUM").map(PathBuf::from) {
        ensure!(named.is_file(), "CHROMIUM names no file: {}", named.display());
        return Ok(named);
    }
    let found = NAMES.into_iter().find_map(on_path);
    found
        .context("chromium is not on the PATH: run `apt-get install chromium`, or set CHROMIUM to a Chromium or Chrome")
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let mut files = std::env::split_paths(&folders).map(|folder| folder.join(name));
    files.find(|file| file.is_file())
}
