//! What the reader, the lease, the committer and the claims of one source share: which lanes it holds, and how far
//! each has come. Each of them may end a lane's epoch; one lock over all of it keeps that simple.
//!
//! A lane has three offsets. `position` is the next to read. The watermark is the next to accept: an accepted act is
//! on its way to the committer, and the acts of one lane go there in offset order. Only the file knows what is
//! *committed*, and a commit succeeds only if it starts exactly there: whatever goes wrong here, no message is
//! skipped or consumed twice.
//!
//! An abandoned claim puts the lane back to its watermark: what was accepted before it continues. A failed commit
//! puts the lane back to the file's offset, and everything that was accepted after it fails for the same reason.

mod holding;
mod reading;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Condvar};

pub(super) use self::holding::{Gain, Hold};
pub(super) use self::reading::Cursor;
use crate::broker::ledger::{self, Ahead, Keeper, Offsets, rewound};
pub(super) use crate::broker::ledger::{Reply, Standing};
use crate::broker::{Lane, SettleError};

/// A source reads ahead up to this, and one message more.
const AHEAD: Ahead = Ahead {
    messages: 4,
    bytes: 4 << 20,
};

pub(super) type Lanes = ledger::Lanes<Partitions>;
pub(super) type Token = ledger::Token<Partitions>;
type Ledger = ledger::Ledger<Partitions>;

/// What is the embedded broker's own in a ledger.
#[derive(Debug)]
pub(super) struct Partitions {
    pub file: Arc<Path>,
    pub group: String,
    pub topic: String,
    /// There may be something to read, or room to read ahead.
    reading: Condvar,
    /// The source is closing, or a commit has ended.
    leaving: Condvar,
}

/// What is its own behind the lock.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Rises when there may be something new to read.
    revision: u64,
    /// Accepted commits that have not ended.
    unfinished: usize,
}

/// What is its own in a lane.
#[derive(Debug)]
pub(super) struct Partition {
    fence: i64,
    /// None: ask the file.
    position: Option<u64>,
    offsets: Offsets,
}

impl Partition {
    /// The lane's epoch has ended: reading continues at `position`.
    fn restart(&mut self, position: Option<u64>) {
        self.position = position;
        self.offsets.rewind(position);
    }
}

impl Keeper for Partitions {
    /// The partition's id.
    type Key = i64;
    type Own = Partition;
    type State = Progress;

    fn put_back(ledger: &mut Ledger, partition: &i64) {
        if let Some(held) = ledger.get_mut(partition) {
            held.own.restart(Some(held.own.offsets.next()));
        }
    }

    fn wake(&self, ledger: &mut Ledger) {
        ledger.own.revision += 1;
        self.reading.notify_all();
        if !ledger.is_open() {
            self.leaving.notify_all();
        }
    }
}

/// Whether claims of a lane must be settled in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Strict,
    Any,
}

/// The range of a partition that a commit consumes.
#[derive(Debug)]
pub(super) struct Consumed {
    pub lanes: Arc<Lanes>,
    pub partition: i64,
    pub fence: i64,
    pub from: u64,
    pub to: u64,
    lane: Lane,
    epoch: u64,
}

impl Consumed {
    /// The answer to a claim whose lane has moved to another member.
    pub fn rewound(&self) -> SettleError {
        rewound(&self.lane)
    }

    /// The commit has ended: it succeeded, or nothing of it happened.
    pub fn end(&self, went_through: bool) {
        let mut ledger = self.lanes.lock();
        ledger.own.unfinished -= 1;
        self.lanes.leaving.notify_all();
        if !went_through && let Some(held) = ledger.undo(&self.partition, self.epoch) {
            held.own.restart(None);
            self.lanes.wake(&mut ledger);
        }
    }
}

impl Lanes {
    pub fn new(file: Arc<Path>, group: &str, topic: &str) -> Self {
        let partitions = Partitions {
            file,
            group: group.to_owned(),
            topic: topic.to_owned(),
            reading: Condvar::new(),
            leaving: Condvar::new(),
        };
        Self::of(partitions, Progress::default(), AHEAD)
    }

    /// Accepts a claim, and hands on the range by which it moves the watermark, with the callers that wait for a part
    /// of it. A claim ahead of its turn, which only [`Order::Any`] allows, hands on nothing. `hand_on` must not
    /// block.
    pub fn accept(
        self: &Arc<Self>,
        mut token: Token,
        order: Order,
        reply: Reply,
        hand_on: impl FnOnce(Consumed, Vec<Reply>),
    ) -> Result<(), SettleError> {
        let mut ledger = self.lock();
        let Partition { fence, offsets, .. } = &mut ledger.of(&token)?.own;
        let from = offsets.next();
        let settled = match order {
            Order::Strict => Some(offsets.settle_in_turn(token.seq)?),
            Order::Any => offsets.settle(token.seq),
        };
        token.settle();
        offsets.wait(token.seq, reply);
        let Some(to) = settled else { return Ok(()) };
        let consumed = Consumed {
            lanes: Arc::clone(self),
            partition: token.key,
            fence: *fence,
            from,
            to,
            lane: token.lane.clone(),
            epoch: token.epoch,
        };
        let replies = offsets.release(to).collect();
        ledger.own.unfinished += 1;
        // Under the lock, so that the commits of a lane are queued in its order.
        hand_on(consumed, replies);
        Ok(())
    }
}
