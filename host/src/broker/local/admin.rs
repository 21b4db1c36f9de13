//! `host topics` for the embedded broker.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, Result, TransactionBehavior};

use super::Broker;
use super::lease::live;
use super::log::{check_topic, create_topic, find_or_create_topic, find_topic};
use crate::broker::{Admin, BrokerError, GroupDescription, PartitionDescription, TopicDescription};
use crate::terminal::counted;

#[async_trait]
impl Admin for Broker {
    async fn create(&self, topic: &str, partitions: u32) -> Result<bool, BrokerError> {
        let (broker, topic) = (self.clone(), topic.to_owned());
        self.with_connection(move |connection| {
            check_topic(&topic, partitions).map_err(BrokerError::Failed)?;
            let there = create(connection, &topic, partitions).map_err(|error| broker.explain(error))?;
            match there {
                None => Ok(true),
                Some(there) if there == partitions => Ok(false),
                Some(there) => Err(BrokerError::Failed(format!(
                    "the topic '{topic}' exists already, with {} instead of {partitions}; take that \
                     number or another name",
                    counted(there.into(), "partition", "partitions")
                ))),
            }
        })
        .await
    }

    async fn list(&self) -> Result<Vec<TopicDescription>, BrokerError> {
        let broker = self.clone();
        self.with_connection(move |connection| {
            list(connection, broker.config.lease).map_err(|error| broker.explain(error))
        })
        .await
    }

    async fn describe(&self, topic: &str) -> Result<TopicDescription, BrokerError> {
        let (broker, topic) = (self.clone(), topic.to_owned());
        self.with_connection(move |connection| {
            let described = find(connection, &topic, broker.config.lease).map_err(|error| broker.explain(error))?;
            described.ok_or_else(|| broker.unknown(&topic))
        })
        .await
    }

    async fn forget_group(&self, topic: &str, group: &str) -> Result<bool, BrokerError> {
        let (broker, topic, group) = (self.clone(), topic.to_owned(), group.to_owned());
        self.with_connection(move |connection| {
            let forgotten =
                forget(connection, &topic, &group, broker.config.lease).map_err(|error| broker.explain(error))?;
            match forgotten.ok_or_else(|| broker.unknown(&topic))? {
                Forgotten::Yes => Ok(true),
                Forgotten::NotThere => Ok(false),
                Forgotten::Alive(members) => Err(BrokerError::Failed(format!(
                    "the group '{group}' has {members} live members in '{topic}'; end them before it is forgotten"
                ))),
            }
        })
        .await
    }
}

impl Broker {
    /// Finds the topic, or creates it with the configured number of partitions.
    pub(super) fn find_or_create(&self, connection: &mut Connection, topic: &str) -> Result<i64, BrokerError> {
        let partitions = self.config.partitions;
        check_topic(topic, partitions).map_err(BrokerError::Failed)?;
        let work = |connection: &mut Connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let topic = find_or_create_topic(&transaction, topic, partitions)?;
            transaction.commit()?;
            Ok(topic)
        };
        work(connection).map_err(|error| self.explain(error))
    }
}

/// None: the topic was created. Otherwise: it existed, with this number of partitions.
fn create(connection: &mut Connection, topic: &str, partitions: u32) -> Result<Option<u32>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(topic) = find_topic(&transaction, topic)? {
        let there = "SELECT count(*) FROM partition WHERE topic = ?1";
        return transaction.query_row(there, (topic,), |row| row.get(0)).map(Some);
    }
    create_topic(&transaction, topic, partitions)?;
    transaction.commit()?;
    Ok(None)
}

fn list(connection: &mut Connection, lease: Duration) -> Result<Vec<TopicDescription>> {
    let transaction = connection.transaction()?;
    let mut statement = transaction.prepare("SELECT id, name FROM topic ORDER BY name")?;
    let topics = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    topics
        .map(|topic| topic.and_then(|(id, name)| describe(&transaction, id, name, lease)))
        .collect()
}

fn find(connection: &mut Connection, topic: &str, lease: Duration) -> Result<Option<TopicDescription>> {
    let transaction = connection.transaction()?;
    let id = find_topic(&transaction, topic)?;
    id.map(|id| describe(&transaction, id, topic.to_owned(), lease))
        .transpose()
}

fn describe(connection: &Connection, topic: i64, name: String, lease: Duration) -> Result<TopicDescription> {
    let partitions = connection
        .prepare("SELECT number, start_offset, end_offset, bytes FROM partition WHERE topic = ?1 ORDER BY number")?
        .query_map((topic,), |row| {
            Ok(PartitionDescription {
                partition: row.get(0)?,
                start: row.get(1)?,
                end: row.get(2)?,
                bytes: Some(row.get(3)?),
            })
        })?
        .collect::<Result<_>>()?;
    let groups = lags(connection, topic, lease)?;
    Ok(TopicDescription {
        name,
        partitions,
        groups,
    })
}

/// Every group that has an offset in the topic.
pub(super) fn lags(connection: &Connection, topic: i64, lease: Duration) -> Result<Vec<GroupDescription>> {
    let [soonest, latest] = live(lease);
    connection
        .prepare(
            "SELECT consumption.group_name, sum(end_offset - next_offset), count(DISTINCT member.id)
             FROM consumption JOIN partition ON partition.id = consumption.partition
             LEFT JOIN member ON member.id = holder AND expires_ms BETWEEN ?2 AND ?3
             WHERE partition.topic = ?1 GROUP BY consumption.group_name ORDER BY consumption.group_name",
        )?
        .query_map((topic, soonest, latest), |row| {
            Ok(GroupDescription {
                group: row.get(0)?,
                lag: row.get(1)?,
                members: row.get(2)?,
            })
        })?
        .collect()
}

enum Forgotten {
    Yes,
    NotThere,
    Alive(u32),
}

/// None: there is no such topic.
fn forget(connection: &mut Connection, topic: &str, group: &str, lease: Duration) -> Result<Option<Forgotten>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(topic) = find_topic(&transaction, topic)? else {
        return Ok(None);
    };
    let [soonest, latest] = live(lease);
    let members = "SELECT count(*) FROM member WHERE topic = ?1 AND group_name = ?2 AND expires_ms BETWEEN ?3 AND ?4";
    let members = transaction.query_row(members, (topic, group, soonest, latest), |row| row.get(0))?;
    if members > 0 {
        return Ok(Some(Forgotten::Alive(members)));
    }
    let forgotten = transaction.execute(
        "DELETE FROM consumption WHERE group_name = ?2 AND partition IN (SELECT id FROM partition WHERE topic = ?1)",
        (topic, group),
    )?;
    transaction.commit()?;
    Ok(Some(if forgotten > 0 {
        Forgotten::Yes
    } else {
        Forgotten::NotThere
    }))
}
