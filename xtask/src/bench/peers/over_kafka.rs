//! End to end over a real Kafka: all test images as fast as they go, and single ones at a tenth of that.

use super::super::kafka::{Done, Kafka};
use super::super::process::Running;
use super::super::{median, middle};
use super::picture::Group;
use super::{BATCH, Peers, Way, said};
use crate::steps::Steps;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `host produce` sends the test images once.
const ROUNDS: u64 = 10;
const IMAGES: u64 = 10_000 * ROUNDS;
const PARTITIONS: u32 = 8;

/// How long a worker waits for more before it ends. The host waits from its start, and takes some seconds to join its group. Seconds.
const IDLE_HOST: &str = "8";
const IDLE_PYTHON: &str = "4";

/// What a process of Python needs to start, even on a busy machine: they then join their group together.
const LOADING: Duration = Duration::from_secs(5);

/// How long single images come. Seconds.
const SINGLE: &str = "4";

const HOST: &str = "`host run`";
const AT_ONCE: &str = "`host run --set kafka.linger.ms=0`";
const WITHOUT: &str = "host, without a broker";
const PYTHON: &str = "Python, a process for each core";
const TRUSTING: &str = "Python, brackets unchecked";

/// Two tables in Markdown.
pub fn measure(peers: &Peers, steps: &mut Steps, runs: usize, groups: &mut Vec<Group>) -> Result<String> {
    let kafka = Kafka::start(peers.workspace, steps)?;
    let bench = Bench { peers, kafka: &kafka };
    kafka.create_topic("images", PARTITIONS)?;
    for round in 1..=ROUNDS {
        eprintln!("xtask: 10,000 images into Kafka, {round} of {ROUNDS}");
        let mut produce = kafka.host("produce");
        Running::start(produce.args(["--topic", "images", "--interval", "0"]))?.finish()?;
    }
    let mut ways = [HOST, WITHOUT, PYTHON, TRUSTING].map(Way::new);
    let mut cpu = [const { Vec::new() }; 4];
    for run in 1..=runs {
        for (way, cpu) in ways.iter_mut().zip(&mut cpu) {
            eprintln!("xtask: {}, {run} of {runs}", way.name);
            let rate = match way.name {
                WITHOUT => bench.without_broker()?,
                name => {
                    let (rate, each) = bench.throughput(name, run)?;
                    cpu.push(each);
                    rate
                }
            };
            eprintln!("xtask: {rate:.0} images/s");
            way.rates.push(rate);
        }
    }
    let mut table = String::from(
        "\n| 100,000 images over Kafka, all cores | images/s | `host run` to it | CPU without Kafka's, µs an image |\n| --- | --- | --- \
         | --- |\n",
    );
    let [host, without, ..] = &ways;
    for (way, cpu) in ways.iter().zip(cpu) {
        let cpu = match cpu.is_empty() {
            true => String::new(),
            false => median(cpu, 0),
        };
        table += &format!("| {} | {} | {} | {cpu} |\n", way.name, way.rate(), way.ratio(host));
    }
    let over = ways.iter().filter(|way| way.name != without.name).map(Way::bar);
    groups.push(Group::new(
        "100,000 images over Kafka, all cores: fashion-small".to_owned(),
        over,
    ));
    table += &bench.latencies((middle(&host.rates) / 10.0).round() as u32, runs)?;
    Ok(table)
}

struct Bench<'a> {
    peers: &'a Peers<'a>,
    kafka: &'a Kafka,
}

#[derive(Deserialize)]
struct Latency {
    p50_ms: f64,
    p99_ms: f64,
}

