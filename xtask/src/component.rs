//! Builds components and puts them where the host's commands and tests look for them.

use crate::steps::{self, Steps};
use crate::toolchain::{TARGET, Toolchain};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What to build into `target/component/`.
#[derive(Clone, Copy, PartialEq)]
pub enum Guests {
    Classifier,
    /// The classifier and every member of `test-components/`.
    All,
}

/// Builds the components; cargo knows which of them are up to date.
pub fn build(workspace: &Workspace, steps: &mut Steps, guests: Guests) -> Result<()> {
    let toolchain = Toolchain::find()?;
    steps.time("component", || {
        steps::run(
            toolchain
                .cargo_build(workspace)?
                .args(["--package", "classifier-wasm", "--lib"]),
        )?;
        publish(workspace, "classifier_wasm", "classifier")
    })?;
    if guests == Guests::All {
        steps.time("test components", || build_test_components(workspace, &toolchain))?;
    }
    Ok(())
}

/// The members of `test-components/`, a workspace of its own because nothing else uses their dependencies.
fn build_test_components(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    let root = workspace.root.join("test-components");
    steps::run(
        toolchain
            .cargo_build(workspace)?
            .current_dir(&root)
            .args(["--workspace"]),
    )?;
    for name in members(&root)? {
        publish(workspace, &name.replace('-', "_"), &name)?;
    }
    Ok(())
}

/// The folders with a member; folder and package have the same name.
fn members(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))? {
        let path = entry?.path();
        if path.join("Cargo.toml").is_file() {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

/// Copies what cargo built as `artifact` to `target/component/NAME.wasm`.
fn publish(workspace: &Workspace, artifact: &str, name: &str) -> Result<()> {
    let built: PathBuf = workspace
        .guest_target
        .join(TARGET)
        .join("component")
        .join(artifact)
        .with_extension("wasm");
    let published = workspace.component(name);
    if let Some(folder) = published.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let bytes = fs::copy(&built, &published)
        .with_context(|| format!("cannot copy {} to {}", built.display(), published.display()))?;
    eprintln!("xtask: {} ({:.1} MB)", published.display(), bytes as f64 / 1e6);
    Ok(())
}
