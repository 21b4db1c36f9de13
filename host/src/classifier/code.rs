//! Compiled code, kept between runs in a private folder of the user.
//!
//! Anybody who can write there can make this program run anything, so the folder is for its owner alone, and is
//! refused otherwise.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::{env, fs};

use tempfile::{NamedTempFile, TempDir};
use wasmtime::Engine;
use wasmtime::component::Component;

use super::ComponentError;
use super::compiler::{self, Compiler};
use crate::files;

/// Inside the user's cache folder.
const FOLDER: &str = "image-stream";
/// The limit of all code together; the least recently used goes first. Bytes.
const KEPT: u64 = 1 << 30;

/// Where code is stored.
pub(super) struct Folder {
    path: PathBuf,
    /// Removes the folder with its contents, if nothing is to be kept.
    _temporary: Option<TempDir>,
}

impl Folder {
    /// The user's cache folder, if code is to be kept and there is one; otherwise a folder for this start alone.
    pub(super) fn open(kept: bool) -> Result<Self, ComponentError> {
        if kept {
            match place() {
                None => tracing::warn!(
                    "compiled code is not kept between runs: neither XDG_CACHE_HOME nor HOME names a folder for it"
                ),
                Some(path) => match make(&path) {
                    // A folder that cannot be created, in a read-only home say, only costs time.
                    Err(error) => {
                        tracing::warn!("compiled code is not kept between runs: '{}': {error}", path.display())
                    }
                    Ok(()) => {
                        check(&path)?;
                        return Ok(Self { path, _temporary: None });
                    }
                },
            }
        }
        let temporary = tempfile::tempdir().map_err(|error| unwritable(&env::temp_dir(), &error))?;
        Ok(Self {
            path: temporary.path().to_owned(),
            _temporary: Some(temporary),
        })
    }

    /// The component with this `digest`: from stored code, or compiled.
    pub(super) async fn component(
        &self,
        engine: &Engine,
        path: &Path,
        bytes: Cow<'static, [u8]>,
        digest: &str,
        compiler: &Compiler,
    ) -> Result<Component, ComponentError> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let code = self.path.join(format!("{digest}-{:016x}", hasher.finish()));
        if let Some(component) = stored(engine, &code) {
            return Ok(component);
        }
        let unwritable = |error: &io::Error| unwritable(&self.path, error);
        let unfinished = NamedTempFile::new_in(&self.path).map_err(|error| unwritable(&error))?;
        let file = unfinished.as_file().try_clone().map_err(|error| unwritable(&error))?;
        compiler::compile(compiler, path, bytes, file).await?;
        // On the disk before it gets its name: code that a power failure has cut off must not be run.
        unfinished.as_file().sync_all().map_err(|error| unwritable(&error))?;
        unfinished.persist(&code).map_err(|error| unwritable(&error.error))?;
        self.forget();
        load(engine, &code).map_err(|error| ComponentError::Engine(format!("{error:#}")))
    }

    /// Removes the least recently used code until the rest is within the limit.
    fn forget(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries
            .filter_map(|entry| {
                let known = entry.metadata().ok()?;
                Some((known.modified().ok()?, known.len(), entry.path()))
            })
            .collect();
        files.sort_by(|(one, ..), (other, ..)| other.cmp(one));
        let mut sum = 0u64;
        for (used, length, file) in files {
            sum = sum.saturating_add(length);
            // Newly written code is kept, however large, as another host may be writing now.
            let is_new = used.elapsed().is_ok_and(|age| age < Duration::from_secs(3600));
            if sum > KEPT && !is_new {
                // Another host may have removed it.
                let _ = fs::remove_file(file);
            }
        }
    }
}

/// By the XDG Base Directory Specification, which ignores paths that are not absolute.
fn place() -> Option<PathBuf> {
    let named = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    Some(caches?.join(FOLDER))
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Fails if anybody else may write to it.
fn check(path: &Path) -> Result<(), ComponentError> {
    let refused = |trouble: String| ComponentError::Cache {
        path: path.into(),
        trouble,
    };
    // The folder itself: a link could lead elsewhere a moment later.
    let known = fs::symlink_metadata(path).map_err(|error| refused(error.to_string()))?;
    if !known.is_dir() {
        return Err(refused("it is not a folder".to_owned()));
    }
    files::foreign(&known).map_or(Ok(()), |trouble| Err(refused(trouble)))
}

/// The component whose code is in this file of a [`Folder`]. None: it is missing, damaged, of another engine, or might be of anybody else;
/// it is compiled again then, and replaced.
fn stored(engine: &Engine, code: &Path) -> Option<Component> {
    let known = fs::symlink_metadata(code).ok()?;
    let trouble = match known.is_file() {
        true => files::foreign(&known),
        false => Some("it is not a regular file".to_owned()),
    };
    if let Some(trouble) = trouble {
        tracing::warn!(
            "'{}' is not used, and the component is compiled again: {trouble}",
            code.display()
        );
        return None;
    }
    match load(engine, code) {
        Ok(component) => {
            // If the time cannot be set, the code is removed sooner.
            let _ = files::open(code).and_then(|file| file.set_modified(SystemTime::now()));
            Some(component)
        }
        Err(error) => {
            tracing::debug!("{}: {error:#}; compiling again", code.display());
            None
        }
    }
}

fn unwritable(folder: &Path, error: &io::Error) -> ComponentError {
    ComponentError::Engine(format!(
        "compiled code cannot be written to '{}': {error}",
        folder.display()
    ))
}

/// Maps code from a [`Folder`].
#[expect(
    unsafe_code,
    reason = "the engine can check where code comes from and what it was compiled for, but not that it is the compiler's own"
)]
fn load(engine: &Engine, code: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the compiler wrote the file, in a process of this very program, and nobody else could: it and its folder
    // belong to this user, and neither group nor others may write to them (`files::foreign`, or `TempDir`). It got its name
    // when it was whole and on the disk, and nobody writes to it again: it is only replaced or removed, which a
    // mapping survives.
    unsafe { Component::deserialize_file(engine, code) }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let made = tempfile::tempdir().unwrap();
        let folder = match rustix::process::geteuid().is_root() {
            true => {
                std::os::unix::fs::chown(made.path(), Some(65_534), None).unwrap();
                made.path()
            }
            false => Path::new("/"),
        };
        let said = check(folder).unwrap_err().to_string();
        assert!(
            said.contains("it belongs to user") && said.contains("--no-cache"),
            "{said}"
        );
    }

    #[test]
    fn what_was_not_used_for_longest_goes_when_there_is_too_much() {
        let made = tempfile::tempdir().unwrap();
        let folder = Folder {
            path: made.path().to_owned(),
            _temporary: None,
        };
        for (name, days) in [("older", 3), ("old", 2), ("new", 0)] {
            let file = fs::File::create(made.path().join(name)).unwrap();
            file.set_len(KEPT / 2).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(days * 86_400))
                .unwrap();
        }
        folder.forget();
        let left = ["older", "old", "new"].map(|name| made.path().join(name).exists());
        assert_eq!(left, [false, true, true]);
    }
}
