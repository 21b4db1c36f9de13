//! A record as a message, and back.

use std::panic::{self, AssertUnwindSafe};

use bytes::Bytes;
use rdkafka::Message as _;
use rdkafka::message::{BorrowedMessage, Header, Headers, OwnedHeaders};

use crate::message::{Message, Name};

/// A record's payload, key, headers and time.
pub(super) fn from_record(record: &BorrowedMessage<'_>) -> Message {
    Message {
        payload: record.payload().map(Bytes::copy_from_slice),
        key: record.key().map(Bytes::copy_from_slice),
        headers: record.headers().map(headers).unwrap_or_default(),
        timestamp_ms: record.timestamp().to_millis(),
    }
}

fn headers(headers: &impl Headers) -> Vec<(Name, Option<Bytes>)> {
    let header = |index| {
        // librdkafka's Rust binding panics at a name that is not UTF-8, which any sender may use.
        let read = panic::catch_unwind(AssertUnwindSafe(|| {
            let header = headers.try_get(index)?;
            Some((header.key.to_owned().into(), header.value.map(Bytes::copy_from_slice)))
        }));
        read.unwrap_or_else(|_| {
            tracing::warn!("dropped a header whose name is not UTF-8");
            None
        })
    };
    (0..headers.count()).filter_map(header).collect()
}

/// A message's headers for a record.
pub(super) fn to_headers(message: &Message) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
    for (key, value) in &message.headers {
        headers = headers.insert(Header {
            key,
            value: value.as_deref(),
        });
    }
    headers
}
