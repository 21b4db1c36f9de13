//! Apache Kafka, by way of librdkafka.
//!
//! A lane is a partition. One thread owns the consumer ([`source`]) and commits what is settled; outputs go through an
//! idempotent producer ([`sink`]), and with `--delivery exactly-once` through transactions ([`transaction`]).

mod ack;
mod admin;
mod client;
mod committer;
mod fault;
mod lanes;
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

use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use tokio::runtime::Handle;

pub use self::ack::KafkaAck;
pub use self::sink::KafkaSink;
use self::sink::Sender;
pub use self::source::KafkaSource;
use self::source::{KafkaConsumer, Membership};
use self::start::Starts;
use self::topics::Cluster;
pub use self::transaction::KafkaTransaction;
use super::threads::blocking;
use super::{BrokerError, Route, Subscription};
use crate::config::{DEFAULT_GROUP, KafkaConfig};

/// A cluster that answers. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    cluster: Cluster,
}

impl Broker {
    /// Connects. Fails within ten seconds, with [`BrokerError::Unreachable`] where waiting may help.
    pub async fn open(config: &KafkaConfig) -> Result<Self, BrokerError> {
        let config = Arc::new(config.clone());
        let cluster = blocking(move || Cluster::connect(config)).await?;
        Ok(Self { cluster })
    }

    /// Joins a group. The topic is made when missing, where the subscription says so.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<KafkaSource, BrokerError> {
        let Subscription { topic, group, create } = subscription;
        if *create {
            self.cluster.find_or_create(topic, Route::Answers).await?;
        } else if self.cluster.find_blocking(topic).await?.is_none() {
            return Err(self.cluster.unknown(topic));
        }
        let consumer = consumer_config(&self.cluster.config, group);
        let make = move |member| KafkaConsumer::from_config_and_context(&consumer, member);
        // A topic may be deleted under a consumer; whether it is made again is up to the subscription.
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

    /// Publishes to a topic, made when missing. What is accepted waits for its confirmation as long as it takes, or no
    /// longer than the limit: then it may have arrived all the same.
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
        KafkaTransaction::start(sender, Membership::clone(&source.membership)).await
    }
}

fn consumer_config(config: &KafkaConfig, group: &str) -> rdkafka::ClientConfig {
    let mut consumer = client::base(config);
    consumer.set("group.id", group);
    consumer.set("enable.auto.commit", "false");
    consumer.set("enable.auto.offset.store", "false");
    // The Python program's consumers are all of one group, whatever they read, and know these two only; members of a group
    // that has another name give up no more partitions than they must.
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
    // Where a group begins is set when a partition begins; an offset that is gone afterwards is lost data.
    consumer.set("auto.offset.reset", "error");
    // So are messages that are not what was sent.
    consumer.set("check.crcs", "true");
    // A group whose topic has ended behind marks of transactions goes past them: that it has, and where.
    consumer.set("enable.partition.eof", "true");
    consumer.set("statistics.interval.ms", "2000");
    // New partitions are noticed within a minute.
    consumer.set("topic.metadata.refresh.interval.ms", "30000");
    consumer.set("allow.auto.create.topics", "false");
    consumer.set("fetch.wait.max.ms", "100");
    // What is fetched and not yet read, for each partition.
    consumer.set("queued.max.messages.kbytes", "16384");
    // And how soon more is fetched once that was enough: not only after a second, when the queue has long run dry.
    consumer.set("fetch.queue.backoff.ms", "5");
    let largest = config
        .max_message_bytes
        .saturating_add(1 << 16)
        .clamp(1 << 20, 1_000_000_000);
    consumer.set("fetch.message.max.bytes", largest.to_string());
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
        let consumer = consumer_config(&KafkaConfig::at("127.0.0.1:9092"), "group");
        let refreshed: u64 = consumer
            .get("topic.metadata.refresh.interval.ms")
            .unwrap()
            .parse()
            .unwrap();
        // And then the group is rebalanced.
        assert!(refreshed <= 30_000);
    }
}
