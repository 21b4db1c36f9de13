//! Files that a user named: opened without blocking, regular files only, and read up to a bound.
//!
//! A plain open is not enough: a pipe without a writer blocks it, and a device such as `/dev/zero` has no end.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// What to do where the system says that this process has [too many files open](is_of_too_many).
pub const TOO_MANY: [&str; 2] = [
    "this process may not open more files, and a connection counts as one",
    "raise the limit, such as by `ulimit -n 1024`",
];

/// Whether the system's words for a failure, which come through many libraries, mean too many open files.
pub fn is_of_too_many(said: &str) -> bool {
    said.to_ascii_lowercase().contains("too many open files")
}

/// Opens a regular file for reading. Never blocks.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // This opens a pipe at once, with or without a writer, and changes nothing for a regular file.
        let at_once = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(at_once.bits().cast_signed());
    }
    let file = options.open(path)?;
    // Of the opened file, not of its name, which may mean another file by now.
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(match kind.is_dir() {
        true => io::Error::new(ErrorKind::IsADirectory, "it is a folder, not a regular file"),
        false => io::Error::new(
            ErrorKind::InvalidInput,
            "it is a pipe, a socket or a device, not a regular file",
        ),
    })
}

/// A whole regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= limit {
        // Allocates once, and no more than promised: the length is only what it was a moment ago.
        bytes.reserve(usize::try_from(length).unwrap_or_default());
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    }
    match length > limit || bytes.len() as u64 > limit {
        true => Err(io::Error::new(
            ErrorKind::FileTooLarge,
            format!("it has more than {limit} bytes"),
        )),
        false => Ok(bytes),
    }
}

/// A whole regular text file of at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, limit)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

/// Who else than this user could write to a file or folder. None: nobody.
#[cfg(unix)]
pub fn foreign(known: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid().as_raw();
    if known.uid() != user {
        return Some(format!("it belongs to user {}, and this is user {user}", known.uid()));
    }
    let others = known.mode() & 0o022 != 0;
    others.then(|| format!("other users may write to it (mode {:o})", known.mode() & 0o7777))
}

/// Who else than this user could write to a file or folder. Here nobody knows.
#[cfg(not(unix))]
pub fn foreign(_known: &Metadata) -> Option<String> {
    None
}

/// The folder of this program, where its component and its page may be. None: the system does not say.
pub fn program_folder() -> Option<PathBuf> {
    // A link to the program leads to the program's own folder.
    let program = std::env::current_exe().and_then(std::fs::canonicalize).ok()?;
    program.parent().map(Path::to_owned)
}

/// The limit for a secret, or a few settings. Bytes.
pub const SMALL: u64 = 1 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hello").unwrap();
        assert_eq!(read(file.path(), 5).unwrap(), b"hello");
        assert_eq!(read_text(file.path(), 5).unwrap(), "hello");
        let error = read(file.path(), 4).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("more than 4 bytes"), "{error}");
    }

    #[test]
    fn a_folder_is_refused_and_so_is_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(open(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
        let missing = folder.path().join("missing");
        assert_eq!(open(&missing).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_refused_and_a_pipe_without_a_writer_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        // Waiting for a writer would take for ever: the test would not end.
        for path in [&pipe, Path::new("/dev/zero"), Path::new("/dev/null")] {
            let error = read(path, 1 << 20).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
    }

    /// It claims to be a regular file, and has no known end: its length is 0.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_length_is_read_up_to_the_limit_too() {
        let path = Path::new("/proc/self/status");
        assert!(!read(path, SMALL).unwrap().is_empty());
        assert_eq!(read(path, 10).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
