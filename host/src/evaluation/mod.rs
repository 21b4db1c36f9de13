//! How good a component is: runs labelled images through it, and compares the answers with the labels.
//!
//! Images go the way of a stream: as messages, through [`Classify`], several at once, and the answers are checked.
//! Pixels are sent as raw bytes if the component accepts them; files are sent unchanged, so that its preprocessing is
//! measured too. Only what is shown in the end is kept.

pub mod answer;
mod data;
mod foremost;
pub mod picture;
mod tally;
pub mod wire;

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use serde::Serialize;
use tokio::sync::mpsc;

use self::answer::{Best, Form};
use self::data::{Content, Portion};
pub use self::data::{DataError, ImageName, Labelled, Split, of_test_images};
use self::foremost::{Falling, Foremost};
use self::picture::Thumbnail;
pub use self::tally::{ClassTally, Tally};
use self::wire::Wire;
use crate::classifier::Description;
use crate::images::{Batch, ImagesError};
use crate::message::Message;
use crate::pipeline::{Answer, Cause, Classify, ClassifyError, Warnings};
use crate::terminal::counted;

/// Pixels in one message, unless one image has more: far more than needed to make a message worthwhile.
const MESSAGE_BYTES: u64 = 4 << 20;
/// How often a message is tried if repeating may help.
const ATTEMPTS: u32 = 3;
/// After this many failed messages in a row the component is broken.
const FAILURES: usize = 10;
/// How many of the most confidently wrong answers are kept.
const MISTAKES: usize = 40;
/// How many unclassified images are kept by name.
const UNCLASSIFIED: usize = 100;

/// How to evaluate.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most images in a message.
    pub batch: u64,
    /// The largest file, in bytes.
    pub max_message_bytes: usize,
    /// The wait before the second attempt at a message.
    pub retry_delay: Duration,
    /// Keep thumbnails of the mistakes.
    pub thumbnails: bool,
}

/// The result.
#[derive(Debug)]
pub struct Evaluation {
    /// True and predicted classes of the classified images.
    pub tally: Tally,
    /// The most confidently wrong answers, the most confident first.
    pub mistakes: Vec<Mistake>,
    /// Images that were not classified.
    pub unclassified: u64,
    /// The first of them, in the order of the data.
    pub first_unclassified: Vec<Unclassified>,
    /// What the component warned of, by messages.
    pub warnings: Warnings,
    /// From the first message to the last answer.
    pub took: Duration,
}

/// An image that was answered wrongly.
#[derive(Clone, Debug)]
pub struct Mistake {
    /// Which one.
    pub image: ImageName,
    /// Its true class.
    pub class: u32,
    /// The class that was answered.
    pub answered: u32,
    /// The component's confidence in that, where it says one.
    pub score: Option<f32>,
    /// What it looks like, where that was asked for.
    pub look: Option<Look>,
}

/// Where the look of an image comes from.
#[derive(Clone, Debug)]
pub enum Look {
    /// Its pixels, made small.
    Thumbnail(Thumbnail),
    /// The file that it is.
    File(PathBuf),
}

/// An image without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unclassified {
    /// Which one.
    pub image: ImageName,
    /// Why.
    pub reason: String,
}

