//! Speed, memory and start, with the classifier and the embedded broker.

use super::process::Running;
use super::spread;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A table in Markdown.
pub fn measure(workspace: &Workspace, runs: usize) -> Result<String> {
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
    let mut table = String::from("| measured | minimum | median | maximum |\n| --- | --- | --- | --- |\n");
    for (what, [minimum, median, maximum]) in rows {
        table += &format!("| {what} | {minimum} | {median} | {maximum} |\n");
    }
    Ok(table)
}

/// The binary that is measured.
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
        command.arg(subcommand);
        command
    }

    /// One `host demo`: its own figures, and its peak memory as the system saw it.
    fn demo(&self) -> Result<Demo> {
        let mut command = self.command("demo");
        command.args(["--format", "json", "--component"]).arg(&self.component);
        let (report, usage) = Running::start(command.stdout(Stdio::piped()))?.finish()?;
        let report: Value = serde_json::from_str(&report).context("the demo's report is not JSON")?;
        let number = |pointer: &str| {
            let value = report.pointer(pointer).and_then(Value::as_f64);
            value.with_context(|| format!("the demo's report has no number at {pointer}"))
        };
        Ok(Demo {
            images_per_second: number("/images_per_second")?,
            p50: number("/latency_ms/p50")?,
            p99: number("/latency_ms/p99")?,
            peak_bytes: usage.peak_bytes,
        })
    }

    /// From the start of `host run`, with a message waiting, until a waiting `host consume` has printed the answer
    /// and ended.
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
        Running::start(over("produce").args(["--limit", "40", "--interval", "0"]))?.finish()?;
        let consume = Running::start(over("consume").args(["--limit", "1"]))?;

        let mut run = over("run");
        run.arg("--component").arg(&self.component);
        if !cached {
            run.arg("--no-cache");
        }
        let began = Instant::now();
        let _run = Running::start(&mut run)?;
        consume.finish()?;
        Ok(began.elapsed())
    }
}
