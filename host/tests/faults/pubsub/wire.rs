//! A stream through Pub/Sub.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use test_brokers::{PubSub as Server, Published, SubscriptionOptions};

use crate::stream::{Answer, Record, Wire};

/// One input topic and its answers, in a project of their own.
pub struct PubSub {
    server: Arc<Server>,
    /// Where the hosts look for it.
    address: String,
    pub project: String,
    exactly_once: bool,
    /// Answers that were read, and dead letters.
    read: [usize; 2],
}

impl PubSub {
    /// Hosts find the server at `address`. The subscription has exactly-once delivery, or is plain.
    pub fn new(server: &Arc<Server>, address: &str, exactly_once: bool) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let project = format!("faults-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let options = SubscriptionOptions {
            ordering: true,
            exactly_once,
            ack_deadline_s: 10,
        };
        for topic in ["input-stream", "output-stream", "input-stream.dlq"] {
            server.create_topic(&project, topic).unwrap();
        }
        server
            .create_subscription(&project, "input-stream-sub", "input-stream", &options)
            .unwrap();
        Self {
            server: Arc::clone(server),
            address: address.to_owned(),
            project,
            exactly_once,
            read: [0, 0],
        }
    }

    fn published(&self, topic: &str, from: usize) -> Vec<Published> {
        self.server.messages_from(&self.project, topic, from, false).unwrap()
    }
}

impl Wire for PubSub {
    fn promise(&self) -> (String, bool) {
        let kind = if self.exactly_once { "exactly-once" } else { "plain" };
        (format!("Pub/Sub, {kind} subscription"), false)
    }

    fn send(&mut self, records: Vec<Record>) {
        let messages = records.into_iter().map(|record| Published {
            data: record.payload.into_bytes(),
            attributes: [("number".to_owned(), record.number.to_string())].into(),
            ordering_key: record.key.unwrap_or_default(),
            ..Published::default()
        });
        let messages: Vec<_> = messages.collect();
        self.server.publish(&self.project, "input-stream", &messages).unwrap();
    }

    fn answers(&mut self) -> Vec<Answer> {
        let found = self.published("output-stream", self.read[0]);
        self.read[0] += found.len();
        let answer = |answer: Published| Answer {
            number: answer.attributes["number"].parse().unwrap(),
            dedupe_id: answer.attributes["dedupe-id"].clone(),
        };
        found.into_iter().map(answer).collect()
    }

    fn dead_letters(&mut self) -> u64 {
        let found = self.published("input-stream.dlq", self.read[1]).len();
        self.read[1] += found;
        found as u64
    }

    fn prepare(&self, host: &mut Command) {
        host.args(["--broker", "pubsub", "--lease", "10s", &self.project])
            .env("PUBSUB_EMULATOR_HOST", &self.address);
    }
}
