//! Looking at a topic of the file, and where a group begins that is new to one.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Result, TransactionBehavior};

use super::Broker;
use super::log::{self, find_topic};
use crate::broker::BrokerError;
use crate::broker::look::{Extent, Log, Look, View};
use crate::broker::threads::blocking;
use crate::message::Message;
use crate::values::Start;

impl Broker {
    /// Looks at a topic. A file that is missing is not made.
    pub async fn look(&self, view: View) -> std::result::Result<Look, BrokerError> {
        let broker = self.clone();
        blocking(move || {
            let Some(connection) = broker.connect_existing()? else {
                return Err(broker.unknown(&view.topic));
            };
            let topic = find_topic(&connection, &view.topic).map_err(|error| broker.explain(error))?;
            let topic = topic.ok_or_else(|| broker.unknown(&view.topic))?;
            let partitions = partitions(&connection, topic).map_err(|error| broker.explain(error))?;
            let log = LocalLog {
                places: partitions.iter().map(|(partition, _)| (*partition, 0)).collect(),
                broker: Arc::new(broker),
                connection,
                topic,
            };
            Look::at(log, view)
        })
        .await
    }

    /// Gives a group that has never been in a topic its places there, as `--from` says.
    pub(super) fn begin(
        &self,
        connection: &mut Connection,
        (topic, name): (i64, &str),
        group: &str,
    ) -> std::result::Result<(), BrokerError> {
        begin(connection, (topic, name), group, self.config.start).map_err(|error| self.explain(error))
    }
}

fn begin(connection: &mut Connection, (topic, name): (i64, &str), group: &str, start: Start) -> Result<()> {
    // Whoever joins begins there anyway.
    if start == Start::Earliest {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let has_begun = "SELECT EXISTS (SELECT 1 FROM consumption JOIN partition ON partition = partition.id WHERE topic = ?1 AND group_name = ?2)";
    if transaction.query_row(has_begun, (topic, group), |row| row.get(0))? {
        return Ok(());
    }
    for (number, (partition, extent)) in partitions(&transaction, topic)?.into_iter().enumerate() {
        let next = match start {
            Start::Earliest => extent.start,
            Start::Latest => extent.end,
            Start::Offset(offset) => extent.clamp(name, number, offset),
            Start::Time(time_ms) => at_time(&transaction, partition, extent, time_ms)?,
        };
        transaction.execute(
            "INSERT INTO consumption (group_name, partition, next_offset) VALUES (?1, ?2, ?3)",
            (group, partition, next),
        )?;
    }
    transaction.commit()
}

/// A topic's partitions in order: the id of each, and what it holds.
fn partitions(connection: &Connection, topic: i64) -> Result<Vec<(i64, Extent)>> {
    connection
        .prepare_cached("SELECT id, start_offset, end_offset FROM partition WHERE topic = ?1 ORDER BY number")?
        .query_map((topic,), |row| {
            let (start, end) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, Extent { start, end }))
        })?
        .collect()
}

fn at_time(connection: &Connection, partition: i64, extent: Extent, time_ms: i64) -> Result<u64> {
    let [first, end] = [extent.start, extent.end].map(|offset| log::record_id(partition, offset));
    let found: Option<i64> = connection
        .prepare_cached("SELECT id FROM record WHERE id >= ?1 AND id < ?2 AND timestamp_ms >= ?3 ORDER BY id LIMIT 1")?
        .query_row((first, end, time_ms), |row| row.get(0))
        .optional()?;
    Ok(found.map_or(extent.end, log::offset))
}

struct LocalLog {
    broker: Arc<Broker>,
    connection: Connection,
    topic: i64,
    /// By number: a partition's id, and the offset that is read next.
    places: Vec<(i64, u64)>,
}

impl LocalLog {
    fn explained<T>(&self, result: Result<T>) -> std::result::Result<T, BrokerError> {
        result.map_err(|error| self.broker.explain(error))
    }
}

impl Log for LocalLog {
    fn extents(&mut self) -> std::result::Result<Vec<Extent>, BrokerError> {
        let partitions = self.explained(partitions(&self.connection, self.topic))?;
        Ok(partitions.into_iter().map(|(_, extent)| extent).collect())
    }

    fn at_time(&mut self, time_ms: i64) -> std::result::Result<Vec<u64>, BrokerError> {
        let found = partitions(&self.connection, self.topic).and_then(|partitions| {
            let partitions = partitions.into_iter();
            partitions
                .map(|(partition, extent)| at_time(&self.connection, partition, extent, time_ms))
                .collect()
        });
        self.explained(found)
    }

    fn seek(&mut self, offsets: &[u64]) -> std::result::Result<(), BrokerError> {
        for ((_, place), offset) in self.places.iter_mut().zip(offsets) {
            *place = *offset;
        }
        Ok(())
    }

    fn next(&mut self, partition: usize) -> std::result::Result<Option<(u64, Message)>, BrokerError> {
        let Some((id, place)) = self.places.get(partition).copied() else {
            return Ok(None);
        };
        // What was dropped since is passed over.
        let found = self.explained(log::read_from(&self.connection, id, place))?;
        if let (Some((offset, _)), Some((_, place))) = (&found, self.places.get_mut(partition)) {
            *place = offset + 1;
        }
        Ok(found)
    }
}
