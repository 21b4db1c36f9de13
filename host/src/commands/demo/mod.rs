//! `host demo`: the 10,000 test images through an embedded broker, the component and back, all in one process. With
//! `--browser`: the page on which a browser does the classifying.

mod http;
mod page;
mod picture;
mod report;

use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use self::report::{Answered, Report};
use super::waiting::Waiting;
use super::{progress, reader, start, stdout};
use crate::broker::{Ack, Delivery, Output, Route, Sink, Source, Subscription, Topics};
use crate::broker::{open_consumer, open_pipeline, open_sink};
use crate::classifier::{Classifier, ClassifierConfig};
use crate::cli::{BrokerArgs, DemoCommand, Format, StorageArgs};
use crate::config::{BrokerConfig, Ends};
use crate::evaluation::of_test_images;
use crate::exit::Failure;
use crate::images::{Batch, python_message, test_images, test_labels};
use crate::message::Message;
use crate::pipeline::{self, Meter, OnError, Policy};
use crate::shutdown::{Shutdown, interrupted};
use crate::terminal::counted;
use crate::values::{DEFAULT_GROUP, DEFAULT_INPUT, DEFAULT_MAX_FAILURES, DEFAULT_OUTPUT, RETRY_DELAY};

/// Images to a message, as the Python program sends them.
const BATCH: usize = 40;
const IN_FLIGHT: usize = 64;

impl DemoCommand {
    /// Runs the demo and shows how it went. Fails where not every image was answered.
    pub async fn execute(self) -> anyhow::Result<()> {
        if let Some(folder) = &self.browser {
            return page::serve(folder.as_deref(), self.port, self.component.component.as_deref()).await;
        }
        tokio::select! {
            biased;
            () = interrupted() => {
                Err(Failure::Interrupted("the demo ended before all images were answered".to_owned()).into())
            }
            done = self.run() => done,
        }
    }

    async fn run(self) -> anyhow::Result<()> {
        let images = self.limit.map_or(u64::MAX, |limit| limit.get());
        let test_set = test_images()?.read(images)?;
        let test_set = test_set.context("there are no test images")?;
        let labels = test_labels()?;

        let folder = tempfile::tempdir().context("cannot make a temporary folder; is TMPDIR writable?")?;
        let storage = StorageArgs::default();
        let broker = BrokerConfig::new(BrokerArgs::local(folder.path().join("demo.db")), &storage)?;
        let config = ClassifierConfig::new(self.component, None, broker.max_message_bytes)?;
        let starting = Instant::now();
        let classifier = start(&config).await?;
        let start = starting.elapsed();
        let (classes, assumed) = of_test_images(classifier.description());
        if let Some(assumed) = assumed {
            progress::warn(&assumed);
        }
        let class = |label: u8| classes.get(usize::from(label)).copied().unwrap_or(label.into());
        let labels: Vec<u32> = labels.into_iter().map(class).collect();

        let round = Round::new(&test_set, progress::bar(Some(test_set.count())));
        round.stream(&broker, &classifier).await?;
        let report = Report::new(&round.into_answered(), &labels, classifier.description(), start);
        match self.format {
            Format::Json => stdout::write_json(&report.json())?,
            Format::Text => {
                stdout::write_styled(&report.text(&test_set, stdout::colours()))?;
            }
        }
        match report.unanswered() {
            0 => Ok(()),
            unanswered => Err(Failure::Stopped(format!(
                "{unanswered} of {} not answered; -v shows why",
                counted(test_set.count(), "image was", "images were")
            ))
            .into()),
        }
    }
}

/// The test set on its way through the broker: one task does all of it, so cells are enough.
struct Round {
    messages: Vec<Batch>,
    /// When each message was handed to the broker.
    handed: RefCell<Vec<Instant>>,
    answers: RefCell<Vec<Option<Answer>>>,
    answered: Cell<usize>,
    dead_letters: Cell<usize>,
    /// Asked to stop when every message has come back, one way or the other.
    finished: Shutdown,
    bar: ProgressBar,
}

struct Answer {
    classes: Vec<u32>,
    at: Instant,
}

impl Round {
    fn new(test_set: &Batch, bar: ProgressBar) -> Self {
        let image = test_set.shape.values().map_or(1, |values| values as usize);
        let messages = test_set.pixels.chunks(BATCH * image).map(|pixels| Batch {
            shape: test_set.shape,
            pixels: pixels.to_vec(),
        });
        let messages: Vec<_> = messages.collect();
        Self {
            handed: RefCell::default(),
            answers: RefCell::new(messages.iter().map(|_| None).collect()),
            answered: Cell::new(0),
            dead_letters: Cell::new(0),
            finished: Shutdown::new(),
            messages,
            bar,
        }
    }

