//! What the consumer's thread, the claims and the settlers share: which lanes this member holds, and how far each has
//! come. Each of them may end a lane's epoch; one lock over all of it keeps that simple.
//!
//! A lane has two offsets. What has *settled* is the watermark: acknowledged, or accepted by an open transaction.
//! What is *committed* the broker has confirmed. An abandoned claim puts the lane back to the watermark, an aborted
//! transaction to the committed offset. Either way the consumer seeks there, and the epoch rises.
//!
//! A log has offsets without messages: compacted ones, and transaction markers. They count as settled once it is
//! known that nothing is there: by the next message, or by the end of the log. At the end they are committed too, or
//! the group's lag would never be 0.

mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::broker::ledger::{self, Ahead, Keeper, Offsets, rewound};
pub(super) use crate::broker::ledger::{Reply, Standing};
use crate::broker::{BrokerError, Lane, SettleError};

/// A source reads ahead up to this, and one message more.
const AHEAD: Ahead = Ahead {
    messages: 1024,
    bytes: 8 << 20,
};

pub(super) type Lanes = ledger::Lanes<Partitions>;
pub(super) type Token = ledger::Token<Partitions>;
type Ledger = ledger::Ledger<Partitions>;

/// The lanes, shared.
pub(super) type Shared = Arc<Lanes>;

/// What is Kafka's own in a ledger.
#[derive(Debug)]
pub(super) struct Partitions {
    pub topic: String,
    /// The consumer's thread may have something to do.
    work: Condvar,
    /// There may be something to commit.
    settled: Condvar,
}

/// What is Kafka's own behind the lock.
#[derive(Debug, Default)]
pub(super) struct Membership {
    /// Since when this member knows its partitions, even if there are none. None during a rebalance.
    assigned: Option<Instant>,
    /// The consumer's thread should check.
    has_work: bool,
    /// Some lane may be to seek.
    has_seeks: bool,
    /// The lanes that may have something to commit. Of many, most have not.
    settled: BTreeSet<i32>,
}

/// What is Kafka's own in a lane.
#[derive(Debug)]
pub(super) struct Partition {
    /// Every offset before it was offered in this epoch, or has no message.
    read: u64,
    offsets: Offsets,
    committed: u64,
    /// An open transaction will commit up to here.
    accepted: u64,
    /// The consumer must seek to it before it reads on.
    seek: Option<u64>,
    /// The log had no more at the last read.
    is_at_end: bool,
    /// All messages are consumed, and the group is about to skip the markers behind them. Nothing is read meanwhile:
    /// another act could commit a later offset, and this commit, arriving after it, would put the group back.
    passes_end: bool,
    /// Why nothing more can be read: reported once everything before it is consumed.
    damage: Option<BrokerError>,
}

impl Partition {
    /// The lane's epoch has ended: the consumer reads on at `seek`, or not at all.
    fn restart(&mut self, seek: Option<u64>) {
        self.seek = seek;
        self.is_at_end = false;
        self.passes_end = false;
        self.damage = None;
        if let Some(seek) = seek {
            self.read = seek;
        }
        self.offsets.rewind(seek);
    }
}

impl Keeper for Partitions {
    type Key = i32;
    type Own = Partition;
    type State = Membership;

    fn put_back(ledger: &mut Ledger, partition: &i32) {
        if let Some(held) = ledger.get_mut(partition) {
            held.own.restart(Some(held.own.offsets.next()));
        }
        ledger.own.has_seeks = true;
    }

    fn wake(&self, ledger: &mut Ledger) {
        ledger.own.has_work = true;
        self.work.notify_all();
    }
}

/// Acts of one lane that a transaction has accepted together: once it is committed, the group continues at `next`.
pub(super) struct Acts {
    pub lanes: Shared,
    pub partition: i32,
    pub next: u64,
    lane: Lane,
    epoch: u64,
}

impl Acts {
    /// Their lane is still held, and nothing before them was aborted.
    pub fn is_current(&self) -> bool {
        self.lanes.lock().is_intact(&self.partition, self.epoch)
    }

    /// The answer to their claims if their lane has moved to another member.
    pub fn rewound(&self) -> SettleError {
        rewound(&self.lane)
    }

