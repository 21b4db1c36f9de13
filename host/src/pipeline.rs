//! THE data path: source, classifier, settle, with one error policy around it.
//!
//! One task polls everything. What waits for the classifier leaves its lane in chunks, and each [`Chunk`] is a future in one
//! bounded set. A hard stop drops what waits and that set, and with them every claim. Chunks are classified in any order on the
//! classifier's threads; [`Turn`] brings those of a lane back into order before they settle.

mod chunk;
mod classify;
mod dead_letter;
mod health;
mod in_flight;
mod lane;
mod meter;
mod output;
mod policy;
mod provenance;
mod refused;
mod turn;
mod warnings;

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::broker::{Act, Claim, Demand, Event, Idle, Limits, Room, Route, Settle, SettleError, Source};
use crate::shutdown::Shutdown;
use crate::terminal::counted;
use chunk::{Chunk, Order, Pace};
pub use classify::{Answer, Answers, Cause, Classify, ClassifyError, Maker, Serve};
pub use dead_letter::{
    ERROR_ATTEMPTS, ERROR_CODE, ERROR_COMPONENT, ERROR_DETAIL, ERROR_KIND, ERROR_SOURCE, ERROR_SOURCE_TIME,
    ERROR_TRUNCATED, revive,
};
use health::{Broken, Health};
use in_flight::{InFlight, Load};
use lane::Lanes;
pub use meter::{Latency, Meter, Reading};
use output::{Kind, Made};
pub use policy::{OnError, PipelineError, Policy, Progress};
use provenance::Provenance;
pub use provenance::{COMPONENT, COMPONENT_LABELS, DEDUPE_ID, MODEL, SOURCE};
use refused::Refused;
use turn::Turn;
pub use warnings::Warnings;

/// This many further messages are taken from a source at once, at most: meanwhile nothing else goes on.
const AT_ONCE: usize = 128;

