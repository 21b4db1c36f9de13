//! `host produce`: images from the embedded test set or files, to a topic.

use std::future::{Future, ready};
use std::num::NonZeroUsize;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::stream::{self, Stream, StreamExt};
use indicatif::{HumanBytes, HumanCount};
use serde_json::json;
use tokio::sync::mpsc;

use super::{progress, stdout};
use crate::broker::{Output, Route, Sink, open_sink};
use crate::cli::{Format, ProduceCommand};
use crate::config::BrokerConfig;
use crate::exit::Failure;
use crate::images::{Images, ImagesError, Produced, left_out, test_images};
use crate::message::CONTENT_PREPARE;
use crate::shutdown::Shutdown;
use crate::terminal::{counted, printable};

/// Messages that may wait for the broker's confirmation: enough to share its group commits, few enough to hold in memory.
const IN_FLIGHT: usize = 64;
/// How long an interrupted `produce` waits for messages that the broker has accepted.
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
                "--fit and --invert are for pictures: leave them out, or name a picture, or a folder of pictures, with --images"
                    .to_owned(),
            )
            .into());
        }
        // A single file that is too large for a message is refused at once; in a folder it is skipped when its turn comes.
        let is_folder = self.images.as_deref().is_some_and(Path::is_dir);
        if !is_folder {
            images.check(self.batch, config.max_message_bytes)?;
        }
        if let Some(said) = left_out(&others) {
            progress::warn(&printable(&said));
        }
        let available = images.count();
        let total = self.limit.map_or(available, |limit| available.min(limit.get()));
        let sink = open_sink(&config, &self.topic).await?;

        let shutdown = Shutdown::on_signals(DRAIN);
        let bar = match self.interval {
            Duration::ZERO => progress::bar(Some(total)),
            interval => progress::paced_bar(total, interval),
        };
        let mut sent = Sent::default();
        let started = Instant::now();
        let messages = read_ahead(images, total, self.batch, config.max_message_bytes, is_folder);
        let mut confirmed = pin!(send(messages, prepare, sink, self.interval, shutdown.clone()));
        let outcome = loop {
            tokio::select! {
                biased;
                () = shutdown.aborting() => break Ok(()),
                confirmation = confirmed.next() => match confirmation {
                    Some(Ok(Outcome::Confirmed { images, bytes })) => {
                        sent.messages += 1;
                        sent.images += images;
                        sent.bytes += bytes;
                        bar.set_position(sent.images);
                    }
                    Some(Ok(Outcome::Skipped(error))) => {
                        sent.skipped += 1;
                        let error = printable(&format!("{:#}", anyhow::Error::new(error)));
                        progress::fail(&format!("skipped: {error}"));
                    }
                    Some(Err(error)) => break Err(error),
                    None => break Ok(()),
                },
            }
        };
        bar.finish_and_clear();

        let seconds = started.elapsed().as_secs_f64();
        let summary = format!(
            "{} confirmed in {} ({}) to {} in {seconds:.1} s",
            counted(sent.images, "image", "images"),
            counted(sent.messages, "message", "messages"),
            HumanBytes(sent.bytes),
            self.topic,
        );
        let missing = sent.images < total.min(available.saturating_sub(sent.skipped));
        match outcome {
            Err(error) => return Err(error.context(format!("stopped after {summary}"))),
            Ok(()) if missing && shutdown.is_stopping() => {
                let total = HumanCount(total);
                let failure = format!("{summary}, of {total} to send; what was under way may arrive as well");
                return Err(Failure::Interrupted(failure).into());
            }
            // The stream ended early without an error.
            Ok(()) if missing => {
                return Err(Failure::Stopped(format!("only {summary}, of {} to send", HumanCount(total))).into());
            }
            Ok(()) => {}
        }
        match self.format {
            Format::Json => stdout::write_json(&json!({
                "topic": self.topic,
                "images": sent.images,
                "messages": sent.messages,
                "bytes": sent.bytes,
                "left_out": others.len(),
                "skipped": sent.skipped,
                "seconds": seconds,
            }))?,
            Format::Text => progress::say(&summary),
        }
        match sent.skipped {
            0 => Ok(()),
            skipped => {
                let files = counted(available, "file", "files");
                Err(Failure::Stopped(format!("{skipped} of {files} could not be sent")).into())
            }
        }
    }
}

