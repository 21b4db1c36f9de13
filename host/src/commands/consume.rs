//! `host consume`: the messages of a topic, printed, each consumed once its line is out.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::Serialize;

use super::reader::Taken;
use super::{keep_trying, reader, stdout};
use crate::broker::{Delivery, Subscription, open_consumer};
use crate::cli::{ConsumeCommand, Format};
use crate::config::BrokerConfig;
use crate::json::JsonBytes;
use crate::shutdown::Shutdown;
use crate::terminal::printable;
use crate::values::DEFAULT_OUTPUT;

/// How long a stop waits for the broker to note what was printed.
const DRAIN: Duration = Duration::from_secs(10);

impl ConsumeCommand {
    /// Prints until it is stopped, or the limit or the idle timeout is reached.
    pub async fn execute(self) -> anyhow::Result<()> {
        let config = BrokerConfig::new(self.broker, &self.storage)?.for_member(self.member);
        let subscription = Subscription {
            create: self.topic == DEFAULT_OUTPUT,
            topic: self.topic,
            group: self.group,
        };
        let shutdown = Shutdown::on_signals(DRAIN);
        let open = async || open_consumer(&config, &subscription).await;
        let Some((source, ack)) = keep_trying(&shutdown, self.idle_timeout, open).await? else {
            return Ok(());
        };
        let mut left = self.limit.map_or(u64::MAX, |limit| limit.get());
        reader::read(source, ack, &shutdown, self.idle_timeout, async |delivery| {
            let line = match self.format {
                Format::Text => one_line(delivery),
                Format::Json => Line::of(delivery)?,
            };
            stdout::write_line(line).await?;
            left -= 1;
            Ok(match left {
                0 => ControlFlow::Break(Taken::Consumed),
                _ => ControlFlow::Continue(Taken::Consumed),
            })
        })
        .await
        .map(drop)
    }
}

/// The payload as one line: what is not UTF-8 replaced, control characters escaped.
fn one_line(delivery: &Delivery) -> String {
    printable(&String::from_utf8_lossy(delivery.message.body()))
}

/// A message as one line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    position: &'a str,
    timestamp_ms: Option<i64>,
    key: Option<JsonBytes<'a>>,
    headers: Vec<(&'a str, Option<JsonBytes<'a>>)>,
    payload: Option<JsonBytes<'a>>,
}

impl Line<'_> {
    fn of(delivery: &Delivery) -> serde_json::Result<String> {
        let message = &delivery.message;
        let headers = message.headers.iter();
        serde_json::to_string(&Line {
            position: &delivery.position,
            timestamp_ms: message.timestamp_ms,
            key: message.key.as_deref().map(JsonBytes::of),
            headers: headers
                .map(|(name, value)| (name.as_str(), value.as_deref().map(JsonBytes::of)))
                .collect(),
            payload: message.payload.as_deref().map(JsonBytes::of),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::broker::{Claim, Lane};
    use crate::message::Message;

    fn delivery(message: Message) -> Delivery {
        Delivery {
            message,
            position: "output-stream/0/7".to_owned(),
            claim: Claim::new(Lane::new("output-stream/0", 0), 7, 0, ()),
        }
    }

    #[test]
    fn text_is_one_line_whatever_the_payload_holds() {
        assert_eq!(one_line(&delivery(Message::new("[9, 2]"))), "[9, 2]");
        let hostile = delivery(Message::new(b"a\nb\x1b[2J\xff".to_vec()));
        assert_eq!(one_line(&hostile), "a\\nb\\u{1b}[2J\u{fffd}");
    }

    #[test]
    fn json_tells_nothing_from_empty() {
        let mut message = Message::new("");
        message.headers = vec![("empty".to_owned(), Some("".into())), ("null".to_owned(), None)];
        let line = Line::of(&delivery(message.clone())).unwrap();
        assert!(
            line.ends_with(r#""headers":[["empty",""],["null",null]],"payload":""}"#),
            "{line}"
        );
        message.payload = None;
        let line = Line::of(&delivery(message)).unwrap();
        assert!(line.ends_with(r#""payload":null}"#), "{line}");
    }

    #[test]
    fn json_gives_text_as_text_and_other_bytes_in_base64() {
        let mut message = Message::new(vec![0xff, 0x00]);
        message.set_header("content-type", "image/png");
        message.timestamp_ms = Some(12);
        assert_eq!(
            Line::of(&delivery(message)).unwrap(),
            r#"{"position":"output-stream/0/7","timestamp_ms":12,"key":null,"headers":[["content-type","image/png"]],"payload":{"base64":"/wA="}}"#
        );
    }
}
