//! THE data path: source, classifier, settle, with one error policy around it.
//!
//! One task polls everything. Each delivery is a future in one bounded set, so a hard stop is the drop of that set, and
//! with it of every claim. Classification happens in any order on the classifier's threads; [`Turn`] brings a lane's
//! deliveries back into order before they settle.

mod classify;
mod dead_letter;
mod lane;
mod policy;
mod provenance;
mod warnings;

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::broker::{Claim, Delivery, Demand, Event, Idle, Output, Route, Settle, SettleError, Source};
use crate::message::{CONTENT_TYPE, Message};
use crate::shutdown::Shutdown;
pub use classify::{Answer, Cause, Classify, ClassifyError};
pub use dead_letter::{ERROR_CODE, revive};
use lane::{Lanes, Turn};
pub use policy::{OnError, PipelineError, Policy, Progress};
use provenance::Provenance;
pub use warnings::Warnings;

/// Runs until a stop is asked for, nothing came for the idle time-out, or an error. `observe` is called after each
/// message that settled. A soft stop finishes what the classifier has begun, and leaves the rest; a hard one, or an error,
/// abandons it all: what is left or abandoned comes again.
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
        shutdown,
        slots: Semaphore::new(classifier.concurrency()),
        cluster: &cluster,
    };
    let ended = pipeline.stream(&mut *source, observe).await;
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
    shutdown: &'a Shutdown,
    /// One for each call that the classifier takes up, given in the order of the deliveries.
    slots: Semaphore,
    /// Where the messages come from.
    cluster: &'a str,
}

impl Pipeline<'_> {
    async fn stream(
        &self,
        source: &mut dyn Source,
        mut observe: impl FnMut(&Progress),
    ) -> Result<Progress, PipelineError> {
        let shutdown = self.shutdown;
        let mut progress = Progress::default();
        let mut bytes: usize = 0;
        let mut lanes = Lanes::default();
        let mut in_flight = FuturesUnordered::new();
        let mut idle = Idle::new(self.policy.idle_timeout);
        // Until the end, since a claim that is dropped takes those before it in its lane along.
        let mut left = Vec::new();

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
                    match outcome? {
                        Carried::Left(claim) => left.push(claim),
                        carried => {
                            progress.count(carried);
                            observe(&progress);
                        }
                    }
                    idle.restart();
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
                () = idle.passed(), if in_flight.is_empty() => {
                    let is_over = tokio::select! {
                        biased;
                        () = shutdown.stopping() => continue,
                        is_over = idle.is_over(source) => is_over?,
                    };
                    if is_over {
                        tracing::info!("no message came within the idle time-out: stopping");
                        shutdown.stop();
                    }
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
        let Some(slot) = turn.unless_revoked(self.begin()).await else {
            return Ok(Carried::Abandoned);
        };
        let Some(slot) = slot else {
            return Ok(Carried::Left(claim));
        };
        let Some(answered) = turn.unless_revoked(self.answer(&message, &position, slot)).await else {
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

    /// Waits until the classifier takes up one more. None: a stop came first.
    async fn begin(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.shutdown.stopping() => None,
            slot = self.slots.acquire() => slot.ok(),
        }
    }

    /// The outputs for one message: its answer, or by the error policy its dead letter.
    async fn answer(
        &self,
        message: &Message,
        position: &str,
        slot: SemaphorePermit<'_>,
    ) -> Result<(Vec<Output>, Carried), PipelineError> {
        let mut attempt = 1;
        let mut slot = Some(slot);
        let error = loop {
            let classified = self.classify(message, position).await;
            drop(slot.take());
            match classified {
                Ok((message, carried)) => {
                    let output = Output {
                        route: Route::Answers,
                        message,
                    };
                    return Ok((vec![output], carried));
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
                    slot = self.slots.acquire().await.ok();
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

    /// The reply to a message and what counts of it, where both are of a size that the broker takes: what would end the run
    /// at the broker ends here as one message that is not answered.
    async fn classify(&self, message: &Message, position: &str) -> Result<(Message, Carried), ClassifyError> {
        let general = (self.policy.max_message_bytes, "raise --max-message-bytes");
        within("a message", message, general)?;
        let mut answer = self.classifier.classify(message).await?;
        let carried = Carried::Answered {
            images: answer.images,
            warnings: std::mem::take(&mut answer.warnings),
            position: position.to_owned(),
        };
        let mut reply = reply(message, answer);
        self.mark(&mut reply, position);
        let own = self.settle.max_answer_bytes();
        let own = own.map(|limit| {
            (
                limit,
                "send smaller batches, or raise what the output topic takes, such as Kafka's max.message.bytes",
            )
        });
        let limit = own.filter(|(limit, _)| *limit < general.0).unwrap_or(general);
        within("an answer, with the key and headers of its message,", &reply, limit)?;
        Ok((reply, carried))
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
        warnings: Vec<Cause>,
        position: String,
    },
    DeadLetter,
    /// Its lane was revoked or rewound: it comes again.
    Abandoned,
    /// A stop came before it had begun: it comes again.
    Left(Claim),
}

impl Progress {
    fn count(&mut self, carried: Carried) {
        match carried {
            Carried::Answered {
                images,
                warnings,
                position,
            } => {
                self.answered += 1;
                self.images += u64::from(images);
                self.warnings.note(&warnings, &position);
            }
            Carried::DeadLetter => self.dead_letters += 1,
            Carried::Abandoned | Carried::Left(_) => {}
        }
    }
}

/// Rejects what is over a limit in bytes; the remedy is for that limit.
fn within(what: &str, message: &Message, (limit, remedy): (usize, &str)) -> Result<(), ClassifyError> {
    match message.size() {
        size if size > limit => Err(ClassifyError::Reject(Cause {
            code: "too-large".to_owned(),
            detail: format!("{what} of {size} bytes is over the limit of {limit}; {remedy}"),
        })),
        _ => Ok(()),
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
