//! The append-only log: topics, their partitions, and the records in them.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

use crate::message::{Message, Name};

/// Every partition costs some bookkeeping; more than this is a typing error.
pub(super) const MAX_PARTITIONS: u32 = 1024;

pub(super) const OFFSET_BITS: u32 = 40;

/// The partition's id above, the offset in the lower 40 bits: a partition holds 2^40 records, a file 2^23 partitions.
pub(super) fn record_id(partition: i64, offset: u64) -> i64 {
    (partition << OFFSET_BITS) | i64::try_from(offset).unwrap_or(i64::MAX)
}

/// The offset of a record.
pub(super) fn offset(record: i64) -> u64 {
    u64::try_from(record & ((1 << OFFSET_BITS) - 1)).unwrap_or_default()
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A number that changes when another connection, of this process or any other, commits. Nearly free.
pub(super) fn data_version(connection: &Connection) -> Result<i64> {
    let mut statement = connection.prepare_cached("PRAGMA data_version")?;
    statement.query_row((), |row| row.get(0))
}

/// What the rows of deleted topics are called, which stay: no topic can have such a name.
pub(super) const DELETED: &str = "deleted/%";

pub(super) fn find_topic(connection: &Connection, name: &str) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT id FROM topic WHERE name = ?1 AND name NOT LIKE ?2")?;
    statement.query_row((name, DELETED), |row| row.get(0)).optional()
}

/// Within the caller's transaction.
pub(super) fn create_topic(connection: &Connection, name: &str, partitions: u32) -> Result<i64> {
    connection.execute("INSERT INTO topic (name) VALUES (?1)", (name,))?;
    let topic = connection.last_insert_rowid();
    for number in 0..partitions {
        connection.execute("INSERT INTO partition (topic, number) VALUES (?1, ?2)", (topic, number))?;
    }
    Ok(topic)
}

/// Within the caller's transaction.
pub(super) fn find_or_create_topic(connection: &Connection, name: &str, partitions: u32) -> Result<i64> {
    match find_topic(connection, name)? {
        Some(topic) => Ok(topic),
        None => create_topic(connection, name, partitions),
    }
}

/// Why a topic cannot be created, if so. The rules are Kafka's, so that a name is valid at every broker or at none.
pub(super) fn check_topic(name: &str, partitions: u32) -> std::result::Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || name.len() > 249 || name == "." || name == ".." || !name.bytes().all(legal) {
        return Err(format!(
            "'{name}' cannot name a topic; take 1 to 249 of the characters a-z A-Z 0-9 . _ -"
        ));
    }
    if !(1..=MAX_PARTITIONS).contains(&partitions) {
        return Err(format!(
            "a topic cannot have {partitions} partitions; take 1 to {MAX_PARTITIONS}"
        ));
    }
    Ok(())
}

/// The partition of a record without a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spread {
    /// An answer follows its input: partition `n` to partition `n`, modulo their number. This keeps a lane's order.
    Follow(u32),
    /// Nothing to follow: round robin.
    Turn(u64),
}

/// Appends one record to the partition that its key chooses, within the caller's transaction.
pub(super) fn append(connection: &Connection, topic: i64, message: &Message, spread: Spread) -> Result<()> {
    let count: u64 = connection
        .prepare_cached("SELECT count(*) FROM partition WHERE topic = ?1")?
        .query_row((topic,), |row| row.get(0))?;
    let choice = match (&message.key, spread) {
        (Some(key), _) => hash(key),
        (None, Spread::Follow(number)) => u64::from(number),
        (None, Spread::Turn(turn)) => turn,
    };
    let size = u64::try_from(message.size()).unwrap_or(u64::MAX);
    let (partition, offset): (i64, u64) = connection
        .prepare_cached(
            "UPDATE partition SET end_offset = end_offset + 1, bytes = bytes + ?3
             WHERE topic = ?1 AND number = ?2 RETURNING id, end_offset - 1",
        )?
        .query_row((topic, choice.checked_rem(count).unwrap_or(0), size), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    connection
        .prepare_cached(
            "INSERT INTO record (id, timestamp_ms, size, key, headers, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            record_id(partition, offset),
            message.timestamp_ms.unwrap_or_else(now_ms),
            size,
            message.key.as_deref(),
            Headers::of(message),
            message.payload.as_deref(),
        ])?;
    Ok(())
}

