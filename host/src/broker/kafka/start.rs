//! Where a group starts that is new to a topic: by `--from`, once, in the partitions that exist then. Partitions that
//! are added later start at their beginning, so that the group misses nothing.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::{Offset, TopicPartitionList};

use super::code;
use super::topics::{Cluster, REQUEST};
use crate::broker::BrokerError;
use crate::broker::look::Extent;
use crate::values::Start;

/// How soon a coordinator that is not ready is asked again.
const AGAIN: Duration = Duration::from_millis(100);

/// The start in each partition that does not start at its beginning. It is looked up before this member joins, so
/// whatever arrives while it joins, or while another member dies, comes after the start.
#[derive(Debug, Default)]
pub(super) struct Starts(BTreeMap<i32, u64>);

impl Starts {
    /// Resolves `--from`, now. Empty for a group that has read the topic before.
    pub fn look_up(cluster: &Cluster, topic: &str, group: &str) -> Result<Self, BrokerError> {
        let start = cluster.config.start;
        if start == Start::Earliest {
            return Ok(Self::default());
        }
        let count = cluster.find(topic)?.unwrap_or_default();
        let partitions: Vec<i32> = (0..count)
            .filter_map(|partition| i32::try_from(partition).ok())
            .collect();
        let client = cluster.of_group(group)?;
        let began = Instant::now();
        loop {
            match look_up(&client, topic, &partitions, start) {
                Ok(starts) => return Ok(Self(starts)),
                // A group's coordinator may have just started.
                Err(error) if began.elapsed() < REQUEST && error.rdkafka_error_code().is_some_and(code::is_passing) => {
                    thread::sleep(AGAIN);
                }
                Err(error) => return Err(cluster.explain(&error)),
            }
        }
    }

    /// The group's start in each of these partitions, in which it has no offset.
    pub fn of<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        topic: &str,
        partitions: &[i32],
        limit: Duration,
    ) -> KafkaResult<Vec<(i32, u64)>> {
        let known = |partition: &i32| Some((*partition, *self.0.get(partition)?));
        let mut starts: Vec<(i32, u64)> = partitions.iter().filter_map(known).collect();
        let others: Vec<i32> = partitions
            .iter()
            .copied()
            .filter(|partition| !self.0.contains_key(partition))
            .collect();
        starts.extend(offsets(consumer, topic, &others, Offset::Beginning, limit)?);
        Ok(starts)
    }
}

fn look_up<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[i32],
    start: Start,
) -> KafkaResult<BTreeMap<i32, u64>> {
    if partitions.is_empty() || has_begun(client, topic, partitions)? {
        return Ok(BTreeMap::new());
    }
    let offsets = |at| offsets(client, topic, partitions, at, REQUEST);
    let mut starts = offsets(Offset::End)?;
    match start {
        Start::Earliest => starts.clear(),
        Start::Latest => {}
        // A time after every message has no offset.
        Start::Time(milliseconds) => starts.extend(offsets(Offset::Offset(milliseconds))?),
        Start::Offset(wanted) => {
            let firsts = offsets(Offset::Beginning)?;
            for (partition, start) in &mut starts {
                let first = firsts.get(partition).copied().unwrap_or_default();
                let extent = Extent {
                    start: first,
                    end: *start,
                };
                *start = extent.clamp(topic, partition, wanted);
            }
        }
    }
    Ok(starts)
}

/// Whether the group has an offset anywhere in the topic.
fn has_begun<C: ConsumerContext>(client: &BaseConsumer<C>, topic: &str, partitions: &[i32]) -> KafkaResult<bool> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(topic, *partition);
    }
    for element in client.committed_offsets(list, REQUEST)?.elements() {
        match element.error() {
            // Another member is about to commit.
            Err(error) if error.rdkafka_error_code() == Some(Code::UnstableOffsetCommit) => return Ok(true),
            Err(error) => return Err(error),
            Ok(()) if element.offset() == Offset::Invalid => {}
            Ok(()) => return Ok(true),
        }
    }
    Ok(false)
}

/// The offset at a time (milliseconds), the first one, or the one after the last that may be read. The protocol has
/// numbers for the latter two in place of a time, and librdkafka uses the same for its offsets.
pub(super) fn offsets<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[i32],
    at: Offset,
    limit: Duration,
) -> KafkaResult<BTreeMap<i32, u64>> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut times = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        times.add_partition_offset(topic, *partition, at)?;
    }
    let mut found = BTreeMap::new();
    for element in client.offsets_for_times(times, limit)?.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            found.insert(element.partition(), u64::try_from(offset).unwrap_or_default());
        }
    }
    Ok(found)
}
