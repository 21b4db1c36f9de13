//! What the host can move over Pub/Sub, with a component that returns what it gets, beside Google's Python client
//! that does the same.

use super::kafka::Done;
use super::process::{self, Running};
use super::row::Row;
use crate::pubsub;
use crate::steps::Steps;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use test_brokers::{PubSub, PubSubOptions, Published, SubscriptionOptions, python_environment};

/// Bytes of a message, and how many messages. With more of them waiting, this would measure the in-memory server,
/// which looks at all of them again and again.
const SIZES: [(usize, usize); 2] = [(1_000, 20_000), (185_000, 3_000)];

const PROJECT: &str = "bench";
const PYTHON: &str = "Google's Python client";
const HOST: &str = "`host run`";
const ROWS: [&str; 2] = [PYTHON, HOST];

/// Messages that are published at once.
const BATCH: usize = 50;

/// A table in Markdown.
pub fn measure(workspace: &Workspace, steps: &mut Steps, runs: usize) -> Result<String> {
    let program = steps.time("pubsub", || pubsub::build(workspace))?;
    let requirements = workspace.root.join("host/tests/python/requirements-pubsub.txt");
    let python = steps.time("python", || {
        python_environment(&workspace.root.join("target/python"), "pubsub", &requirements)
    })?;
    let mut table = String::from(
        "| bytes | | messages/s | MB/s | of Python's | CPU, µs a message | the server's |\n| --- | --- | --- | --- | --- | --- | --- \
         |\n",
    );
    for (size, messages) in SIZES {
        let mut rows = ROWS.map(|_| Row::default());
        for run in 1..=runs {
            let mut speeds = Vec::new();
            for (name, row) in ROWS.iter().zip(&mut rows) {
                eprintln!("xtask: {size} bytes, {name}, {run} of {runs}");
                // A server for each size: it keeps everything in memory.
                let bench = Bench {
                    server: PubSub::start(&program, &PubSubOptions::default())?,
                    workspace,
                    python: &python,
                    messages,
                };
                bench.publish(size)?;
                let before = bench.server_cpu()?;
                let done = bench.measure(name)?;
                let server = bench.server_cpu()?.saturating_sub(before);
                let speed = messages as f64 / Done::span(std::slice::from_ref(&done))?.as_secs_f64();
                eprintln!("xtask: {speed:.0} messages/s");
                speeds.push(speed);
                row.messages_per_second.push(speed);
                row.ratio.extend(speeds.first().map(|python| speed / python));
                row.cpu.push(1e6 * done.usage.cpu.as_secs_f64() / messages as f64);
                row.server_cpu.push(1e6 * server.as_secs_f64() / messages as f64);
            }
        }
        for (name, row) in ROWS.iter().zip(rows) {
            table += &row.print(size, name);
        }
    }
    Ok(table)
}

struct Bench<'a> {
    server: PubSub,
    workspace: &'a Workspace,
    python: &'a Path,
    messages: usize,
}

impl Bench<'_> {
    /// Creates the topics and their subscriptions; all messages wait in the first.
    fn publish(&self, size: usize) -> Result<()> {
        let plain = SubscriptionOptions::default();
        for topic in ["input-stream", "output-stream"] {
            self.server.create_topic(PROJECT, topic)?;
            self.server
                .create_subscription(PROJECT, &format!("{topic}-sub"), topic, &plain)?;
        }
        // The component's command to return what follows.
        let message = Published {
            data: format!("echo:{}", "x".repeat(size)).into_bytes(),
            ..Published::default()
        };
        let batch = vec![message; BATCH];
        for _ in 0..self.messages / BATCH {
            self.server.publish(PROJECT, "input-stream", &batch)?;
        }
        Ok(())
    }

    fn server_cpu(&self) -> Result<Duration> {
        let pid = u32::try_from(self.server.pid()?)?;
        Ok(process::usage(pid).context(process::NO_PROC)?.cpu)
    }

    fn measure(&self, row: &str) -> Result<Done> {
        let mut command = match row {
            PYTHON => {
                let mut python = Command::new(self.python);
                let script: PathBuf = self.workspace.root.join("xtask/src/bench/echo.py");
                python.arg("-B").arg(script);
                python.args([PROJECT, "input-stream-sub", "output-stream", &self.messages.to_string()]);
                python
            }
            _ => {
                let mut host = Command::new(self.workspace.host());
                host.args(["run", "--broker", "pubsub", PROJECT, "--component"]);
                host.arg(self.workspace.component("puppet"));
                host.args(["--idle-timeout", "3s", "--format", "json"]);
                host
            }
        };
        command.env("PUBSUB_EMULATOR_HOST", self.server.address());
        let done = Done::of(Running::start(command.stdout(Stdio::piped()))?)?;
        let messages = self.messages as u64;
        ensure!(done.messages == messages, "{} messages of {messages}", done.messages);
        Ok(done)
    }
}
