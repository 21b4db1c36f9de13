//! Messages sent, hosts that answer them, and a reader that knows every message and counts what it must not find.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tempfile::TempDir;

use crate::components::component;

pub const PARTITIONS: i32 = 4;

/// Nothing takes longer to come through, whatever was done to it.
const DEADLINE: Duration = Duration::from_secs(180);

/// What hosts promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    AtLeastOnce,
    ExactlyOnce,
}

/// One input topic and its answers, in a cluster that may be hurt.
pub struct Stream {
    pub name: String,
    delivery: Delivery,
    /// Where the hosts look for Kafka.
    bootstrap: String,
    producer: BaseProducer,
    reader: BaseConsumer,
    dead: BaseConsumer,
    folder: TempDir,
    pub sent: u64,
    answers: Vec<u64>,
    hosts: u32,
}

/// What a reader found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub messages: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub reordered: u64,
    pub dead_letters: u64,
}

impl Stream {
    /// Hosts find Kafka at `bootstrap`, the stream itself at `direct`.
    pub fn new(bootstrap: &str, direct: &str, replicas: i32, delivery: Delivery) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("faults-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", direct);
        client.set("reconnect.backoff.max.ms", "500");
        let topics = [
            (format!("{name}-in"), PARTITIONS),
            (format!("{name}-out"), PARTITIONS),
            (format!("{name}-in.dlq"), 1),
        ];
        let admin: AdminClient<DefaultClientContext> = AdminClient::from_config(&client).unwrap();
        let new = topics
            .each_ref()
            .map(|(topic, partitions)| NewTopic::new(topic, *partitions, TopicReplication::Fixed(replicas)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for made in runtime
            .block_on(admin.create_topics(&new, &AdminOptions::new()))
            .unwrap()
        {
            made.unwrap();
        }
        let producer = {
            let mut client = client.clone();
            client
                .set("enable.idempotence", "true")
                .set("partitioner", "murmur2_random");
            BaseProducer::from_config(&client).unwrap()
        };
        let read = |topic: &str, partitions| {
            let mut client = client.clone();
            client
                .set("group.id", "verifier")
                .set("isolation.level", "read_committed");
            client.set("enable.auto.commit", "false");
            let reader: BaseConsumer = BaseConsumer::from_config(&client).unwrap();
            let mut list = TopicPartitionList::new();
            for partition in 0..partitions {
                list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
            }
            reader.assign(&list).unwrap();
            reader
        };
        let reader = read(&topics[1].0, PARTITIONS);
        let dead = read(&topics[2].0, 1);
        Self {
            name,
            delivery,
            bootstrap: bootstrap.to_owned(),
            producer,
            reader,
            dead,
            folder: tempfile::tempdir().unwrap(),
            sent: 0,
            answers: Vec::new(),
            hosts: 0,
        }
    }

    /// Sends messages whose payload tells the puppet what to do, each with its number in a header. A message's lane is its
    /// key, of which there are as many as partitions.
    pub fn send(&mut self, messages: u64, command: impl Fn(u64) -> String) {
        for _ in 0..messages {
            let number = self.sent.to_string();
            let key = format!("lane-{}", self.sent % PARTITIONS as u64);
            let topic = format!("{}-in", self.name);
            let payload = command(self.sent);
            let headers = OwnedHeaders::new().insert(Header {
                key: "number",
                value: Some(number.as_bytes()),
            });
            let record = BaseRecord::to(&topic).key(&key).payload(&payload).headers(headers);
            self.producer
                .send(record)
                .unwrap_or_else(|(error, _)| panic!("{error}"));
            self.producer.poll(Duration::ZERO);
            self.sent += 1;
        }
        self.producer.flush(DEADLINE).unwrap();
    }

    /// Reads what has been answered so far, and counts each message once.
    pub fn answered(&mut self) -> u64 {
        while let Some(polled) = self.reader.poll(Duration::from_millis(1)) {
            // A broker that is hurt says so here too.
            if let Ok(record) = polled {
                let headers = record.headers().unwrap();
                let number = headers.iter().find(|header| header.key == "number").unwrap();
                let number = std::str::from_utf8(number.value.unwrap()).unwrap().parse().unwrap();
                self.answers.push(number);
            }
        }
        self.distinct().len() as u64
    }

    fn distinct(&self) -> HashSet<u64> {
        self.answers.iter().copied().collect()
    }

    fn dead_letters(&self, found: &mut u64) {
        while let Some(polled) = self.dead.poll(Duration::from_millis(1)) {
            *found += u64::from(polled.is_ok());
        }
    }

    pub fn wait_for_answers(&mut self, least: u64) {
        let began = Instant::now();
        while self.answered() < least {
            assert!(
                began.elapsed() < DEADLINE,
                "{} of {least} answers to {} messages\n{}",
                self.answers.len(),
                self.sent,
                self.last_words()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The end of every host's log.
    fn last_words(&self) -> String {
        let mut words = String::new();
        for file in fs::read_dir(self.folder.path()).unwrap() {
            let log = fs::read_to_string(file.unwrap().path()).unwrap();
            let lines: Vec<_> = log.lines().collect();
            words += &lines[lines.len().saturating_sub(30)..].join("\n");
            words += "\n\n";
        }
        words
    }

    /// Waits until every message has an answer or a dead letter, and counts.
    pub fn verify(&mut self) -> Verdict {
        let began = Instant::now();
        let mut dead_letters = 0;
        loop {
            self.answered();
            self.dead_letters(&mut dead_letters);
            if self.distinct().len() as u64 + dead_letters >= self.sent || began.elapsed() > DEADLINE {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // What comes twice may come a little later.
        std::thread::sleep(Duration::from_secs(1));
        self.answered();
        let mut verdict = Verdict {
            messages: self.sent,
            lost: 0,
            duplicated: 0,
            reordered: 0,
            dead_letters,
        };
        let mut last: HashMap<u64, u64> = HashMap::new();
        let mut seen = HashSet::new();
        for number in &self.answers {
            let lane = number % PARTITIONS as u64;
            if !seen.insert(*number) {
                verdict.duplicated += 1;
            } else if last.get(&lane).is_some_and(|last| last > number) {
                verdict.reordered += 1;
            }
            let last = last.entry(lane).or_default();
            *last = (*number).max(*last);
        }
        verdict.lost = (self.sent - seen.len() as u64).saturating_sub(dead_letters);
        if verdict.lost > 0 {
            // Maybe nothing is lost, and somebody stands still.
            eprintln!("{}", self.last_words());
        }
        verdict
    }

    /// Starts a host of this stream's group.
    pub fn host(&mut self, more: &[&str]) -> Host {
        self.hosts += 1;
        let log = self.folder.path().join(format!("host-{}.log", self.hosts));
        let delivery = match self.delivery {
            Delivery::AtLeastOnce => "at-least-once",
            Delivery::ExactlyOnce => "exactly-once",
        };
        let child = Command::new(env!("CARGO_BIN_EXE_host"))
            .args(["run", "--broker", "kafka", "--bootstrap-servers", &self.bootstrap])
            .args(["--group", &self.name, "--delivery", delivery])
            .args(["--input-topic", &format!("{}-in", self.name)])
            .args(["--output-topic", &format!("{}-out", self.name)])
            .args(["--workers", "2", "--max-in-flight", "16", "--component"])
            .arg(component("puppet"))
            .args([
                "--set",
                "kafka.session.timeout.ms=6000",
                "--set",
                "kafka.heartbeat.interval.ms=1000",
            ])
            .args(more)
            .env(
                "RUST_LOG",
                "warn,host=info,host::pipeline=debug,host::broker::kafka=debug",
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Host { child, log }
    }
}

/// A `host run`; killed where a test forgets it.
pub struct Host {
    child: Child,
    log: PathBuf,
}

impl Host {
    /// What the log says was accepted and not settled.
    pub fn in_flight(&self) -> usize {
        let log = self.log();
        // What was abandoned is accepted again: it counts once.
        let positions = |what: &str| -> HashSet<String> {
            let positions = log.lines().filter_map(|line| line.split_once(what));
            positions.map(|(_, position)| position.to_owned()).collect()
        };
        positions(" accepted ").difference(&positions(" settled ")).count()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// SIGKILL. Gives what was in flight then.
    pub fn kill(mut self) -> usize {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.in_flight()
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end, and gives its exit code.
    pub fn end(&mut self) -> Option<i32> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(began.elapsed() < DEADLINE, "the host does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks for a soft stop and waits for it.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.end()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
