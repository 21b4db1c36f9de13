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
    /// The classifier with the executor alone, which is what most models need.
    Classifier,
    /// Both builds of the classifier: the one with the executor alone, and the one with tract.
    Both,
    /// Both, and every member of `test-components/`.
    All,
}

/// A build of the classifier.
struct Build {
    /// Of the file in `target/component`.
    name: &'static str,
    profile: &'static str,
    features: &'static str,
}

const BUILDS: [Build; 2] = [
    Build {
        name: "classifier",
        profile: "component",
        features: "",
    },
    Build {
        name: "classifier-full",
        profile: "component-full",
        features: "tract",
    },
];

/// Builds the components; cargo knows which of them are up to date.
pub fn build(workspace: &Workspace, steps: &mut Steps, guests: Guests) -> Result<()> {
    let toolchain = Toolchain::find()?;
    let builds = match guests {
        Guests::Classifier => BUILDS.get(..1).unwrap_or_default(),
        _ => &BUILDS,
    };
    for build in builds {
        let step = match build.features {
            "" => "component".to_owned(),
            features => format!("component with {features}"),
        };
        steps.time(&step, || {
            let mut cargo = toolchain.cargo_build(workspace, build.profile)?;
            cargo.args(["--package", "classifier-wasm", "--lib", "--features", build.features]);
            steps::run(&mut cargo)?;
            publish(workspace, build.profile, "classifier_wasm", build.name)
        })?;
    }
    if guests == Guests::All {
        steps.time("test components", || build_test_components(workspace, &toolchain))?;
    }
    Ok(())
}

/// Of the test components.
const PROFILE: &str = "component";

/// The members of `test-components/`, a workspace of its own because nothing else uses their dependencies.
fn build_test_components(workspace: &Workspace, toolchain: &Toolchain) -> Result<()> {
    let root = workspace.root.join("test-components");
    steps::run(
        toolchain
            .cargo_build(workspace, PROFILE)?
            .current_dir(&root)
            .args(["--workspace"]),
    )?;
    for name in members(&root)? {
        publish(workspace, PROFILE, &name.replace('-', "_"), &name)?;
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
fn publish(workspace: &Workspace, profile: &str, artifact: &str, name: &str) -> Result<()> {
    let built: PathBuf = workspace
        .guest_target
        .join(TARGET)
        .join(profile)
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
