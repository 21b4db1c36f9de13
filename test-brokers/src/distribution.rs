//! Kafka's jars: downloaded by Maven once for a checkout, then shared by all its tests.

use crate::program;
use crate::skip::or_skip;
use crate::store::{find_or_make, in_target, is_on_path};
use anyhow::{Context, Error, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

const POM: &str = include_str!("../pom.xml");

/// The folder of the jars that [`POM`] names: Kafka's version, and the POM's own.
const NAME: &str = "kafka-4.1.1-2";

/// Programs that must be on the PATH, with their Debian packages.
const PROGRAMS: [(&str, &str); 2] = [("java", "default-jre-headless"), ("mvn", "maven")];

/// The Debian packages of the programs that are not on the PATH.
pub fn missing_packages() -> Vec<&'static str> {
    let missing = PROGRAMS.into_iter().filter(|(program, _)| !is_on_path(program));
    missing.map(|(_, package)| package).collect()
}

/// Kafka, on this machine.
#[derive(Clone, Debug)]
pub struct Distribution {
    jars: PathBuf,
}

impl Distribution {
    /// The jars in a folder below `brokers`, downloaded if they are missing.
    pub fn find_or_fetch(brokers: &Path) -> Result<Self> {
        need("java")?;
        let jars = find_or_make(brokers, NAME, fetch)
            .with_context(|| format!("cannot fetch Kafka into {}", brokers.display()))?;
        Ok(Self { jars })
    }

    /// The same in `target/brokers` of this checkout, for tests. `None`: skip the test, see [`or_skip`].
    ///
    /// A failed download would fail again, for every test of a program, so it is tried once.
    pub fn for_tests() -> Result<Option<Self>> {
        static FOUND: OnceLock<Result<Distribution, String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| Self::find_or_fetch(in_target()).map_err(|error| format!("{error:#}")));
        or_skip(found.clone().map_err(Error::msg))
    }

    /// All jars, in the form of Java's `-cp`.
    pub fn class_path(&self) -> String {
        self.jars.join("*").display().to_string()
    }
}

fn need(program: &str) -> Result<()> {
    ensure!(
        is_on_path(program),
        "{program} is not on the PATH: run `apt-get install {}`",
        PROGRAMS.map(|(_, package)| package).join(" ")
    );
    Ok(())
}

fn fetch(folder: &Path) -> Result<PathBuf> {
    need("mvn")?;
    fs::write(folder.join("pom.xml"), POM)?;
    let mut maven = Command::new("mvn");
    maven
        .current_dir(folder)
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .args(["-DincludeScope=runtime", "-DoutputDirectory=jars"]);
    program::run(&mut maven, &folder.join("log"), program::DEADLINE)?;
    Ok(folder.join("jars"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_has_the_version_that_is_fetched() {
        let (kafka, own) = NAME.strip_prefix("kafka-").unwrap().split_once('-').unwrap();
        for (artifact, version) in [("kafka", own), ("kafka_2.13", kafka), ("kafka-tools", kafka)] {
            let wanted = format!("<artifactId>{artifact}</artifactId> <version>{version}</version>");
            let pom: Vec<_> = POM.split_whitespace().collect();
            assert!(pom.join(" ").contains(&wanted), "{wanted}");
        }
    }

    #[test]
    fn a_program_that_is_missing_is_named_with_the_command_that_installs_it() {
        let error = need("no-such-java").unwrap_err().to_string();
        assert_eq!(
            error,
            "no-such-java is not on the PATH: run `apt-get install default-jre-headless maven`"
        );
        assert!(need("sh").is_ok());
    }
}
