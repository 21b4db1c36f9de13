//! A message as every broker carries it: bytes, and headers beside them.
//!
//! `Message` is this program's type; a record is Kafka's, and a prediction is the component's.

use std::borrow::Cow;

use bytes::Bytes;

/// The header that names a payload's media type, on every broker.
pub const CONTENT_TYPE: &str = "content-type";

/// The header that says how to read a payload, in the syntax of the contract's `prepare`: `fit=contain;invert=auto`.
pub const CONTENT_PREPARE: &str = "content-prepare";

/// The header that says what a payload is compressed with: `gzip`.
pub const CONTENT_ENCODING: &str = "content-encoding";

/// A header's name. Those that this program gives are static.
pub type Name = Cow<'static, str>;

/// One message, in or out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The body, opaque to the host: only the component decodes it. None differs from empty: in Kafka it removes a
    /// key from a compacted topic.
    pub payload: Option<Bytes>,
    /// Keeps order and chooses the partition. None spreads messages over all partitions.
    pub key: Option<Bytes>,
    /// In order; a name may repeat and may have no value, as in Kafka.
    pub headers: Vec<(Name, Option<Bytes>)>,
    /// Milliseconds since 1970 (UTC) at which the broker received it, or a time set by the producer. None until it is
    /// published: then it gets the time of that.
    pub timestamp_ms: Option<i64>,
}

impl Message {
    /// A bare message, as the Python program's producers send them: no key, no headers.
    pub fn new(payload: impl Into<Bytes>) -> Self {
        Self {
            payload: Some(payload.into()),
            ..Self::default()
        }
    }

    /// The payload's bytes; empty without a payload.
    pub fn body(&self) -> &[u8] {
        self.payload.as_deref().unwrap_or_default()
    }

    /// The first value of a header, or none. Names are compared ignoring ASCII case.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        let mut headers = self.headers.iter();
        headers
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| value.as_ref())
    }

    /// Replaces every value of a header by one.
    pub fn set_header(&mut self, name: impl Into<Name>, value: impl Into<Bytes>) {
        let name = name.into();
        self.remove_header(&name);
        self.headers.push((name, Some(value.into())));
    }

    /// Removes every value of a header.
    pub fn remove_header(&mut self, name: &str) {
        self.headers
            .retain(|(candidate, _)| !candidate.eq_ignore_ascii_case(name));
    }

    /// The payload's media type, if the message names one in readable text. Otherwise the component recognises it
    /// from the bytes.
    pub fn content_type(&self) -> Option<&str> {
        self.text(CONTENT_TYPE)
    }

    /// How to read the payload, if the message says so in readable text.
    pub fn content_prepare(&self) -> Option<&str> {
        self.text(CONTENT_PREPARE)
    }

    /// What the payload is compressed with, if the message says so in readable text.
    pub fn content_encoding(&self) -> Option<&str> {
        self.text(CONTENT_ENCODING)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The bytes that the message takes in memory: the bounds count these.
    pub fn size(&self) -> usize {
        let length = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers = self.headers.iter().map(|(name, value)| name.len() + length(value));
        length(&self.payload) + length(&self.key) + headers.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_found_and_replaced_without_regard_to_case() {
        let mut message = Message::new("body");
        message.set_header("Content-Type", "image/png");
        message.set_header("content-type", "application/json");
        assert_eq!(message.content_type(), Some("application/json"));
        assert_eq!(message.headers.len(), 1);
        message.remove_header("CONTENT-TYPE");
        assert_eq!(message.content_type(), None);
    }

    #[test]
    fn a_content_type_that_is_not_text_counts_as_none() {
        let mut message = Message::new("body");
        message.set_header(CONTENT_TYPE, vec![0xff, 0xfe]);
        assert_eq!(message.content_type(), None);
    }

    #[test]
    fn the_size_counts_payload_key_and_headers() {
        let mut message = Message::new("12345");
        message.key = Some("ab".into());
        message.set_header("c", "def");
        assert_eq!(message.size(), 11);
    }
}
