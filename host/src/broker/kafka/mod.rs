//! Apache Kafka, through librdkafka.
//!
//! A lane is a partition. One thread owns the consumer ([`source`]) and commits what has settled. Outputs go through an idempotent
//! producer ([`sink`]), or with `--delivery exactly-once` through transactions ([`transaction`]).
//!
//! # At least once
//!
//! A message is consumed after all in-sync replicas have confirmed its output, and then its offset is committed. A commit names
//! the first offset of a partition that has not settled, never one past a gap. After a crash, or a rebalance that work in flight did
//! not survive, messages whose outputs were confirmed but whose offsets were not committed are redelivered and answered again, with the same
//! `dedupe-id`.
//!
//! # Exactly once
//!
//! Outputs and offsets are one Kafka transaction, sent with the group generation that this member had before the first act (KIP-447).
//! The broker checks that generation and not who holds a partition: with the *current* generation it would accept the offsets
//! of a partition that the member has lost meanwhile. So a rebalance aborts the open transaction, for partitions that stay too, and
//! their messages are redelivered. A transaction collects acts for up to 100 ms while more arrive, 4,000 acts or 16 MiB at
//! most. The transactional id is group and `--instance`, or random. A new host with the same names fences the old one. If a host
//! with a random id is killed, its transaction times out after 10 s.
//!
//! # Why nothing is lost
//!
//! 1. *A slow component does not cost the host its place in the group.* One thread polls the consumer whatever else happens. Each
//!    partition has a queue of its own, which is read only while there is room. The common queue, with rebalances and errors, is
//!    always served. Pausing partitions instead would throw away what is already fetched.
//! 2. *A rebalance finishes or abandons.* The revoke callback tells the pipeline, goes on committing what settles, waits for `Drained`
//!    (5 s), commits, and only then gives the partitions back. A lane that is lost, not revoked, raises its epoch at once, and
//!    claims of the old epoch settle nothing.
//! 3. *Abandoned claims are redelivered.* The lane seeks back to the watermark; after an aborted transaction, to the committed offset.
//! 4. *Lost data is reported.* The start of a new group (`--from`) is looked up before it joins, and committed when it gets a
//!    partition. A partition that is added later starts at its beginning. If an offset disappears afterwards the run ends, as it does
//!    at a damaged batch, after everything before it is consumed.
//! 5. *Commits are awaited*, one at a time, on a thread of their own: librdkafka does not report the outcome of a commit that nobody
//!    waits for. What settles meanwhile goes into the next commit. On the consumer's thread commits halved the throughput of small messages.
//! 6. *A stall is noticed*: if nothing was read for 60 s, with room and with messages left to read, a new consumer takes over.
//! 7. *A coordinator may be slow.* The host looks up where a partition starts outside of the rebalance, and repeats it: a coordinator that
//!    has just moved, or the offsets of a dead host's open transaction, delay a partition and end nothing.
//! 8. *The end is reached.* Transaction markers may follow the last message. librdkafka's statistics tell every 2 s where the log
//!    ends; once everything before is consumed, that offset is committed too.

mod access;
mod ack;
mod admin;
mod batch;
mod client;
mod code;
mod committer;
mod fault;
mod lanes;
mod look;
mod member;
mod message;
mod place;
mod remedy;
mod report;
mod sink;
mod source;
mod stall;
mod start;
mod topics;
mod transaction;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use tokio::runtime::Handle;

pub use self::ack::KafkaAck;
use self::member::KafkaConsumer;
pub use self::sink::KafkaSink;
use self::sink::Sender;
pub use self::source::KafkaSource;
use self::source::SharedConsumer;
use self::start::Starts;
use self::topics::Cluster;
pub use self::transaction::KafkaTransaction;
use super::threads::blocking;
use super::{BrokerError, Route, Subscription};
use crate::config::KafkaConfig;
use crate::values::DEFAULT_GROUP;

/// A cluster that answers. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    cluster: Cluster,
}

impl Broker {
    /// Connects. Fails within ten seconds, with [`BrokerError::Unreachable`] if waiting may help.
    pub async fn open(config: &KafkaConfig) -> Result<Self, BrokerError> {
        let config = Arc::new(config.clone());
        let cluster = blocking(move || Cluster::connect(config)).await?;
        Ok(Self { cluster })
    }

