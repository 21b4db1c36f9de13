//! More workers, more hosts: images through Kafka with the classifier.

use super::kafka::{Done, Kafka};
use super::median;
use super::process::Running;
use crate::steps::Steps;
use crate::workspace::Workspace;
use anyhow::{Result, ensure};

/// `host produce` sends the test images once.
const ROUNDS: u64 = 8;
const IMAGES: u64 = 10_000 * ROUNDS;
const PARTITIONS: u32 = 8;

/// The workers of each host.
const SETTINGS: [(&str, &[u32]); 3] = [
    ("one host, 1 worker", &[1]),
    ("one host, 2 workers", &[2]),
    ("two hosts, 1 worker each", &[1, 1]),
];

#[derive(Default)]
struct Column {
    images_per_second: Vec<f64>,
    /// Microseconds for each image.
    host_cpu: Vec<f64>,
    server_cpu: Vec<f64>,
}

/// A table in Markdown.
pub fn measure(workspace: &Workspace, steps: &mut Steps, runs: usize) -> Result<String> {
    let kafka = Kafka::start(workspace, steps)?;
    kafka.create_topic("images", PARTITIONS)?;
    for round in 1..=ROUNDS {
        eprintln!("xtask: 10,000 images into Kafka, {round} of {ROUNDS}");
        let mut produce = kafka.host("produce");
        Running::start(produce.args(["--topic", "images", "--interval", "0"]))?.finish()?;
    }
    let mut columns = SETTINGS.map(|_| Column::default());
    for run in 1..=runs {
        for ((name, workers), column) in SETTINGS.iter().zip(&mut columns) {
            eprintln!("xtask: {name}, {run} of {runs}");
            let server_before = kafka.cpu()?;
            let hosts = classify(workspace, &kafka, workers, &format!("{name} {run}"))?;
            let shares: Vec<_> = hosts.iter().map(|done| done.images.to_string()).collect();
            eprintln!("xtask: {} images, in {:?}", shares.join(" and "), Done::span(&hosts)?);
            let server = kafka.cpu()?.saturating_sub(server_before);
            let images: u64 = hosts.iter().map(|done| done.images).sum();
            ensure!(images == IMAGES, "{images} images of {IMAGES} were classified");
            ensure!(hosts.iter().all(|done| done.images > 0), "one host had nothing to do");
            let images = images as f64;
            let host: f64 = hosts.iter().map(|done| done.usage.cpu.as_secs_f64()).sum();
            column
                .images_per_second
                .push(images / Done::span(&hosts)?.as_secs_f64());
            column.host_cpu.push(1e6 * host / images);
            column.server_cpu.push(1e6 * server.as_secs_f64() / images);
        }
    }
    let mut table = String::from(
        "| | images/s | hosts' CPU, µs an image | Kafka's CPU, µs an image |\n| --- | --- | --- | --- |\n",
    );
    for ((name, _), column) in SETTINGS.iter().zip(columns) {
        let [speed, host, server] = [column.images_per_second, column.host_cpu, column.server_cpu];
        let [speed, host, server] = [median(speed, 0), median(host, 0), median(server, 0)];
        table += &format!("| {name} | {speed} | {host} | {server} |\n");
    }
    Ok(table)
}

/// Starts the hosts of one group together, and waits until all messages are settled.
fn classify(workspace: &Workspace, kafka: &Kafka, workers: &[u32], group: &str) -> Result<Vec<Done>> {
    let start = |workers: &u32| {
        let mut run = kafka.host("run");
        run.arg("--component").arg(workspace.component("classifier"));
        run.args(["--workers", &workers.to_string(), "--group", group]);
        run.args(["--input-topic", "images", "--output-topic", "answers"]);
        run.args(["--idle-timeout", "10s", "--format", "json"]);
        Running::start(&mut run)
    };
    let running: Vec<Running> = workers.iter().map(start).collect::<Result<_>>()?;
    running.into_iter().map(Done::of).collect()
}
