//! Files that somebody named: opened without waiting, regular ones only, and read up to a bound.
//!
//! Separate because each would be opened otherwise: a pipe without a writer keeps whoever opens it waiting, and a device
//! such as `/dev/zero` has no end.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Opens a regular file for reading. Never waits.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe is opened at once so, with a writer or without, and a regular file is read as ever.
        let at_once = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(at_once.bits().cast_signed());
    }
    let file = options.open(path)?;
    // Of what was opened, not of the name, which may mean another file by now.
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(match kind.is_dir() {
        true => io::Error::new(ErrorKind::IsADirectory, "it is a folder, and no regular file"),
        false => io::Error::new(
            ErrorKind::InvalidInput,
            "it is a pipe, a socket or a device, and no regular file",
        ),
    })
}

/// All of a regular file that has at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= limit {
        // Room for all of it at once, and no more than was promised: the length is only what it was a moment ago.
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

/// All of a regular file of text that has at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, limit)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is not text in UTF-8"))
}

/// Of a file that holds a secret, or a few settings. Bytes.
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
        // Whoever waits for a writer waits for ever: the test would not end.
        for path in [&pipe, Path::new("/dev/zero"), Path::new("/dev/null")] {
            let error = read(path, 1 << 20).unwrap_err();
            assert!(error.to_string().contains("no regular file"), "{error}");
        }
    }

    /// It says so of itself, and has no end that it knows: its length is 0.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_without_a_length_is_read_up_to_the_limit_too() {
        let path = Path::new("/proc/self/status");
        assert!(!read(path, SMALL).unwrap().is_empty());
        assert_eq!(read(path, 10).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}
