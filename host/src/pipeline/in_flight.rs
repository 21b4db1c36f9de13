//! A message that is in flight, and the answer that it gets.

use std::ops::{AddAssign, SubAssign};
use std::sync::Arc;
use std::time::Instant;

use super::health::Work;
use super::{Cause, ClassifyError, Maker, Pipeline};
use crate::broker::{Claim, Delivery};
use crate::message::Message;

/// A number of messages, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    pub messages: usize,
    pub bytes: usize,
}

impl AddAssign for Load {
    fn add_assign(&mut self, other: Self) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

impl SubAssign for Load {
    fn sub_assign(&mut self, other: Self) {
        self.messages -= other.messages;
        self.bytes -= other.bytes;
    }
}

/// A message that is in flight.
pub(super) struct InFlight<'a> {
    pub message: Message,
    pub position: String,
    pub claim: Claim,
    pub received: Instant,
    /// Until it is classified.
    pub work: Option<Work<'a>>,
    pub size: usize,
    /// Never with others.
    pub is_alone: bool,
}

impl InFlight<'_> {
    pub fn load(&self) -> Load {
        Load {
            messages: 1,
            bytes: self.size,
        }
    }
}

/// An answer as it is published, before anything else is known of its message.
pub(super) struct Reply {
    pub message: Message,
    pub images: u32,
    pub warnings: Vec<Cause>,
    pub by: Arc<Maker>,
}

/// Why a message was not answered, and by whom.
pub(super) struct Failed {
    pub error: ClassifyError,
    pub by: Arc<Maker>,
}

/// What the call for a chunk gave for each message. Empty: the whole call failed.
pub(super) type Known = Vec<Result<Reply, Failed>>;

impl Pipeline<'_> {
    /// A delivery, accepted.
    pub(super) fn accept(&self, delivery: Delivery, received: Instant) -> InFlight<'_> {
        let Delivery {
            message,
            position,
            claim,
        } = delivery;
        tracing::debug!(position, "accepted");
        let size = message.size();
        InFlight {
            // What the classifier is not asked about has nothing to share.
            is_alone: size > self.policy.max_message_bytes || self.refused.has(&position),
            work: Some(self.health.begin()),
            message,
            position,
            claim,
            received,
            size,
        }
    }
}