    /// Its transaction is aborted: the lane goes back to the committed offset. Only the first of each lane does so.
    pub fn abort(&self) {
        let mut ledger = self.lanes.lock();
        if let Some(held) = ledger.undo(&self.partition, self.epoch) {
            held.own.accepted = held.own.committed;
            held.own.restart(Some(held.own.committed));
            ledger.own.has_seeks = true;
            self.lanes.wake(&mut ledger);
        }
    }
}

impl Lanes {
    pub fn new(topic: &str) -> Self {
        let partitions = Partitions {
            topic: topic.to_owned(),
            work: Condvar::new(),
            settled: Condvar::new(),
        };
        Self::of(partitions, Membership::default(), AHEAD)
    }

    /// Consumes claims of one lane and epoch, of which the first may come in any order. `reply` resolves when the broker has confirmed
    /// them and everything before them.
    pub fn acknowledge(&self, tokens: Vec<Token>, reply: Reply) -> Result<(), SettleError> {
        let Some(last) = tokens.last() else { return Ok(()) };
        let partition = last.key;
        let mut ledger = self.lock();
        let offsets = &mut ledger.of(last)?.own.offsets;
        offsets.wait(last.seq, reply);
        let mut advanced = false;
        for mut token in tokens {
            token.settle();
            advanced |= offsets.settle(token.seq).is_some();
        }
        if advanced {
            ledger.own.settled.insert(partition);
            self.settled.notify_all();
        }
        Ok(())
    }

    /// Accepts claims of one lane, in its order, for a transaction that commits their offsets: up to the first that cannot be accepted,
    /// with why. `hand_on` gets those that are, and how many these are. It must not block.
    pub fn accept(self: &Arc<Self>, mut tokens: Vec<Token>, hand_on: impl FnOnce(Acts, usize)) -> Option<SettleError> {
        let mut ledger = self.lock();
        let mut accepted = None;
        let mut error = None;
        for (before, token) in tokens.iter_mut().enumerate() {
            let held = ledger.of(token);
            let settled = held.and_then(|held| {
                held.own.accepted = held.own.offsets.settle_in_turn(token.seq)?;
                Ok(held.own.accepted)
            });
            match settled {
                Ok(next) => accepted = Some((before + 1, next)),
                Err(why) => {
                    error = Some(why);
                    break;
                }
            }
            token.settle();
        }
        // Under the lock, so that the acts of a lane are handed on in its order.
        if let (Some((count, next)), Some(first)) = (accepted, tokens.first()) {
            let acts = Acts {
                lanes: Arc::clone(self),
                partition: first.key,
                next,
                lane: first.lane.clone(),
                epoch: first.epoch,
            };
            hand_on(acts, count);
        }
        // Before the tokens that are abandoned, which take the lock.
        drop(ledger);
        error
    }

    /// The consumer's thread waits until it is called, or for some time.
    pub fn rest(&self, longest: Duration) -> Standing {
        let waited = self
            .work
            .wait_timeout_while(self.lock(), longest, |ledger| !ledger.own.has_work);
        let mut ledger = waited.unwrap_or_else(PoisonError::into_inner).0;
        ledger.own.has_work = false;
        ledger.standing()
    }

    /// Waits until something has settled that is not committed, or for [`Lanes::call_committer`] after a stop.
    pub fn wait_until_settled(&self, is_stopped: &AtomicBool) {
        let waits = |ledger: &mut Ledger| !is_stopped.load(Ordering::Acquire) && ledger.uncommitted().is_empty();
        let waited = self.settled.wait_while(self.lock(), waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Wakes the committer.
    pub fn call_committer(&self) {
        // Under the lock: the committer has not checked yet, or is already waiting.
        let _ledger = self.lock();
        self.settled.notify_all();
    }

    /// The group has told this member its partitions (true), or is about to (false).
    pub fn set_assigned(&self, is_assigned: bool) {
        let mut ledger = self.lock();
        let since = ledger.own.assigned.unwrap_or_else(Instant::now);
        ledger.own.assigned = is_assigned.then_some(since);
    }

    /// Since when this member knows its partitions.
    pub fn assigned(&self) -> Option<Instant> {
        self.lock().own.assigned
    }
}
