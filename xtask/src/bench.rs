//! The figures of BENCHMARKS.md, measured on the real binary.
//!
//! Everything is measured from outside, as a user would see it, and several times: a run says the least, the middle and
//! the most, since other work on the machine shows in every one of them.

use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often a running process is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Nothing that is measured here takes longer, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// Measures, and prints a table in Markdown to stdout.
pub fn run(workspace: &Workspace, runs: usize) -> Result<()> {
    let host = Host {
        binary: workspace.host(),
        component: workspace.component("classifier"),
        folder: workspace.target.join("bench"),
    };
    let mut rows = Vec::new();
    let mut demos = Vec::new();
    for run in 1..=runs {
        eprintln!("xtask: demo, {run} of {runs}");
        demos.push(host.demo()?);
    }
    let column = |value: fn(&Demo) -> f64| demos.iter().map(value).collect::<Vec<_>>();
    rows.push((
        "`host demo`: images/s",
        spread(column(|demo| demo.images_per_second), 0),
    ));
    rows.push(("`host demo`: latency p50, ms", spread(column(|demo| demo.p50), 0)));
    rows.push(("`host demo`: latency p99, ms", spread(column(|demo| demo.p99), 0)));
    rows.push((
        "`host demo`: peak memory, MiB",
        spread(column(|demo| demo.peak_bytes as f64 / f64::from(1 << 20)), 0),
    ));
    for (name, cached) in [("not cached", false), ("cached", true)] {
        let mut seconds = Vec::new();
        for run in 1..=runs {
            eprintln!("xtask: start to first answer, compiled code {name}, {run} of {runs}");
            seconds.push(host.first_answer(cached)?.as_secs_f64());
        }
        let what = if cached {
            "`host run`: start to first answer, s"
        } else {
            "`host run --no-cache`: start to first answer, s"
        };
        rows.push((what, spread(seconds, 2)));
    }
    let mut table = String::from("| measured | least | middle | most |\n| --- | --- | --- | --- |\n");
    for (what, [least, middle, most]) in rows {
        table += &format!("| {what} | {least} | {middle} | {most} |\n");
    }
    Ok(std::io::stdout().write_all(table.as_bytes())?)
}

/// The binary under measurement.
struct Host {
    binary: PathBuf,
    component: PathBuf,
    /// For broker files; emptied before each use.
    folder: PathBuf,
}

struct Demo {
    images_per_second: f64,
    p50: f64,
    p99: f64,
    peak_bytes: u64,
}

impl Host {
    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(subcommand).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// One `host demo`, as it reports itself, and its peak memory as the system saw it.
    fn demo(&self) -> Result<Demo> {
        let mut command = self.command("demo");
        command.args(["--format", "json", "--component"]).arg(&self.component);
        let mut child = Running::start(command.stdout(Stdio::piped()))?;
        let mut peak_bytes = 0;
        // The report is one short line, which the pipe holds until it is read.
        let status = child.wait(|child| peak_bytes = peak(child).unwrap_or(peak_bytes))?;
        ensure!(status.success(), "`host demo` ended with {status}");
        let report = child.0.stdout.take().context("the demo has no output")?;
        let report: Value = serde_json::from_reader(report).context("the demo's report is not JSON")?;
        let number = |pointer: &str| {
            let value = report.pointer(pointer).and_then(Value::as_f64);
            value.with_context(|| format!("the demo's report has no number at {pointer}"))
        };
        ensure!(
            peak_bytes > 0,
            "the peak memory of a process is read from /proc, which is not there"
        );
        Ok(Demo {
            images_per_second: number("/images_per_second")?,
            p50: number("/latency_ms/p50")?,
            p99: number("/latency_ms/p99")?,
            peak_bytes,
        })
    }

    /// From the start of `host run`, with a message waiting, until `host consume`, which waits for it, has printed the
    /// answer and left.
    fn first_answer(&self, cached: bool) -> Result<Duration> {
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder).with_context(|| format!("cannot empty {}", self.folder.display()))?;
        }
        std::fs::create_dir_all(&self.folder).with_context(|| format!("cannot make {}", self.folder.display()))?;
        let file = self.folder.join("host.db");
        let over = |subcommand: &str| {
            let mut command = self.command(subcommand);
            command.arg("--local-file").arg(&file).stdout(Stdio::null());
            command
        };
        let status = Running::start(over("produce").args(["--limit", "40", "--interval", "0"]))?.wait(|_| {})?;
        ensure!(status.success(), "`host produce` ended with {status}");
        let mut consume = Running::start(over("consume").args(["--limit", "1"]))?;

        let mut run = over("run");
        run.arg("--component").arg(&self.component);
        if !cached {
            run.arg("--no-cache");
        }
        let began = Instant::now();
        let _run = Running::start(&mut run)?;
        let status = consume.wait(|_| {})?;
        ensure!(status.success(), "`host consume` ended with {status}");
        Ok(began.elapsed())
    }
}

/// A process that ends with its handle.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        Ok(Self(
            command.spawn().with_context(|| format!("cannot start {program}"))?,
        ))
    }

    /// Waits for its end, and calls `look` again and again until then.
    fn wait(&mut self, mut look: impl FnMut(&Child)) -> Result<ExitStatus> {
        let began = Instant::now();
        loop {
            look(&self.0);
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            if began.elapsed() > DEADLINE {
                bail!("process {} took over {} s", self.0.id(), DEADLINE.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The most memory that a running process has had so far, in bytes; none once it has ended, and where there is no /proc.
fn peak(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(Path::new("/proc").join(child.id().to_string()).join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Least, middle and most, with so many decimals.
fn spread(mut values: Vec<f64>, decimals: usize) -> [String; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| {
        values
            .get(index)
            .map_or("none".to_owned(), |value| format!("{value:.decimals$}"))
    };
    [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_least_the_middle_and_the_most() {
        assert_eq!(spread(vec![3.0, 1.0, 2.0], 0), ["1", "2", "3"]);
        assert_eq!(spread(vec![1.25, 0.5], 1), ["0.5", "1.2", "1.2"]);
    }
}
