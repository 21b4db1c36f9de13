//! Python programs of the original work with the host in its place, unchanged: through a real Kafka, with
//! kafka-python. The host only gets the broker's name and, in `KAFKA_URI`, its address.
//!
//! `python/` has a producer, a consumer and the reading side of a worker, written like the original's.

use test_brokers::{Cluster, Distribution, Options};

use crate::components::component;
use crate::live::topics::Record;
use crate::live::{KAFKA, Running, Stage, answers, golden};
use crate::python::{IMAGES, Python, sums};

/// Kafka with both topics, as after the original's first steps, and a Python to run scripts with.
struct Original {
    stage: Stage,
    python: Python,
    _cluster: Cluster,
}

impl Original {
    /// None: there is no Kafka here, or no Python, and this is not CI.
    fn start() -> Option<Self> {
        component("classifier");
        let distribution = Distribution::for_tests().unwrap()?;
        let python = Python::find("kafka", &["Kafka"])?;
        let cluster = Cluster::start(&distribution, &Options::default()).unwrap();
        let stage = Stage::new(KAFKA, cluster.bootstrap());
        for topic in ["input-stream", "output-stream"] {
            stage.host(&["topics", "create", topic, "--broker", "kafka"]).end();
        }
        Some(Self {
            stage,
            python,
            _cluster: cluster,
        })
    }

    fn python(&self, script: &str, arguments: &[&str]) -> Running {
        self.python.start(&self.stage, script, arguments)
    }

    /// A host that is ready.
    fn host_run(&self) -> Running {
        let mut host = self.stage.host(&["run", "--broker", "kafka"]);
        host.wait_for_word("classifies input-stream");
        host
    }

    /// Checks that every message was answered once, in order, in the original's form, and counts as consumed; and
    /// that the consumer has printed exactly that.
    fn verify(&self, printed: &[String]) {
        let sent = self.stage.records("input-stream");
        assert_eq!(sent[0], plain(&golden("images-40.json")));
        let answers = answers(sent.len());
        let expected: Vec<_> = answers.iter().map(|answer| answered(answer)).collect();
        let mut given = self.stage.records("output-stream");
        for (offset, record) in given.iter_mut().enumerate() {
            let marks = record.headers.split_off(1);
            let names: Vec<_> = marks.iter().map(|(name, _)| name.as_str()).collect();
            let marked = [
                "source",
                "dedupe-id",
                "component",
                "model",
                "source-time",
                "component-labels",
            ];
            assert_eq!(names, marked);
            assert_eq!(marks[0].1, format!("input-stream/0/{offset}"));
        }
        assert_eq!(given, expected);
        assert_eq!(printed, answers);
        assert_eq!(
            (self.stage.lag("input-stream"), self.stage.lag("output-stream")),
            (0, 0)
        );
    }
}

/// As the original sends everything: without key and headers.
fn plain(payload: &str) -> Record {
    Record {
        payload: payload.to_owned(),
        key: None,
        headers: Vec::new(),
    }
}

/// The host's answer to that: its media type is a header, which the original's consumer ignores.
fn answered(payload: &str) -> Record {
    let media_type = ("content-type".to_owned(), "application/json".to_owned());
    Record {
        headers: vec![media_type],
        ..plain(payload)
    }
}

#[test]
fn a_python_consumer_that_was_there_first_gets_each_answer_once_and_in_order() {
    let Some(original) = Original::start() else { return };
    let mut consumer = original.python("consumer.py", &[]);
    original.stage.wait_for_members(1);
    let host = original.host_run();
    original.stage.wait_for_members(2);
    original.python("producer.py", &[IMAGES, "0", "25"]).end();
    consumer.wait_for_lines(25);
    host.stop();
    let printed = consumer.stop();
    assert_eq!(printed.len(), 25);
    original.verify(&printed);
}

#[test]
fn a_python_consumer_that_joins_while_the_host_is_at_work_gets_each_answer_once_and_in_order() {
    let Some(original) = Original::start() else { return };
    let host = original.host_run();
    original.stage.wait_for_members(1);
    // More than there is time for: it is stopped.
    let mut producer = original.python("producer.py", &[IMAGES, "0.05", "250"]);
    let mut consumer = original.python("consumer.py", &[]);
    original.stage.wait_for_members(2);
    let before = original.stage.messages("input-stream");
    // The group was rebalanced, and the host continues.
    consumer.wait_for_lines(before + 10);
    assert!(
        producer.is_running(),
        "the consumer has joined too late: this proves nothing"
    );
    producer.stop();
    consumer.wait_for_lines(original.stage.messages("input-stream"));
    host.stop();
    original.verify(&consumer.stop());
}

#[test]
fn a_python_worker_reads_what_the_host_produces_and_the_host_prints_its_answers() {
    let Some(original) = Original::start() else { return };
    let mut worker = original.python("worker.py", &[]);
    let produce = ["produce", "--broker", "Kafka", "--interval", "0", "--limit", "400"];
    original.stage.host(&produce).end();
    worker.wait_for_lines(10);
    assert_eq!(worker.stop(), ["(40, 28, 28, 1)"; 10]);
    assert_eq!(
        original.stage.records("input-stream")[0],
        plain(&golden("images-40.json"))
    );
    assert_eq!(original.stage.lag("input-stream"), 0);

    let consume = ["consume", "--broker", "Kafka", "--limit", "10"];
    assert_eq!(original.stage.host(&consume).end(), sums(10));
    assert_eq!(original.stage.lag("output-stream"), 0);
}
