//! A Pub/Sub message to a message and back, within limits that other brokers do not have.
//!
//! Pub/Sub has no absent payload or value: it gets an empty one. The limits are those of
//! <https://cloud.google.com/pubsub/quotas>. A header over a limit is cut or dropped, with a warning: the message is
//! worth more.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use google_cloud_pubsub::model;

use crate::broker::{BrokerError, Lane, NOT_PUBLISHABLE, TOO_LARGE};
use crate::message::Message;

/// The largest message, attributes and key included: a request of 10 MB, minus the names and numbers around it.
pub(super) const MAX_MESSAGE_BYTES: usize = 10_000_000 - 4096;

const MAX_ATTRIBUTES: usize = 100;
const MAX_NAME: usize = 256;
const MAX_VALUE: usize = 1024;
pub(super) const MAX_KEY: usize = 1024;

/// Names with this prefix are Google's own.
const RESERVED: &str = "goog";

/// Prefix of a value that is not text.
const BINARY: &str = "base64:";

/// Data, ordering key, attributes and publish time, attributes by name.
pub(super) fn from_pubsub(message: model::Message) -> Message {
    let mut headers: Vec<_> = message
        .attributes
        .into_iter()
        .map(|(name, value)| (name.into(), Some(Bytes::from(value))))
        .collect();
    headers.sort();
    Message {
        payload: Some(message.data),
        key: Some(message.ordering_key)
            .filter(|key| !key.is_empty())
            .map(Bytes::from),
        headers,
        timestamp_ms: message
            .publish_time
            .map(|time| time.seconds() * 1000 + i64::from(time.nanos()) / 1_000_000),
    }
}

/// Payload, key and headers; the service sets the time. A message without a key gets the name of the lane that it
/// answers, if that lane has more than one message.
pub(super) fn to_pubsub(message: Message, lane: Option<&Lane>) -> Result<model::Message, BrokerError> {
    let key = match &message.key {
        Some(key) => text(key),
        None => lane
            .filter(|lane| lane.number().is_some())
            .map(Lane::to_string)
            .unwrap_or_default(),
    };
    let key = cut(key, MAX_KEY);
    let attributes = attributes(&message);
    let headers = attributes.iter().map(|(name, value)| name.len() + value.len());
    let payload = message.payload.unwrap_or_default();
    let size = payload.len() + key.len() + headers.sum::<usize>();
    if size > MAX_MESSAGE_BYTES {
        return Err(BrokerError::Refused {
            code: TOO_LARGE,
            detail: format!(
                "a message of {size} bytes is over Pub/Sub's limit ({MAX_MESSAGE_BYTES}); send smaller batches"
            ),
        });
    }
    if payload.is_empty() && attributes.is_empty() {
        return Err(BrokerError::Refused {
            code: NOT_PUBLISHABLE,
            detail: "Pub/Sub accepts no message with neither payload nor headers".to_owned(),
        });
    }
    Ok(model::Message::new()
        .set_data(payload)
        .set_ordering_key(key)
        .set_attributes(attributes))
}

/// The first of each name, as in [`Message::header`]. The last headers are this program's own, so the first are
/// dropped.
fn attributes(message: &Message) -> Vec<(String, String)> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for (name, value) in &message.headers {
        if name.is_empty() || name.len() > MAX_NAME || name.starts_with(RESERVED) {
            tracing::warn!(
                name = &**name,
                "dropped a header: Pub/Sub accepts no attribute of this name"
            );
        } else if !attributes.iter().any(|(known, _)| known == name) {
            let value = text(value.as_deref().unwrap_or_default());
            if value.len() > MAX_VALUE {
                tracing::warn!(
                    name = &**name,
                    "cut a header to {MAX_VALUE} bytes, the most that an attribute may have"
                );
            }
            attributes.push((name.to_string(), cut(value, MAX_VALUE)));
        }
    }
    let surplus = attributes.len().saturating_sub(MAX_ATTRIBUTES);
    if surplus > 0 {
        let names: Vec<_> = attributes.drain(..surplus).map(|(name, _)| name).collect();
        tracing::warn!(?names, "dropped headers: Pub/Sub accepts {MAX_ATTRIBUTES} attributes");
    }
    attributes
}

fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("{BINARY}{}", BASE64_STANDARD.encode(bytes)),
    }
}

/// At most `limit` bytes, without cutting a character.
fn cut(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_as_it_went() {
        let mut message = Message::new("[9]");
        message.key = Some("k".into());
        message.set_header("a", "1");
        message.set_header("content-type", "application/json");
        let sent = to_pubsub(message.clone(), None).unwrap();
        assert_eq!(from_pubsub(sent), message);
    }

    #[test]
    fn without_a_key_the_lane_is_what_keeps_order() {
        let key = |lane: &Lane| to_pubsub(Message::new("[9]"), Some(lane)).unwrap().ordering_key;
        assert_eq!(key(&Lane::new("input-stream/3", 3)), "input-stream/3");
        assert_eq!(key(&Lane::single("input-stream-sub/#7")), "");
    }

    #[test]
    fn headers_are_cut_to_what_attributes_may_be() {
        let mut message = Message::new("[9]");
        message.set_header("long", "ä".repeat(600));
        message.set_header("n".repeat(257), "x");
        message.set_header("googclient_x", "x");
        message.set_header("binary", vec![0xff, 0x00]);
        message.headers.push(("binary".into(), Some("second".into())));
        message.headers.push(("null".into(), None));
        let sent = to_pubsub(message, None).unwrap();
        assert_eq!(sent.attributes.len(), 3);
        assert_eq!(sent.attributes["null"], "");
        assert_eq!(sent.attributes["long"], "ä".repeat(512));
        assert_eq!(sent.attributes["binary"], "base64:/wA=");
    }

    #[test]
    fn of_too_many_headers_the_last_are_kept() {
        let mut message = Message::new("[9]");
        for number in 0..MAX_ATTRIBUTES + 3 {
            message.set_header(format!("h{number}"), "x");
        }
        let sent = to_pubsub(message, None).unwrap();
        assert_eq!(sent.attributes.len(), MAX_ATTRIBUTES);
        assert!(!sent.attributes.contains_key("h2") && sent.attributes.contains_key("h102"));
    }

    #[test]
    fn what_pub_sub_would_refuse_is_refused_before_it_is_sent() {
        for (payload, named) in [
            (vec![0; MAX_MESSAGE_BYTES + 1], "over Pub/Sub's limit"),
            (vec![], "neither payload nor headers"),
        ] {
            let refused = to_pubsub(Message::new(payload), None).unwrap_err().to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }
}
