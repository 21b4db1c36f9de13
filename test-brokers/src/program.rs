//! Programs that must end within a time limit, and waiting for conditions.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any condition takes that a test waits for, on a machine that is slow and busy. It is only reached if
/// something stands still for good.
pub const DEADLINE: Duration = Duration::from_secs(600);

/// How often a condition is checked.
const PAUSE: Duration = Duration::from_millis(20);

/// How many lines of a log an error contains.
const TAIL: usize = 20;

/// Checks until there is a value. `None`: the deadline passed.
pub fn until<T>(deadline: Instant, mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
    loop {
        let found = look()?;
        if found.is_some() || Instant::now() > deadline {
            return Ok(found);
        }
        std::thread::sleep(PAUSE);
    }
}

/// Runs a command that must succeed. Its output goes to the file `log`, and the end of that into the error.
pub fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let status = until(Instant::now() + limit, || Ok(child.try_wait()?))?;
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{program} ended with {status}:\n{}", tail(log)),
        None => {
            child.kill()?;
            child.wait()?;
            bail!("{program} took over {} s:\n{}", limit.as_secs(), tail(log))
        }
    }
}

/// The last lines of a log, without the frames of Java's stack traces. Empty if there is no file.
pub fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("\tat ")).collect();
    let start = lines.len().saturating_sub(TAIL);
    lines.get(start..).unwrap_or_default().join("\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration) -> String {
        let log = tempfile::NamedTempFile::new().unwrap();
        let error = run(Command::new("sh").args(["-c", script]), log.path(), limit).unwrap_err();
        format!("{error:#}")
    }

    #[test]
    fn a_program_that_fails_is_told_with_the_end_of_what_it_wrote() {
        let error = sh(
            "i=0; while [ $i -lt 30 ]; do echo line $i; i=$((i + 1)); done; exit 3",
            DEADLINE,
        );
        assert!(error.contains("sh ended with exit status: 3"), "{error}");
        assert!(
            error.contains("line 10\n") && error.ends_with("line 29") && !error.contains("line 9\n"),
            "{error}"
        );
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let start = Instant::now();
        let error = sh("echo begun; exec sleep 3600", Duration::from_millis(300));
        assert!(error.contains("sh took over 0 s"), "{error}");
        assert!(start.elapsed() < DEADLINE);
    }
}
