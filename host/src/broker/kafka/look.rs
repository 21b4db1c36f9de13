//! Looking at a topic: a consumer that is assigned every partition and joins no group.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::client::{self, Reporter};
use super::topics::{Cluster, REQUEST};
use super::{Broker, code, message, start};
use crate::broker::BrokerError;
use crate::broker::look::{Extent, Log, Look, View};
use crate::broker::threads::blocking;
use crate::message::Message;

/// The client library assigns nothing to a client without the name of a group. It is never joined, and nothing is committed in it.
const NAME: &str = "host-look";

/// How long one poll waits.
const POLL: Duration = Duration::from_millis(50);

impl Broker {
    /// Looks at a topic, without a group. One that is missing is not made.
    pub async fn look(&self, view: View) -> Result<Look, BrokerError> {
        let cluster = self.cluster.clone();
        blocking(move || {
            let count = cluster.find(&view.topic)?.ok_or_else(|| cluster.unknown(&view.topic))?;
            let log = KafkaLog {
                topic: view.topic.clone(),
                partitions: (0..count).filter_map(|number| i32::try_from(number).ok()).collect(),
                asking: cluster.of_group(NAME)?,
                cluster,
                reading: None,
            };
            Look::at(log, view)
        })
        .await
    }
}

struct KafkaLog {
    cluster: Cluster,
    asking: BaseConsumer<Reporter>,
    topic: String,
    partitions: Vec<i32>,
    reading: Option<Reading>,
}

struct Reading {
    /// By partition. They hold the consumer, and end before it.
    lanes: Vec<Lane>,
    consumer: Arc<BaseConsumer<Reporter>>,
}

struct Lane {
    queue: PartitionQueue<Reporter>,
    /// Nothing more is there now.
    is_at_end: bool,
}

impl KafkaLog {
    fn offsets(&self, at: Offset) -> Result<Vec<Option<u64>>, BrokerError> {
        let found = start::offsets(&self.asking, &self.topic, &self.partitions, at, REQUEST);
        let found = found.map_err(|error| self.cluster.explain(&error))?;
        Ok(self
            .partitions
            .iter()
            .map(|partition| found.get(partition).copied())
            .collect())
    }

    fn consumer(&self) -> Result<Arc<BaseConsumer<Reporter>>, BrokerError> {
        let config = &self.cluster.config;
        let mut consumer = client::base(config);
        consumer.set("group.id", NAME);
        consumer.set("enable.auto.commit", "false");
        consumer.set("enable.auto.offset.store", "false");
        consumer.set("allow.auto.create.topics", "false");
        consumer.set("isolation.level", "read_committed");
        consumer.set("enable.partition.eof", "true");
        consumer.set("check.crcs", "true");
        // What was dropped between the question and the reading is passed over.
        consumer.set("auto.offset.reset", "earliest");
        consumer.set("fetch.wait.max.ms", "100");
        // Of each partition, beside one message.
        consumer.set("queued.max.messages.kbytes", "1024");
        consumer.set("fetch.queue.backoff.ms", "5");
        consumer.set("receive.message.max.bytes", "2000000000");
        let consumer = client::finish(consumer, config);
        let consumer = BaseConsumer::from_config_and_context(&consumer, self.cluster.reporter.clone());
        consumer.map(Arc::new).map_err(|error| self.cluster.explain(&error))
    }
}

impl Log for KafkaLog {
    fn extents(&mut self) -> Result<Vec<Extent>, BrokerError> {
        let starts = self.offsets(Offset::Beginning)?;
        let ends = self.offsets(Offset::End)?;
        let extents = starts.into_iter().zip(ends).map(|(start, end)| {
            let start = start.unwrap_or_default();
            let end = end.unwrap_or(start);
            Extent { start, end }
        });
        Ok(extents.collect())
    }

    fn at_time(&mut self, time_ms: i64) -> Result<Vec<u64>, BrokerError> {
        let found = self.offsets(Offset::Offset(time_ms))?;
        let ends = self.offsets(Offset::End)?;
        let found = found.into_iter().zip(ends);
        Ok(found.map(|(found, end)| found.or(end).unwrap_or_default()).collect())
    }

    fn seek(&mut self, offsets: &[u64]) -> Result<(), BrokerError> {
        self.reading = None;
        let consumer = self.consumer()?;
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in self.partitions.iter().zip(offsets) {
            let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
            let added = list.add_partition_offset(&self.topic, *partition, offset);
            added.map_err(|error| self.cluster.explain(&error))?;
        }
        // Each has a queue of its own before anything is fetched into the common one.
        let queues = self
            .partitions
            .iter()
            .map(|partition| consumer.split_partition_queue(&self.topic, *partition));
        let lanes: Option<Vec<_>> = queues
            .map(|queue| {
                Some(Lane {
                    queue: queue?,
                    is_at_end: false,
                })
            })
            .collect();
        let lanes = lanes.ok_or_else(|| self.cluster.unknown(&self.topic))?;
        consumer.assign(&list).map_err(|error| self.cluster.explain(&error))?;
        self.reading = Some(Reading { lanes, consumer });
        Ok(())
    }

    fn next(&mut self, partition: usize) -> Result<Option<(u64, Message)>, BrokerError> {
        let Some(reading) = &mut self.reading else {
            return Ok(None);
        };
        let Some(lane) = reading.lanes.get_mut(partition) else {
            return Ok(None);
        };
        let began = Instant::now();
        loop {
            while let Some(heard) = reading.consumer.poll(Duration::ZERO) {
                if let Err(error) = heard {
                    heed(&error, &self.cluster)?;
                }
            }
            let longest = if lane.is_at_end { Duration::ZERO } else { POLL };
            match lane.queue.poll(longest) {
                Some(Ok(record)) => {
                    lane.is_at_end = false;
                    let offset = u64::try_from(record.offset()).unwrap_or_default();
                    return Ok(Some((offset, message::from_record(&record))));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    lane.is_at_end = true;
                    return Ok(None);
                }
                Some(Err(error)) => match code::damage(&error) {
                    Some(what) => {
                        return Err(BrokerError::Failed(format!(
                            "a batch of {}/{partition} {what}",
                            self.topic
                        )));
                    }
                    None => heed(&error, &self.cluster)?,
                },
                None if lane.is_at_end => return Ok(None),
                None if began.elapsed() > REQUEST => {
                    // Says why, where nobody answers any more; else a broker is only slow.
                    self.cluster.reach(&self.topic, &self.partitions)?;
                }
                None => {}
            }
        }
    }
}

/// An error that no repeating helps ends it. That there may be no group of this name is none: nobody joins it.
fn heed(error: &KafkaError, cluster: &Cluster) -> Result<(), BrokerError> {
    let is_of_the_group = error.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed);
    match code::is_final(error) && !is_of_the_group {
        true => Err(cluster.explain(error)),
        false => Ok(()),
    }
}
