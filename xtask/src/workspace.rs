//! Where things are, and how to call cargo there.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checkout from which this xtask was started, and its build folders.
pub struct Workspace {
    pub root: PathBuf,
    /// The host, the tests and this program.
    pub target: PathBuf,
    /// Components for wasm32-wasip2, with their build scripts and macros. Separate from the host's folder, because
    /// both may come from different compilers and would discard each other's results.
    pub guest_target: PathBuf,
}

impl Workspace {
    /// Asks cargo's environment and not the compiled-in path, which would be another checkout's if several share one
    /// target folder.
    pub fn locate() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .context("CARGO_MANIFEST_DIR is not set: start this as `cargo xtask`")?;
        let root = Path::new(&manifest)
            .parent()
            .context("CARGO_MANIFEST_DIR has no parent")?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => std::path::absolute(&dir).with_context(|| format!("CARGO_TARGET_DIR {}", dir.display()))?,
            None => root.join("target"),
        };
        Ok(Self {
            root,
            guest_target: target.join("guest"),
            target,
        })
    }

    /// `target/component/NAME.wasm` of the checkout, wherever CARGO_TARGET_DIR points: the one path for README and tests.
    pub fn component(&self, name: &str) -> PathBuf {
        self.root.join("target/component").join(name).with_extension("wasm")
    }

    /// `target/browser` of the checkout: the page, which the host serves from there.
    pub fn page(&self) -> PathBuf {
        self.root.join("target/browser")
    }

    /// The host's binary, built by `host::build`.
    pub fn host(&self) -> PathBuf {
        self.target.join("debug").join("host")
    }

    /// The cargo that started this program, in the root of the checkout.
    pub fn cargo(&self) -> Command {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        self.command(Path::new(&cargo))
    }

    /// A program, in the root of the checkout.
    ///
    /// `cargo run` tells its child about the package `xtask`. Build scripts that watch those variables would run
    /// again whenever a build alternates between `cargo xtask` and plain cargo, so they are removed.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["CARGO_PKG_", "CARGO_MANIFEST_"]
                .iter()
                .any(|prefix| text.starts_with(prefix))
            {
                command.env_remove(&name);
            }
        }
        command
    }
}
