//! One component under measurement.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::machine::thread_time;
use crate::classifier::{Classifier, ClassifierConfig, Description, Predictor};
use crate::cli::CodecName;
use crate::commands::latency::{milliseconds, percentile};
use crate::commands::start;
use crate::evaluation::wire::Wire;
use crate::exit::Failure;
use crate::images::{Batch, Shape, python_message, test_images};
use crate::message::Message;
use crate::pipeline::{Classify, ClassifyError};

/// Different messages, at most: enough that no cache holds them all.
const MESSAGES: usize = 64;
/// The bytes of their pixels together, at most.
const PIXELS: u64 = 16 << 20;

/// A component that runs, and what was measured of it.
pub struct Side {
    /// What it calls its model, and where it comes from.
    pub name: String,
    /// Of one message, on average. Bytes.
    pub message_bytes: usize,
    /// From nothing to the first message, compiled code taken from the cache if it was there.
    pub started: Duration,
    /// One for each round.
    pub rounds: Vec<Round>,
    /// The linear memory of an instance that has answered messages. Bytes.
    pub memory_bytes: usize,
    classifier: Classifier,
    alone: Predictor,
    batches: Vec<Batch>,
    messages: Vec<Message>,
    /// The same as raw bytes. None: the component does not take them, or they are what is measured.
    raw: Option<Vec<Message>>,
    time: Duration,
}

/// What one round has measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Round {
    /// All workers together.
    pub images_per_second: f64,
    /// Of the messages' bodies, in units of 10^6 bytes.
    pub megabytes_per_second: f64,
    /// From a message handed to the workers to its answer, while the workers have two each.
    pub p50_ms: f64,
    /// The same.
    pub p99_ms: f64,
    /// The share of a call in which the component does not run the network: it decodes, encodes, and the host copies.
    pub codec: f64,
    /// Of that, what raw bytes would save. None: not known, since the component takes no raw bytes or gets nothing else.
    pub decode: Option<f64>,
    /// The share in which it runs the network.
    pub predict: f64,
    /// Of one thread that makes one call at a time, with a message each; a second is one of its processor's time.
    pub thread_images_per_second: f64,
    /// The same of the network alone, by the typed path, with the images of a message.
    pub network_images_per_second: f64,
}

impl Side {
    /// Starts the component, and runs it for as long as a round takes, to warm it up.
    pub async fn start(
        config: &ClassifierConfig,
        codec: CodecName,
        batch: NonZeroU32,
        time: Duration,
    ) -> anyhow::Result<Self> {
        let starting = Instant::now();
        let classifier = start(config).await?;
        let started = starting.elapsed();
        let mut alone = Predictor::prepare(config).await?;
        let model = alone.load().await?;
        if !alone.has_tensors() {
            return Err(Failure::Configuration(format!(
                "'{}' does not export the interface tensors, by which the network alone is measured: name a component that does",
                config.component
            ))
            .into());
        }
        if batch.get() > model.max_images {
            return Err(Failure::Usage(format!(
                "--batch {batch} is more than {} takes in a message: {} images",
                model.name, model.max_images
            ))
            .into());
        }
        let batches = batches(&model, batch)?;
        let takes_raw = Wire::choose(&model.accepts).is_ok_and(|wire| wire == Wire::Raw);
        let raw = (takes_raw && codec != CodecName::Raw).then(|| encode(&batches, CodecName::Raw));
        let messages = encode(&batches, codec);
        let bytes: usize = messages.iter().map(|message| message.body().len()).sum();
        let mut side = Self {
            name: format!("{} in {}", model.name, config.component),
            message_bytes: bytes / messages.len().max(1),
            started,
            rounds: Vec::new(),
            memory_bytes: 0,
            classifier,
            alone,
            batches,
            messages,
            raw,
            time,
        };
        side.measure().await?;
        side.rounds.clear();
        Ok(side)
    }

    /// One round.
    pub async fn measure(&mut self) -> anyhow::Result<()> {
        let (latencies, images, bytes, took) = self.stream().await?;
        let ([message, raw, predict], called) = self.call_each().await?;
        let share = |part: Duration| part.as_secs_f64() / message.as_secs_f64();
        let images_per_second = images as f64 / took.as_secs_f64();
        self.rounds.push(Round {
            images_per_second,
            megabytes_per_second: bytes as f64 / 1e6 / took.as_secs_f64(),
            p50_ms: milliseconds(percentile(&latencies, 50)),
            p99_ms: milliseconds(percentile(&latencies, 99)),
            codec: share(message.saturating_sub(predict)),
            decode: self.raw.as_ref().map(|_| share(message.saturating_sub(raw))),
            predict: share(predict),
            thread_images_per_second: called as f64 / message.as_secs_f64(),
            network_images_per_second: called as f64 / predict.as_secs_f64(),
        });
        self.memory_bytes = self.alone.memory_bytes().unwrap_or_default();
        Ok(())
    }

