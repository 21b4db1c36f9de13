//! `kill -9` at random moments: every message is answered once and in order, whichever host is killed.
//!
//! Three kills each by default. `HOST_KILLS=50 cargo test -p host --test crash -- --nocapture --test-threads=1` makes
//! the full table: what was in flight at each kill, and what a reader of the answers found afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod components;

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use host::broker::{Admin, Demand, Event, Output, Route, Sink, Subscription, open_admin, open_consumer, open_sink};
use host::config::{BrokerConfig, BrokerKind, LocalConfig};
use host::message::{CONTENT_TYPE, Message};
use host::values::Start;
use tempfile::TempDir;
use test_brokers::DEADLINE;

const PARTITIONS: u32 = 4;
/// The least number of waiting messages whenever a host is killed.
const WAITING: u64 = 200;
/// Eight images to a message: a few milliseconds of work.
const IMAGES: usize = 8;

/// One broker file, and everything that was sent into it.
struct Stream {
    folder: TempDir,
    config: BrokerConfig,
    admin: Box<dyn Admin>,
    input: Arc<dyn Sink>,
    sent: u64,
}

impl Stream {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let local = LocalConfig {
            file: folder.path().join("host.db"),
            retention_bytes: 1 << 30,
            partitions: PARTITIONS,
            lease: LocalConfig::LEASE,
            start: Start::Earliest,
        };
        let config = BrokerConfig {
            kind: BrokerKind::Local(local),
            max_message_bytes: 1 << 20,
        };
        let admin = open_admin(&config).await.unwrap();
        let input = open_sink(&config, "input-stream").await.unwrap();
        // One output partition: the answers of all lanes are in the order in which they were committed.
        admin.create("output-stream", 1).await.unwrap();
        Self {
            folder,
            config,
            admin,
            input,
            sent: 0,
        }
    }

    /// Messages of a lane are numbered by their key, `lane-number`: each key prefix is one lane, since the number of keys
    /// that share a partition does not matter to the order within each.
    async fn send(&mut self, messages: u64) {
        let mut confirmations = Vec::new();
        for _ in 0..messages {
            let pixels = vec![(self.sent % 251) as u8; IMAGES * 28 * 28];
            let mut message = Message::new(pixels);
            message.set_header(CONTENT_TYPE, "application/octet-stream; shape=8,28,28,1");
            message.set_header("number", self.sent.to_string());
            message.key = Some(format!("lane-{}", self.sent % u64::from(PARTITIONS)).into());
            confirmations.push(
                self.input
                    .enqueue(
                        Output {
                            route: Route::Answers,
                            message,
                        },
                        None,
                    )
                    .await
                    .unwrap(),
            );
            self.sent += 1;
        }
        for confirmation in confirmations {
            confirmation.await.unwrap();
        }
    }

    async fn answered(&self) -> u64 {
        self.admin.describe("output-stream").await.unwrap().partitions[0].end
    }

    async fn wait_for_answers(&self, least: u64) {
        let deadline = Instant::now() + DEADLINE;
        while self.answered().await < least {
            assert!(
                Instant::now() < deadline,
                "{} of {least} answers",
                self.answered().await
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn run(&self, name: String) -> Host {
        let log = self.folder.path().join(name);
        let child = Command::new(env!("CARGO_BIN_EXE_host"))
            .args(["run", "--workers", "2", "--max-in-flight", "16", "--local-file"])
            .arg(self.folder.path().join("host.db"))
            .arg("--component")
            .arg(components::component("classifier"))
            .env("RUST_LOG", "host::pipeline=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Host { child, log }
    }

    /// Reads every answer and counts the losses, duplicates and disorder.
    async fn verify(&self) -> Verdict {
        let subscription = Subscription {
            topic: "output-stream".into(),
            group: "verifier".into(),
            create: false,
        };
        let (mut source, _ack) = open_consumer(&self.config, &subscription).await.unwrap();
        let mut claims = Vec::new();
        let mut seen = HashSet::new();
        let mut last = vec![None; PARTITIONS as usize];
        let mut verdict = Verdict {
            lost: 0,
            duplicated: 0,
            reordered: 0,
        };
        for _ in 0..self.answered().await {
            let Event::Delivery(delivery) = source.recv(Demand::Deliveries).await.unwrap() else {
                panic!("nobody else is in this group");
            };
            let number: u64 = text(&delivery.message, "number").parse().unwrap();
            let lane = (number % u64::from(PARTITIONS)) as usize;
            if !seen.insert(number) {
                verdict.duplicated += 1;
            } else if last[lane] > Some(number) {
                verdict.reordered += 1;
            }
            last[lane] = last[lane].max(Some(number));
            let answer: Vec<u8> = serde_json::from_slice(delivery.message.body()).unwrap();
            assert_eq!(answer.len(), IMAGES, "message {number}");
            claims.push(delivery.claim);
        }
        verdict.lost = self.sent - seen.len() as u64;
        verdict
    }
}

fn text<'a>(message: &'a Message, header: &str) -> &'a str {
    std::str::from_utf8(message.header(header).unwrap()).unwrap()
}

#[derive(Debug, PartialEq, Eq)]
struct Verdict {
    lost: u64,
    duplicated: u64,
    reordered: u64,
}

/// A `host run`; killed if a test forgets it.
struct Host {
    child: Child,
    log: PathBuf,
}

impl Host {
    /// SIGKILL. Returns how many messages were accepted and not settled then, by the log.
    fn kill(mut self) -> usize {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let log = fs::read_to_string(&self.log).unwrap();
        let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        count("accepted").saturating_sub(count("settled"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn kills() -> usize {
    std::env::var("HOST_KILLS").map_or(3, |kills| kills.parse().expect("HOST_KILLS is a number"))
}

/// Keeps `hosts` at work in one group, kills them in turn, and verifies.
async fn survive(hosts: usize) {
    let mut stream = Stream::new().await;
    stream.send(2 * WAITING).await;
    let mut running: Vec<Option<Host>> = (0..hosts)
        .map(|host| Some(stream.run(format!("host-{host}.log"))))
        .collect();
    let mut in_flight_in_all = 0;
    println!("hosts  kill  after answers  waiting  in flight");
    for kill in 0..kills() {
        let further = fastrand::u64(1..=10);
        stream.wait_for_answers(stream.answered().await + further).await;
        let victim = kill % hosts;
        let in_flight = running[victim].take().unwrap().kill();
        let answered = stream.answered().await;
        let waiting = stream.sent - answered;
        println!("{hosts:5}  {:4}  {answered:13}  {waiting:7}  {in_flight:9}", kill + 1);
        assert!(waiting > 0, "nothing was waiting: the kill proves nothing");
        in_flight_in_all += in_flight;
        stream.send((2 * WAITING).saturating_sub(waiting)).await;
        running[victim] = Some(stream.run(format!("host-{victim}-{kill}.log")));
    }
    stream.wait_for_answers(stream.sent).await;
    let verdict = stream.verify().await;
    println!(
        "{hosts} hosts, {} kills, {} messages, {in_flight_in_all} in flight: {verdict:?}",
        kills(),
        stream.sent
    );
    assert_eq!(
        verdict,
        Verdict {
            lost: 0,
            duplicated: 0,
            reordered: 0
        }
    );
    assert!(
        in_flight_in_all > 0,
        "nothing was in flight at any kill: they prove nothing"
    );
    let topics = stream.admin.list().await.unwrap();
    assert!(
        topics.iter().all(|topic| topic.name != "input-stream.dlq"),
        "a kill makes no dead letters"
    );
}

#[tokio::test]
async fn one_host_killed_at_random_moments_loses_repeats_and_reorders_nothing() {
    survive(1).await;
}

#[tokio::test]
async fn two_hosts_of_a_group_killed_in_turn_lose_repeat_and_reorder_nothing() {
    survive(2).await;
}
