//! Python programs of the original work with the host in its place, unchanged: through Google's in-memory server,
//! with Google's client for Python. The host only gets the original's own arguments and, in `PUBSUB_EMULATOR_HOST`,
//! the address.

use std::collections::{BTreeMap, HashMap};

use tempfile::TempDir;
use test_brokers::{PubSub, PubSubOptions, PubSubProgram, Published};

use crate::components::component;
use crate::live::{PUBSUB, Running, Stage, answers, golden, wait_for};
use crate::python::{IMAGES, Python, sums};

const PROJECT: &str = "my-project";

/// A project with both topics and their subscriptions, as after the original's first steps; a key; and a Python to
/// run scripts with.
struct Original {
    stage: Stage,
    python: Python,
    credentials: String,
    server: PubSub,
    _folder: TempDir,
}

impl Original {
    /// None: there is no server here, or no Python, and this is not CI.
    fn start() -> Option<Self> {
        component("classifier");
        let program = PubSubProgram::for_tests().unwrap()?;
        let server = PubSub::start(&program, &PubSubOptions::default()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let account = server.service_account(PROJECT, folder.path()).unwrap();
        let credentials = account.file.display().to_string();
        let python = Python::find("pubsub", &["Google_Pub_Sub", &credentials, PROJECT])?;
        let original = Self {
            stage: Stage::new(PUBSUB, server.address()),
            python,
            credentials,
            server,
            _folder: folder,
        };
        for topic in ["input-stream", "output-stream"] {
            let created = original.host("pubsub", &["topics", "create", topic]).end();
            assert_eq!(created, [format!("created {topic}")]);
        }
        Some(original)
    }

    fn python(&self, script: &str, arguments: &[&str]) -> Running {
        self.python.start(&self.stage, script, arguments)
    }

    fn host(&self, broker: &str, command: &[&str]) -> Running {
        let broker = ["--broker", broker, &self.credentials, PROJECT];
        self.stage.host(&[command, &broker].concat())
    }

    /// A host that is ready.
    fn host_run(&self, broker: &str) -> Running {
        let mut host = self.host(broker, &["run"]);
        host.wait_for_word("classifies input-stream");
        host
    }

    fn messages(&self, topic: &str) -> Vec<Published> {
        self.server.messages(PROJECT, topic).unwrap()
    }

    /// Until all messages of a topic are acknowledged, and none was redelivered.
    fn wait_for_acknowledgements(&self, topic: &str) {
        wait_for("acknowledgements", || {
            let stats = self.server.stats(PROJECT, &format!("{topic}-sub")).unwrap();
            assert_eq!(stats.redelivered, 0);
            (stats.acked == stats.published && stats.outstanding == 0).then_some(())
        });
    }

    /// Checks that this many messages were sent like the original's, and that each was answered once and in the
    /// original's form; and that the consumer has printed exactly that. There is no order without an ordering key.
    fn verify(&self, messages: usize, mut printed: Vec<String>) {
        self.wait_for_acknowledgements("input-stream");
        self.wait_for_acknowledgements("output-stream");
        let answers = answers(messages);
        let answer_to: HashMap<_, _> = batches(messages).into_iter().zip(&answers).collect();
        let sent = self.messages("input-stream");
        assert!(sent.iter().any(|sent| text(sent) == golden("images-40.json")));
        let mut expected = BTreeMap::new();
        for sent in &sent {
            is_plain(sent);
            expected.insert(format!("input-stream-sub/{}", sent.id), answer_to[text(sent)].as_str());
        }
        let given = self.messages("output-stream");
        assert_eq!(given.len(), messages);
        let mut found = BTreeMap::new();
        for given in &given {
            let attributes = &given.attributes;
            let names: Vec<_> = attributes.keys().map(String::as_str).collect();
            let marked = [
                "component",
                "component-labels",
                "content-type",
                "dedupe-id",
                "model",
                "source",
                "source-time",
            ];
            assert_eq!(names, marked);
            assert_eq!(attributes["content-type"], "application/json");
            assert_eq!(given.ordering_key, "");
            found.insert(attributes["source"].clone(), text(given));
        }
        assert_eq!(found, expected);
        let mut answers = answers;
        answers.sort();
        printed.sort();
        assert_eq!(printed, answers);
    }
}

fn text(message: &Published) -> &str {
    str::from_utf8(&message.data).unwrap()
}

/// As the original sends everything.
fn is_plain(message: &Published) {
    assert_eq!(message.attributes, BTreeMap::new());
    assert_eq!(message.ordering_key, "");
}

/// The first messages of 40 test images, in the original's form.
fn batches(messages: usize) -> Vec<String> {
    let mut images = host::images::test_images().unwrap();
    let batches = (0..messages).map(|_| images.read(40).unwrap().unwrap());
    batches
        .map(|batch| String::from_utf8(host::images::python_message(&batch)).unwrap())
        .collect()
}

#[test]
fn a_python_consumer_that_was_there_first_gets_each_answer_once() {
    let Some(original) = Original::start() else { return };
    let mut consumer = original.python("consumer.py", &[]);
    let host = original.host_run("pubsub");
    original.python("producer.py", &[IMAGES, "0", "25"]).end();
    consumer.wait_for_lines(25);
    original.wait_for_acknowledgements("input-stream");
    host.stop();
    original.verify(25, consumer.stop());
}

#[test]
fn what_python_sent_before_the_host_was_there_waits_for_it_and_its_answers_wait_for_python() {
    let Some(original) = Original::start() else { return };
    original.python("producer.py", &[IMAGES, "0", "10"]).end();
    let host = original.host_run("Google_Pub_Sub");
    original.wait_for_acknowledgements("input-stream");
    host.stop();
    let mut consumer = original.python("consumer.py", &[]);
    consumer.wait_for_lines(10);
    original.verify(10, consumer.stop());
}

#[test]
fn a_python_worker_reads_what_the_host_produces_and_the_host_prints_its_answers() {
    let Some(original) = Original::start() else { return };
    let mut worker = original.python("worker.py", &[]);
    let produce = ["produce", "--interval", "0", "--limit", "400"];
    original.host("Google_Pub_Sub", &produce).end();
    worker.wait_for_lines(10);
    assert_eq!(worker.stop(), ["(40, 28, 28, 1)"; 10]);
    original.wait_for_acknowledgements("input-stream");
    let mut sent: Vec<_> = original.messages("input-stream");
    sent.iter().for_each(is_plain);
    sent.sort_by(|a, b| a.data.cmp(&b.data));
    let mut expected = batches(10);
    expected.sort();
    assert_eq!(sent.iter().map(text).collect::<Vec<_>>(), expected);

    let mut printed = original.host("Google_Pub_Sub", &["consume", "--limit", "10"]).end();
    printed.sort();
    let mut expected = sums(10);
    expected.sort();
    assert_eq!(printed, expected);
    original.wait_for_acknowledgements("output-stream");
}
