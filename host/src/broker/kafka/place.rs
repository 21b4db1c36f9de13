//! An offset that is no longer in its partition: why, and the remedy.
//!
//! librdkafka says only that there is nothing at the offset. There are three reasons, with a remedy each.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use super::lanes::Lanes;
use super::member::KafkaConsumer;
use crate::broker::BrokerError;

/// How long the broker may take to name a partition's offsets.
const REQUEST: Duration = Duration::from_secs(2);

/// A group's offset in a partition, and the partition's offsets.
#[derive(Clone, Copy, Debug)]
struct Place {
    partition: i32,
    /// Where the group continues.
    next: u64,
    /// The offsets of the first message, and after the last.
    range: (u64, u64),
    /// The broker still knows the group's offset; it forgets it when it deletes a topic.
    is_committed: bool,
}

/// The first partition with a wrong offset. None: the broker does not say, or all is well by now.
pub(super) fn explain(consumer: &KafkaConsumer, lanes: &Lanes, group: &str) -> Option<BrokerError> {
    let topic = &lanes.topic;
    let said = lanes.held().into_iter().find_map(|partition| {
        let (low, high) = consumer.fetch_watermarks(topic, partition, REQUEST).ok()?;
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let committed = consumer.committed_offsets(list, REQUEST).ok()?;
        let place = Place {
            partition,
            next: lanes.read_to(partition)?,
            range: (u64::try_from(low).ok()?, u64::try_from(high).ok()?),
            is_committed: committed.find_partition(topic, partition)?.offset() != Offset::Invalid,
        };
        place.tell(topic, group)
    })?;
    Some(BrokerError::Failed(said))
}

impl Place {
    fn tell(self, topic: &str, group: &str) -> Option<String> {
        let Self {
            partition,
            next,
            range: (low, high),
            is_committed,
        } = self;
        let set = format!(
            "read what is there with another --group, or set the group's offset with Kafka's own tool: kafka-consumer-groups.sh \
             --reset-offsets --to-earliest --group {group} --topic {topic} --execute"
        );
        match next {
            _ if (low..=high).contains(&next) => None,
            _ if next < low => Some(format!(
                "{topic}/{partition} starts at offset {low}, and the group '{group}' is at {next}: messages that it had not \
                 consumed were deleted; {set}"
            )),
            _ if is_committed => Some(format!(
                "{topic}/{partition} ends at offset {high}, and the group '{group}' is at {next}: the topic was deleted and \
                 created again, or has lost messages; {set}"
            )),
            _ => Some(format!(
                "{topic}/{partition} ends at offset {high}, and this host was at {next}: the topic was deleted and created again; \
                 start again, and the group '{group}' starts where --from says"
            )),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_not_there_has_its_reason_and_its_remedy() {
        let said = |next, range, is_committed| {
            let place = Place {
                partition: 0,
                next,
                range,
                is_committed,
            };
            place.tell("in", "group")
        };
        for (next, range, is_committed, words) in [
            (
                5,
                (10, 20),
                true,
                ["messages that it had not consumed were deleted", "--reset-offsets"],
            ),
            (30, (0, 20), true, ["deleted and created again", "--reset-offsets"]),
            (30, (0, 20), false, ["deleted and created again", "start again"]),
        ] {
            let said = said(next, range, is_committed).unwrap();
            assert!(words.iter().all(|words| said.contains(words)), "{said}");
        }
        assert_eq!(said(20, (0, 20), true), None);
    }
}
