//! Retention by size: drops what every group has consumed, oldest first, and never what a group has yet to consume.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Result};

use super::log::record_id;

/// The most records that one call drops. After the limit was lowered there may be millions to drop, and a single
/// transaction for all of them would lock everybody else out.
const DROPS: usize = 1000;

/// Whether a topic has room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Yes,
    /// Everything left is unconsumed.
    No,
    /// There is more to drop: call again, in another transaction.
    NotYet,
}

/// Drops consumed records until `size` more bytes fit into the topic, within the caller's transaction. A topic that
/// no group has read counts as unconsumed. One act may fill an empty topic, whatever its size.
pub(super) fn make_room(connection: &Connection, topic: i64, size: u64, limit: u64) -> Result<Room> {
    for _ in 0..DROPS {
        let bytes: u64 = connection
            .prepare_cached("SELECT coalesce(sum(bytes), 0) FROM partition WHERE topic = ?1")?
            .query_row((topic,), |row| row.get(0))?;
        if bytes == 0 || bytes.saturating_add(size) <= limit {
            return Ok(Room::Yes);
        }
        if !drop_oldest(connection, topic)? {
            return Ok(Room::No);
        }
    }
    Ok(Room::NotYet)
}

/// Drops the topic's oldest record that every group has consumed. False: there is none.
fn drop_oldest(connection: &Connection, topic: i64) -> Result<bool> {
    let starts = connection
        .prepare_cached(
            "SELECT id, start_offset FROM partition
             WHERE topic = ?1 AND start_offset < (SELECT min(next_offset) FROM consumption WHERE partition = partition.id)",
        )?
        .query_map((topic,), |row| Ok(record_id(row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<_>>>()?;
    let mut oldest = None;
    for record in starts {
        let found = connection
            .prepare_cached("SELECT timestamp_ms, id, size FROM record WHERE id = ?1")?
            .query_row((record,), |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, u64>(2)?))
            })
            .optional()?;
        oldest = [oldest, found].into_iter().flatten().min();
    }
    let Some((_, record, size)) = oldest else {
        return Ok(false);
    };
    connection
        .prepare_cached("DELETE FROM record WHERE id = ?1")?
        .execute((record,))?;
    connection
        .prepare_cached("UPDATE partition SET start_offset = start_offset + 1, bytes = bytes - ?2 WHERE id = ?1")?
        .execute((record >> super::log::OFFSET_BITS, size))?;
    Ok(true)
}

/// Which group keeps records from being dropped, for people: `my-group (40 behind)`, or that no group has read the
/// topic.
pub(super) fn laggards(connection: &Connection, topic: i64, lease: Duration) -> Result<String> {
    let lags = super::admin::lags(connection, topic, lease)?;
    if lags.is_empty() {
        return Ok("no group has read it".to_owned());
    }
    let lags = lags
        .iter()
        .filter_map(|group| Some((&group.group, group.lag.filter(|lag| *lag > 0)?)));
    let names: Vec<_> = lags.map(|(group, lag)| format!("{group} ({lag} behind)")).collect();
    Ok(names.join(", "))
}
