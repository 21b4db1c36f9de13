//! Python programs that talked to the original go on with the host in its place, unchanged: through a real Kafka, with
//! kafka-python, and with nothing said to the host but which broker and, by `KAFKA_URI`, where.
//!
//! `python/` has a producer, a consumer and the reading side of a worker, written as the original's are. Their Python is
//! made once, in `target/python`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod components;
mod live;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Error, ensure};
use test_brokers::{Cluster, Distribution, Options, or_skip};

use self::components::component;
use self::live::topics::Record;
use self::live::{Running, Stage, answers, golden, root};

const REQUIREMENTS: &str = include_str!("python/requirements.txt");
const IMAGES: &str = "models/data/t10k-images-idx3-ubyte.gz";

/// Kafka with both topics, as the original's first steps leave it, and a Python to run scripts with.
struct Original {
    stage: Stage,
    python: PathBuf,
    _cluster: Cluster,
}

impl Original {
    /// None: there is no Kafka here, or no Python, and this is not CI.
    fn start() -> Option<Self> {
        component("classifier");
        let distribution = Distribution::for_tests().unwrap()?;
        let python = python()?;
        let cluster = Cluster::start(&distribution, &Options::default()).unwrap();
        let stage = Stage::new(cluster.bootstrap());
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
        let mut python = Command::new(&self.python);
        // Its own compiled code would lie beside the sources.
        python
            .arg("-B")
            .arg(root().join("host/tests/python").join(script))
            .args(arguments);
        self.stage.start(python)
    }

    /// A host that is ready.
    fn host_run(&self) -> Running {
        let mut host = self.stage.host(&["run", "--broker", "kafka"]);
        host.wait_for_word("classifies input-stream");
        host
    }

    /// Whether every message was answered once, in order, in the original's form, and counts as consumed; and whether the
    /// consumer has printed just that.
    fn verify(&self, printed: &[String]) {
        let sent = self.stage.records("input-stream");
        assert_eq!(sent[0], plain(&golden("images-40.json")));
        let answers = answers(sent.len());
        let expected: Vec<_> = answers.iter().map(|answer| answered(answer)).collect();
        let mut given = self.stage.records("output-stream");
        for (offset, record) in given.iter_mut().enumerate() {
            let marks = record.headers.split_off(1);
            let names: Vec<_> = marks.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["source", "dedupe-id", "component"]);
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

/// As the host answers that: its media type is a header, which a consumer of the original does not look at.
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
    // The group has been divided anew, and the host goes on.
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
    let pixels = host::images::test_images().unwrap().read(400).unwrap().unwrap().pixels;
    let sum = |image: &[u8]| image.iter().map(|pixel| u32::from(*pixel)).sum::<u32>() % 10;
    let classes: Vec<_> = pixels.chunks(28 * 28).map(sum).collect();
    let expected: Vec<_> = classes.chunks(40).map(|classes| format!("{classes:?}")).collect();
    assert_eq!(original.stage.host(&consume).end(), expected);
    assert_eq!(original.stage.lag("output-stream"), 0);
}

/// The Python of a virtual environment that has what `requirements.txt` pins. None: the test is to be skipped.
fn python() -> Option<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| make_python().map_err(|error| format!("{error:#}")));
    or_skip(found.clone().map_err(Error::msg)).unwrap()
}

/// Makes the environment where it is not there, or was made for other requirements, or was not finished.
fn make_python() -> anyhow::Result<PathBuf> {
    let folder = root().join("target/python");
    fs::create_dir_all(&folder)?;
    // One test program at a time. The lock ends with its process.
    let lock = File::create(folder.join("lock"))?;
    lock.lock()?;
    let environment = folder.join("venv");
    let python = environment.join("bin/python");
    let made_for = environment.join("requirements.txt");
    if python.exists() && fs::read_to_string(&made_for).is_ok_and(|text| text == REQUIREMENTS) {
        return Ok(python);
    }
    let mut venv = Command::new("python3");
    succeed(venv.args(["-m", "venv", "--clear"]).arg(&environment))
        .context("Python's venv is missing: run `apt-get install python3-venv`")?;
    let requirements = root().join("host/tests/python/requirements.txt");
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    succeed(pip.args(["--only-binary", ":all:", "--requirement"]).arg(requirements))?;
    fs::write(made_for, REQUIREMENTS)?;
    Ok(python)
}

fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let program = Path::new(command.get_program()).display().to_string();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    ensure!(
        output.status.success(),
        "{program} ended with {}: {}",
        output.status,
        said.trim()
    );
    Ok(())
}
