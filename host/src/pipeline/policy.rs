//! How a pipeline should run, how far it has come, and why it ended.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::{ClassifyError, Warnings};
use crate::broker::BrokerError;

/// What to do with a message that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Publish it as a dead letter with the reason, and consume it.
    DeadLetter,
    /// End the pipeline without consuming the message.
    Stop,
}

/// How a pipeline runs. Bounds are checked before work is accepted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What to do with a message that cannot be answered.
    pub on_error: OnError,
    /// How often to try a message if repeating may succeed; at least 1.
    pub attempts: u32,
    /// How many messages may fail in a row, by traps, time-outs and the like, before the classifier counts as broken.
    /// None: any number.
    pub max_failures: Option<NonZeroUsize>,
    /// The wait before the second attempt. It doubles for each further one, up to 20 times this, and is shortened by
    /// up to half at random.
    pub retry_delay: Duration,
    /// Messages that are accepted and not yet durable.
    pub max_in_flight: usize,
    /// Their bytes, without their answers'. A single message may take all of it.
    pub max_in_flight_bytes: usize,
    /// A larger message is not given to the component, and a larger answer is not published: both count as rejected.
    /// Bytes.
    pub max_message_bytes: usize,
    /// Add headers to outputs that say where they come from.
    pub provenance: bool,
    /// Ends the pipeline softly after this long without a message.
    pub idle_timeout: Option<Duration>,
}

/// What a pipeline has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Messages answered, durably.
    pub answered: u64,
    /// The images in them.
    pub images: u64,
    /// Their warnings.
    pub warnings: Warnings,
    /// Messages published as dead letters, durably.
    pub dead_letters: u64,
    /// Messages that are accepted and not yet durable. At the end: those that a hard stop left, of which the ones
    /// that were not on their way to the broker are redelivered.
    pub in_flight: usize,
}

/// Why a pipeline ended other than by a stop.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// A message could not be answered, and the policy says to stop there.
    #[error("{position} could not be answered after {attempts} attempts: {error}")]
    Unanswered {
        /// The message's position.
        position: String,
        /// How often it was tried.
        attempts: u32,
        /// The last error.
        error: ClassifyError,
    },
    /// The classifier answers nothing, and no message is at fault.
    #[error("{0}")]
    Broken(String),
    /// A newer host with the same name took over.
    #[error("{0}")]
    Fenced(String),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl PipelineError {
    /// The end of a pipeline whose classifier says that it cannot go on.
    pub(super) fn of(broken: &ClassifyError) -> Self {
        Self::Broken(format!(
            "{broken}; the message is not at fault, and stays where it is. Name another component with --component, or start again if \
             this one may have recovered"
        ))
    }
}