/// Classifies all of `data` and counts. The classifier was asked for answers in `form`, of one label to an image. `observe` is
/// told how many images have come back.
pub async fn evaluate(
    classifier: &dyn Classify,
    form: &Form,
    model: &Description,
    data: Labelled,
    options: &Options,
    observe: impl Fn(u64),
) -> anyhow::Result<Evaluation> {
    let mut batch = options.batch.min(model.max_images.into());
    let mut wire = Wire::Raw;
    if let Some(shape) = data.shape() {
        wire = Wire::choose(&model.accepts)?;
        let bytes = shape.values().unwrap_or(u64::MAX);
        if bytes > options.max_message_bytes as u64 {
            let limit = options.max_message_bytes;
            return Err(DataError::TooLarge { shape, limit }.into());
        }
        batch = batch.min(MESSAGE_BYTES / bytes.max(1));
    }
    let asking = Asking {
        classifier,
        form,
        labels: model.labels.len(),
        wire,
        retry_delay: options.retry_delay,
        warnings: RefCell::default(),
        failures: AtomicUsize::new(0),
        has_answered: AtomicBool::new(false),
    };
    let asking = &asking;
    let began = Instant::now();
    let announced = data.left();
    let portions = read_ahead(data, batch.max(1), options.max_message_bytes);
    let portions = stream::unfold(portions, |mut portions| async move {
        let portion = portions.recv().await?;
        Some((portion, portions))
    });
    let answers = portions.map(|portion| async move {
        let portion = portion?;
        let answers = asking.answers(&portion).await?;
        anyhow::Ok((portion, answers))
    });
    let mut answers = std::pin::pin!(answers.buffer_unordered(classifier.concurrency()));
    let mut counts = Counts::new(options.thumbnails);
    let mut seen = 0;
    while let Some(answered) = answers.next().await {
        let (portion, answers) = answered?;
        seen += answers.len() as u64;
        counts.take(&portion, answers);
        observe(seen);
    }
    // A reader that fell over has told nobody.
    anyhow::ensure!(
        seen == announced,
        "the data announce {announced} images and contain {seen}; download them again"
    );
    if asking.failures.load(Ordering::Relaxed) > 0 && !asking.has_answered.load(Ordering::Relaxed) {
        let reason = counts.first_unclassified.into_values().into_iter().next();
        return Err(ClassifyError::Broken(Cause {
            code: "no-answer".to_owned(),
            detail: reason.map_or_else(String::new, |first| {
                format!("not one message was answered; {}", first.reason)
            }),
        })
        .into());
    }
    Ok(counts.finish(asking.warnings.take(), began.elapsed()))
}

/// Reads on a thread of its own, two messages ahead, so that a slow disk does not delay a stop. It ends when nobody listens
/// any more.
fn read_ahead(mut data: Labelled, batch: u64, limit: usize) -> mpsc::Receiver<Result<Portion, ImagesError>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        while let Some(portion) = data.next(batch, limit).transpose() {
            let is_last = portion.is_err();
            if sender.blocking_send(portion).is_err() || is_last {
                break;
            }
        }
    });
    receiver
}

/// What it takes to have a portion answered.
struct Asking<'a> {
    classifier: &'a dyn Classify,
    form: &'a Form,
    labels: usize,
    wire: Wire,
    retry_delay: Duration,
    /// One task asks for all.
    warnings: RefCell<Warnings>,
    /// How many messages in a row have failed by now.
    failures: AtomicUsize,
    /// A message was answered, or rejected.
    has_answered: AtomicBool,
}

type Answers = Vec<Result<Best, String>>;

impl Asking<'_> {
    /// One answer an image, or why there is none.
    async fn answers(&self, portion: &Portion) -> Result<Answers, ClassifyError> {
        let count = portion.classes.len();
        let failed = |reason: String| vec![Err(reason); count];
        let name = portion.name(0).to_string();
        let answers = match &portion.content {
            Content::Pixels(batch) => match self.ask(self.wire.message(batch), count, &name).await {
                Ok(best) => best.into_iter().map(Ok).collect(),
                // One image may be what the others are refused for.
                Err(Refused::Message(_)) if count > 1 => self.one_by_one(batch, &name).await?,
                Err(refused) => failed(refused.reason()?),
            },
            Content::File { bytes: Err(reason), .. } => failed(reason.clone()),
            Content::File {
                bytes: Ok(bytes), path, ..
            } => match self.ask(wire::file(bytes, path), count, &name).await {
                Ok(best) => best.into_iter().map(Ok).collect(),
                Err(refused) => failed(refused.reason()?),
            },
        };
        Ok(answers)
    }

    async fn one_by_one(&self, batch: &Batch, name: &str) -> Result<Answers, ClassifyError> {
        let mut answers = Vec::new();
        for pixels in images_of(batch) {
            let one = Batch {
                shape: batch.shape,
                pixels: pixels.to_vec(),
            };
            let answer = self.ask(self.wire.message(&one), 1, name).await;
            answers.push(match answer {
                Ok(best) => best.first().copied().ok_or_else(|| "no answer".to_owned()),
                Err(refused) => Err(refused.reason()?),
            });
        }
        Ok(answers)
    }

    /// Asks until there is an answer, or asking again is of no use. `name` is the first image's.
    async fn ask(&self, message: Message, images: usize, name: &str) -> Result<Vec<Best>, Refused> {
        let mut attempt = 1;
        loop {
            let classified = self.classifier.classify(&message).await;
            if let Ok(_) | Err(ClassifyError::Reject(_)) = classified {
                self.failures.store(0, Ordering::Relaxed);
                self.has_answered.store(true, Ordering::Relaxed);
            }
            match classified {
                Ok(answer) => {
                    self.warnings.borrow_mut().note(&answer.warnings, name);
                    return self.read(&answer, images).map_err(Refused::Answer);
                }
                Err(error @ ClassifyError::Reject(_)) => return Err(Refused::Message(error.to_string())),
                Err(ClassifyError::Broken(cause)) => return Err(Refused::Broken(cause)),
                Err(ClassifyError::Retry(cause)) if attempt >= ATTEMPTS => {
                    let failures = self.failures.fetch_add(1, Ordering::Relaxed) + 1;
                    return Err(match failures >= FAILURES {
                        true => Refused::Broken(cause),
                        false => Refused::Answer(ClassifyError::Retry(cause).to_string()),
                    });
                }
                Err(ClassifyError::Retry(_)) => {
                    attempt += 1;
                    tokio::time::sleep(self.retry_delay).await;
                }
            }
        }
    }
}

