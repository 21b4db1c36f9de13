//! Where a member stands in its group, as the cluster says it. It asks by clients of its own, which read no messages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use super::client::Reporter;
use super::lanes::Shared;
use super::start;
use super::topics::{Cluster, serve};
use crate::broker::threads::blocking;
use crate::broker::{BrokerError, GroupStatus, GroupWatch};

/// One request. Whoever watches would rather know that the broker is slow.
const REQUEST: Duration = Duration::from_secs(3);

pub(super) struct KafkaWatch {
    pub cluster: Cluster,
    pub lanes: Shared,
    pub group: String,
    /// Asks about the group, and is made when it is first needed.
    pub asking: Arc<Mutex<Option<BaseConsumer<Reporter>>>>,
}

#[async_trait]
impl GroupWatch for KafkaWatch {
    async fn status(&self) -> Result<GroupStatus, BrokerError> {
        let (cluster, lanes, group) = (self.cluster.clone(), Arc::clone(&self.lanes), self.group.clone());
        let asking = Arc::clone(&self.asking);
        blocking(move || {
            let mut asking = asking.lock().unwrap_or_else(PoisonError::into_inner);
            let consumer = match &mut *asking {
                Some(consumer) => consumer,
                empty => empty.insert(cluster.of_group(&group)?),
            };
            serve(consumer);
            let held = lanes.held().len();
            let partitions = cluster.find(&lanes.topic)?.unwrap_or_default();
            let lag = lag(consumer, &lanes.topic, partitions).map_err(|error| cluster.explain(&error))?;
            let members = members(consumer, &group).map_err(|error| cluster.explain(&error))?;
            let holders = members.iter().filter(|member| held == 0 && member.holds_some);
            Ok(GroupStatus {
                lag: Some(lag),
                partitions: Some((u32::try_from(held).unwrap_or(u32::MAX), partitions)),
                holders: holders.map(|member| member.name.clone()).collect(),
                members: Some(u32::try_from(members.len()).unwrap_or(u32::MAX)),
            })
        })
        .await
    }
}

/// How many messages of the topic the group has not consumed.
fn lag(consumer: &BaseConsumer<Reporter>, topic: &str, partitions: u32) -> KafkaResult<u64> {
    let partitions: Vec<i32> = (0..partitions)
        .filter_map(|number| i32::try_from(number).ok())
        .collect();
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in &partitions {
        list.add_partition(topic, *partition);
    }
    let mut places = BTreeMap::new();
    for element in consumer.committed_offsets(list, REQUEST)?.elements() {
        if let (Ok(()), Offset::Offset(place)) = (element.error(), element.offset()) {
            places.insert(element.partition(), u64::try_from(place).unwrap_or_default());
        }
    }
    let offsets = |at| start::offsets(consumer, topic, &partitions, at, REQUEST);
    let (starts, ends) = (offsets(Offset::Beginning)?, offsets(Offset::End)?);
    let lags = ends.iter().map(|(partition, end)| {
        // What was dropped before the group came to it is no lag; where it has never been it begins at the start.
        let start = starts.get(partition).copied().unwrap_or_default();
        end.saturating_sub(places.get(partition).copied().unwrap_or_default().max(start))
    });
    Ok(lags.sum())
}

struct Named {
    /// Such as `host-6f1c2d3e at 127.0.0.1`.
    name: String,
    holds_some: bool,
}

fn members(consumer: &BaseConsumer<Reporter>, group: &str) -> KafkaResult<Vec<Named>> {
    let list = consumer.fetch_group_list(Some(group), REQUEST)?;
    let members = list.groups().iter().flat_map(|group| group.members());
    let named = members.map(|member| Named {
        name: format!(
            "{} at {}",
            short(member.id()),
            member.client_host().trim_start_matches('/')
        ),
        holds_some: member.assignment().is_some_and(has_topics),
    });
    Ok(named.collect())
}

/// A member's id is a name, a hyphen, and a UUID, whose first part tells two members of a name apart.
fn short(id: &str) -> &str {
    const UUID: usize = 36;
    const FIRST_PART: usize = 8;
    let name = id
        .len()
        .checked_sub(UUID)
        .filter(|name| id.get(*name..).is_some_and(is_uuid));
    name.and_then(|name| id.get(..name + FIRST_PART)).unwrap_or(id)
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// Whether an assignment names a topic: a version of 2 bytes, and then how many there are, in 4 (Kafka's
/// `ConsumerProtocolAssignment`).
fn has_topics(assignment: &[u8]) -> bool {
    assignment
        .get(2..6)
        .and_then(|count| count.try_into().ok())
        .is_some_and(|count| i32::from_be_bytes(count) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_s_id_is_shown_by_its_name_and_the_beginning_of_what_tells_it_from_others() {
        assert_eq!(short("host-0a1b2c3d-1111-2222-3333-444455556666"), "host-0a1b2c3d");
        assert_eq!(
            short("kafka-python-2.0.2-0a1b2c3d-1111-2222-3333-444455556666"),
            "kafka-python-2.0.2-0a1b2c3d"
        );
        for odd in ["", "host", "é0a1b2c3d-1111-2222-3333-44445555666"] {
            assert_eq!(short(odd), odd);
        }
    }

    #[test]
    fn an_assignment_without_topics_holds_nothing() {
        assert!(has_topics(&[0, 1, 0, 0, 0, 1, 0, 2]));
        for nothing in [&[0, 1, 0, 0, 0, 0, 0, 0][..], &[0, 1], &[]] {
            assert!(!has_topics(nothing));
        }
    }
}