/// For each partition of a topic, the offset of its next record.
pub(super) fn ends(connection: &Connection, topic: i64) -> Result<HashMap<i64, u64>> {
    connection
        .prepare_cached("SELECT id, end_offset FROM partition WHERE topic = ?1")?
        .query_map((topic,), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// One record. None: the offset does not exist yet.
pub(super) fn read(connection: &Connection, partition: i64, offset: u64) -> Result<Option<Message>> {
    connection
        .prepare_cached("SELECT timestamp_ms, key, headers, payload FROM record WHERE id = ?1")?
        .query_row((record_id(partition, offset),), message)
        .optional()
}

/// The first record of a partition at this offset or behind it, and its own offset; none where there is none yet.
pub(super) fn read_from(connection: &Connection, partition: i64, from: u64) -> Result<Option<(u64, Message)>> {
    connection
        .prepare_cached(
            "SELECT timestamp_ms, key, headers, payload, id FROM record WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1",
        )?
        .query_row((record_id(partition, from), record_id(partition + 1, 0)), |row| {
            Ok((offset(row.get(4)?), message(row)?))
        })
        .optional()
}

/// Of the columns time, key, headers and payload.
fn message(row: &Row<'_>) -> Result<Message> {
    Ok(Message {
        timestamp_ms: row.get(0)?,
        key: row.get_ref(1)?.as_blob_or_null()?.map(Bytes::copy_from_slice),
        headers: row
            .get::<_, Option<Headers>>(2)?
            .map_or_else(Vec::new, |headers| headers.0),
        payload: row.get_ref(3)?.as_blob_or_null()?.map(Bytes::copy_from_slice),
    })
}

/// FNV-1a, 64 bit (Fowler, Noll and Vo): small, stable for ever, and spreads short keys well. A key's partition is its
/// hash modulo the number of partitions.
fn hash(key: &[u8]) -> u64 {
    key.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// One blob: for each header the length of the name, the name, the length of the value, the value. Lengths are u32,
/// little-endian; that of an absent value is [`NO_VALUE`].
struct Headers(Vec<(Name, Option<Bytes>)>);

const NO_VALUE: u32 = u32::MAX;

impl Headers {
    /// None without headers: most messages have none, and null takes one byte.
    fn of(message: &Message) -> Option<Self> {
        (!message.headers.is_empty()).then(|| Self(message.headers.clone()))
    }
}

impl ToSql for Headers {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        let mut blob = Vec::new();
        let parts = self.0.iter();
        for part in parts.flat_map(|(name, value)| [Some(name.as_bytes()), value.as_deref()]) {
            let length = part.map_or(Ok(NO_VALUE), |part| u32::try_from(part.len()));
            let length = length.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
            blob.extend(length.to_le_bytes());
            blob.extend(part.unwrap_or_default());
        }
        Ok(blob.into())
    }
}

impl FromSql for Headers {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let mut rest = value.as_blob()?;
        let mut part = || {
            let (length, after) = rest.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length);
            if length == NO_VALUE {
                rest = after;
                return Some(None);
            }
            let (part, after) = after.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some(Some(part))
        };
        let mut headers = Vec::new();
        while let Some(name) = part() {
            let (Some(name), Some(value)) = (name, part()) else {
                return Err(FromSqlError::InvalidType);
            };
            let name = std::str::from_utf8(name).map_err(FromSqlError::other)?;
            headers.push((name.to_owned().into(), value.map(Bytes::copy_from_slice)));
        }
        if rest.is_empty() {
            Ok(Self(headers))
        } else {
            Err(FromSqlError::InvalidType)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn headers_come_back_as_they_were(
            headers in prop::collection::vec((".{0,8}", prop::option::of(prop::collection::vec(any::<u8>(), 0..9))), 0..5),
        ) {
            let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name.into(), value.map(Bytes::from))).collect();
            let headers = Headers(headers);
            let ToSqlOutput::Owned(rusqlite::types::Value::Blob(blob)) = headers.to_sql().unwrap() else {
                return Err(TestCaseError::fail("headers are a blob"));
            };
            prop_assert_eq!(Headers::column_result(ValueRef::Blob(&blob)).unwrap().0, headers.0);
        }

        #[test]
        fn a_damaged_blob_of_headers_is_an_error_or_other_headers_but_no_panic(blob in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Headers::column_result(ValueRef::Blob(&blob));
        }
    }

    #[test]
    fn a_key_keeps_its_hash_for_ever() {
        // Vectors of the authors' reference.
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_topic_has_a_name_of_plain_characters_and_a_sane_number_of_partitions() {
        assert!(check_topic("input-stream", 1).is_ok());
        for (name, partitions) in [
            ("", 1),
            ("a b", 1),
            ("..", 1),
            (&*"x".repeat(250), 1),
            ("x", 0),
            ("x", 1025),
        ] {
            assert!(check_topic(name, partitions).is_err(), "{name} {partitions}");
        }
    }
}
