//! `host dead-letters replay`: sends dead letters back, in their original form.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indicatif::HumanCount;
use serde_json::json;

use super::{have_never_come, none_in};
use crate::broker::{BrokerError, Delivery, Output, Route, Subscription, open_admin, open_consumer, open_sink};
use crate::cli::{Format, ReplayCommand};
use crate::commands::reader::{End, LEFT, Taken};
use crate::commands::waiting::Waiting;
use crate::commands::{progress, reader, stdout};
use crate::config::{BrokerConfig, BrokerKind};
use crate::exit::Failure;
use crate::pipeline::{ERROR_CODE, ERROR_TRUNCATED, revive};
use crate::shutdown::Shutdown;
use crate::terminal::counted;

/// How long a stop waits for the broker to commit what was sent.
const DRAIN: Duration = Duration::from_secs(10);

impl ReplayCommand {
    /// Sends all letters that are in the dead-letter topic now, and were not replayed yet, back to their topic. A
    /// letter counts as replayed when the broker has confirmed it; after a crash in between it is sent again.
    pub async fn execute(self) -> anyhow::Result<()> {
        let config = BrokerConfig::new(self.broker, &self.storage)?.with_set_aside(LEFT);
        let letters = self.dead_letter_topic.unwrap_or_else(|| format!("{}.dlq", self.topic));
        if letters == self.topic {
            return Err(Failure::Usage(format!("'{letters}' cannot be replayed into itself")).into());
        }
        let horizon = match Horizon::of(&config, &letters, &self.group).await {
            Ok(horizon) => horizon,
            Err(missing) => {
                have_never_come(&config, &self.topic, &letters, missing).await?;
                return report(self.format, &none_in(&letters), 0, 0);
            }
        };
        let nothing = format!("nothing to replay in {letters}");
        let Some(mut horizon) = horizon else {
            return report(self.format, &nothing, 0, 0);
        };
        let subscription = Subscription {
            topic: letters.clone(),
            group: self.group,
            create: false,
        };
        // Before the sink, which creates the topic where it is missing.
        let (source, ack) = match open_consumer(&config, &subscription).await {
            Ok(opened) => opened,
            Err(missing) => {
                have_never_come(&config, &self.topic, &letters, missing).await?;
                return report(self.format, &none_in(&letters), 0, 0);
            }
        };
        let sink = match open_sink(&config, &self.topic).await {
            Ok(sink) => sink,
            Err(error) => {
                source.close().await?;
                return Err(error.into());
            }
        };
        let shutdown = Shutdown::on_signals(DRAIN);
        let bar = progress::counting("replaying dead letters", None);
        let mut waiting = Waiting::new(None);
        let (mut sent, mut left_out, mut later) = (0u64, 0u64, 0u64);
        let replayed = Arc::new(AtomicU64::new(0));
        let most = self.limit.map_or(u64::MAX, |limit| limit.get());
        let is_wanted = |delivery: &Delivery| {
            let letter = &delivery.message;
            if letter.header(ERROR_TRUNCATED).is_some() {
                tracing::warn!(
                    position = delivery.position,
                    "left out: a part of the message is missing (header error-truncated)"
                );
                return false;
            }
            let code = self.code.as_ref();
            code.is_none_or(|code| letter.header(ERROR_CODE).is_some_and(|found| found == code))
        };
        let idle = Some(self.idle_timeout);
        let end = reader::read(source, ack, &shutdown, idle, &mut waiting, async |delivery| {
            let is_past = horizon.is_past(delivery);
            let mut is_last = horizon.pass(delivery);
            let taken = if is_past {
                later += 1;
                Taken::Left
            } else if !is_wanted(delivery) {
                left_out += 1;
                // Without offsets, a consumed letter is deleted.
                match horizon {
                    Horizon::Offsets(_) => Taken::Consumed,
                    Horizon::Time(_) => Taken::Left,
                }
            } else {
                let mut message = delivery.message.clone();
                revive(&mut message);
                // With its old time, the topic might drop it at once.
                message.timestamp_ms = None;
                let route = Route::Answers;
                let published = sink
                    .enqueue(Output { route, message }, Some(&delivery.claim.lane))
                    .await?;
                sent += 1;
                is_last |= sent == most;
                let (replayed, bar) = (Arc::clone(&replayed), bar.clone());
                Taken::Published(Box::pin(async move {
                    published.await?;
                    replayed.fetch_add(1, Ordering::Relaxed);
                    bar.inc(1);
                    Ok(())
                }))
            };
            Ok(match is_last {
                true => ControlFlow::Break(taken),
                false => ControlFlow::Continue(taken),
            })
        })
        .await;
        bar.finish_and_clear();
        let end = end?;
        let replayed = replayed.load(Ordering::Relaxed);
        if later > 0 {
            tracing::info!(later, "letters that came after the start wait for the next replay");
        }
        let text = match (replayed, left_out) {
            (0, 0) => nothing,
            _ => format!(
                "{} replayed into {}",
                counted(replayed, "dead letter", "dead letters"),
                self.topic
            ),
        };
        report(self.format, &text, replayed, left_out)?;
        match end {
            End::Done => Ok(()),
            End::Full => Err(Failure::Stopped(format!(
                "{LEFT} letters were left where they are, and those behind them were not looked at; replay the letters that were left first, \
                 with its own --code or with none"
            ))
            .into()),
        }
    }
}

