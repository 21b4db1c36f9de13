//! The classifier against guests that misbehave: whatever a component does, the host names it, neither hangs nor
//! panics, and answers the next message.
//!
//! Nearly all of them are one guest, the puppet of `test-components/`, which does what the message says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod compiling;
#[path = "../components/mod.rs"]
mod components;
mod corpus;
mod counts;
mod example;
#[cfg(target_os = "linux")]
mod hostile;
mod log;
mod misbehaviour;
mod model;
mod models;
#[path = "../onnx/mod.rs"]
mod onnx;
mod refusal;
mod sandbox;
mod swap;
mod timeout;
mod versions;
#[path = "../waiting/mod.rs"]
mod waiting;
mod wasm;

use std::path::{Path, PathBuf};

use host::classifier::{Classifier, ClassifierConfig, Limits};
use host::message::Message;
use host::pipeline::{Answer, Cause, Classify, ClassifyError};

use components::component;

const MIB: usize = 1 << 20;

/// One worker, and limits that no honest command of the puppet reaches, even on a busy machine.
fn config(component: impl Into<PathBuf>) -> ClassifierConfig {
    let config = components::config(component);
    ClassifierConfig {
        limits: Limits {
            memory_bytes: 64 * MIB,
            ..config.limits
        },
        ..config
    }
}

/// A running puppet.
struct Puppet(Classifier);

impl Puppet {
    async fn start() -> Self {
        Self::start_with(config(component("puppet"))).await
    }

    async fn start_with(config: ClassifierConfig) -> Self {
        Self(Classifier::start(&config).await.unwrap())
    }

    async fn tell(&self, command: &str) -> Result<Answer, ClassifyError> {
        self.0.classify(&Message::new(command.to_owned())).await
    }

    /// The answer to an honest command.
    async fn ask(&self, command: &str) -> String {
        let answer = self.tell(command).await.unwrap();
        String::from_utf8(answer.payload.to_vec()).unwrap()
    }

    /// The cause of a failure for which repeating may help.
    async fn fail(&self, command: &str) -> Cause {
        match self.tell(command).await {
            Err(ClassifyError::Retry(cause)) => cause,
            other => panic!("{command} gives {other:?}"),
        }
    }

    /// The command fails with this code, and the next message is the first one of a fresh instance.
    async fn spoils(&self, command: &str, code: &str) -> Cause {
        let cause = self.fail(command).await;
        assert_eq!(cause.code, code, "{command}: {}", cause.detail);
        assert_eq!(self.ask("count").await, "1", "after {command}");
        cause
    }
}

/// Everything in `test-components/` is there for a test: a component that is not built, or that no test names, was
/// forgotten.
#[test]
fn every_test_component_is_built_and_named_by_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources(&root.join("tests"));
    let mut members = 0;
    for entry in root.join("../test-components").read_dir().unwrap() {
        let folder = entry.unwrap().path();
        if folder.join("Cargo.toml").is_file() {
            let name = folder.file_name().unwrap().to_str().unwrap();
            component(name);
            let call = format!("component(\"{name}\")");
            assert!(sources.contains(&call), "no test runs test-components/{name}");
            members += 1;
        }
    }
    assert!(members > 0);
}

/// All Rust beneath a folder.
fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(path).unwrap();
        }
    }
    text
}
