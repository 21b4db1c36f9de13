//! Runs every test of the workspace, and adds up what each test program reports.

mod programs;

use crate::steps::{self, Steps};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use programs::Program;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

/// `test_brokers::SKIPPED`, which that crate only has on Unix: names the file in which a skipped test leaves a line.
const SKIPPED: &str = "XTASK_SKIPPED";

/// Outside of CI, tests that lack what they need are skipped and counted; with `CI=true` they fail.
pub fn may_skip() -> bool {
    std::env::var_os("CI").is_none_or(|ci| ci != "true")
}

/// Compiles and runs the tests, in two steps to know the minutes of each. Every test program runs, even after one has
/// failed.
pub fn run(workspace: &Workspace, steps: &mut Steps, args: &[&str]) -> Result<Total> {
    let programs = steps.time("build tests", || programs::build(workspace))?;
    steps.time("run tests", || {
        let skipped = workspace.target.join("skipped");
        // Removes what an earlier run has left.
        fs::write(&skipped, "").with_context(|| skipped.display().to_string())?;
        let mut total = Total::default();
        let failed = match args {
            [] => all(workspace, programs, &skipped, &mut total)?,
            _ => chosen(workspace, args, &skipped, &mut total)?,
        };
        for test in total.skip(&fs::read_to_string(&skipped)?) {
            eprintln!("skipped: {test}");
        }
        match failed {
            Some(failed) => bail!("{failed}: {total}"),
            None => Ok(total),
        }
    })
}

/// Runs all programs, two at a time, and shows the report of each when it has ended. Returns what failed.
fn all(workspace: &Workspace, mut programs: Vec<Program>, skipped: &Path, total: &mut Total) -> Result<Option<String>> {
    for program in &mut programs {
        program.command.env(SKIPPED, skipped);
    }
    let mut failed = Vec::new();
    programs::run(programs, &workspace.target.join("reports"), |ended| {
        let mut terminal = std::io::stdout().lock();
        writeln!(terminal, "\n== {}: {}", ended.name, steps::minutes(ended.took))?;
        pass_on(&ended.report[..], &mut terminal, total)?;
        if !ended.passed {
            failed.push(ended.name);
        }
        Ok(())
    })?;
    Ok((!failed.is_empty()).then(|| format!("tests failed in {}", failed.join(", "))))
}

/// Leaves it to cargo what the arguments choose. Returns what failed.
fn chosen(workspace: &Workspace, args: &[&str], skipped: &Path, total: &mut Total) -> Result<Option<String>> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(args);
    let mut child = cargo
        .env(SKIPPED, skipped)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    if let Some(report) = child.stdout.take() {
        pass_on(BufReader::new(report), std::io::stdout(), total)?;
    }
    let status = child.wait()?;
    Ok((!status.success()).then(|| format!("`cargo test` ended with {status}")))
}

/// Copies the report line by line, so that it shows while the tests run, and counts along the way.
fn pass_on(report: impl BufRead, mut terminal: impl Write, total: &mut Total) -> Result<()> {
    for line in report.split(b'\n') {
        let line = line?;
        terminal.write_all(&line)?;
        terminal.write_all(b"\n")?;
        total.add(&String::from_utf8_lossy(&line));
    }
    Ok(())
}

/// Tests of all binaries together.
#[derive(Debug, Default, PartialEq)]
pub struct Total {
    binaries: usize,
    passed: usize,
    failed: usize,
    ignored: usize,
    skipped: usize,
}

impl Total {
    /// Counts a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; ...`; all others are not a result.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let count = |word: &str| -> usize {
            let words: Vec<&str> = result.split([' ', ';']).collect();
            let number = words.windows(2).find_map(|pair| match pair {
                [number, found] if *found == word => number.parse().ok(),
                _ => None,
            });
            number.unwrap_or(0)
        };
        self.binaries += 1;
        self.passed += count("passed");
        self.failed += count("failed");
        self.ignored += count("ignored");
    }

    /// Counts the tests that reported that they were skipped, one a line; to cargo they have passed. A test that
    /// reported several times counts once.
    fn skip<'a>(&mut self, lines: &'a str) -> BTreeSet<&'a str> {
        let tests: BTreeSet<_> = lines.lines().collect();
        self.passed = self.passed.saturating_sub(tests.len());
        self.skipped += tests.len();
        tests
    }

    /// Counts a step that cargo does not know, and so has not counted as passed.
    pub fn skip_step(&mut self) {
        self.skipped += 1;
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            binaries,
            passed,
            failed,
            ignored,
            skipped,
        } = self;
        write!(
            f,
            "{passed} tests passed, {failed} failed, {ignored} ignored, {skipped} skipped in {binaries} test binaries"
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_binaries_are_added_up_and_the_report_passes_unchanged() {
        let report = "\
running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.00s

test result: FAILED. 10 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s
";
        let (mut shown, mut total) = (Vec::new(), Total::default());
        pass_on(report.as_bytes(), &mut shown, &mut total).unwrap();
        assert_eq!(String::from_utf8(shown).unwrap(), report);
        assert_eq!(
            total,
            Total {
                binaries: 2,
                passed: 12,
                failed: 3,
                ignored: 1,
                skipped: 0
            }
        );
    }

    #[test]
    fn a_line_that_only_mentions_a_result_counts_nothing() {
        let mut total = Total::default();
        total.add("thread panicked: test result: ok. 5 passed; 0 failed");
        assert_eq!(total, Total::default());
    }

    #[test]
    fn a_test_that_was_skipped_counts_once_and_not_as_passed() {
        let mut total = Total::default();
        total.add("test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s");
        let tests = total.skip("conformance: b: no java\nconformance: a: no java\nconformance: b: no java\n");
        assert_eq!(
            Vec::from_iter(tests),
            ["conformance: a: no java", "conformance: b: no java"]
        );
        assert_eq!(
            total.to_string(),
            "3 tests passed, 0 failed, 0 ignored, 2 skipped in 1 test binaries"
        );
    }

    #[test]
    #[cfg(unix)]
    fn the_file_of_skipped_tests_is_named_as_the_tests_read_it() {
        assert_eq!(SKIPPED, test_brokers::SKIPPED);
    }
}