impl Bench<'_> {
    /// As many workers as a worker's program has on its own: the host's threads, or Python's processes.
    fn start(&self, name: &str, group: &str, input: &str, output: &str, linger: &str) -> Result<Vec<Running>> {
        if [HOST, AT_ONCE].contains(&name) {
            let mut run = self.kafka.host("run");
            self.peers.runs(self.peers.small()?, &mut run);
            if name == AT_ONCE {
                run.args(["--set", "kafka.linger.ms=0"]);
            }
            run.args(["--group", group, "--input-topic", input, "--output-topic", output]);
            run.args(["--idle-timeout", &format!("{IDLE_HOST}s"), "--format", "json"]);
            return Ok(vec![Running::start(&mut run)?]);
        }
        let model = self.peers.small()?;
        let decode = if name == TRUSTING { "trusting" } else { "checking" };
        let begin = SystemTime::now().duration_since(UNIX_EPOCH)? + LOADING;
        let begin = begin.as_secs_f64().to_string();
        let process = || {
            let mut python = self.peers.script("over_kafka.py");
            python.args([&self.kafka.bootstrap(), group, input, output]);
            python.arg(&model.onnx).args([IDLE_PYTHON, linger, &begin, decode]);
            Running::start(python.stdout(Stdio::piped()))
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        (0..cores).map(|_| process()).collect()
    }

    /// Images a second from the first answer to the last, and the microseconds of CPU time that each took.
    fn throughput(&self, name: &str, run: usize) -> Result<(f64, f64)> {
        let group = format!("{}-{run}", slug(name));
        self.kafka.create_topic(&format!("answers-{group}"), PARTITIONS)?;
        let running = self.start(name, &group, "images", &format!("answers-{group}"), "5")?;
        let done: Vec<Done> = running.into_iter().map(Done::of).collect::<Result<_>>()?;
        // More than these where a partition changed hands: at least once.
        let messages: u64 = done.iter().map(|done| done.messages).sum();
        ensure!(
            messages >= IMAGES / u64::from(BATCH),
            "{messages} messages of {IMAGES} images"
        );
        let cpu: f64 = done.iter().map(|done| done.usage.cpu.as_secs_f64()).sum();
        let images = IMAGES as f64;
        Ok((images / Done::span(&done)?.as_secs_f64(), 1e6 * cpu / images))
    }

    fn without_broker(&self) -> Result<f64> {
        let mut bench = self.peers.host("bench");
        self.peers.runs(self.peers.small()?, &mut bench);
        bench.args(["--batch", &BATCH.to_string(), "--rounds", "1", "--format", "json"]);
        let said: Value = said(&mut bench)?;
        let rate = said.pointer("/components/0/rounds/0/images_per_second");
        rate.and_then(Value::as_f64).context("`host bench` has no images/s")
    }

    /// A table in Markdown.
    fn latencies(&self, rate: u32, runs: usize) -> Result<String> {
        let ways = [HOST, AT_ONCE, PYTHON];
        let mut columns = ways.map(|_| [Vec::new(), Vec::new()]);
        for run in 1..=runs {
            for (name, [p50, p99]) in ways.iter().zip(&mut columns) {
                eprintln!("xtask: latency of {name}, {run} of {runs}");
                let said = self.latency(name, rate, run)?;
                p50.push(said.p50_ms);
                p99.push(said.p99_ms);
            }
        }
        let mut table =
            format!("\n| single images over Kafka, {rate} a second | p50, ms | p99, ms |\n| --- | --- | --- |\n");
        for (name, [p50, p99]) in ways.iter().zip(columns) {
            table += &format!("| {name} | {} | {} |\n", median(p50, 1), median(p99, 1));
        }
        Ok(table)
    }

    fn latency(&self, name: &str, rate: u32, run: usize) -> Result<Latency> {
        let group = format!("single-{}-{run}", slug(name));
        let output = format!("answers-{group}");
        for topic in [&group, &output] {
            self.kafka.create_topic(topic, 1)?;
        }
        let running = self.start(name, &group, &group, &output, "0")?;
        let mut load: Command = self.peers.script("latency.py");
        load.args([
            &self.kafka.bootstrap(),
            &group,
            &output,
            &rate.to_string(),
            &SINGLE.to_owned(),
        ]);
        let latency = said(&mut load);
        // Ends the worker, which would only wait for more.
        drop(running);
        latency
    }
}

/// For names of topics and groups.
fn slug(name: &str) -> &'static str {
    match name {
        HOST => "host",
        AT_ONCE => "at-once",
        TRUSTING => "trusting",
        _ => "python",
    }
}
