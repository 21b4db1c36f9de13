//! A consumer that stands still while there is something to read: reported of librdkafka after rebalances and lost
//! connections. What helps is another consumer.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rdkafka::Offset;
use rdkafka::consumer::Consumer;

use super::lanes::Lanes;
use super::source::KafkaConsumer;
use crate::config::{KafkaConfig, Start};

/// How long the broker may take to say how far a partition goes.
const REQUEST: Duration = Duration::from_secs(2);

/// Outlives the consumers that it watches.
pub(super) struct Watch {
    limit: Duration,
    start: Start,
    since: Instant,
    /// How far each partition went when a stall was seen. Where it goes no further, another consumer would find nothing
    /// either: its end may be the mark of a transaction, which nobody reads.
    ends: BTreeMap<i32, i64>,
}

impl Watch {
    pub fn new(config: &KafkaConfig) -> Self {
        Self {
            limit: config.stall,
            start: config.start,
            since: Instant::now(),
            ends: BTreeMap::new(),
        }
    }

    /// Something was read.
    pub fn restart(&mut self) {
        self.since = Instant::now();
    }

    /// Whether nothing was read for the limit, though there was room and the broker has more.
    pub fn is_stalled(&mut self, consumer: &KafkaConsumer, lanes: &Lanes) -> bool {
        let held = lanes.held();
        // A lane with no room to read ahead stands still for a good reason.
        let waits = held.iter().any(|partition| lanes.takes(*partition));
        if !waits {
            self.restart();
        }
        if self.since.elapsed() < self.limit {
            return false;
        }
        self.restart();
        let mut is_stalled = false;
        for partition in held {
            if let Some(end) = self.lags(consumer, lanes, partition) {
                is_stalled |= self.ends.insert(partition, end) != Some(end);
            }
        }
        is_stalled
    }

    /// Where a partition ends, if that is past the consumer's place in it. A broker that does not answer is no stall.
    fn lags(&self, consumer: &KafkaConsumer, lanes: &Lanes, partition: i32) -> Option<i64> {
        let (start, end) = consumer.fetch_watermarks(&lanes.topic, partition, REQUEST).ok()?;
        let positions = consumer.position().ok()?;
        let place = positions.find_partition(&lanes.topic, partition)?.offset();
        let lags = match place {
            Offset::Offset(place) => place < end,
            // Nothing was read yet, and whoever begins at the end may be there.
            _ => self.start != Start::Latest && start < end,
        };
        lags.then_some(end)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use test_brokers::{Cluster, Distribution, Options};

    use super::super::{Broker, KafkaAck, KafkaSource};
    use super::*;
    use crate::broker::{Ack, Delivery, Demand, Event, Output, Route, Sink, Source, Subscription};
    use crate::message::Message;

    /// For a member to join, and for a stall to be seen and mended.
    const DEADLINE: Duration = Duration::from_secs(60);

    async fn next(source: &mut KafkaSource) -> Delivery {
        let next = async {
            loop {
                // What the stalled consumer held is revoked first.
                if let Event::Delivery(delivery) = source.recv(Demand::Deliveries).await.unwrap() {
                    return delivery;
                }
            }
        };
        tokio::time::timeout(DEADLINE, next).await.unwrap()
    }

    #[tokio::test]
    async fn a_consumer_that_stands_still_is_replaced_and_the_next_one_reads_on() {
        let Some(distribution) = Distribution::for_tests().unwrap() else {
            return;
        };
        let cluster = Cluster::start(&distribution, &Options::default()).unwrap();
        let config = KafkaConfig {
            stall: Duration::from_secs(1),
            ..KafkaConfig::at(&cluster.bootstrap())
        };
        let broker = Broker::open(&config).await.unwrap();
        let sink = broker.sink("in", "in", None).await.unwrap();
        let publish = async |body: &'static str| {
            let output = Output {
                route: Route::Answers,
                message: Message::new(body),
            };
            sink.enqueue(output, None).await.unwrap().await.unwrap();
        };
        let subscription = Subscription {
            topic: "in".to_owned(),
            group: "group".to_owned(),
            create: false,
        };
        let mut source = broker.subscribe(&subscription).await.unwrap();
        publish("first").await;
        let first = next(&mut source).await;
        assert_eq!(&first.message.payload[..], b"first");
        KafkaAck.ack(first.claim).await.unwrap();

        let stalled = {
            let consumer = source.membership.lock().unwrap().clone().unwrap();
            consumer.pause(&consumer.assignment().unwrap()).unwrap();
            // It leaves the group when nobody holds it any more.
            Arc::downgrade(&consumer)
        };
        publish("second").await;
        let second = next(&mut source).await;
        assert_eq!(&second.message.payload[..], b"second");
        assert!(stalled.upgrade().is_none(), "the same consumer has gone on");
    }
}
