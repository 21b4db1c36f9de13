//! Where a component comes from: a file that was named, one beside the program, or the program itself.
//!
//! Separate because it is looked for before anything is read, and from whatever folder the program was started in.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::ComponentError;
use crate::files;

/// Two builds of one component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// With what most models need.
    Usual,
    /// Larger, with the operators of all models.
    Full,
}

impl Build {
    /// What this program carries: `cargo xtask install` builds one that does.
    #[cfg(feature = "carried-component")]
    const fn carried(self) -> Option<&'static [u8]> {
        match self {
            Self::Usual => Some(include_bytes!(env!("HOST_CARRIED_COMPONENT"))),
            Self::Full => Some(include_bytes!(env!("HOST_CARRIED_FULL_COMPONENT"))),
        }
    }

    #[cfg(not(feature = "carried-component"))]
    const fn carried(self) -> Option<&'static [u8]> {
        None
    }

    /// Beside the program, and beside the folder of a program that cargo has built and not installed: `target/debug/host`,
    /// `target/component/classifier.wasm`.
    const fn places(self) -> [&'static str; 2] {
        match self {
            Self::Usual => ["classifier.wasm", "../component/classifier.wasm"],
            Self::Full => ["classifier-full.wasm", "../component/classifier-full.wasm"],
        }
    }
}

/// Where a component comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// This program.
    Carried(Build),
}

impl Origin {
    /// The file that was named; else one that lies beside the program; else what the program carries. Fails, with where it has
    /// looked, where there is none of them. A file that was named is not looked at.
    pub fn find(named: Option<PathBuf>) -> Result<Self, ComponentError> {
        match named {
            Some(file) => Ok(Self::File(file)),
            None => Self::of(Build::Usual),
        }
    }

    /// The same for one of the builds, of which none was named.
    pub fn of(build: Build) -> Result<Self, ComponentError> {
        let folder = files::program_folder();
        search(build, folder.as_deref(), build.carried().is_some(), Path::is_file)
    }

    /// The component, of at most `limit` bytes.
    pub(super) fn read(&self, limit: u64) -> io::Result<Cow<'static, [u8]>> {
        match self {
            Self::File(path) => files::read(path, limit).map(Cow::Owned),
            Self::Carried(build) => build
                .carried()
                .map(Cow::Borrowed)
                .ok_or_else(|| ErrorKind::NotFound.into()),
        }
    }

    /// The file, or words for people in its place.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Carried(Build::Usual) => Path::new("built-in component"),
            Self::Carried(Build::Full) => Path::new("built-in full component"),
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
    build: Build,
    folder: Option<&Path>,
    carries: bool,
    is_file: impl Fn(&Path) -> bool,
) -> Result<Origin, ComponentError> {
    let places = folder
        .into_iter()
        .flat_map(|folder| build.places().map(|place| folder.join(place)));
    let places: Vec<_> = places.collect();
    match places.iter().find(|place| is_file(place)) {
        Some(file) => Ok(Origin::File(file.clone())),
        None if carries => Ok(Origin::Carried(build)),
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
    const FULL: &str = "/opt/target/debug/../component/classifier-full.wasm";

    /// What is found where only these files are there.
    fn found(build: Build, files: &[&str], carries: bool) -> Result<Origin, ComponentError> {
        let is_file = |path: &Path| files.iter().any(|file| Path::new(file) == path);
        search(build, Some(Path::new(FOLDER)), carries, is_file)
    }

    #[test]
    fn a_component_beside_the_program_goes_before_the_one_within() {
        let usual = |files: &[&str]| found(Build::Usual, files, true).unwrap();
        let file = |path: &str| Origin::File(path.into());
        assert_eq!(usual(&[BESIDE, BUILT, FULL]), file(BESIDE));
        assert_eq!(usual(&[BUILT, FULL]), file(BUILT));
        assert_eq!(usual(&[FULL]), Origin::Carried(Build::Usual));
        let full = found(Build::Full, &[BESIDE, BUILT, FULL], true).unwrap();
        assert_eq!(full, file(FULL));
        let full = found(Build::Full, &[BESIDE, BUILT], true).unwrap();
        assert_eq!(full, Origin::Carried(Build::Full));
    }

    #[test]
    fn a_component_that_is_named_is_taken_wherever_it_is() {
        let named = Origin::find(Some("other.wasm".into())).unwrap();
        assert_eq!(named, Origin::File("other.wasm".into()));
    }

    #[test]
    fn where_there_is_none_it_says_where_it_looked_and_what_to_do() {
        let said = found(Build::Usual, &["/elsewhere/classifier.wasm"], false)
            .unwrap_err()
            .to_string();
        for words in [BESIDE, BUILT, "carries none", "cargo xtask install", "--component"] {
            assert!(said.contains(words), "'{words}' is not in '{said}'");
        }
    }

    #[test]
    fn a_program_that_carries_none_reads_none() {
        for build in [Build::Usual, Build::Full] {
            if build.carried().is_none() {
                assert_eq!(Origin::Carried(build).read(1).unwrap_err().kind(), ErrorKind::NotFound);
            }
        }
    }
}
