//! `target/brokers`: downloaded or built once for a checkout, then shared by all its tests.

use crate::program::{DEADLINE, until};
use anyhow::{Context, Result, bail};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The folder for the tests of this checkout.
pub fn in_target() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/brokers"))
}

pub fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// The path of `name` below `brokers`. If it is missing, `make` gets an empty folder, and says what in it should get
/// that name.
///
/// Any number of processes may ask at once: one makes it, and the result appears as a whole.
pub fn find_or_make(brokers: &Path, name: &str, make: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<PathBuf> {
    let brokers = std::path::absolute(brokers).with_context(|| brokers.display().to_string())?;
    let found = brokers.join(name);
    if found.exists() {
        return Ok(found);
    }
    fs::create_dir_all(&brokers)?;
    // Maven's own cache, which is shared, is not safe against two processes that fill it. The lock ends with its
    // process.
    let lock = File::create(brokers.join("lock"))?;
    let locked = until(Instant::now() + 2 * DEADLINE, || match lock.try_lock() {
        Ok(()) => Ok(Some(())),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error.into()),
    })?;
    if locked.is_none() {
        bail!("another process has been at it for {} s", 2 * DEADLINE.as_secs());
    }
    if !found.exists() {
        let folder = tempfile::Builder::new().prefix("make-").tempdir_in(&brokers)?;
        fs::rename(make(folder.path())?, &found)?;
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_made_again_and_what_failed_is() {
        let brokers = tempfile::tempdir().unwrap();
        assert!(find_or_make(brokers.path(), "a", |_| bail!("no")).is_err());
        let made = find_or_make(brokers.path(), "a", |folder| {
            fs::write(folder.join("half"), "made")?;
            Ok(folder.join("half"))
        });
        let made = made.unwrap();
        assert_eq!(fs::read_to_string(&made).unwrap(), "made");
        assert_eq!(find_or_make(brokers.path(), "a", |_| bail!("again")).unwrap(), made);
    }
}
