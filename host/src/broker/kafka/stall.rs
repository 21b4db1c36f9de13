//! A consumer that stands still with messages left to read: reported of librdkafka after rebalances and lost
//! connections. The remedy is a new consumer.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;

use super::lanes::Lanes;
use super::member::KafkaConsumer;

/// How long the broker may take to name a partition's offsets.
const REQUEST: Duration = Duration::from_secs(2);

/// Outlives the consumers that it watches.
pub(super) struct Watch {
    limit: Duration,
    since: Instant,
}

impl Watch {
    pub fn new(limit: Duration) -> Self {
        Self {
            limit,
            since: Instant::now(),
        }
    }

    /// Something was read.
    pub fn restart(&mut self) {
        self.since = Instant::now();
    }

    /// The position of a stall: nothing was read for the limit, although there was room and the broker has more.
    pub fn stalled_at(&mut self, consumer: &KafkaConsumer, lanes: &Lanes) -> Option<String> {
        let held = lanes.held();
        // A lane without room to read ahead stands still for a good reason.
        let waits = held.iter().any(|partition| lanes.takes(*partition).is_some());
        if !waits {
            self.restart();
        }
        if self.since.elapsed() < self.limit {
            return None;
        }
        self.restart();
        held.into_iter().find_map(|partition| {
            // A broker that does not answer is no stall.
            let (_, end) = consumer.fetch_watermarks(&lanes.topic, partition, REQUEST).ok()?;
            let place = lanes.read_to(partition)?;
            (place < u64::try_from(end).ok()?).then(|| format!("{}/{partition}/{place}", lanes.topic))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::sync::Arc;

    use test_brokers::{Cluster, DEADLINE, Distribution, Options};

    use super::super::{Broker, KafkaAck, KafkaSource};
    use super::*;
    use crate::broker::{Ack, Delivery, Demand, Event, Output, Route, Sink, Source, Subscription};
    use crate::config::KafkaConfig;
    use crate::message::Message;

    async fn next(source: &mut KafkaSource) -> Delivery {
        let next = async {
            loop {
                // The lanes of the stalled consumer are revoked first.
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
        assert_eq!(first.message.body(), b"first");
        KafkaAck.ack(first.claim).await.unwrap();

        let stalled = {
            let consumer = source.consumer.lock().unwrap().clone().unwrap();
            consumer.pause(&consumer.assignment().unwrap()).unwrap();
            // It leaves the group when its last owner drops it.
            Arc::downgrade(&consumer)
        };
        publish("second").await;
        let second = next(&mut source).await;
        assert_eq!(second.message.body(), b"second");
        assert!(stalled.upgrade().is_none(), "the same consumer has gone on");
    }
}
