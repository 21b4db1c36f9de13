//! The Go program: built once for its sources, which are part of this crate.

use crate::program;
use crate::skip::or_skip;
use crate::store::{find_or_make, in_target, is_on_path};
use anyhow::{Context, Error, Result, ensure};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The version in `go.mod`, without its last number.
const GO: &str = "1.26";

macro_rules! sources {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../../pubsub/", $name)))),*]
    };
}

/// Every source file of the program.
const SOURCES: &[(&str, &str)] = sources![
    "control.go" "credentials.go" "gate.go" "go.mod" "go.sum" "keys.go" "leases.go" "limits.go" "listener.go" "main.go" "rest.go"
    "service.go" "stream.go"
];

/// The program, on this machine.
#[derive(Clone, Debug)]
pub struct PubSubProgram {
    pub(super) path: PathBuf,
}

impl PubSubProgram {
    /// The program in a folder below `brokers`, built unless these sources were built before.
    pub fn find_or_build(brokers: &Path) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        SOURCES.hash(&mut hasher);
        let name = format!("pubsub-{:016x}", hasher.finish());
        let folder = find_or_make(brokers, &name, build)
            .with_context(|| format!("cannot build the Pub/Sub server into {}", brokers.display()))?;
        Ok(Self {
            path: folder.join("pubsub"),
        })
    }

    /// The same in `target/brokers` of this checkout, for tests. `None`: skip the test, see [`or_skip`].
    ///
    /// A failed build would fail again, for every test of a program, so it is tried once.
    pub fn for_tests() -> Result<Option<Self>> {
        static FOUND: OnceLock<Result<PubSubProgram, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| Self::find_or_build(in_target()).map_err(|error| format!("{error:#}")));
        or_skip(found.clone().map_err(Error::msg))
    }
}

/// Fails without Go. A program that is already built does not need it.
pub fn need_go() -> Result<()> {
    ensure!(
        is_on_path("go"),
        "go {GO} or later is not on the PATH: see https://go.dev/dl"
    );
    Ok(())
}

fn build(folder: &Path) -> Result<PathBuf> {
    need_go()?;
    let built = folder.join("built");
    fs::create_dir(&built)?;
    for (name, text) in SOURCES {
        fs::write(folder.join(name), text)?;
    }
    let mut go = Command::new("go");
    go.current_dir(folder)
        // Keeps the folder's name and the checkout out of the program, and so out of the key to Go's cache.
        .args(["build", "-trimpath", "-buildvcs=false", "-o", "built/"])
        // Otherwise Go's name resolver needs a C compiler.
        .env("CGO_ENABLED", "0");
    program::run(&mut go, &folder.join("log"), program::DEADLINE)?;
    Ok(built)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_program_has_every_file_of_its_folder_but_the_tests() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/pubsub"));
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with("_test.go"))
            .collect();
        names.sort();
        assert_eq!(names, Vec::from_iter(SOURCES.iter().map(|(name, _)| *name)));
    }

    #[test]
    fn the_version_of_go_that_is_asked_for_is_the_one_that_is_needed() {
        let (_, module) = SOURCES.iter().find(|(name, _)| *name == "go.mod").unwrap();
        assert!(module.contains(&format!("\ngo {GO}.")), "{module}");
    }
}
