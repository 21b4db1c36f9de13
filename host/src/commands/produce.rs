//! `host produce`: images from the embedded test set or files, to a topic.

use std::future::{Future, ready};
use std::num::NonZeroUsize;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::stream::{self, Stream, StreamExt};
use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use tokio::sync::mpsc;

use super::stdout::printable;
use super::{progress, stdout};
use crate::broker::{Output, Route, Sink, open_sink};
use crate::cli::{Format, ProduceCommand};
use crate::config::BrokerConfig;
use crate::exit::Failure;
use crate::images::{Images, ImagesError, Produced, left_out, test_images};
use crate::message::CONTENT_PREPARE;
use crate::shutdown::Shutdown;

/// Messages that may wait for the broker's confirmation: enough to share its group commits, few enough to hold in memory.
const IN_FLIGHT: usize = 64;
/// How long an interrupted `produce` waits for what the broker has already taken.
const DRAIN: Duration = Duration::from_secs(5);

impl ProduceCommand {
    /// Sends the images, and returns when the broker has confirmed them all.
    pub async fn execute(self) -> anyhow::Result<()> {
        let config = BrokerConfig::new(self.broker, &self.storage)?;
        let (images, others) = match &self.images {
            Some(path) => Images::open(path)?,
            None => (Images::Pixels(test_images()?), Vec::new()),
        };
        let prepare = self.picture.parameters();
        if prepare.is_some() && matches!(images, Images::Pixels(_)) {
            return Err(Failure::Usage(
                "--fit and --invert are for pictures: leave them out, or name a PNG or JPEG file, or a folder of them, with --images"
                    .to_owned(),
            )
            .into());
        }
        images.check(self.batch, config.max_message_bytes)?;
        if let Some(said) = left_out(&others) {
            progress::say(&format!("warning: {}", printable(&said)));
        }
        let total = self
            .limit
            .map_or(images.count(), |limit| images.count().min(limit.get()));
        let sink = open_sink(&config, &self.topic).await?;

        let shutdown = Shutdown::on_signals(DRAIN);
        let bar = progress::bar(Some(total));
        let mut sent = Sent::default();
        let started = Instant::now();
        let messages = read_ahead(images, total, self.batch, config.max_message_bytes);
        let mut confirmed = pin!(send(messages, prepare, sink, self.interval, shutdown.clone()));
        let outcome = loop {
            tokio::select! {
                biased;
                () = shutdown.aborting() => break Ok(()),
                confirmation = confirmed.next() => match confirmation {
                    Some(Ok(message)) => {
                        sent.messages += 1;
                        sent.images += message.images;
                        sent.bytes += message.bytes;
                        bar.set_position(sent.images);
                    }
                    Some(Err(error)) => break Err(error),
                    None => break Ok(()),
                },
            }
        };
        bar.finish_and_clear();

        let seconds = started.elapsed().as_secs_f64();
        let summary = format!(
            "{} images confirmed in {} messages ({}) to {} in {seconds:.1} s",
            HumanCount(sent.images),
            HumanCount(sent.messages),
            HumanBytes(sent.bytes),
            self.topic,
        );
        match outcome {
            Err(error) => Err(error.context(format!("stopped after {summary}"))),
            Ok(()) if sent.images < total && shutdown.is_stopping() => Err(Failure::Interrupted(format!(
                "{summary}, of {} to send; what was under way may arrive as well",
                HumanCount(total)
            ))
            .into()),
            // Whatever ended the stream early said nothing of it.
            Ok(()) if sent.images < total => {
                Err(Failure::Stopped(format!("only {summary}, of {} to send", HumanCount(total))).into())
            }
            Ok(()) => match self.format {
                Format::Json => stdout::write_json(&json!({
                    "topic": self.topic,
                    "images": sent.images,
                    "messages": sent.messages,
                    "bytes": sent.bytes,
                    "left_out": others.len(),
                    "seconds": seconds,
                })),
                Format::Text => {
                    progress::say(&summary);
                    Ok(())
                }
            },
        }
    }
}

/// What the broker has confirmed.
#[derive(Debug, Default)]
struct Sent {
    images: u64,
    messages: u64,
    bytes: u64,
}

/// One confirmed message.
struct Confirmed {
    images: u64,
    bytes: u64,
}

/// Reads and encodes on a thread of its own, two messages ahead: a slow disk does not delay a stop, and a fast broker does
/// not wait for an encoder.
fn read_ahead(
    mut images: Images,
    total: u64,
    batch: NonZeroUsize,
    max_message_bytes: usize,
) -> mpsc::Receiver<Result<Produced, ImagesError>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut left = total;
        while left > 0 {
            let next = images.next(left.min(batch.get() as u64), max_message_bytes);
            let Some(message) = next.transpose() else { break };
            left = message
                .as_ref()
                .map_or(0, |message| left.saturating_sub(message.images));
            // An error means that nobody listens any more.
            if sender.blocking_send(message).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Sends what comes in, `interval` apart, until a stop; gives each message back, in order, once it is confirmed.
///
/// The confirmations of earlier messages are polled while a later one waits to be accepted, so a broker that makes
/// producers wait is heard, and so is a stop.
fn send(
    messages: mpsc::Receiver<Result<Produced, ImagesError>>,
    prepare: Option<String>,
    sink: Arc<dyn Sink>,
    interval: Duration,
    shutdown: Shutdown,
) -> impl Stream<Item = anyhow::Result<Confirmed>> {
    let paced = stream::unfold((messages, false), move |(mut messages, wait)| async move {
        // Only then is it known whether there is anything to wait for.
        let message = messages.recv().await?;
        if wait && !interval.is_zero() {
            tokio::time::sleep(interval).await;
        }
        Some((message, (messages, true)))
    });
    paced
        .map(move |message| {
            let mut produced = message?;
            if let Some(prepare) = &prepare {
                produced.message.set_header(CONTENT_PREPARE, prepare.clone());
            }
            Ok(produced)
        })
        .then(move |message| enqueue(Arc::clone(&sink), message))
        .take_until(async move { shutdown.stopping().await })
        .buffered(IN_FLIGHT)
}

type Confirmation = Pin<Box<dyn Future<Output = anyhow::Result<Confirmed>> + Send>>;

/// Resolves when the broker has accepted the message. An error comes as a confirmation that failed, in its place behind
/// those of the messages before it.
async fn enqueue(sink: Arc<dyn Sink>, message: Result<Produced, ImagesError>) -> Confirmation {
    let produced = match message {
        Ok(produced) => produced,
        Err(error) => return Box::pin(ready(Err(error.into()))),
    };
    let confirmed = Confirmed {
        images: produced.images,
        bytes: produced.message.size() as u64,
    };
    let output = Output {
        route: Route::Answers,
        message: produced.message,
    };
    match sink.enqueue(output, None).await {
        Ok(durable) => Box::pin(async move {
            durable.await.context("a message was not confirmed")?;
            Ok(confirmed)
        }),
        Err(error) => Box::pin(ready(Err(error.into()))),
    }
}
