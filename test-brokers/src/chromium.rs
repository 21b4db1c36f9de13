//! A real browser and what drives it, for the tests of the page and for what is measured in it.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;

/// Chromium by its names, Debian's first.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The Chromium that the variable CHROMIUM names, or else the first on the PATH. An error says what is missing, that or
/// Node.js, and where it comes from.
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
