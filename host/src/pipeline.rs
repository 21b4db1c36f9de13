//! THE data path: source, classifier, settle, with one error policy around it.
//!
//! One task polls everything. Each delivery is a future in one bounded set, so a hard stop drops that set, and with
//! it every claim. Messages are classified in any order on the classifier's threads; [`Turn`] brings a lane's
//! deliveries back into order before they settle.

mod classify;
mod dead_letter;
mod health;
mod lane;
mod meter;
mod output;
mod policy;
mod provenance;
mod refused;
mod warnings;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::broker::{Claim, Delivery, Demand, Event, Idle, Limits, Output, Route, Settle, SettleError, Source};
use crate::shutdown::Shutdown;
use crate::terminal::counted;
pub use classify::{Answer, Cause, Classify, ClassifyError};
pub use dead_letter::{
    ERROR_ATTEMPTS, ERROR_CODE, ERROR_COMPONENT, ERROR_DETAIL, ERROR_KIND, ERROR_SOURCE, ERROR_SOURCE_TIME,
    ERROR_TRUNCATED, revive,
};
use health::{Broken, Health, Work};
use lane::{Lanes, Turn};
pub use meter::{Latency, Meter, Reading};
use output::Made;
pub use policy::{OnError, PipelineError, Policy, Progress};
pub use provenance::{COMPONENT, COMPONENT_LABELS, DEDUPE_ID, SOURCE};
use refused::Refused;
pub use warnings::Warnings;

/// Runs until a stop, until no message arrived for the idle time-out, or until an error. Counts in `meter` what happens, and calls
/// `observe` after each message that settled. A soft stop finishes what the classifier has begun, and abandons the rest. A hard
/// stop or an error abandons everything. What is abandoned is redelivered.
pub async fn run(
    mut source: Box<dyn Source>,
    settle: Arc<dyn Settle>,
    classifier: &dyn Classify,
    policy: &Policy,
    shutdown: &Shutdown,
    meter: &Meter,
    observe: impl FnMut(&Progress),
) -> Result<Progress, PipelineError> {
    let cluster = source.cluster().to_owned();
    let answers = settle.limits(Route::Answers).await?;
    let pipeline = Pipeline {
        settle: &*settle,
        classifier,
        policy,
        shutdown,
        meter,
        slots: Semaphore::new(classifier.concurrency()),
        cluster: &cluster,
        labels: provenance::labels(classifier.labels()),
        answers,
        refused: Refused::new(policy.max_in_flight),
        health: Health::new(policy.max_failures),
    };
    // Kept until the source is closed: a dropped claim abandons all of its lane that has not settled, also what is
    // before it, and a broker that takes it back at once would only bring it here again.
    let mut left = Vec::new();
    let ended = pipeline.stream(&mut *source, &mut left, observe).await;
    // Leaves the group even after an error, so that another member takes over at once; the first error is what
    // counts.
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
    meter: &'a Meter,
    /// One for each call that the classifier accepts at once, granted in the order of the deliveries.
    slots: Semaphore,
    /// Where the messages come from.
    cluster: &'a str,
    /// The labels of the classifier, as answers carry them.
    labels: Option<Bytes>,
    /// The limits of the output topic.
    answers: Limits,
    refused: Refused,
    health: Health,
}

