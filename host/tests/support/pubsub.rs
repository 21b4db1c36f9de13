//! Google's in-memory Pub/Sub under test, one for each fixture: faults apply to a whole server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use host::broker::pubsub::{Broker, PubSubAck};
use host::broker::{ConfirmThenAck, Subscription};
use host::config::PubSubConfig;
use host::message::Message;
use test_brokers::{PubSub as Server, PubSubOptions, PubSubProgram, SubscriptionOptions};

use super::{DEAD_LETTERS, Fixture, GROUP, INPUT, Member, OUTPUT, publish};

pub struct PubSub {
    pub server: Server,
    pub config: PubSubConfig,
    exactly_once: bool,
}

/// A project with a plain input subscription, with the shortest leases possible.
pub fn fixture() -> Option<PubSub> {
    with(false, Duration::from_secs(10))
}

/// The same with leases that never expire within a test.
pub fn patient() -> Option<PubSub> {
    with(false, Duration::from_secs(60))
}

/// The same with a subscription that confirms acknowledgements.
pub mod exactly_once {
    pub use super::*;

    pub fn fixture() -> Option<PubSub> {
        with(true, Duration::from_secs(10))
    }

    pub fn patient() -> Option<PubSub> {
        with(true, Duration::from_secs(60))
    }
}

fn with(exactly_once: bool, lease: Duration) -> Option<PubSub> {
    let program = PubSubProgram::for_tests().unwrap()?;
    let server = Server::start(&program, &PubSubOptions::default()).unwrap();
    Some(PubSub {
        config: PubSubConfig {
            lease,
            ..PubSubConfig::at(&server.address(), "project")
        },
        server,
        exactly_once,
    })
}

impl PubSub {
    pub async fn broker(&self) -> Broker {
        Broker::open(&self.config).await.unwrap()
    }

    pub fn project(&self) -> &str {
        &self.config.project
    }

    /// Everything in a topic.
    fn read(&self, topic: &str) -> Vec<Message> {
        let published = self.server.messages(self.project(), topic).unwrap();
        let messages = published.into_iter().map(|published| {
            let attributes: BTreeMap<_, _> = published.attributes;
            Message {
                payload: Some(published.data.into()),
                key: Some(published.ordering_key.into()),
                headers: attributes
                    .into_iter()
                    .map(|(name, value)| (name.into(), Some(value.into())))
                    .collect(),
                timestamp_ms: None,
            }
        });
        messages.collect()
    }

    pub fn subscription() -> Subscription {
        Subscription {
            topic: INPUT.to_owned(),
            group: GROUP.to_owned(),
            create: false,
        }
    }
}

#[async_trait]
impl Fixture for PubSub {
    /// Even with confirmed acknowledgements an answer may be duplicated: it is published before.
    fn is_exactly_once(&self) -> bool {
        false
    }

    fn has_partitions(&self) -> bool {
        false
    }

    fn keeps_what_was_sent(&self) -> bool {
        false
    }

    fn lease(&self) -> Duration {
        self.config.lease
    }

    async fn create(&self, _partitions: u32) {
        let options = SubscriptionOptions {
            ordering: true,
            exactly_once: self.exactly_once,
            ack_deadline_s: u32::try_from(self.config.lease.as_secs()).unwrap(),
        };
        self.server.create_topic(self.project(), INPUT).unwrap();
        self.server
            .create_subscription(self.project(), &format!("{INPUT}-sub"), INPUT, &options)
            .unwrap();
    }

    async fn append(&self, messages: Vec<Message>) {
        let sink = self.broker().await.sink(INPUT, INPUT, None).await.unwrap();
        publish(&sink, messages).await;
    }

    async fn join(&self) -> Member {
        let broker = self.broker().await;
        let sink = broker.sink(OUTPUT, DEAD_LETTERS, None).await.unwrap();
        let source = broker.subscribe(&Self::subscription()).await.unwrap();
        let (sink, ack) = (Arc::new(sink), Arc::new(PubSubAck));
        Member {
            source: Box::new(source),
            settle: Arc::new(ConfirmThenAck::new(sink, ack)),
        }
    }

    async fn answers(&self) -> Vec<Message> {
        self.read(OUTPUT)
    }

    async fn dead_letters(&self) -> Vec<Message> {
        self.read(DEAD_LETTERS)
    }

    async fn lag(&self) -> u64 {
        // On a plain subscription acknowledgements are sent ten times a second, and nobody learns whether they
        // arrive.
        let stats = self.server.stats(self.project(), &format!("{INPUT}-sub")).unwrap();
        stats.published - stats.acked
    }

    async fn refuse_outputs(&self, refuse: bool) {
        let denied: &[&str] = if refuse { &["Publish"] } else { &[] };
        self.server.deny(denied).unwrap();
    }

    async fn refuse_one(&self) -> Message {
        self.server.forbid(self.project(), OUTPUT, b"never").unwrap();
        Message::new("never")
    }

    /// Every topic has the same limit: a message of that size is too large with a reason added.
    async fn join_where_letters_are_small(&self) -> Member {
        self.join().await
    }
}
