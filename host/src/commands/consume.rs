//! `host consume`: the messages of a topic, printed, each consumed once its line is out.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::stdout;
use crate::broker::{Ack, Delivery, Demand, Event, SettleError, Source, Subscription, open_consumer};
use crate::cli::{ConsumeCommand, Format};
use crate::config::{BrokerConfig, DEFAULT_OUTPUT};
use crate::shutdown::Shutdown;

/// Messages that are printed and wait to be consumed: enough to share the broker's group commits.
const IN_FLIGHT: usize = 64;
/// How long a stop waits for the broker to note what was printed.
const DRAIN: Duration = Duration::from_secs(10);

impl ConsumeCommand {
    /// Prints until it is stopped, or the limit or the idle timeout is reached.
    pub async fn execute(self) -> anyhow::Result<()> {
        let config = BrokerConfig::new(self.broker, &self.storage)?;
        let subscription = Subscription {
            create: self.topic == DEFAULT_OUTPUT,
            topic: self.topic,
            group: self.group,
        };
        let (mut source, ack) = open_consumer(&config, &subscription).await?;
        let printing = Printing {
            format: self.format,
            limit: self.limit.map_or(u64::MAX, |limit| limit.get()),
            idle_timeout: self.idle_timeout,
        };
        let outcome = printing.run(source.as_mut(), ack, &Shutdown::on_signals(DRAIN)).await;
        let closed = source.close().await;
        outcome?;
        Ok(closed?)
    }
}

struct Printing {
    format: Format,
    limit: u64,
    idle_timeout: Option<Duration>,
}

impl Printing {
    async fn run(&self, source: &mut dyn Source, ack: Arc<dyn Ack>, shutdown: &Shutdown) -> anyhow::Result<()> {
        let mut acks = FuturesUnordered::new();
        let mut printed = 0;
        let mut last = Instant::now();
        let outcome = loop {
            if printed == self.limit {
                break Ok(());
            }
            let demand = match acks.len() < IN_FLIGHT {
                true => Demand::Deliveries,
                false => Demand::EventsOnly,
            };
            tokio::select! {
                // Acknowledgements first: they make room.
                biased;
                () = shutdown.stopping() => break Ok(()),
                Some(acked) = acks.next() => if let Err(error) = consumed(acked) { break Err(error) },
                event = source.recv(demand) => match event {
                    Ok(Event::Delivery(delivery)) => {
                        let line = match self.format {
                            Format::Text => one_line(&delivery),
                            Format::Json => Line::of(&delivery)?,
                        };
                        if let Err(error) = stdout::write_line(line).await {
                            break Err(error.into());
                        }
                        printed += 1;
                        last = Instant::now();
                        let ack = Arc::clone(&ack);
                        acks.push(async move { ack.ack(delivery.claim).await });
                    }
                    Ok(Event::Revoked(_, drained)) => {
                        let settled = settle(&mut acks).await;
                        drop(drained);
                        if let Err(error) = settled { break Err(error) }
                    }
                    Err(error) => break Err(error.into()),
                },
                () = idle(self.idle_timeout, last) => break Ok(()),
            }
        };
        // What was printed is consumed even where printing failed later.
        tokio::select! {
            settled = settle(&mut acks) => outcome.and(settled),
            () = shutdown.aborting() => outcome,
        }
    }
}

async fn settle(acks: &mut FuturesUnordered<impl Future<Output = Result<(), SettleError>>>) -> anyhow::Result<()> {
    while let Some(acked) = acks.next().await {
        consumed(acked)?;
    }
    Ok(())
}

/// A message that went back to the topic is no failure: it will be printed again, here or by another member.
fn consumed(acked: Result<(), SettleError>) -> anyhow::Result<()> {
    match acked {
        Err(error @ SettleError::Rewound(_)) => {
            tracing::warn!("{error}; what was printed of them comes again");
            Ok(())
        }
        other => Ok(other?),
    }
}

async fn idle(timeout: Option<Duration>, last: Instant) {
    match timeout {
        Some(timeout) => sleep_until(last + timeout).await,
        None => pending().await,
    }
}

/// The payload as one line: what is not UTF-8 replaced, control characters escaped.
fn one_line(delivery: &Delivery) -> String {
    let payload = String::from_utf8_lossy(&delivery.message.payload);
    let mut line = String::with_capacity(payload.len());
    for c in payload.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}

/// A message as one line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    position: &'a str,
    timestamp_ms: Option<i64>,
    key: Option<Bytes<'a>>,
    headers: Vec<(&'a str, Bytes<'a>)>,
    payload: Bytes<'a>,
}

/// Text where it is UTF-8, else `{"base64": "..."}`.
#[derive(Serialize)]
#[serde(untagged)]
enum Bytes<'a> {
    Text(&'a str),
    Binary { base64: String },
}

impl<'a> Bytes<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Binary {
                base64: BASE64_STANDARD.encode(bytes),
            },
        }
    }
}

impl Line<'_> {
    fn of(delivery: &Delivery) -> serde_json::Result<String> {
        let message = &delivery.message;
        let headers = message.headers.iter();
        serde_json::to_string(&Line {
            position: &delivery.position,
            timestamp_ms: message.timestamp_ms,
            key: message.key.as_deref().map(Bytes::of),
            headers: headers.map(|(name, value)| (name.as_str(), Bytes::of(value))).collect(),
            payload: Bytes::of(&message.payload),
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
            claim: Claim::new(Lane::new("output-stream/0"), 7, 0, ()),
        }
    }

    #[test]
    fn text_is_one_line_whatever_the_payload_holds() {
        assert_eq!(one_line(&delivery(Message::new("[9, 2]"))), "[9, 2]");
        let hostile = delivery(Message::new(b"a\nb\x1b[2J\xff".to_vec()));
        assert_eq!(one_line(&hostile), "a\\nb\\u{1b}[2J\u{fffd}");
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
