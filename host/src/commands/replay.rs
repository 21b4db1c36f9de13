//! `host replay`: dead letters go round again, as they first came.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::Context;
use indicatif::HumanCount;
use serde_json::json;

use super::reader::Taken;
use super::{progress, reader, stdout};
use crate::broker::{Delivery, Output, Route, Subscription, open_admin, open_consumer, open_sink};
use crate::cli::{Format, ReplayCommand};
use crate::config::BrokerConfig;
use crate::exit::Failure;
use crate::pipeline::{ERROR_CODE, revive};
use crate::shutdown::Shutdown;

/// How long a stop waits for the broker to note what was sent.
const DRAIN: Duration = Duration::from_secs(10);

impl ReplayCommand {
    /// Sends what is in the dead-letter topic now, and was not replayed yet, back to where it came from. A letter counts as
    /// replayed when the broker has confirmed it; a crash in between sends it again.
    pub async fn execute(self) -> anyhow::Result<()> {
        let config = BrokerConfig::new(self.broker, &self.storage)?;
        let letters = self.dead_letter_topic.unwrap_or_else(|| format!("{}.dlq", self.topic));
        if letters == self.topic {
            return Err(Failure::Usage(format!("'{letters}' cannot be replayed into itself")).into());
        }
        // A letter that fails again comes back behind these: it waits for the next replay, or this one would never end.
        let described = open_admin(&config).await?.describe(&letters).await?;
        let ends: HashMap<u32, u64> = described
            .partitions
            .iter()
            .map(|partition| (partition.partition, partition.end))
            .collect();
        let sink = open_sink(&config, &self.topic).await?;
        let subscription = Subscription {
            topic: letters,
            group: self.group,
            create: false,
        };
        let (source, ack) = open_consumer(&config, &subscription).await?;
        let shutdown = Shutdown::on_signals(DRAIN);
        let mut done = HashSet::new();
        let (mut replayed, mut left_out) = (0u64, 0u64);
        let most = self.limit.map_or(u64::MAX, |limit| limit.get());
        let is_wanted = |delivery: &Delivery| match &self.code {
            Some(code) => delivery.message.header(ERROR_CODE).is_some_and(|found| found == code),
            None => true,
        };
        reader::read(source, ack, &shutdown, Some(self.idle_timeout), async |delivery| {
            let claim = &delivery.claim;
            let lane = claim.lane.number();
            if ends.get(&lane).is_none_or(|end| claim.seq >= *end) {
                done.insert(lane);
                return Ok(match done.len() < ends.len() {
                    true => ControlFlow::Continue(Taken::Left),
                    false => ControlFlow::Break(Taken::Left),
                });
            }
            if !is_wanted(delivery) {
                left_out += 1;
                return Ok(ControlFlow::Continue(Taken::Consumed));
            }
            let mut message = delivery.message.clone();
            revive(&mut message);
            let route = Route::Answers;
            let confirmed = sink.enqueue(Output { route, message }, Some(&claim.lane)).await?;
            confirmed.await.context("a letter was not confirmed")?;
            replayed += 1;
            Ok(match replayed {
                replayed if replayed == most => ControlFlow::Break(Taken::Consumed),
                _ => ControlFlow::Continue(Taken::Consumed),
            })
        })
        .await?;
        match self.format {
            Format::Json => stdout::write_json(&json!({"replayed": replayed, "left_out": left_out})),
            Format::Text => {
                progress::say(&format!(
                    "{} dead letters replayed into {}, {} left out",
                    HumanCount(replayed),
                    self.topic,
                    HumanCount(left_out)
                ));
                Ok(())
            }
        }
    }
}