    /// As a pipeline without a broker: as many messages at once as it would hand over. Returns the latencies, sorted, images,
    /// bytes, and how long it took.
    async fn stream(&self) -> anyhow::Result<(Vec<Duration>, u64, u64, Duration)> {
        let began = Instant::now();
        let messages = self.messages.iter().cycle();
        let messages = messages.take_while(|_| began.elapsed() < self.time);
        let mut answers = stream::iter(messages)
            .map(async |message| {
                let handed = Instant::now();
                let answer = self.classifier.classify(message).await;
                (answer, handed.elapsed(), message.body().len() as u64)
            })
            .buffer_unordered(self.classifier.concurrency());
        let (mut latencies, mut images, mut bytes) = (Vec::new(), 0, 0);
        while let Some((answer, latency, size)) = answers.next().await {
            images += u64::from(answer.map_err(unanswered)?.images);
            bytes += size;
            latencies.push(latency);
        }
        let took = began.elapsed();
        latencies.sort();
        Ok((latencies, images, bytes, took))
    }

    /// What one call takes of the processor's time, one at a time: with a message, with the same as raw bytes, and of the network
    /// alone. In turn, so that a disturbance meets all of them. With it, the images that each of these had.
    async fn call_each(&mut self) -> anyhow::Result<([Duration; 3], u64)> {
        let mut all = [Duration::ZERO; 3];
        let mut images = 0;
        let began = Instant::now();
        for number in (0..self.messages.len()).cycle() {
            let [message, raw, predict] = &mut all;
            if let Some(sent) = self.messages.get(number) {
                *message += timed(self.alone.answer(sent)).await.map_err(unanswered)?;
            }
            if let Some(sent) = self.raw.as_ref().and_then(|raw| raw.get(number)) {
                *raw += timed(self.alone.answer(sent)).await.map_err(unanswered)?;
            }
            if let Some(batch) = self.batches.get(number) {
                let count = u32::try_from(batch.count()).unwrap_or(u32::MAX);
                let predicted = timed(self.alone.predict_bytes(count, &batch.pixels)).await;
                *predict += predicted.map_err(|cause| unanswered(ClassifyError::Retry(cause)))?;
                images += u64::from(count);
            }
            if began.elapsed() >= self.time {
                break;
            }
        }
        Ok((all, images))
    }
}

/// The processor's time of a call that was answered, which this thread makes itself.
async fn timed<T, E>(call: impl Future<Output = Result<T, E>>) -> Result<Duration, E> {
    let before = thread_time();
    call.await.map(|_| thread_time().saturating_sub(before))
}

fn unanswered(error: ClassifyError) -> Failure {
    Failure::Stopped(format!("a message was not answered: {error}"))
}

/// Images of the model's size: the test images, or for a model of another size what their pixels give.
fn batches(model: &Description, images: NonZeroU32) -> anyhow::Result<Vec<Batch>> {
    let test_set = test_images()?.read(u64::MAX)?.context("there are no test images")?;
    let shape = Shape {
        height: model.height.into(),
        width: model.width.into(),
        channels: model.channels.into(),
    };
    let values = model.values().saturating_mul(images.get().into());
    if values > PIXELS {
        return Err(Failure::Usage(format!(
            "--batch {images} makes messages of {values} pixels, and at most {PIXELS} are measured: give a smaller one"
        ))
        .into());
    }
    let length = usize::try_from(values).unwrap_or(usize::MAX);
    let count = (PIXELS / values.max(1)).clamp(1, MESSAGES as u64) as usize;
    let mut pixels = test_set.pixels.iter().copied().cycle();
    let batches = (0..count).map(|_| Batch {
        shape,
        pixels: pixels.by_ref().take(length).collect(),
    });
    Ok(batches.collect())
}

fn encode(batches: &[Batch], codec: CodecName) -> Vec<Message> {
    let message = |batch: &Batch| match codec {
        CodecName::Python => Message::new(python_message(batch)),
        CodecName::Json => Wire::Json.message(batch),
        CodecName::Npy => Wire::Npy.message(batch),
        CodecName::Raw => Wire::Raw.message(batch),
    };
    batches.iter().map(message).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_images_of_the_model_and_no_more_pixels_than_are_measured() {
        let mut model = Description {
            name: "net".into(),
            version: "1".into(),
            model_sha256: Some("00".into()),
            height: 4,
            width: 5,
            channels: 3,
            labels: Vec::new(),
            scores: Some("as they are".into()),
            max_images: 4096,
            accepts: Vec::new(),
            produces: Vec::new(),
        };
        let two = NonZeroU32::new(2).unwrap();
        let small = batches(&model, two).unwrap();
        assert_eq!(small.len(), MESSAGES);
        assert!(
            small
                .iter()
                .all(|batch| batch.count() == 2 && batch.pixels.len() == 120)
        );
        (model.height, model.width) = (4096, 4096);
        let said = batches(&model, two).unwrap_err().to_string();
        assert!(said.contains("--batch 2 makes messages of 100663296 pixels"), "{said}");
    }
}
