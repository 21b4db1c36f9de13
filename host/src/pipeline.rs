//! THE data path: source, classifier, settle, with one error policy around it.
//!
//! One task polls everything. Each delivery is a future in one bounded set, so a hard stop is the drop of that set, and
//! with it of every claim. Classification happens in any order on the classifier's threads; [`Turn`] brings a lane's
//! deliveries back into order before they settle.

mod dead_letter;
mod lane;
mod provenance;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

use crate::broker::{BrokerError, Claim, Delivery, Demand, Event, Output, Route, Settle, SettleError, Source};
use crate::message::{CONTENT_TYPE, Message};
use crate::shutdown::Shutdown;
pub use dead_letter::{ERROR_CODE, revive};
use lane::{Lanes, Turn};
use provenance::Provenance;

/// Why an input was not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// Stable and kebab-case, for metrics and dead letters: `bad-shape`, `trap`, `timeout`.
    pub code: String,
    /// For people: names the value and, where there is one, the remedy.
    pub detail: String,
}

/// A message that was not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassifyError {
    /// The same message will fail again.
    #[error("rejected, {}: {}", .0.code, .0.detail)]
    Reject(Cause),
    /// Repeating may succeed: a trap, a time-out, or the guest said so.
    #[error("failed, {}: {}", .0.code, .0.detail)]
    Retry(Cause),
}

/// An answer, and what it took to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The body of the answer.
    pub payload: Bytes,
    /// Its media type.
    pub content_type: String,
    /// How many images it classifies.
    pub images: u32,
}

/// Message in, message or error out. Called concurrently; the future may be dropped.
#[async_trait]
pub trait Classify: Send + Sync {
    /// Answers one message.
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError>;

    /// What dead letters name as the one that could not answer: the component's digest.
    fn digest(&self) -> &str;
}

/// What becomes of a message that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// It is published to the dead letters with the reason, and consumed.
    DeadLetter,
    /// The pipeline ends; the message stays where it is.
    Stop,
}

/// How a pipeline runs. Bounds hold before work is accepted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What becomes of a message that cannot be answered.
    pub on_error: OnError,
    /// How often a message is tried where repeating may succeed; at least 1.
    pub attempts: u32,
    /// How long the second attempt waits. Each further one waits twice as long, up to 20 times this, and up to half of it
    /// is left out at random.
    pub retry_delay: Duration,
    /// Messages accepted and not yet durable.
    pub max_in_flight: usize,
    /// Their bytes, without their answers'. A single message may take it all.
    pub max_in_flight_bytes: usize,
    /// A larger message is not shown to the guest, and a larger answer is not published: both count as rejected. Bytes.
    pub max_message_bytes: usize,
    /// Mark outputs with where they come from, in headers.
    pub provenance: bool,
    /// Ends the pipeline softly when no message came for so long.
    pub idle_timeout: Option<Duration>,
}

/// What a pipeline has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages answered, durably.
    pub answered: u64,
    /// The images in them.
    pub images: u64,
    /// Messages published as dead letters, durably.
    pub dead_letters: u64,
    /// Messages accepted and not yet durable; at the end: those that a hard stop left, of which the ones that were not on
    /// their way to the broker come again.
    pub in_flight: usize,
}

/// Why a pipeline ended otherwise than by a stop.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A message could not be answered, and the policy says to stop there.
    #[error("{position} could not be answered after {attempts} attempts: {error}")]
    Unanswered {
        /// Where the message came from.
        position: String,
        /// How often it was tried.
        attempts: u32,
        /// The last error.
        error: ClassifyError,
    },
    /// Somebody younger of the same name took over.
    #[error("{0}")]
    Fenced(String),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// Runs until a stop is asked for, nothing came for the idle time-out, or an error. `observe` is called after each
