//! How a pipeline is to run, how far it has come, and why it ended.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::{ClassifyError, Warnings};
use crate::broker::BrokerError;

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
    /// How many messages may fail in a row, by traps, time-outs and the like, before the classifier counts as broken; none: any
    /// number.
    pub max_failures: Option<NonZeroUsize>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages answered, durably.
    pub answered: u64,
    /// The images in them.
    pub images: u64,
    /// What of them may be wrong.
    pub warnings: Warnings,
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
    /// The classifier answers nothing, and no message is at fault.
    #[error("{0}")]
    Broken(String),
    /// Somebody younger of the same name took over.
    #[error("{0}")]
    Fenced(String),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}
