//! Tests that lack what they need: skipped and counted, or failed if nothing may be missing.

use anyhow::{Context, Result};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// The environment variable in which `cargo xtask test` names a file for one line for each skipped test.
///
/// To the harness such a test has passed, and its stderr is captured.
pub const SKIPPED: &str = "XTASK_SKIPPED";

/// What a test needs. `None`: skip the test, which is reported on stderr and in the totals of `cargo xtask test`.
///
/// With `CI=true` nothing is skipped, and what is missing is an error.
pub fn or_skip<T>(found: Result<T>) -> Result<Option<T>> {
    let error = match found {
        Ok(found) => return Ok(Some(found)),
        Err(error) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => return Err(error),
        Err(error) => format!("{error:#}"),
    };
    eprintln!("skipped: {error}");
    if let Some(file) = std::env::var_os(SKIPPED) {
        let program = std::env::current_exe()?;
        // The harness names each test's thread after it.
        let thread = std::thread::current();
        let line = line(&program, thread.name().unwrap_or("?"), &error);
        note(&file, &line).with_context(|| format!("cannot write to {}", file.display()))?;
    }
    Ok(None)
}

/// `PROGRAM: TEST: ERROR`, without cargo's hash behind the program's name.
fn line(program: &Path, test: &str, error: &str) -> String {
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    let program = program.rsplit_once('-').map_or(&*program, |(name, _)| name);
    let error: Vec<&str> = error.lines().map(str::trim).collect();
    format!("{program}: {test}: {}\n", error.join(" "))
}

/// Several programs write, each a whole line at once.
fn note(file: &OsStr, line: &str) -> Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    Ok(file.write_all(line.as_bytes())?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_is_skipped_is_one_line_with_its_program_and_its_reason() {
        let program = Path::new("/target/debug/deps/conformance-0123456789abcdef");
        assert_eq!(
            line(program, "kafka::a_test", "no java:\n  run this\n"),
            "conformance: kafka::a_test: no java: run this\n"
        );
        assert_eq!(line(Path::new("plain"), "a_test", "no"), "plain: a_test: no\n");
    }

    #[test]
    fn notes_of_several_tests_stand_one_below_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("skipped");
        for line in ["a: b: c\n", "a: d: c\n"] {
            note(file.as_os_str(), line).unwrap();
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), "a: b: c\na: d: c\n");
    }

    #[test]
    fn what_is_there_is_given_and_nothing_is_skipped() {
        assert_eq!(or_skip(Ok(1)).unwrap(), Some(1));
    }
}