impl Asking<'_> {
    /// One answer to each image that was sent, and not to more or fewer, whatever the component claims.
    fn read(&self, answer: &Answer, images: usize) -> Result<Vec<Best>, String> {
        let predictions = self.form.read(&answer.payload, self.labels)?;
        for count in [predictions.len(), answer.images as usize] {
            if count != images {
                return Err(format!(
                    "the component answered for {}, where {images} were sent",
                    counted(count as u64, "image", "images")
                ));
            }
        }
        Ok(predictions.into_iter().map(|prediction| prediction.best).collect())
    }
}

/// Why a message brought nothing.
enum Refused {
    /// The component does not take it.
    Message(String),
    /// There was no answer to it, or none that can be used.
    Answer(String),
    /// Nor will there be one to any other.
    Broken(Cause),
}

impl Refused {
    fn reason(self) -> Result<String, ClassifyError> {
        match self {
            Self::Message(reason) | Self::Answer(reason) => Ok(reason),
            Self::Broken(cause) => Err(ClassifyError::Broken(cause)),
        }
    }
}

/// What is kept of the answers so far, which come in any order.
struct Counts {
    tally: Tally,
    mistakes: Foremost<(Falling, u64), Mistake>,
    thumbnails: bool,
    unclassified: u64,
    first_unclassified: Foremost<u64, Unclassified>,
}

impl Counts {
    fn new(thumbnails: bool) -> Self {
        Self {
            tally: Tally::default(),
            mistakes: Foremost::new(MISTAKES),
            thumbnails,
            unclassified: 0,
            first_unclassified: Foremost::new(UNCLASSIFIED),
        }
    }

    fn take(&mut self, portion: &Portion, answers: Answers) {
        for (place, (answer, &class)) in answers.into_iter().zip(&portion.classes).enumerate() {
            let index = portion.first + place as u64;
            let best = match answer {
                Ok(best) => best,
                Err(reason) => {
                    self.unclassified += 1;
                    let image = portion.name(place);
                    self.first_unclassified.insert(index, Unclassified { image, reason });
                    continue;
                }
            };
            self.tally.add(class, best.class);
            // Without scores none is surer than another.
            let key = (Falling(best.score.unwrap_or_default()), index);
            if best.class != class && self.mistakes.takes(&key) {
                let mistake = Mistake {
                    image: portion.name(place),
                    class,
                    answered: best.class,
                    score: best.score,
                    look: if self.thumbnails { look(portion, place) } else { None },
                };
                self.mistakes.insert(key, mistake);
            }
        }
    }

    fn finish(self, warnings: Warnings, took: Duration) -> Evaluation {
        Evaluation {
            tally: self.tally,
            mistakes: self.mistakes.into_values(),
            unclassified: self.unclassified,
            first_unclassified: self.first_unclassified.into_values(),
            warnings,
            took,
        }
    }
}

fn look(portion: &Portion, place: usize) -> Option<Look> {
    match &portion.content {
        Content::Pixels(batch) => {
            let pixels = images_of(batch).nth(place)?;
            Thumbnail::of_pixels(batch.shape, pixels).map(Look::Thumbnail)
        }
        Content::File { path, .. } => Some(Look::File(path.clone())),
    }
}

/// The pixels of each image.
fn images_of(batch: &Batch) -> impl Iterator<Item = &[u8]> {
    let values = batch.shape.values().and_then(|values| usize::try_from(values).ok());
    batch.pixels.chunks_exact(values.unwrap_or(usize::MAX).max(1))
}

#[cfg(test)]
mod tests;
