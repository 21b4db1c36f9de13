//! Installs missing Debian packages, if this program may.

use crate::steps;
use anyhow::{Result, bail};
use std::path::Path;
use std::process::{Command, Stdio};

/// Installs the missing ones of `packages` as root, and otherwise says how.
pub fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|package| !is_installed(package))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    // Recommended packages include another cargo, and an installation must never remove a compiler in use.
    let install = ["install", "--yes", "--no-install-recommends", "--no-remove"];
    let command = format!("apt-get update && apt-get {} {}", install.join(" "), missing.join(" "));
    if !is_root() {
        bail!("Debian packages are missing: run `sudo sh -c '{command}'`");
    }
    eprintln!("xtask: {command}");
    apt_get(&["update"])?;
    apt_get(&[&install[..], &missing[..]].concat())
}

fn apt_get(args: &[&str]) -> Result<()> {
    let mut apt = Command::new("apt-get");
    apt.args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    steps::run(&mut apt)
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

/// This program is root, on Debian.
pub fn may_install() -> bool {
    Path::new("/etc/debian_version").exists() && is_root()
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n")
}