/// What the broker has confirmed.
#[derive(Debug, Default)]
struct Sent {
    images: u64,
    messages: u64,
    bytes: u64,
    /// Files of a folder that cannot be read or are not pictures.
    skipped: u64,
}

/// What happened to a message.
enum Outcome {
    /// The broker has confirmed it.
    Confirmed { images: u64, bytes: u64 },
    /// The file cannot be sent; the other files of the folder can.
    Skipped(ImagesError),
}

/// Reads and encodes on a thread of its own, two messages ahead: a slow disk does not delay a stop, and a fast broker does
/// not wait for an encoder. The inner result is an error of one file of a folder, the outer one ends the command.
fn read_ahead(
    mut images: Images,
    total: u64,
    batch: NonZeroUsize,
    max_message_bytes: usize,
    is_folder: bool,
) -> mpsc::Receiver<Result<Read, ImagesError>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut left = total;
        while left > 0 {
            let next = images.next(left.min(batch.get() as u64), max_message_bytes);
            let read = match next {
                Ok(None) => break,
                Ok(Some(produced)) => Ok(Ok(produced)),
                Err(error) if is_folder => Ok(Err(error)),
                Err(error) => Err(error),
            };
            left = match &read {
                Ok(Ok(produced)) => left.saturating_sub(produced.images),
                Ok(Err(_)) => left,
                Err(_) => 0,
            };
            // An error means that the receiver is gone.
            if sender.blocking_send(read).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A message, or why a file of a folder cannot be one.
type Read = Result<Produced, ImagesError>;

/// Sends incoming messages, `interval` apart, until a stop; returns each message, in order, once it is confirmed.
///
/// The confirmations of earlier messages are polled while a later one waits to be accepted, so a broker's
/// backpressure holds up neither confirmations nor a stop.
fn send(
    messages: mpsc::Receiver<Result<Read, ImagesError>>,
    prepare: Option<String>,
    sink: Arc<dyn Sink>,
    interval: Duration,
    shutdown: Shutdown,
) -> impl Stream<Item = anyhow::Result<Outcome>> {
    let paced = stream::unfold((messages, false), move |(mut messages, wait)| async move {
        // Only then is it known whether there is anything to wait for.
        let message = messages.recv().await?;
        let is_message = matches!(message, Ok(Ok(_)));
        if wait && is_message && !interval.is_zero() {
            tokio::time::sleep(interval).await;
        }
        Some((message, (messages, wait || is_message)))
    });
    paced
        .then(move |message| enqueue(Arc::clone(&sink), message, prepare.clone()))
        .take_until(async move { shutdown.stopping().await })
        .buffered(IN_FLIGHT)
}

type Confirmation = Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + Send>>;

/// Resolves when the broker has accepted the message. An error becomes a failed confirmation, in its place behind
/// those of earlier messages.
async fn enqueue(sink: Arc<dyn Sink>, message: Result<Read, ImagesError>, prepare: Option<String>) -> Confirmation {
    let Produced { mut message, images } = match message {
        Ok(Ok(produced)) => produced,
        Ok(Err(error)) => return Box::pin(ready(Ok(Outcome::Skipped(error)))),
        Err(error) => return Box::pin(ready(Err(error.into()))),
    };
    if let Some(prepare) = prepare {
        message.set_header(CONTENT_PREPARE, prepare);
    }
    let bytes = message.size() as u64;
    let route = Route::Answers;
    match sink.enqueue(Output { route, message }, None).await {
        Ok(durable) => Box::pin(async move {
            durable.await.context("a message was not confirmed")?;
            Ok(Outcome::Confirmed { images, bytes })
        }),
        Err(error) => Box::pin(ready(Err(error.into()))),
    }
}
