//! `host dead-letters replay`: sends dead letters back, in their original form.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use indicatif::HumanCount;
use serde_json::json;

use super::describe;
use crate::broker::{Delivery, Output, Route, Subscription, open_admin, open_consumer, open_sink};
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
        let Some(mut horizon) = Horizon::of(&config, &self.topic, &letters).await? else {
            return report(self.format, &self.topic, 0, 0);
        };
        let sink = open_sink(&config, &self.topic).await?;
        let subscription = Subscription {
            topic: letters,
            group: self.group,
            create: false,
        };
        let (source, ack) = open_consumer(&config, &subscription).await?;
        let shutdown = Shutdown::on_signals(DRAIN);
        let mut waiting = Waiting::new(None);
        let (mut replayed, mut left_out, mut later) = (0u64, 0u64, 0u64);
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
            if horizon.is_past(delivery) {
                later += 1;
                return Ok(match horizon.is_reached() {
                    false => ControlFlow::Continue(Taken::Left),
                    true => ControlFlow::Break(Taken::Left),
                });
            }
            if !is_wanted(delivery) {
                left_out += 1;
                // Without offsets, a consumed letter is deleted.
                return Ok(ControlFlow::Continue(match horizon {
                    Horizon::Offsets(..) => Taken::Consumed,
                    Horizon::Time(_) => Taken::Left,
                }));
            }
            let mut message = delivery.message.clone();
            revive(&mut message);
            // With its old time, the topic might drop it at once.
            message.timestamp_ms = None;
            let route = Route::Answers;
            let confirmed = sink
                .enqueue(Output { route, message }, Some(&delivery.claim.lane))
                .await?;
            confirmed.await.context("a letter was not confirmed")?;
            replayed += 1;
            Ok(match replayed {
                replayed if replayed == most => ControlFlow::Break(Taken::Consumed),
                _ => ControlFlow::Continue(Taken::Consumed),
            })
        })
        .await?;
        if later > 0 {
            tracing::info!(later, "letters that came after the start wait for the next replay");
        }
        report(self.format, &self.topic, replayed, left_out)?;
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

fn report(format: Format, topic: &str, replayed: u64, left_out: u64) -> anyhow::Result<()> {
    match format {
        Format::Json => stdout::write_json(&json!({"replayed": replayed, "left_out": left_out})),
        Format::Text => {
            progress::say(&format!(
                "{} replayed into {topic}, {} left out",
                counted(replayed, "dead letter", "dead letters"),
                HumanCount(left_out)
            ));
            Ok(())
        }
    }
}

/// The end of the letters that were there at the start. A letter that fails again comes back behind it and waits for
/// the next replay; otherwise this one would never end.
enum Horizon {
    /// The end of each partition, and which of them are reached.
    Offsets(HashMap<u32, u64>, HashSet<u32>),
    /// In milliseconds since 1970, for brokers without offsets that set the time of a message.
    Time(i64),
}

impl Horizon {
    /// None: no letter has ever come.
    async fn of(config: &BrokerConfig, topic: &str, letters: &str) -> anyhow::Result<Option<Self>> {
        if let BrokerKind::PubSub(_) = config.kind {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            return Ok(Some(Self::Time(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))));
        }
        let Some(described) = describe(&*open_admin(config).await?, topic, letters).await? else {
            return Ok(None);
        };
        let ends = described.partitions.iter();
        let ends = ends.map(|partition| (partition.partition, partition.end)).collect();
        Ok(Some(Self::Offsets(ends, HashSet::new())))
    }

    fn is_past(&mut self, delivery: &Delivery) -> bool {
        match self {
            Self::Time(start) => delivery.message.timestamp_ms.is_some_and(|time| time > *start),
            Self::Offsets(ends, reached) => {
                let lane = delivery.claim.lane.number();
                let end = lane.and_then(|lane| ends.get(&lane));
                let is_past = end.is_none_or(|end| delivery.claim.seq >= *end);
                reached.extend(lane.filter(|_| is_past));
                is_past
            }
        }
    }

    /// Whether no earlier letter can come any more, as far as that is known.
    fn is_reached(&self) -> bool {
        match self {
            Self::Time(_) => false,
            Self::Offsets(ends, reached) => reached.len() >= ends.len(),
        }
    }
}
