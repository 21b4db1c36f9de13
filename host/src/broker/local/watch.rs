//! Where a member stands in its group, as the file has it.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{Connection, Result};

use super::Broker;
use super::lanes::Lanes;
use super::lease::live;
use crate::broker::{BrokerError, GroupStatus, GroupWatch};

pub(super) struct LocalWatch {
    pub broker: Broker,
    pub lanes: Arc<Lanes>,
    pub topic: i64,
}

#[async_trait]
impl GroupWatch for LocalWatch {
    async fn status(&self) -> Result<GroupStatus, BrokerError> {
        let held = self.lanes.held().map_or(0, |held| held.len());
        let (broker, group, topic) = (self.broker.clone(), self.lanes.group.clone(), self.topic);
        let ask = move |connection: &mut Connection| {
            let times = live(broker.config.lease);
            status(connection, topic, &group, held, times).map_err(|error| broker.explain(error))
        };
        self.broker.with_connection(ask).await
    }
}

/// `live`: between which times the lease of a live member ends.
fn status(
    connection: &mut Connection,
    topic: i64,
    group: &str,
    held: usize,
    [soonest, latest]: [i64; 2],
) -> Result<GroupStatus> {
    let transaction = connection.transaction()?;
    let (partitions, lag) = transaction.query_row(
        "SELECT count(*), coalesce(sum(end_offset - next_offset), 0)
         FROM partition JOIN consumption ON partition = partition.id AND group_name = ?1 WHERE topic = ?2",
        (group, topic),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let members = transaction.query_row(
        "SELECT count(*) FROM member WHERE group_name = ?1 AND topic = ?2 AND expires_ms BETWEEN ?3 AND ?4",
        (group, topic, soonest, latest),
        |row| row.get(0),
    )?;
    let mut holders = Vec::new();
    if held == 0 {
        let mut statement = transaction.prepare(
            "SELECT DISTINCT member.id, process FROM consumption
             JOIN partition ON partition.id = partition AND partition.topic = ?2
             JOIN member ON member.id = holder AND expires_ms BETWEEN ?3 AND ?4
             WHERE consumption.group_name = ?1 ORDER BY member.id",
        )?;
        let names = statement.query_map((group, topic, soonest, latest), |row| {
            let (member, process): (i64, Option<u32>) = (row.get(0)?, row.get(1)?);
            // A program of an earlier version does not say.
            Ok(process.map_or_else(|| format!("member {member}"), |process| format!("process {process}")))
        })?;
        holders = names.collect::<Result<_>>()?;
    }
    Ok(GroupStatus {
        lag: Some(lag),
        partitions: Some((u32::try_from(held).unwrap_or(u32::MAX), partitions)),
        members: Some(members),
        holders,
    })
}
