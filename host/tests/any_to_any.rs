//! A pipeline from any broker to any other: 10,000 images each way, with the same answers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod components;
mod live;
mod waiting;

use host::broker::local::Broker;
use host::broker::{Output, Route, Sink};
use host::config::LocalConfig;
use host::message::Message;
use host::values::Start;
use serde_json::Value;
use tempfile::TempDir;
use test_brokers::{Cluster, Distribution, Options, PubSub, PubSubOptions, PubSubProgram, SubscriptionOptions};

use self::components::component;
use self::live::{KAFKA, Stage, answers};

/// All test images, 40 to a message.
const MESSAGES: usize = 250;

const PROJECT: &str = "any-to-any";

/// One of each broker.
struct Brokers {
    stage: Stage,
    folder: TempDir,
    pubsub: PubSub,
    _cluster: Cluster,
}

impl Brokers {
    /// None: one of them is not there, and this is not CI.
    fn start() -> Option<Self> {
        component("classifier");
        let (kafka, pubsub) = (Distribution::for_tests().unwrap(), PubSubProgram::for_tests().unwrap());
        let cluster = Cluster::start(&kafka?, &Options::default()).unwrap();
        Some(Self {
            stage: Stage::new(KAFKA, cluster.bootstrap()),
            folder: tempfile::tempdir().unwrap(),
            pubsub: PubSub::start(&pubsub?, &PubSubOptions::default()).unwrap(),
            _cluster: cluster,
        })
    }

    /// Runs `host COMMAND` to its end, with everything that it needs to find any of the brokers.
    fn host(&self, arguments: &[&str]) -> Vec<String> {
        let (file, emulator) = (self.file(), self.pubsub.address());
        let names = |broker: &str| arguments.iter().any(|argument| argument.starts_with(broker));
        let mut all = arguments.to_vec();
        if names("local") || !(names("kafka") || names("pubsub")) {
            all.extend(["--local-file", &file]);
        }
        if names("pubsub") {
            all.extend(["--emulator", &emulator]);
        }
        self.stage.host(&all).end()
    }

    fn file(&self) -> String {
        self.folder.path().join("host.db").display().to_string()
    }

    /// How `--broker` and `--input` name a broker; Pub/Sub's project goes with it.
    fn named<'a>(broker: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        let project: &[&str] = if broker == "pubsub" { &[PROJECT] } else { &[] };
        [arguments, &["--broker", broker], project].concat()
    }

    /// Sends all test images to a broker, for `readers` that each read all of it.
    fn produce(&self, broker: &str, readers: &[&str]) {
        if broker == "pubsub" {
            self.host(&Self::named(broker, &["topics", "create", "input-stream"]));
            for reader in readers {
                let plain = SubscriptionOptions::default();
                self.pubsub
                    .create_subscription(PROJECT, reader, "input-stream", &plain)
                    .unwrap();
            }
        }
        self.host(&Self::named(broker, &["produce", "--interval", "0"]));
    }

    /// The answers to all test images from one broker in another, in the order of their arrival.
    fn run(&self, from: &str, to: &str) -> Vec<String> {
        let topic = format!("from-{from}");
        let address = |broker: &str| match broker {
            "pubsub" => format!("pubsub:{PROJECT}"),
            other => other.to_owned(),
        };
        let (input, output) = (address(from), address(to));
        let run = ["run", "--input", &input, "--output", &output, "--output-topic", &topic];
        let whose = match from {
            "pubsub" => ["--subscription", to],
            _ => ["--group", to],
        };
        self.host(&[&run[..], &whose, &["--idle-timeout", "3s"]].concat());
        let limit = MESSAGES.to_string();
        let consume = ["consume", "--topic", &topic, "--limit", &limit, "--format", "json"];
        let lines = self.host(&Self::named(to, &consume));
        let payload = |line: String| {
            let line: Value = serde_json::from_str(&line).unwrap();
            line["payload"].as_str().unwrap().to_owned()
        };
        lines.into_iter().map(payload).collect()
    }
}

#[test]
fn ten_thousand_images_from_any_broker_to_any_other_have_the_same_answers() {
    let Some(brokers) = Brokers::start() else { return };
    let expected = answers(MESSAGES);
    let mut sorted = expected.clone();
    sorted.sort();
    for (from, others) in [
        ("local", ["kafka", "pubsub"]),
        ("kafka", ["local", "pubsub"]),
        ("pubsub", ["local", "kafka"]),
    ] {
        brokers.produce(from, &others);
        for to in others {
            let mut given = brokers.run(from, to);
            if from == "pubsub" {
                // Messages without an ordering key have no order there.
                given.sort();
                assert_eq!(given, sorted, "from {from} to {to}");
            } else {
                assert_eq!(given, expected, "from {from} to {to}");
            }
        }
    }
}

#[tokio::test]
async fn dead_letters_stay_with_the_broker_of_the_input() {
    let Some(brokers) = Brokers::start() else { return };
    let config = LocalConfig {
        file: brokers.file().into(),
        retention_bytes: 1 << 30,
        partitions: 1,
        lease: LocalConfig::LEASE,
        start: Start::Earliest,
    };
    let broker = Broker::open(&config, 1 << 20).await.unwrap();
    let sink = broker.writer("input-stream", "input-stream").await.unwrap();
    let output = Output {
        route: Route::Answers,
        message: Message::new("no images at all"),
    };
    sink.enqueue(output, None).await.unwrap().await.unwrap();
    let kafka = ["run", "--input", "local", "--output", "kafka", "--idle-timeout", "1s"];
    brokers.host(&kafka);
    let letters = brokers.host(&["consume", "--topic", "input-stream.dlq", "--limit", "1"]);
    assert_eq!(letters, ["no images at all"]);
}
