//! Where a component comes from: a file that was named, one beside the program, or the program itself.
//!
//! Separate because it is looked for before anything is read, and from whatever folder the program was started in.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::ComponentError;
use crate::files;

/// The component that this program carries: `cargo xtask install` builds one that does.
#[cfg(feature = "carried-component")]
const CARRIED: Option<&[u8]> = Some(include_bytes!(env!("HOST_CARRIED_COMPONENT")));
#[cfg(not(feature = "carried-component"))]
const CARRIED: Option<&[u8]> = None;

/// Beside the program, and beside the folder of a program that cargo has built and not installed: `target/debug/host`,
/// `target/component/classifier.wasm`.
const PLACES: [&str; 2] = ["classifier.wasm", "../component/classifier.wasm"];

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// This program.
    Carried,
}

impl Origin {
    /// The file that was named; else one that lies beside the program; else what the program carries. Fails, with where it has
    /// looked, where there is none of them. A file that was named is not looked at.
    pub fn find(named: Option<PathBuf>) -> Result<Self, ComponentError> {
        let folder = files::program_folder();
        search(named, folder.as_deref(), CARRIED.is_some(), Path::is_file)
    }

    /// The component, of at most `limit` bytes.
    pub(super) fn read(&self, limit: u64) -> io::Result<Cow<'static, [u8]>> {
        match self {
            Self::File(path) => files::read(path, limit).map(Cow::Owned),
            Self::Carried => CARRIED.map(Cow::Borrowed).ok_or_else(|| ErrorKind::NotFound.into()),
        }
    }

    /// The file, or words for people in its place.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Carried => Path::new("built-in component"),
        }
    }
}

/// As [`Origin::path`].
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

fn search(
    named: Option<PathBuf>,
    folder: Option<&Path>,
    carries: bool,
    is_file: impl Fn(&Path) -> bool,
) -> Result<Origin, ComponentError> {
    if let Some(file) = named {
        return Ok(Origin::File(file));
    }
    let places = folder
        .into_iter()
        .flat_map(|folder| PLACES.map(|place| folder.join(place)));
    let places: Vec<_> = places.collect();
    match places.iter().find(|place| is_file(place)) {
        Some(file) => Ok(Origin::File(file.clone())),
        None if carries => Ok(Origin::Carried),
        None => Err(ComponentError::Nowhere(places)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const FOLDER: &str = "/opt/target/debug";
    const BESIDE: &str = "/opt/target/debug/classifier.wasm";
    const BUILT: &str = "/opt/target/debug/../component/classifier.wasm";

    /// What is found where only these files are there.
    fn found(named: Option<&str>, files: &[&str], carries: bool) -> Result<Origin, ComponentError> {
        let is_file = |path: &Path| files.iter().any(|file| Path::new(file) == path);
        search(named.map(PathBuf::from), Some(Path::new(FOLDER)), carries, is_file)
    }

    #[test]
    fn a_component_that_is_named_goes_before_one_beside_the_program_and_that_before_the_one_within() {
        let file = |path: &str| Origin::File(path.into());
        let all = [BESIDE, BUILT];
        assert_eq!(found(Some("other.wasm"), &all, true).unwrap(), file("other.wasm"));
        assert_eq!(found(None, &all, true).unwrap(), file(BESIDE));
        assert_eq!(found(None, &[BUILT], true).unwrap(), file(BUILT));
        assert_eq!(found(None, &[], true).unwrap(), Origin::Carried);
    }

    #[test]
    fn where_there_is_none_it_says_where_it_looked_and_what_to_do() {
        let said = found(None, &["/elsewhere/classifier.wasm"], false)
            .unwrap_err()
            .to_string();
        for words in [BESIDE, BUILT, "carries none", "cargo xtask install", "--component"] {
            assert!(said.contains(words), "'{words}' is not in '{said}'");
        }
    }

    #[test]
    fn a_program_that_carries_none_reads_none() {
        if CARRIED.is_none() {
            assert_eq!(Origin::Carried.read(1).unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
}
