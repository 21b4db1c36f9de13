//! The programs that a user would start around a test's own broker, in the root of the checkout.
//!
//! The broker is the test's own because topics and group have their default names. The programs learn its address
//! from a variable, `KAFKA_URI` or `PUBSUB_EMULATOR_HOST`, and nothing else.

#![allow(dead_code, reason = "every test program takes its own part of this")]

pub mod topics;

use std::cell::Cell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

pub use crate::waiting::{DEADLINE, wait_for};

/// Where the host and the original find Kafka.
pub const KAFKA: &str = "KAFKA_URI";
/// Where the host and Google's clients find a Pub/Sub emulator.
pub const PUBSUB: &str = "PUBSUB_EMULATOR_HOST";

/// Where the broker is, and what the programs write.
pub struct Stage {
    variable: &'static str,
    pub address: String,
    output: TempDir,
    started: Cell<usize>,
}

impl Stage {
    /// The programs find the address in this variable, and the others are unset.
    pub fn new(variable: &'static str, address: String) -> Self {
        let output = tempfile::tempdir().unwrap();
        Self {
            variable,
            address,
            output,
            started: Cell::new(0),
        }
    }

    pub fn host(&self, arguments: &[&str]) -> Running {
        let mut host = Command::new(env!("CARGO_BIN_EXE_host"));
        host.args(arguments)
            .env("HOST_COMPONENT", root().join("target/component/classifier.wasm"))
            .env_remove("RUST_LOG");
        self.start(host)
    }

    pub fn start(&self, mut command: Command) -> Running {
        let number = self.started.replace(self.started.get() + 1);
        let path = |stream: &str| self.output.path().join(format!("{number}.{stream}"));
        // Files, not pipes, so that nobody needs to read them while the program runs.
        let (stdout, stderr) = (path("stdout"), path("stderr"));
        for variable in [KAFKA, PUBSUB, "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT"] {
            command.env_remove(variable);
        }
        command
            .current_dir(root())
            .env(self.variable, &self.address)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        let child = command.spawn().unwrap();
        Running {
            command: format!("{command:?}"),
            child,
            stdout,
            stderr,
        }
    }
}

/// A program that may still run; killed if a test forgets it.
pub struct Running {
    command: String,
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Running {
    /// What it has printed, in whole lines.
    pub fn lines(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.stdout).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    pub fn wait_for_lines(&mut self, count: usize) {
        let what = format!("{count} lines");
        self.wait_while_it_runs(&what, |running| running.lines().len() >= count);
    }

    /// Until stdout or stderr has a text in it.
    pub fn wait_for_word(&mut self, text: &str) {
        self.wait_while_it_runs(text, |running| {
            let said = [&running.stdout, &running.stderr].map(|file| fs::read_to_string(file).unwrap());
            said.iter().any(|said| said.contains(text))
        });
    }

    /// Whether stderr has a text in it.
    pub fn has_logged(&self, text: &str) -> bool {
        fs::read_to_string(&self.stderr).unwrap().contains(text)
    }

    fn wait_while_it_runs(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let began = Instant::now();
        wait_for(what, || {
            let goes_on = self.is_running() && began.elapsed() < DEADLINE;
            let holds = holds(self);
            assert!(holds || goes_on, "no {what}: {}", self.report());
            holds.then_some(())
        });
    }

    /// Like Ctrl-C; the program must end without an error.
    pub fn stop(self) -> Vec<String> {
        let ended = Command::new("kill")
            .args(["-s", "INT", &self.child.id().to_string()])
            .status();
        assert!(ended.unwrap().success());
        self.end()
    }

    /// Waits for the end, which must come by itself and without an error. Returns its output.
    pub fn end(mut self) -> Vec<String> {
        let began = Instant::now();
        let status = wait_for("an end", || {
            let status = self.child.try_wait().unwrap();
            let is_late = status.is_none() && began.elapsed() >= DEADLINE;
            assert!(!is_late, "it does not end: {}", self.report());
            status
        });
        assert!(status.success(), "{status}: {}", self.report());
        self.lines()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    fn report(&self) -> String {
        let said = [&self.stdout, &self.stderr].map(|file| fs::read_to_string(file).unwrap_or_default());
        format!("{}\n{}", self.command, said.join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Most have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file of `models/golden/`, without the final line end that editors add.
pub fn golden(name: &str) -> String {
    let text = fs::read_to_string(root().join("models/golden").join(name)).unwrap();
    text.trim_end().to_owned()
}

/// The answers to the first messages of 40 test images, as Python writes them.
pub fn answers(messages: usize) -> Vec<String> {
    let classes: Vec<u8> = serde_json::from_str(&golden("answers-10000.json")).unwrap();
    let answers: Vec<_> = classes
        .chunks(40)
        .take(messages)
        .map(|classes| format!("{classes:?}"))
        .collect();
    assert_eq!(answers[0], golden("answer-40.json"));
    answers
}
