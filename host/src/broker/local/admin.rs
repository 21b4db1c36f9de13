//! `host topics` for the embedded broker.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Result, TransactionBehavior};

use super::Broker;
use super::lease::live;
use super::log::{DELETED, check_topic, create_topic, find_or_create_topic, find_topic, record_id};
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
        let listed = self.with_existing(move |connection| {
            list(connection, broker.config.lease).map_err(|error| broker.explain(error))
        });
        Ok(listed.await?.unwrap_or_default())
    }

    async fn describe(&self, topic: &str) -> Result<TopicDescription, BrokerError> {
        let (broker, name) = (self.clone(), topic.to_owned());
        let described = self.with_existing(move |connection| {
            find(connection, &name, broker.config.lease).map_err(|error| broker.explain(error))
        });
        described.await?.flatten().ok_or_else(|| self.unknown(topic))
    }

    async fn forget_group(&self, topic: &str, group: &str) -> Result<bool, BrokerError> {
        let (broker, name, of) = (self.clone(), topic.to_owned(), group.to_owned());
        let forgotten = self.with_existing(move |connection| {
            forget(connection, &name, &of, broker.config.lease).map_err(|error| broker.explain(error))
        });
        match forgotten.await?.flatten().ok_or_else(|| self.unknown(topic))? {
            Forgotten::Yes => Ok(true),
            Forgotten::NotThere => Ok(false),
            Forgotten::Alive(members) => Err(BrokerError::Failed(format!(
                "the group '{group}' has {members} live members in '{topic}'; end them before it is forgotten"
            ))),
        }
    }

    async fn delete(&self, topic: &str, force: bool) -> Result<Vec<String>, BrokerError> {
        let (broker, name) = (self.clone(), topic.to_owned());
        let deleted = self.with_existing(move |connection| {
            let deleted =
                delete(connection, &name, broker.config.lease, force).map_err(|error| broker.explain(error))?;
            sweep(connection).map_err(|error| broker.explain(error))?;
            Ok(deleted)
        });
        match deleted.await?.flatten().ok_or_else(|| self.unknown(topic))? {
            Deleted::Yes => Ok(Vec::new()),
            Deleted::InUse(why) => Err(why),
        }
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
    let mut statement = transaction.prepare("SELECT id, name FROM topic WHERE name NOT LIKE ?1 ORDER BY name")?;
    let topics = statement.query_map((DELETED,), |row| Ok((row.get(0)?, row.get(1)?)))?;
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

/// Records that one transaction drops at most, so that it locks nobody out for long.
const DROPS: u64 = 200;

enum Deleted {
    Yes,
    InUse(BrokerError),
}

/// Takes a topic out of sight, with the places of its groups. None: there is no such topic.
///
/// Its row and its partitions' rows stay, under another name: a member that was stopped in its sleep may still know their ids, which
/// must never be another topic's.
fn delete(connection: &mut Connection, topic: &str, lease: Duration, force: bool) -> Result<Option<Deleted>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(id) = find_topic(&transaction, topic)? else {
        return Ok(None);
    };
    let [soonest, latest] = live(lease);
    let members = "SELECT count(*) FROM member WHERE topic = ?1 AND expires_ms BETWEEN ?2 AND ?3";
    let members: u32 = transaction.query_row(members, (id, soonest, latest), |row| row.get(0))?;
    if members > 0 {
        return Ok(Some(Deleted::InUse(BrokerError::Failed(format!(
            "'{topic}' is being read, by {members} members of groups; stop them before it is deleted"
        )))));
    }
    if let (Err(why), false) = (describe(&transaction, id, topic.to_owned(), lease)?.may_go(), force) {
        return Ok(Some(Deleted::InUse(why)));
    }
    transaction.execute(
        "DELETE FROM consumption WHERE partition IN (SELECT id FROM partition WHERE topic = ?1)",
        (id,),
    )?;
    transaction.execute(
        "UPDATE topic SET name = replace(?2, '%', id) WHERE id = ?1",
        (id, DELETED),
    )?;
    transaction.commit()?;
    Ok(Some(Deleted::Yes))
}

/// Drops what deleted topics hold, this one's and whatever an interrupted deletion has left.
fn sweep(connection: &mut Connection) -> Result<()> {
    let left = "SELECT partition.id, start_offset, end_offset FROM partition JOIN topic ON topic.id = topic
                WHERE name LIKE ?1 AND start_offset < end_offset";
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let next = transaction
            .query_row(left, (DELETED,), |row| {
                Ok((row.get(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?))
            })
            .optional()?;
        let Some((partition, start, end)) = next else {
            return Ok(());
        };
        let to = end.min(start.saturating_add(DROPS));
        transaction.execute(
            "DELETE FROM record WHERE id >= ?1 AND id < ?2",
            (record_id(partition, start), record_id(partition, to)),
        )?;
        transaction.execute(
            "UPDATE partition SET start_offset = ?2, bytes = 0 WHERE id = ?1",
            (partition, to),
        )?;
        transaction.commit()?;
    }
}