/// message that settled. A soft stop finishes what is in flight; a hard one, or an error, abandons it: it comes again.
pub async fn run(
    mut source: Box<dyn Source>,
    settle: Arc<dyn Settle>,
    classifier: &dyn Classify,
    policy: &Policy,
    shutdown: &Shutdown,
    observe: impl FnMut(&Progress),
) -> Result<Progress, PipelineError> {
    let cluster = source.cluster().to_owned();
    let pipeline = Pipeline {
        settle: &*settle,
        classifier,
        policy,
        cluster: &cluster,
    };
    let ended = pipeline.stream(&mut *source, shutdown, observe).await;
    // The group is left even after an error, so that another member takes over at once; the first error is what counts.
    let closed = source.close().await;
    let progress = ended?;
    closed?;
    Ok(progress)
}

struct Pipeline<'a> {
    settle: &'a dyn Settle,
    classifier: &'a dyn Classify,
    policy: &'a Policy,
    /// Where the messages come from.
    cluster: &'a str,
}

impl Pipeline<'_> {
    async fn stream(
        &self,
        source: &mut dyn Source,
        shutdown: &Shutdown,
        mut observe: impl FnMut(&Progress),
    ) -> Result<Progress, PipelineError> {
        let mut progress = Progress::default();
        let mut bytes: usize = 0;
        let mut lanes = Lanes::default();
        let mut in_flight = FuturesUnordered::new();
        let mut idle_since = Instant::now();

        while !(shutdown.is_stopping() && in_flight.is_empty()) {
            let draining = shutdown.is_stopping();
            let room = in_flight.len() < self.policy.max_in_flight
                && (bytes == 0
                    || bytes.saturating_add(self.policy.max_message_bytes) <= self.policy.max_in_flight_bytes);
            let demand = if room && !draining {
                Demand::Deliveries
            } else {
                Demand::EventsOnly
            };
            tokio::select! {
                // What is finished makes room, and a stop must not wait behind new messages.
                biased;
                () = shutdown.aborting() => break,
                () = shutdown.stopping(), if !draining => {}
                Some((size, outcome)) = in_flight.next() => {
                    bytes -= size;
                    progress.in_flight = in_flight.len();
                    progress.count(outcome?);
                    observe(&progress);
                    idle_since = Instant::now();
                }
                event = source.recv(demand) => match event? {
                    Event::Delivery(delivery) => {
                        let size = delivery.message.size();
                        bytes += size;
                        let turn = lanes.turn(&delivery.claim);
                        in_flight.push(async move { (size, self.carry(delivery, turn).await) });
                        progress.in_flight = in_flight.len();
                    }
                    Event::Revoked(revoked, drained) => lanes.revoke(&revoked, drained),
                },
                () = until_idle(idle_since, self.policy.idle_timeout), if in_flight.is_empty() => {
                    tracing::info!("no message came within the idle time-out: stopping");
                    shutdown.stop();
                }
            }
        }
        Ok(progress)
    }

    /// One message, from delivery to durable.
    async fn carry(&self, delivery: Delivery, mut turn: Turn) -> Result<Carried, PipelineError> {
        let Delivery {
            message,
            position,
            claim,
        } = delivery;
        tracing::debug!(position, "accepted");
        let Some(answered) = turn.unless_revoked(self.answer(&message, &position)).await else {
            return Ok(Carried::Abandoned);
        };
        let (outputs, carried) = answered?;
        if !turn.comes().await {
            return Ok(Carried::Abandoned);
        }
        match self.settle(claim, outputs, &mut turn).await {
            Ok(()) => {
                tracing::debug!(position, "settled");
                Ok(carried)
            }
            Err(SettleError::Rewound(_)) => {
                turn.abandon_lane();
                Ok(Carried::Abandoned)
            }
            Err(SettleError::Fenced(by)) => Err(PipelineError::Fenced(by)),
            Err(SettleError::Broker(error)) => Err(error.into()),
        }
    }

    async fn settle(&self, claim: Claim, outputs: Vec<Output>, turn: &mut Turn) -> Result<(), SettleError> {
        let durable = self.settle.settle(claim, outputs).await?; // accepted, in lane order
        turn.pass();
        durable.await // outputs confirmed, claim consumed
    }

    /// The outputs for one message: its answer, or by the error policy its dead letter.
    async fn answer(&self, message: &Message, position: &str) -> Result<(Vec<Output>, Carried), PipelineError> {
        let mut attempt = 1;
        let error = loop {
            match self.classify(message, position).await {
                Ok((message, images)) => {
                    let output = Output {
                        route: Route::Answers,
                        message,
                    };
                    return Ok((vec![output], Carried::Answered { images }));
                }
                Err(ClassifyError::Retry(cause)) if attempt < self.policy.attempts => {
                    tracing::warn!(
                        position,
                        attempt,
                        code = cause.code,
                        detail = cause.detail,
                        "trying again"
                    );
                    self.back_off(attempt).await;
                    attempt += 1;
                }
                Err(error) => break error,
            }
        };
        match self.policy.on_error {
            OnError::DeadLetter => {
                tracing::warn!(position, attempt, %error, "dead letter");
                let mut message =
                    dead_letter::dead_letter(message, &error, attempt, position, self.classifier.digest());
                self.mark(&mut message, position);
                let output = Output {
                    route: Route::DeadLetters,
                    message,
                };
                Ok((vec![output], Carried::DeadLetter))
            }
            OnError::Stop => Err(PipelineError::Unanswered {
                position: position.to_owned(),
                attempts: attempt,
                error,
            }),
        }
    }

    /// The reply to a message and the images in it, where both are of a size that the broker takes: what would end the run
    /// at the broker ends here as one message that is not answered.
    async fn classify(&self, message: &Message, position: &str) -> Result<(Message, u32), ClassifyError> {
        let limit = self.policy.max_message_bytes;
        let within = |what: &str, message: &Message| match message.size() {
            size if size > limit => Err(ClassifyError::Reject(Cause {
                code: "too-large".to_owned(),
                detail: format!("{what} of {size} bytes is over the limit of {limit}; raise --max-message-bytes"),
            })),
            _ => Ok(()),
        };
        within("a message", message)?;
        let answer = self.classifier.classify(message).await?;
        let images = answer.images;
        let mut reply = reply(message, answer);
        self.mark(&mut reply, position);
        within("an answer, with the key and headers of its message,", &reply)?;
        Ok((reply, images))
    }

    /// A message has one output.
    fn mark(&self, output: &mut Message, position: &str) {
        if self.policy.provenance {
            let provenance = Provenance {
                cluster: self.cluster,
                position,
                component: self.classifier.digest(),
            };
            provenance.mark(output, 0);
        }
    }

    /// Random in part, so that workers do not fail in step. No delay means no timer at all.
    async fn back_off(&self, attempt: u32) {
        let doubled = 2u32.saturating_pow(attempt - 1).min(20);
        let full = self.policy.retry_delay.saturating_mul(doubled);
        if !full.is_zero() {
            tokio::time::sleep(full.mul_f64(1.0 - fastrand::f64() / 2.0)).await;
        }
    }
}

/// What became of one delivery.
enum Carried {
    Answered {
        images: u32,
    },
    DeadLetter,
    /// Its lane was revoked or rewound: it comes again.
    Abandoned,
}

impl Progress {
    fn count(&mut self, carried: Carried) {
        match carried {
            Carried::Answered { images } => {
                self.answered += 1;
                self.images += u64::from(images);
            }
            Carried::DeadLetter => self.dead_letters += 1,
            Carried::Abandoned => {}
        }
    }
}

/// An answer keeps its input's key, headers and time, so that whoever asked recognises it.
fn reply(input: &Message, answer: Answer) -> Message {
    let mut reply = Message {
        payload: answer.payload,
        ..input.clone()
    };
    reply.set_header(CONTENT_TYPE, answer.content_type);
    reply
}

/// Never, where there is no time-out or it lies past all time.
async fn until_idle(since: Instant, timeout: Option<Duration>) {
    match timeout.and_then(|timeout| since.checked_add(timeout)) {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
