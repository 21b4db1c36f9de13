//! A message as one line of JSON.

use serde::Serialize;

use crate::json::JsonBytes;
use crate::message::Message;

/// Absent values are `null`; values that are not UTF-8 are `{"base64": "..."}`.
#[derive(Serialize)]
pub struct Line<'a> {
    position: &'a str,
    timestamp_ms: Option<i64>,
    key: Option<JsonBytes<'a>>,
    headers: Vec<(&'a str, Option<JsonBytes<'a>>)>,
    payload: Option<JsonBytes<'a>>,
}

impl<'a> Line<'a> {
    /// A message and its position.
    pub fn of(message: &'a Message, position: &'a str) -> Self {
        let headers = message.headers.iter();
        Self {
            position,
            timestamp_ms: message.timestamp_ms,
            key: message.key.as_deref().map(JsonBytes::of),
            headers: headers
                .map(|(name, value)| (&**name, value.as_deref().map(JsonBytes::of)))
                .collect(),
            payload: message.payload.as_deref().map(JsonBytes::of),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn line(message: &Message) -> String {
        serde_json::to_string(&Line::of(message, "output-stream/0/7")).unwrap()
    }

    #[test]
    fn json_tells_nothing_from_empty() {
        let mut message = Message::new("");
        message.headers = vec![("empty".into(), Some("".into())), ("null".into(), None)];
        let said = line(&message);
        assert!(
            said.ends_with(r#""headers":[["empty",""],["null",null]],"payload":""}"#),
            "{said}"
        );
        message.payload = None;
        let said = line(&message);
        assert!(said.ends_with(r#""payload":null}"#), "{said}");
    }

    #[test]
    fn json_gives_text_as_text_and_other_bytes_in_base64() {
        let mut message = Message::new(vec![0xff, 0x00]);
        message.set_header("content-type", "image/png");
        message.timestamp_ms = Some(12);
        assert_eq!(
            line(&message),
            r#"{"position":"output-stream/0/7","timestamp_ms":12,"key":null,"headers":[["content-type","image/png"]],"payload":{"base64":"/wA="}}"#
        );
    }
}
