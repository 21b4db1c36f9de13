//! A stream over the embedded broker, and the host that answers it, as a process of its own.

use std::fs::{self, File};
use std::future::Future;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use host::broker::{BrokerError, Output, Route, open_admin, open_sink};
use host::config::{BrokerConfig, BrokerKind, LocalConfig};
use host::message::Message;
use host::values::Start;
use serde_json::Value;
use tempfile::TempDir;

use crate::waiting::wait_for;

const INPUT: &str = "input-stream";
const ANSWERS: &str = "output-stream";
const LETTERS: &str = "input-stream.dlq";

/// What a process takes of the machine.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident memory. MiB.
    pub memory: u64,
    /// Threads.
    pub threads: u64,
}

pub struct Stream {
    folder: TempDir,
    host: Option<Child>,
}

impl Stream {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            host: None,
        }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn config(&self) -> BrokerConfig {
        BrokerConfig {
            kind: BrokerKind::Local(LocalConfig {
                file: self.folder.path().join("host.db"),
                retention_bytes: 1 << 30,
                partitions: 1,
                lease: LocalConfig::LEASE,
                start: Start::Earliest,
            }),
            max_message_bytes: 1 << 20,
        }
    }

    pub fn send(&self, messages: impl IntoIterator<Item = String>) {
        block_on(async {
            let sink = open_sink(&self.config(), INPUT).await.unwrap();
            for message in messages {
                let output = Output {
                    route: Route::Answers,
                    message: Message::new(message),
                };
                sink.enqueue(output, None).await.unwrap().await.unwrap();
            }
        });
    }

    /// Starts the host with this component.
    pub fn start(&mut self, component: &Path, options: &[&str]) {
        let file = |name: &str| File::create(self.folder.path().join(name)).unwrap();
        let host = Command::new(env!("CARGO_BIN_EXE_host"))
            .args(["run", "--component"])
            .arg(component)
            .args(options)
            .current_dir(self.folder.path())
            .env_remove("HOST_COMPONENT")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn();
        self.host = Some(host.unwrap());
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap()
    }

    fn messages(&self, topic: &str) -> u64 {
        let described = block_on(async {
            let admin = open_admin(&self.config()).await?;
            admin.describe(topic).await
        });
        match described {
            Ok(topic) => topic.messages(),
            Err(BrokerError::UnknownTopic { .. }) => 0,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until so many messages have an answer or a dead letter.
    pub fn wait_for_settled(&mut self, count: usize) {
        wait_for("the messages to be settled", || {
            let ended = self.host.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "the host has ended: {}", self.said());
            let settled = self.messages(ANSWERS) + self.messages(LETTERS);
            (settled >= count as u64).then_some(())
        });
    }

    /// What the host takes now.
    pub fn usage(&self) -> Usage {
        let status = format!("/proc/{}/status", self.host.as_ref().unwrap().id());
        let status = fs::read_to_string(status).unwrap();
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        Usage {
            memory: field("VmRSS:") / 1024,
            threads: field("Threads:"),
        }
    }

    /// Waits until the host takes as little as that.
    pub fn wait_for_usage(&self, is_little: impl Fn(Usage) -> bool) -> Usage {
        wait_for("memory and threads", || {
            let usage = self.usage();
            is_little(usage).then_some(usage)
        })
    }

    /// Ends the host as Ctrl-C does.
    pub fn stop(&mut self) {
        let id = self.host.as_ref().unwrap().id().to_string();
        assert!(
            Command::new("kill")
                .args(["-s", "INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let (code, said) = self.wait_for_end();
        assert_eq!(code, Some(0), "{said}");
    }

    /// Its exit code, and what it said.
    pub fn wait_for_end(&mut self) -> (Option<i32>, String) {
        let mut host = self.host.take().unwrap();
        let ended = wait_for("the host to end", || host.try_wait().unwrap());
        (ended.code(), self.said())
    }

    /// What another command of the host prints.
    fn printed(&self, arguments: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_host"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn answers(&self) -> Vec<String> {
        self.read(ANSWERS, |answer| answer["payload"].as_str().map(str::to_owned))
    }

    /// The code of each dead letter.
    pub fn letters(&self) -> Vec<String> {
        self.read(LETTERS, |letter| {
            let headers = letter["headers"].as_array()?.iter();
            let mut codes = headers.filter(|header| header[0] == "error-code");
            codes.next()?[1].as_str().map(str::to_owned)
        })
    }

    /// Something of each message of a topic.
    fn read(&self, topic: &str, take: impl Fn(&Value) -> Option<String>) -> Vec<String> {
        if self.messages(topic) == 0 {
            return Vec::new();
        }
        let text = self.printed(&["consume", "--topic", topic, "--from", "earliest", "--format", "json"]);
        let taken = text.lines().map(|line| {
            let message = serde_json::from_str(line).unwrap();
            take(&message).unwrap_or_else(|| panic!("{line}"))
        });
        taken.collect()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(mut host) = self.host.take() {
            // It may have ended.
            let _ = host.kill();
            let _ = host.wait();
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(future)
}
