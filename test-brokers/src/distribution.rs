//! Kafka's jars: fetched by Maven once for a checkout, then shared by all its tests.

use crate::program::{self, until};
use crate::skip::or_skip;
use anyhow::{Context, Error, Result, bail, ensure};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const POM: &str = include_str!("../pom.xml");

/// The folder of the jars that [`POM`] names: Kafka's version, and the POM's own.
const NAME: &str = "kafka-4.1.1-2";

/// A fetch takes ten seconds; a slow line may take its time, a line that hangs may not.
const FETCH_LIMIT: Duration = Duration::from_secs(5 * 60);

/// What has to be on the PATH, and the Debian package that puts it there.
const PROGRAMS: [(&str, &str); 2] = [("java", "default-jre-headless"), ("mvn", "maven")];

/// The Debian packages whose programs are not on the PATH.
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
    /// The jars in a folder below `brokers`, fetched where they are not there yet.
    ///
    /// Any number of processes may ask at once: one fetches, and what it has fetched appears whole.
    pub fn find_or_fetch(brokers: &Path) -> Result<Self> {
        need("java")?;
        let brokers = std::path::absolute(brokers).with_context(|| brokers.display().to_string())?;
        let jars = brokers.join(NAME);
        if !jars.is_dir() {
            need("mvn")?;
            fetch(&brokers, &jars).with_context(|| format!("cannot fetch Kafka into {}", jars.display()))?;
        }
        Ok(Self { jars })
    }

    /// The same in `target/brokers` of this checkout, for tests. `None`: the test is to be skipped, see [`or_skip`].
    ///
    /// A fetch that failed would fail again, for every test of a program: it is tried once.
    pub fn for_tests() -> Result<Option<Self>> {
        static FOUND: OnceLock<Result<Distribution, String>> = OnceLock::new();
        let brokers = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/brokers"));
        let found = FOUND.get_or_init(|| Self::find_or_fetch(brokers).map_err(|error| format!("{error:#}")));
        or_skip(found.clone().map_err(Error::msg))
    }

    /// All jars, as Java takes them after `-cp`.
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

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Fetches beside `jars`, and renames what is complete.
fn fetch(brokers: &Path, jars: &Path) -> Result<()> {
    fs::create_dir_all(brokers)?;
    // Maven's own cache, which everyone shares, is not safe against two that fill it. The lock ends with its process.
    let lock = File::create(brokers.join("lock"))?;
    let locked = until(Instant::now() + 2 * FETCH_LIMIT, || match lock.try_lock() {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error.into()),
    })?;
    if locked.is_none() {
        bail!("another process has been at it for {} s", 2 * FETCH_LIMIT.as_secs());
    }
    if jars.is_dir() {
        return Ok(());
    }
    let download = tempfile::Builder::new().prefix("fetch-").tempdir_in(brokers)?;
    let path = |name: &str| download.path().join(name);
    fs::write(path("pom.xml"), POM)?;
    let mut maven = Command::new("mvn");
    maven
        .current_dir(download.path())
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .args(["-DincludeScope=runtime", "-DoutputDirectory=jars"]);
    program::run(&mut maven, &path("log"), FETCH_LIMIT)?;
    Ok(fs::rename(path("jars"), jars)?)
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