/// Runs until a stop, until no message arrived for the idle time-out, or until an error. Counts in `meter` what happens, and calls
/// `observe` after each message that settled. A soft stop finishes what the classifier has begun, and abandons the rest. A hard
/// stop or an error abandons everything. What is abandoned is redelivered.
pub async fn run(
    mut source: Box<dyn Source>,
    settle: Arc<dyn Settle>,
    classifier: &dyn Serve,
    policy: &Policy,
    shutdown: &Shutdown,
    meter: &Meter,
    observe: impl FnMut(&Progress),
) -> Result<Progress, PipelineError> {
    let answers = settle.limits(Route::Answers).await?;
    let pipeline = Pipeline {
        settle: &*settle,
        classifier,
        policy,
        shutdown,
        meter,
        slots: Semaphore::new(classifier.at_once()),
        pace: Pace::default(),
        provenance: Provenance::new(source.cluster()),
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
    classifier: &'a dyn Serve,
    policy: &'a Policy,
    shutdown: &'a Shutdown,
    meter: &'a Meter,
    /// One for each call that the classifier accepts at once, granted in the order in which it is asked for.
    slots: Semaphore,
    pace: Pace,
    provenance: Provenance,
    /// The limits of the output topic.
    answers: Limits,
    refused: Refused,
    health: Health,
}

impl<'a> Pipeline<'a> {
    async fn stream(
        &'a self,
        source: &mut dyn Source,
        left: &mut Vec<Claim>,
        mut observe: impl FnMut(&Progress),
    ) -> Result<Progress, PipelineError> {
        let shutdown = self.shutdown;
        let mut progress = Progress::default();
        // Messages wait in their lanes, and then they are carried.
        let mut lanes = Lanes::default();
        let mut carried = Load::default();
        let mut carriers = FuturesUnordered::new();
        let mut idle = Idle::new(self.policy.idle_timeout);

        loop {
            let draining = shutdown.is_stopping();
            if draining {
                left.extend(lanes.leave());
            }
            let mut in_flight = carried;
            in_flight += lanes.waiting();
            progress.in_flight = in_flight.messages;
            self.meter.set_in_flight(in_flight.messages);
            if draining && carriers.is_empty() {
                break;
            }
            // Held back messages have a bound of their own, and must not keep away the messages that they wait for.
            let held = self.health.held();
            let room_in_bytes = in_flight.bytes == 0
                || in_flight.bytes.saturating_add(self.policy.max_message_bytes) <= self.policy.max_in_flight_bytes;
            let room = in_flight.messages - held < self.policy.max_in_flight && room_in_bytes;
            // No message would come to show whether the classifier is at fault.
            if held > 0 && held == in_flight.messages && !room_in_bytes && !draining {
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
                Some((load, outcome)) = carriers.next() => {
                    carried -= load;
                    progress.in_flight -= load.messages;
                    match outcome? {
                        Carried::Left(claims) => left.extend(claims),
                        Carried::Split(singles) => for single in singles {
                            carried += single.load();
                            carriers.push(self.carry(single, None));
                        }
                        Carried::Ended(outcomes) => for (received, outcome) in outcomes {
                            self.count(outcome, received, &mut progress);
                            observe(&progress);
                        }
                    }
                    idle.restart();
                }
                Ok(slot) = self.slots.acquire(), if lanes.waiting().messages > 0 => {
                    let most = self.pace.most(lanes.waiting().messages, self.classifier.at_once());
                    if let Some(chunk) = lanes.pop(most) {
                        carried += chunk.load();
                        carriers.push(self.carry(chunk, Some(slot)));
                    }
                }
                event = source.recv(demand) => match event? {
                    Event::Delivery(delivery) => {
                        let room = Room {
                            messages: self.policy.max_in_flight.saturating_sub(in_flight.messages - held + 1).min(AT_ONCE),
                            bytes: self.policy.max_in_flight_bytes.saturating_sub(in_flight.bytes + delivery.message.size()),
                        };
                        let received = Instant::now();
                        lanes.push(self.accept(delivery, received));
                        for delivery in source.more(room) {
                            lanes.push(self.accept(delivery, received));
                        }
                    }
                    Event::Revoked(revoked, drained) => lanes.revoke(&revoked, drained),
                },
                () = self.health.stuck.notified() => idle.restart(),
                () = idle.passed(), if in_flight.messages == held => {
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

    /// Counts a message's end.
    fn count(&self, outcome: Outcome, received: Instant, progress: &mut Progress) {
        match outcome {
            Outcome::Answered {
                images,
                warnings,
                position,
            } => {
                progress.answered += 1;
                progress.images += u64::from(images);
                progress.warnings.note(&warnings, &position);
                self.meter.answered(images, received.elapsed());
            }
            Outcome::DeadLetter(cause) => {
                progress.dead_letters += 1;
                self.meter.dead_letter(cause, received.elapsed());
            }
        }
    }

    /// A chunk, from the classifier to durable, and what it was.
    async fn carry(
        &'a self,
        chunk: Chunk<'a>,
        slot: Option<SemaphorePermit<'a>>,
    ) -> (Load, Result<Carried<'a>, PipelineError>) {
        (chunk.load(), self.classify_and_settle(chunk, slot).await)
    }

    async fn classify_and_settle(
        &'a self,
        chunk: Chunk<'a>,
        mut slot: Option<SemaphorePermit<'a>>,
    ) -> Result<Carried<'a>, PipelineError> {
        let Chunk {
            mut messages,
            order,
            known,
        } = chunk;
        let turn = match order {
            Order::Lane(turn) => turn,
            Order::None(turns) => {
                let known = self.replies(&messages, slot).await;
                return Ok(Carried::Split(Chunk::split(messages, turns, known)));
            }
        };
        if slot.is_none() && known.is_none() {
            let Some(begun) = turn.unless_revoked(self.begin()).await else {
                return Ok(Carried::abandoned());
            };
            slot = begun;
            if slot.is_none() {
                return Ok(Carried::left(messages));
            }
        }
        let made = match &mut *messages {
            [alone] => match turn.unless_revoked(self.output(alone, known, slot)).await {
                None => return Ok(Carried::abandoned()),
                Some(output) => match output? {
                    None => return Ok(Carried::left(messages)),
                    Some(made) => vec![made],
                },
            },
            many => match turn.unless_revoked(self.outputs(many, slot)).await {
                None => return Ok(Carried::abandoned()),
                Some(outputs) => match outputs? {
                    Err(known) => {
                        let turns = turn.split(messages.len());
                        return Ok(Carried::Split(Chunk::split(messages, turns, known)));
                    }
                    Ok(made) => made,
                },
            },
        };
        self.settle(messages, made, turn).await.map(Carried::Ended)
    }

    async fn settle(
        &self,
        messages: Vec<InFlight<'_>>,
        made: Vec<Made>,
        mut turn: Turn,
    ) -> Result<Vec<(Instant, Outcome)>, PipelineError> {
        if !turn.comes().await {
            return Ok(Vec::new());
        }
        let mut acts = Vec::with_capacity(made.len());
        let mut kinds = Vec::with_capacity(made.len());
        for (
            InFlight {
                position,
                claim,
                received,
                ..
            },
            Made { output, kind },
        ) in messages.into_iter().zip(made)
        {
            let outputs = vec![output];
            acts.push(Act { claim, outputs });
            kinds.push((position, received, kind));
        }
        let durable = self.settle.settle(acts).await; // accepted, in lane order
        turn.pass();
        let results = durable.await; // outputs confirmed, claims consumed
        let mut outcomes = Vec::with_capacity(kinds.len());
        for (result, (position, received, kind)) in results.into_iter().zip(kinds) {
            match result {
                Ok(()) => {
                    tracing::debug!(position, "settled");
                    self.refused.forget(&position);
                    outcomes.push((received, kind.outcome(position)));
                }
                Err(error) => {
                    self.unsettled(&position, &kind, error)?;
                    turn.abandon_lane();
                }
            }
        }
        Ok(outcomes)
    }

    /// A message that was not settled: it is redelivered, unless the pipeline cannot go on.
    fn unsettled(&self, position: &str, kind: &Kind, error: SettleError) -> Result<(), PipelineError> {
        match error {
            SettleError::Rewound(_) => Ok(()),
            SettleError::Fenced(by) => Err(PipelineError::Fenced(by)),
            SettleError::Broker(error) => {
                let Some(failure) = kind.refused(&error) else {
                    return Err(error.into());
                };
                tracing::warn!(position, %error, "refused by the broker; it will become a dead letter, or a smaller one, when it is redelivered");
                self.refused.remember(position, failure);
                Ok(())
            }
        }
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

/// What became of a chunk.
enum Carried<'a> {
    /// Those of its messages that are through, with the time at which they came. The others are redelivered, since their lane was revoked
    /// or rewound.
    Ended(Vec<(Instant, Outcome)>),
    /// Its messages go on one by one.
    Split(Vec<Chunk<'a>>),
    /// A stop came before it had begun: it is redelivered.
    Left(Vec<Claim>),
}

impl Carried<'_> {
    fn abandoned() -> Self {
        Self::Ended(Vec::new())
    }

    fn left(messages: Vec<InFlight<'_>>) -> Self {
        Self::Left(messages.into_iter().map(|message| message.claim).collect())
    }
}

/// How a message ended.
enum Outcome {
    Answered {
        images: u32,
        warnings: Vec<Cause>,
        position: String,
    },
    DeadLetter(Cause),
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
