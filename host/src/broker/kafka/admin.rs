//! `host topics` for Kafka.

use async_trait::async_trait;
use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;

use super::Broker;
use super::topics::{Cluster, REQUEST};
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
            let mut names: Vec<_> = metadata.topics().iter().map(|topic| topic.name().to_owned()).collect();
            // Kafka's internal topics.
            names.retain(|name| !name.starts_with("__"));
            names.sort();
            let groups = groups(&cluster)?;
            names.iter().map(|name| describe(&cluster, name, &groups)).collect()
        })
        .await
    }

    async fn describe(&self, topic: &str) -> Result<TopicDescription, BrokerError> {
        let (cluster, topic) = (self.cluster.clone(), topic.to_owned());
        blocking(move || describe(&cluster, &topic, &groups(&cluster)?)).await
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

fn describe(cluster: &Cluster, topic: &str, groups: &[(String, u32)]) -> Result<TopicDescription, BrokerError> {
    let count = cluster.find(topic)?.ok_or_else(|| cluster.unknown(topic))?;
    let mut partitions = Vec::new();
    for partition in 0..count {
        let number = i32::try_from(partition).unwrap_or(i32::MAX);
        let ends = cluster.consumer().fetch_watermarks(topic, number, REQUEST);
        let (start, end) = ends.map_err(|error| cluster.explain(&error))?;
        partitions.push(PartitionDescription {
            partition,
            start: u64::try_from(start).unwrap_or_default(),
            end: u64::try_from(end).unwrap_or_default(),
            bytes: None,
        });
    }
    let mut described = Vec::new();
    for (group, members) in groups {
        if let Some(lag) = lag(cluster, topic, group, &partitions)? {
            described.push(GroupDescription {
                group: group.clone(),
                lag: Some(lag),
                members: Some(*members),
            });
        }
    }
    Ok(TopicDescription {
        name: topic.to_owned(),
        partitions,
        groups: described,
    })
}

/// A group's lag in a topic. None: it has no offset there.
fn lag(
    cluster: &Cluster,
    topic: &str,
    group: &str,
    partitions: &[PartitionDescription],
) -> Result<Option<u64>, BrokerError> {
    let failed = |error| cluster.explain(&error);
    let consumer = cluster.of_group(group)?;
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition(topic, i32::try_from(partition.partition).unwrap_or(i32::MAX));
    }
    let committed = consumer.committed_offsets(list, REQUEST).map_err(failed)?;
    let mut lag = None;
    for (partition, element) in partitions.iter().zip(committed.elements()) {
        let place = match element.offset() {
            Offset::Offset(place) => {
                lag.get_or_insert(0);
                u64::try_from(place).unwrap_or_default()
            }
            _ => partition.start,
        };
        if let Some(lag) = &mut lag {
            *lag += partition.end.saturating_sub(place.max(partition.start));
        }
    }
    Ok(lag)
}