    /// Joins a group. Creates a missing topic if the subscription says so.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<KafkaSource, BrokerError> {
        let Subscription { topic, group, create } = subscription;
        let partitions = match create {
            true => self.cluster.find_or_create(topic, Route::Answers).await?,
            false => {
                let found = self.cluster.find_blocking(topic).await?;
                found.ok_or_else(|| self.cluster.unknown(topic))?
            }
        };
        let consumer = consumer_config(&self.cluster.config, group, partitions);
        let make = move |member| KafkaConsumer::from_config_and_context(&consumer, member);
        // A topic may be deleted under a consumer; whether it is created again is up to the subscription.
        let (cluster, topic, create) = (self.cluster.clone(), topic.clone(), *create);
        let runtime = Handle::current();
        let name = topic.clone();
        let missing = move || {
            if create {
                let made = cluster.find_or_create(&topic, Route::Answers);
                runtime.block_on(made).map(drop)
            } else {
                Err(cluster.unknown(&topic))
            }
        };
        let starts = {
            let (cluster, topic, group) = (self.cluster.clone(), name.clone(), group.clone());
            blocking(move || Starts::look_up(&cluster, &topic, &group)).await?
        };
        let cluster = (self.cluster.clone(), self.cluster.id().await);
        KafkaSource::join(source::lanes(&name), group, cluster, starts, make, Box::new(missing))
    }

    /// Publishes to a topic, created when missing. An accepted message waits for its confirmation without limit, or
    /// up to the limit: after that it may have arrived all the same.
    pub async fn sink(
        &self,
        answers: &str,
        dead_letters: &str,
        limit: Option<Duration>,
    ) -> Result<KafkaSink, BrokerError> {
        let mut producer = sink::producer_config(&self.cluster.config);
        let limit = limit.map_or(0, |limit| limit.as_millis());
        producer.set("message.timeout.ms", limit.to_string());
        let sender = Sender::open(self.cluster.clone(), producer, answers, dead_letters).await?;
        Ok(KafkaSink::new(sender))
    }

    /// Settles the claims of a source in transactions.
    pub async fn transaction(
        &self,
        source: &KafkaSource,
        group: &str,
        answers: &str,
        dead_letters: &str,
    ) -> Result<KafkaTransaction, BrokerError> {
        let producer = transaction::transactional_config(&self.cluster.config, group);
        let sender = Sender::open(self.cluster.clone(), producer, answers, dead_letters).await?;
        KafkaTransaction::start(sender, SharedConsumer::clone(&source.consumer)).await
    }
}

/// What librdkafka fetches ahead for all partitions together, as far as a share of it for each holds a batch. KiB.
const FETCHED_KIB: u32 = 64 << 10;
/// The most and the least of it for one partition. KiB.
const SHARE_KIB: [u32; 2] = [64, 16 << 10];
/// The least that is fetched of a partition at a time. Of larger batches a broker sends one for each request. KiB.
const FETCH_KIB: u32 = 256;

fn consumer_config(config: &KafkaConfig, group: &str, partitions: u32) -> rdkafka::ClientConfig {
    let mut consumer = client::base(config);
    consumer.set("group.id", group);
    consumer.set("enable.auto.commit", "false");
    consumer.set("enable.auto.offset.store", "false");
    // The Python program's consumers are all in one group, whatever they read, and support only these two. In other
    // groups members give up no more partitions than they must.
    let assignors = match group {
        DEFAULT_GROUP => "range,roundrobin",
        _ => "cooperative-sticky",
    };
    consumer.set("partition.assignment.strategy", assignors);
    consumer.set("session.timeout.ms", config.session.as_millis().to_string());
    consumer.set(
        "heartbeat.interval.ms",
        (config.session.as_millis() / 3).max(1).to_string(),
    );
    consumer.set("isolation.level", "read_committed");
    // Where a group starts is set when a partition starts; an offset that is gone afterwards is lost data.
    consumer.set("auto.offset.reset", "error");
    // A message that differs from what was sent is lost data too.
    consumer.set("check.crcs", "true");
    // Reports the end of a log, so that a group can skip transaction markers there.
    consumer.set("enable.partition.eof", "true");
    consumer.set("statistics.interval.ms", "2000");
    // New partitions are noticed within a minute.
    consumer.set("topic.metadata.refresh.interval.ms", "30000");
    consumer.set("allow.auto.create.topics", "false");
    consumer.set("fetch.wait.max.ms", "100");
    // Fetched and not yet read. Each partition has a queue of its own, and so a limit of its own: for all of them together it is divided.
    let [least, most] = SHARE_KIB;
    let share = (FETCHED_KIB / partitions.max(1)).clamp(least, most);
    consumer.set("queued.max.messages.kbytes", share.to_string());
    // How soon more is fetched after that limit was reached: not after a second, when the queue has long run empty.
    consumer.set("fetch.queue.backoff.ms", "5");
    // One more fetch of a partition may be on its way. A batch that is larger is fetched all the same (KIP-74).
    consumer.set("fetch.message.max.bytes", (share.max(FETCH_KIB) << 10).to_string());
    consumer.set("receive.message.max.bytes", "2000000000");
    if let Some(instance) = &config.instance {
        consumer.set("group.instance.id", instance);
    }
    client::finish(consumer, config)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn new_partitions_are_noticed_within_a_minute() {
        let consumer = consumer_config(&KafkaConfig::at("127.0.0.1:9092"), "group", 1);
        let refreshed: u64 = consumer
            .get("topic.metadata.refresh.interval.ms")
            .unwrap()
            .parse()
            .unwrap();
        // The rebalance comes after that.
        assert!(refreshed <= 30_000);
    }

    #[test]
    fn what_is_fetched_ahead_hardly_grows_with_the_partitions() {
        let most = |partitions: u32| {
            let consumer = consumer_config(&KafkaConfig::at("127.0.0.1:9092"), "group", partitions);
            let number = |name: &str| consumer.get(name).unwrap().parse::<u64>().unwrap();
            let queued = number("queued.max.messages.kbytes") << 10;
            u64::from(partitions) * (queued + number("fetch.message.max.bytes"))
        };
        for partitions in [1, 4, 16, 64, 256] {
            assert!(most(partitions) <= 128 << 20, "{partitions}: {}", most(partitions));
        }
        assert!(most(1024) <= 320 << 20, "{}", most(1024));
    }
}
