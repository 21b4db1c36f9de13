//! What the host itself can move: a component that returns what it gets, beside Kafka's own measuring tools.

use super::kafka::{Done, Kafka};
use super::process::Running;
use super::row::Row;
use crate::steps::Steps;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use std::process::{Command, Stdio};

const PARTITIONS: u32 = 4;

/// Bytes of a message, and how many messages.
const SIZES: [(usize, u64); 2] = [(1_000, 500_000), (185_000, 4_000)];

const PRODUCER: &str = "`ProducerPerformance`";
const CONSUMER: &str = "`ConsumerPerformance`";
const BOTH: &str = "both at once";
const AT_LEAST_ONCE: &str = "`host run`";
const EXACTLY_ONCE: &str = "`host run --delivery exactly-once`";
/// The embedded broker, without Kafka.
const LOCAL: &str = "`host run`, embedded broker";
const ROWS: [&str; 6] = [PRODUCER, CONSUMER, BOTH, AT_LEAST_ONCE, EXACTLY_ONCE, LOCAL];

/// A table in Markdown.
pub fn measure(workspace: &Workspace, steps: &mut Steps, runs: usize) -> Result<String> {
    let kafka = Kafka::start(workspace, steps)?;
    let mut table = String::from(
        "| bytes | | messages/s | MB/s | of both at once | host's CPU, µs a message | Kafka's |\n| --- | --- | --- | --- | --- | \
         --- | --- |\n",
    );
    for (size, messages) in SIZES {
        let mut rows = ROWS.map(|_| Row::default());
        for run in 1..=runs {
            let bench = Bench {
                workspace,
                kafka: &kafka,
                size,
                messages,
                name: format!("{size}-{run}"),
            };
            bench.prepare()?;
            let mut both = None;
            for (name, row) in ROWS.iter().zip(&mut rows) {
                eprintln!("xtask: {size} bytes, {name}, {run} of {runs}");
                let server_before = kafka.cpu()?;
                let (speed, host_cpu) = bench.measure(name)?;
                let server = kafka.cpu()?.saturating_sub(server_before);
                eprintln!("xtask: {speed:.0} messages/s");
                if *name == BOTH {
                    both = Some(speed);
                }
                row.messages_per_second.push(speed);
                row.ratio.extend(both.map(|both| speed / both));
                row.cpu.extend(host_cpu);
                if *name != LOCAL {
                    row.server_cpu.push(1e6 * server.as_secs_f64() / messages as f64);
                }
            }
        }
        for (name, row) in ROWS.iter().zip(rows) {
            table += &row.print(size, name);
        }
    }
    Ok(table)
}

struct Bench<'a> {
    workspace: &'a Workspace,
    kafka: &'a Kafka,
    size: usize,
    messages: u64,
    /// Of this run's topics and groups.
    name: String,
}

