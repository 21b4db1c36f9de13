//! `host topics` for Kafka.

use std::collections::BTreeMap;
use std::time::Instant;

use async_trait::async_trait;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use super::topics::{Cluster, REQUEST, SOON};
use super::{Broker, code};
use crate::broker::threads::blocking;
use crate::broker::{Admin, BrokerError, GroupDescription, PartitionDescription, Route, TopicDescription};
use crate::terminal::counted;

#[async_trait]
impl Admin for Broker {
    async fn create(&self, topic: &str, partitions: u32) -> Result<bool, BrokerError> {
        if self.cluster.create(topic, partitions, Route::Answers).await? {
            // A broker learns of it a little later than the controller. Whoever may create it need not be allowed to see it.
            let _ = self.cluster.wait_until_there(topic).await;
            return Ok(true);
        }
        match self.cluster.find_blocking(topic).await? {
            Some(there) if there == partitions => Ok(false),
            Some(there) => Err(BrokerError::Failed(format!(
                "the topic '{topic}' exists already, with {} instead of {partitions}; take that number \
                 or another name",
                counted(there.into(), "partition", "partitions")
            ))),
            None => Err(BrokerError::Failed(format!(
                "you may not create the topic '{topic}'; ask the cluster's administrator"
            ))),
        }
    }

    async fn list(&self) -> Result<Vec<TopicDescription>, BrokerError> {
        let cluster = self.cluster.clone();
        blocking(move || {
            let metadata = cluster.consumer().fetch_metadata(None, REQUEST);
            let metadata = metadata.map_err(|error| cluster.explain(&error))?;
            let topics = metadata.topics().iter();
            let topics = topics.map(|topic| (topic.name().to_owned(), topic.partitions().len()));
            // Kafka's internal topics.
            let mut topics: Vec<_> = topics.filter(|(name, _)| !name.starts_with("__")).collect();
            topics.sort();
            describe(&cluster, topics)
        })
        .await
    }

    async fn describe(&self, topic: &str) -> Result<TopicDescription, BrokerError> {
        let (cluster, topic) = (self.cluster.clone(), topic.to_owned());
        blocking(move || {
            let partitions = cluster.find(&topic)?.ok_or_else(|| cluster.unknown(&topic))?;
            let described = describe(&cluster, vec![(topic.clone(), partitions as usize)])?;
            described.into_iter().next().ok_or_else(|| cluster.unknown(&topic))
        })
        .await
    }

    async fn delete(&self, topic: &str, force: bool) -> Result<Vec<String>, BrokerError> {
        let described = self.describe(topic).await?;
        if !force {
            described.may_go()?;
        }
        self.cluster.delete(topic).await.map(|()| Vec::new())
    }

    async fn forget_group(&self, topic: &str, group: &str) -> Result<bool, BrokerError> {
        Err(BrokerError::Unsupported(format!(
            "in Kafka a group never holds messages back; to set its offsets, use Kafka's own tool: \
             kafka-consumer-groups.sh --delete-offsets --group {group} --topic {topic}"
        )))
    }
}

/// Every group of the cluster, with the number of its members.
fn groups(cluster: &Cluster) -> Result<Vec<(String, u32)>, BrokerError> {
    let list = cluster.consumer().fetch_group_list(None, REQUEST);
    let list = list.map_err(|error| cluster.explain(&error))?;
    let groups = list.groups().iter();
    let group = groups.map(|group| {
        let members = u32::try_from(group.members().len()).unwrap_or(u32::MAX);
        (group.name().to_owned(), members)
    });
    Ok(group.collect())
}

/// Describes topics, each given with the number of its partitions. It asks once for all of them, and once for each group.
fn describe(cluster: &Cluster, topics: Vec<(String, usize)>) -> Result<Vec<TopicDescription>, BrokerError> {
    let starts = offsets(cluster, &topics, Offset::Beginning)?;
    let ends = offsets(cluster, &topics, Offset::End)?;
    let mut described = Vec::with_capacity(topics.len());
    for (name, count) in &topics {
        let partition = |number: usize| {
            let place = (name.clone(), i32::try_from(number).unwrap_or(i32::MAX));
            PartitionDescription {
                partition: u32::try_from(number).unwrap_or(u32::MAX),
                start: starts.get(&place).copied().unwrap_or_default(),
                end: ends.get(&place).copied().unwrap_or_default(),
                bytes: None,
            }
        };
        described.push(TopicDescription {
            name: name.clone(),
            partitions: (0..*count).map(partition).collect(),
            groups: Vec::new(),
        });
    }
    for (group, members) in groups(cluster)? {
        let committed = cluster
            .of_group(&group)?
            .committed_offsets(list(&topics, Offset::Invalid), REQUEST);
        let committed = placed(&committed.map_err(|error| cluster.explain(&error))?);
        for topic in &mut described {
            if let Some(lag) = lag(topic, &committed) {
                topic.groups.push(GroupDescription {
                    group: group.clone(),
                    lag: Some(lag),
                    members: Some(members),
                });
            }
        }
    }
    Ok(described)
}

/// Offsets by topic and partition.
type Places = BTreeMap<(String, i32), u64>;

/// Where each partition begins or ends, by one request to each leader. Repeated while leaders change, as they do just after a topic was
/// created.
fn offsets(cluster: &Cluster, topics: &[(String, usize)], which: Offset) -> Result<Places, BrokerError> {
    let began = Instant::now();
    loop {
        // To a broker the beginning and the end are times.
        let found = cluster.consumer().offsets_for_times(list(topics, which), REQUEST);
        let placed = found.and_then(|found| {
            for element in found.elements() {
                element.error()?;
            }
            Ok(placed(&found))
        });
        match placed {
            Err(error) if began.elapsed() < REQUEST && error.rdkafka_error_code().is_some_and(code::is_moving) => {
                std::thread::sleep(SOON);
            }
            placed => return placed.map_err(|error| cluster.explain(&error)),
        }
    }
}

fn list(topics: &[(String, usize)], offset: Offset) -> TopicPartitionList {
    let mut list = TopicPartitionList::with_capacity(topics.iter().map(|(_, count)| count).sum());
    for (topic, count) in topics {
        for partition in 0..*count {
            list.add_partition(topic, i32::try_from(partition).unwrap_or(i32::MAX));
        }
    }
    // Fails for an offset that is none.
    let _ = list.set_all_offsets(offset);
    list
}

/// Those that have an offset.
fn placed(list: &TopicPartitionList) -> Places {
    let elements = list.elements();
    let placed = elements.iter().filter_map(|element| match element.offset() {
        Offset::Offset(offset) => Some((
            (element.topic().to_owned(), element.partition()),
            u64::try_from(offset).unwrap_or_default(),
        )),
        _ => None,
    });
    placed.collect()
}

/// A group's lag in a topic: it begins where it has no offset. None: it has none in the whole topic.
fn lag(topic: &TopicDescription, committed: &Places) -> Option<u64> {
    let places = topic.partitions.iter().map(|partition| {
        let number = i32::try_from(partition.partition).unwrap_or(i32::MAX);
        let place = committed.get(&(topic.name.clone(), number)).copied();
        (partition, place)
    });
    let places: Vec<_> = places.collect();
    places.iter().any(|(_, place)| place.is_some()).then(|| {
        let behind = places.iter().map(|(partition, place)| {
            let place = place.unwrap_or_default().max(partition.start);
            partition.end.saturating_sub(place)
        });
        behind.sum()
    })
}