    /// Produces, classifies and consumes at once, until everything has come back.
    async fn stream(&self, broker: &BrokerConfig, classifier: &Classifier) -> anyhow::Result<()> {
        let subscription = |topic: &str| Subscription {
            topic: topic.to_owned(),
            group: DEFAULT_GROUP.to_owned(),
            create: true,
        };
        let topics = Topics {
            input: subscription(DEFAULT_INPUT),
            output: DEFAULT_OUTPUT.to_owned(),
            dead_letters: format!("{DEFAULT_INPUT}.dlq"),
        };
        let policy = Policy {
            on_error: OnError::DeadLetter,
            attempts: 3,
            max_failures: NonZeroUsize::new(DEFAULT_MAX_FAILURES),
            retry_delay: RETRY_DELAY,
            max_in_flight: IN_FLIGHT,
            max_in_flight_bytes: 64 << 20,
            max_message_bytes: broker.max_message_bytes,
            provenance: false,
            idle_timeout: None,
        };
        let sink = open_sink(broker, DEFAULT_INPUT).await?;
        let (source, settle) = open_pipeline(&Ends::one(broker.clone()), &topics).await?;
        let (answers, ack) = open_consumer(broker, &subscription(DEFAULT_OUTPUT)).await?;

        let classify = async {
            let observe = |progress: &pipeline::Progress| {
                self.dead_letters.set(progress.dead_letters as usize);
                self.check_finished();
            };
            pipeline::run(
                source,
                settle,
                classifier,
                &policy,
                &self.finished,
                &Meter::default(),
                observe,
            )
            .await?;
            Ok(())
        };
        tokio::try_join!(self.produce(sink), classify, self.consume(answers, ack))?;
        self.bar.finish_and_clear();
        Ok(())
    }

    async fn produce(&self, sink: Arc<dyn Sink>) -> anyhow::Result<()> {
        let accepted = stream::iter(&self.messages).enumerate().then(async |(number, batch)| {
            let mut message = Message::new(python_message(batch));
            // What comes back has the key of what went in: the message's number.
            message.key = Some(number.to_string().into());
            self.handed.borrow_mut().push(Instant::now());
            let route = Route::Answers;
            sink.enqueue(Output { route, message }, None).await
        });
        accepted.try_buffered(IN_FLIGHT).try_collect::<()>().await?;
        Ok(())
    }

    async fn consume(&self, source: Box<dyn Source>, ack: Arc<dyn Ack>) -> anyhow::Result<()> {
        let mut waiting = Waiting::new(None);
        reader::read(source, ack, &self.finished, None, &mut waiting, async |delivery| {
            self.note(delivery)?;
            self.check_finished();
            Ok(ControlFlow::Continue(reader::Taken::Consumed))
        })
        .await
        .map(drop)
    }

    /// Notes one answer. Fails where it does not belong to a message that waits for one, or is not a class an image.
    fn note(&self, delivery: &Delivery) -> anyhow::Result<()> {
        let at = Instant::now();
        let wrong = |what: &str| Failure::Stopped(format!("the answer {} {what}", delivery.position));
        let key = delivery
            .message
            .key
            .as_deref()
            .and_then(|key| std::str::from_utf8(key).ok());
        let number: usize = key
            .and_then(|key| key.parse().ok())
            .ok_or_else(|| wrong("does not carry the key of a message"))?;
        let classes: Vec<u32> =
            serde_json::from_slice(delivery.message.body()).map_err(|_| wrong("is not a JSON list of classes"))?;
        let images = self.messages.get(number).map(Batch::count);
        if images != Some(classes.len() as u64) {
            return Err(wrong("does not hold one class an image").into());
        }
        let mut answers = self.answers.borrow_mut();
        match answers.get_mut(number) {
            Some(answer @ None) => *answer = Some(Answer { classes, at }),
            _ => return Err(wrong("came twice").into()),
        }
        self.answered.set(self.answered.get() + 1);
        self.bar.inc(images.unwrap_or(0));
        Ok(())
    }

    fn check_finished(&self) {
        if self.answered.get() + self.dead_letters.get() == self.messages.len() {
            self.finished.stop();
        }
    }

    fn into_answered(self) -> Answered {
        let handed = self.handed.into_inner();
        let answers = self.answers.into_inner();
        let began = handed.first().copied();
        let ended = answers.iter().flatten().map(|answer| answer.at).max();
        let mut latencies: Vec<Duration> = handed
            .iter()
            .zip(&answers)
            .filter_map(|(handed, answer)| answer.as_ref().map(|answer| answer.at - *handed))
            .collect();
        latencies.sort();
        let classes = self
            .messages
            .iter()
            .zip(answers)
            .flat_map(|(batch, answer)| match answer {
                Some(answer) => answer.classes.into_iter().map(Some).collect(),
                None => vec![None; batch.count() as usize],
            });
        Answered {
            classes: classes.collect(),
            dead_letters: self.dead_letters.get(),
            took: began.zip(ended).map_or(Duration::ZERO, |(began, ended)| ended - began),
            latencies,
        }
    }
}