impl Bench<'_> {
    fn topic(&self, kind: &str) -> String {
        format!("{kind}-{}", self.name)
    }

    fn prepare(&self) -> Result<()> {
        for kind in ["in", "both", "once", "exactly"] {
            self.kafka.create_topic(&self.topic(kind), PARTITIONS)?;
        }
        // The component's command to return what follows, which is the same for messages that were returned once.
        let payload = format!("echo:echo:{}\n", "x".repeat(self.size.saturating_sub(10)));
        Ok(std::fs::write(self.kafka.folder().join("payload"), payload)?)
    }

    /// Messages a second, and for the host the CPU time for each in microseconds.
    fn measure(&self, row: &str) -> Result<(f64, Option<f64>)> {
        let tool = |mut command: Command, speed: fn(&str) -> Option<f64>| {
            let (said, _) = Running::start(&mut command)?.finish()?;
            speed(&said).with_context(|| format!("no speed in what the tool said:\n{said}"))
        };
        match row {
            PRODUCER => Ok((tool(self.producer("in"), produced)?, None)),
            CONSUMER => Ok((tool(self.consumer("alone"), consumed)?, None)),
            BOTH => {
                let consumer = Running::start(&mut self.consumer("both"))?;
                let producer = tool(self.producer("both"), produced)?;
                let (said, _) = consumer.finish()?;
                let consumer = consumed(&said).with_context(|| format!("no speed in what the tool said:\n{said}"))?;
                Ok((producer.min(consumer), None))
            }
            AT_LEAST_ONCE => self.host("once", "at-least-once"),
            EXACTLY_ONCE => self.host("exactly", "exactly-once"),
            _ => self.local(),
        }
    }

    fn producer(&self, kind: &str) -> Command {
        let mut tool = self.kafka.tool("ProducerPerformance");
        tool.args([
            "--topic",
            &self.topic(kind),
            "--num-records",
            &self.messages.to_string(),
        ]);
        tool.args(["--payload-file", "payload", "--throughput", "-1", "--producer-props"]);
        tool.arg(format!("bootstrap.servers={}", self.kafka.bootstrap()));
        tool
    }

    fn consumer(&self, group: &str) -> Command {
        let mut tool = self.kafka.tool("ConsumerPerformance");
        tool.args(["--topic", &self.topic("in"), "--messages", &self.messages.to_string()]);
        tool.args(["--group", &self.topic(group), "--hide-header"]);
        tool.args(["--bootstrap-server", &self.kafka.bootstrap()]);
        tool
    }

    fn host(&self, kind: &str, delivery: &str) -> Result<(f64, Option<f64>)> {
        let mut run = self.kafka.host("run");
        run.args(["--input-topic", &self.topic("in"), "--output-topic", &self.topic(kind)]);
        run.args(["--group", &self.topic(kind), "--delivery", delivery]);
        self.finish(run)
    }

    /// Over a file that has the same messages.
    fn local(&self) -> Result<(f64, Option<f64>)> {
        let file = self.kafka.folder().join("bench.db");
        let mut fill = self.kafka.host("run");
        fill.arg("--output").arg(format!("local:{}", file.display()));
        fill.args(["--input-topic", &self.topic("in"), "--output-topic", "in"]);
        fill.args(["--group", &self.topic("fill")]);
        self.finish(fill)?;
        let mut run = Command::new(self.workspace.host());
        run.arg("run").arg("--local-file").arg(&file).stdout(Stdio::piped());
        run.args(["--input-topic", "in"]);
        let measured = self.finish(run);
        std::fs::remove_file(&file)?;
        measured
    }

    /// Messages a second and the CPU time for each, of a `host run` that takes all of them.
    fn finish(&self, mut run: Command) -> Result<(f64, Option<f64>)> {
        run.arg("--component").arg(self.workspace.component("puppet"));
        run.args(["--idle-timeout", "10s", "--format", "json"]);
        let done = Done::of(Running::start(&mut run)?)?;
        ensure!(
            done.messages == self.messages,
            "{} messages of {}",
            done.messages,
            self.messages
        );
        let messages = done.messages as f64;
        let cpu = done.usage.cpu.as_secs_f64();
        let span = Done::span(&[done])?;
        Ok((messages / span.as_secs_f64(), Some(1e6 * cpu / messages)))
    }
}

/// `500000 records sent, 65240.1 records/sec (62.22 MB/sec), 412.95 ms avg latency, ...`, in the last line.
fn produced(said: &str) -> Option<f64> {
    let (before, _) = said.lines().last()?.split_once(" records/sec")?;
    before.rsplit(' ').next()?.parse().ok()
}

/// `start, end, MB, MB/s, messages, messages/s, rebalance ms, fetch ms, fetch MB/s, fetch messages/s`: the last one
/// excludes the time to join a group.
fn consumed(said: &str) -> Option<f64> {
    said.lines().last()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tools_speeds_are_read_off_their_last_lines() {
        let said = "1 records sent, 2.0 records/sec (1.00 MB/sec), 3.0 ms avg latency\n5 records sent, 65240.1 records/sec (62.22 \
                    MB/sec), 412.95 ms avg latency, 513.00 ms max latency.\n";
        assert_eq!(produced(said), Some(65240.1));
        let said = "2026-11-25 04:00:00:000, 2026-11-25 04:00:08:000, 476.8372, 59.6, 500000, 62500.0, 3200, 4800, 99.3, 104166.6\n";
        assert_eq!(consumed(said), Some(104_166.6));
        assert_eq!(consumed(""), None);
    }
}