fn report(format: Format, text: &str, replayed: u64, left_out: u64) -> anyhow::Result<()> {
    match (format, left_out) {
        (Format::Json, _) => return stdout::write_json(&json!({"replayed": replayed, "left_out": left_out})),
        (Format::Text, 0) => progress::say(text),
        (Format::Text, _) => progress::say(&format!("{text}, {} left out", HumanCount(left_out))),
    }
    Ok(())
}

/// The end of the letters that were there at the start. A letter that fails again comes back behind it and waits for
/// the next replay; otherwise this one would never end.
enum Horizon {
    /// The end of each partition that is not read to it yet.
    Offsets(HashMap<u32, u64>),
    /// In milliseconds since 1970, for brokers without offsets that set the time of a message.
    Time(i64),
}

impl Horizon {
    /// None: all that is there was replayed by this group.
    async fn of(config: &BrokerConfig, letters: &str, group: &str) -> Result<Option<Self>, BrokerError> {
        if let BrokerKind::PubSub(_) = config.kind {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(Some(Self::Time(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))));
        }
        let described = open_admin(config).await?.describe(letters).await?;
        let mut groups = described.groups.iter();
        if groups.any(|one| one.group == group && one.lag == Some(0)) {
            return Ok(None);
        }
        let partitions = described.partitions.iter();
        let ends = partitions.filter(|partition| partition.start < partition.end);
        let ends: HashMap<_, _> = ends.map(|partition| (partition.partition, partition.end)).collect();
        Ok(Some(ends).filter(|ends| !ends.is_empty()).map(Self::Offsets))
    }

    fn is_past(&self, delivery: &Delivery) -> bool {
        match self {
            Self::Time(start) => delivery.message.timestamp_ms.is_some_and(|time| time > *start),
            Self::Offsets(ends) => {
                let end = delivery.claim.lane.number().and_then(|lane| ends.get(&lane));
                end.is_none_or(|end| delivery.claim.seq >= *end)
            }
        }
    }

    /// Takes note of a letter. Whether no other can come before the end, as far as that is known: an offset need not have a letter.
    fn pass(&mut self, delivery: &Delivery) -> bool {
        match self {
            Self::Time(_) => false,
            Self::Offsets(ends) => {
                let (lane, next) = (delivery.claim.lane.number(), delivery.claim.seq + 1);
                ends.retain(|partition, end| Some(*partition) != lane || next < *end);
                ends.is_empty()
            }
        }
    }
}
