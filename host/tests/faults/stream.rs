//! Messages, hosts that answer them, and a reader that knows every message and counts what it must not find.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use test_brokers::DEADLINE;

use crate::components::component;

/// The number of lanes; a message's lane is its key.
pub const LANES: u64 = 4;

/// What a stream needs from a broker with faults.
pub trait Wire {
    /// Broker and guarantee, for the table; and whether each answer comes once, whatever happens.
    fn promise(&self) -> (String, bool);

    /// Publishes to the input, in order, and returns when that is confirmed.
    fn send(&mut self, records: Vec<Record>);

    /// What was answered since the last call.
    fn answers(&mut self) -> Vec<Answer>;

    /// How many dead letters came since the last call.
    fn dead_letters(&mut self) -> u64;

    /// Whether there may still be answers in open transactions.
    fn has_open(&self) -> bool {
        false
    }

    /// Tells a `host run` where to read and publish.
    fn prepare(&self, host: &mut Command);
}

/// An ordinary command for the puppet, in a message without a key.
pub const UNKEYED: &str = "echo:without a key";

/// A message to send.
pub struct Record {
    pub number: u64,
    pub key: Option<String>,
    pub payload: String,
}

/// An answer that was found.
pub struct Answer {
    pub number: u64,
    pub dedupe_id: String,
}

/// Messages for hosts to answer through a broker.
pub struct Stream {
    wire: Box<dyn Wire>,
    folder: TempDir,
    pub sent: u64,
    answers: Vec<Answer>,
    hosts: u32,
}

/// The reader's counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub messages: u64,
    pub lost: u64,
    pub duplicated: u64,
    /// Wrong answers that remain after dropping duplicates by their dedupe id.
    pub remaining: u64,
    pub reordered: u64,
    pub dead_letters: u64,
}

impl Stream {
    pub fn new(wire: impl Wire + 'static) -> Self {
        Self {
            wire: Box::new(wire),
            folder: tempfile::tempdir().unwrap(),
            sent: 0,
            answers: Vec::new(),
            hosts: 0,
        }
    }

    pub fn promise(&self) -> (String, bool) {
        self.wire.promise()
    }

    /// Sends messages whose payload tells the puppet what to do, each with its number in a header.
    pub fn send(&mut self, messages: u64, command: impl Fn(u64) -> String) {
        let numbers = self.sent..self.sent + messages;
        let record = |number: u64| {
            let payload = command(number);
            let key = (payload != UNKEYED).then(|| format!("lane-{}", number % LANES));
            Record { number, key, payload }
        };
        self.wire.send(numbers.map(record).collect());
        self.sent += messages;
    }

    /// Reads what has been answered so far, and counts each message once.
    pub fn answered(&mut self) -> u64 {
        self.answers.extend(self.wire.answers());
        self.distinct().len() as u64
    }

    fn distinct(&self) -> HashSet<u64> {
        self.answers.iter().map(|answer| answer.number).collect()
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

    pub fn wait_until(&self, what: &str, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < DEADLINE, "{what}: never\n{}", self.last_words());
            std::thread::sleep(Duration::from_millis(20));
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
            dead_letters += self.wire.dead_letters();
            if self.distinct().len() as u64 + dead_letters >= self.sent || began.elapsed() > DEADLINE {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // A duplicate comes with the last transaction that was begun before, or a little later.
        while self.wire.has_open() {
            assert!(
                began.elapsed() < 2 * DEADLINE,
                "a transaction has no end\n{}",
                self.last_words()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        std::thread::sleep(Duration::from_secs(1));
        self.answered();
        let mut verdict = Verdict {
            messages: self.sent,
            lost: 0,
            duplicated: 0,
            remaining: 0,
            reordered: 0,
            dead_letters,
        };
        let mut last: HashMap<u64, u64> = HashMap::new();
        let mut seen = HashSet::new();
        let mut ids = HashSet::new();
        for Answer { number, dedupe_id } in &self.answers {
            let lane = number % LANES;
            ids.insert(dedupe_id);
            if !seen.insert(*number) {
                verdict.duplicated += 1;
            } else if last.get(&lane).is_some_and(|last| last > number) {
                verdict.reordered += 1;
            }
            let last = last.entry(lane).or_default();
            *last = (*number).max(*last);
        }
        verdict.remaining = ids.len().abs_diff(seen.len()) as u64;
        verdict.lost = (self.sent - seen.len() as u64).saturating_sub(dead_letters);
        if verdict.lost > 0 {
            // Maybe nothing is lost, and a host stands still.
            eprintln!("{}", self.last_words());
        }
        verdict
    }

    /// Starts a host of this stream.
    pub fn host(&mut self, more: &[&str]) -> Host {
        self.hosts += 1;
        let log = self.folder.path().join(format!("host-{}.log", self.hosts));
        let mut host = Command::new(env!("CARGO_BIN_EXE_host"));
        host.arg("run");
        self.wire.prepare(&mut host);
        let child = host
            .args(["--workers", "2", "--max-in-flight", "16", "--component"])
            .arg(component("puppet"))
            .args(more)
            .env("RUST_LOG", "warn,host=info,host::pipeline=debug,host::broker=debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        Host { child, log }
    }
}

/// A `host run`; killed if a test forgets it.
pub struct Host {
    child: Child,
    log: PathBuf,
}

impl Host {
    /// How many messages were accepted and not settled, by the log.
    pub fn in_flight(&self) -> usize {
        let log = self.log();
        // An abandoned message is accepted again: it counts once.
        let positions = |what: &str| -> HashSet<String> {
            let positions = log.lines().filter_map(|line| line.split_once(what));
            positions.map(|(_, position)| position.to_owned()).collect()
        };
        positions(" accepted ").difference(&positions(" settled ")).count()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// SIGKILL. Returns the number of messages in flight.
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

    /// Waits for its end, and returns its exit code.
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