impl Pipeline<'_> {
    async fn stream(
        &self,
        source: &mut dyn Source,
        left: &mut Vec<Claim>,
        mut observe: impl FnMut(&Progress),
    ) -> Result<Progress, PipelineError> {
        let shutdown = self.shutdown;
        let mut progress = Progress::default();
        let mut bytes: usize = 0;
        let mut lanes = Lanes::default();
        let mut in_flight = FuturesUnordered::new();
        let mut idle = Idle::new(self.policy.idle_timeout);

        while !(shutdown.is_stopping() && in_flight.is_empty()) {
            let draining = shutdown.is_stopping();
            // Held back messages have a bound of their own, and must not keep away the messages that they wait for.
            let held = self.health.held();
            let room_in_bytes =
                bytes == 0 || bytes.saturating_add(self.policy.max_message_bytes) <= self.policy.max_in_flight_bytes;
            let room = in_flight.len() - held < self.policy.max_in_flight && room_in_bytes;
            // No message would come to show whether the classifier is at fault.
            if held > 0 && held == in_flight.len() && !room_in_bytes && !draining {
                return Err(self.health.broken().into());
            }
            let demand = if room && !draining {
                Demand::Deliveries
            } else {
                Demand::EventsOnly
            };
            tokio::select! {
                // Finished work makes room, and a stop must not wait behind new messages.
                biased;
                () = shutdown.aborting() => break,
                () = shutdown.stopping(), if !draining => {}
                Some((size, received, outcome)) = in_flight.next() => {
                    bytes -= size;
                    progress.in_flight = in_flight.len();
                    self.meter.set_in_flight(in_flight.len());
                    match outcome? {
                        Carried::Left(claim) => left.push(claim),
                        carried => {
                            self.count(carried, received, &mut progress);
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
                        let work = self.health.begin();
                        let received = Instant::now();
                        in_flight.push(async move { (size, received, self.carry(delivery, turn, work).await) });
                        progress.in_flight = in_flight.len();
                        self.meter.set_in_flight(in_flight.len());
                    }
                    Event::Revoked(revoked, drained) => lanes.revoke(&revoked, drained),
                },
                () = self.health.stuck.notified() => idle.restart(),
                () = idle.passed(), if in_flight.len() == held => {
                    let is_over = tokio::select! {
                        biased;
                        () = shutdown.stopping() => continue,
                        is_over = idle.is_over(source) => is_over?,
                    };
                    if is_over && held > 0 {
                        return Err(self.health.broken().into());
                    }
                    if is_over {
                        tracing::info!("no message came within the idle time-out: stopping");
                        shutdown.stop();
                    }
                }
            }
        }
        Ok(progress)
    }

    fn count(&self, carried: Carried, received: Instant, progress: &mut Progress) {
        match carried {
            Carried::Answered {
                images,
                warnings,
                position,
            } => {
                progress.answered += 1;
                progress.images += u64::from(images);
                progress.warnings.note(&warnings, &position);
                self.meter.answered(images, received.elapsed());
            }
            Carried::DeadLetter(cause) => {
                progress.dead_letters += 1;
                self.meter.dead_letter(cause, received.elapsed());
            }
            Carried::Abandoned | Carried::Left(_) => {}
        }
    }

    /// One message, from delivery to durable.
    async fn carry(&self, delivery: Delivery, mut turn: Turn, work: Work<'_>) -> Result<Carried, PipelineError> {
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
        let Some(output) = turn.unless_revoked(self.output(&message, &position, slot, work)).await else {
            return Ok(Carried::Abandoned);
        };
        let Some(Made { output, kind }) = output? else {
            return Ok(Carried::Left(claim));
        };
        if !turn.comes().await {
            return Ok(Carried::Abandoned);
        }
        match self.settle(claim, vec![output], &mut turn).await {
            Ok(()) => {
                tracing::debug!(position, "settled");
                self.refused.forget(&position);
                Ok(kind.carried(position))
            }
            Err(SettleError::Rewound(_)) => {
                turn.abandon_lane();
                Ok(Carried::Abandoned)
            }
            Err(SettleError::Fenced(by)) => Err(PipelineError::Fenced(by)),
            Err(SettleError::Broker(error)) => {
                let Some(failure) = kind.refused(&error) else {
                    return Err(error.into());
                };
                tracing::warn!(position, %error, "refused by the broker; it will become a dead letter, or a smaller one, when it is redelivered");
                self.refused.remember(&position, failure);
                turn.abandon_lane();
                Ok(Carried::Abandoned)
            }
        }
    }

    async fn settle(&self, claim: Claim, outputs: Vec<Output>, turn: &mut Turn) -> Result<(), SettleError> {
        let durable = self.settle.settle(claim, outputs).await?; // accepted, in lane order
        turn.pass();
        durable.await // outputs confirmed, claim consumed
    }

    /// Waits until the classifier accepts one more. None: a stop came first.
    async fn begin(&self) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = self.shutdown.stopping() => None,
            slot = self.slots.acquire() => slot.ok(),
        }
    }
}

/// The outcome of one delivery.
enum Carried {
    Answered {
        images: u32,
        warnings: Vec<Cause>,
        position: String,
    },
    DeadLetter(Cause),
    /// Its lane was revoked or rewound: it is redelivered.
    Abandoned,
    /// A stop came before it had begun: it is redelivered.
    Left(Claim),
}

impl From<Broken> for PipelineError {
    fn from(Broken(messages): Broken) -> Self {
        Self::Broken(format!(
            "{} in a row failed, with no answer between them; none of them is consumed, and the log says why. If the messages are at \
             fault and not the component, raise --max-failures, or set it to 0 for no limit",
            counted(messages as u64, "message", "messages")
        ))
    }
}
