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

mod claims;
mod holding;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

pub(super) use self::claims::{Act, Token};
use crate::broker::{BrokerError, Event, Lane, SettleError, Watermark};
use crate::message::Message;

/// A source reads ahead up to this many messages or bytes, and one message more.
const AHEAD_MESSAGES: usize = 1024;
const AHEAD_BYTES: usize = 8 << 20;

/// Tells the caller how its act ended.
pub(super) type Reply = tokio::sync::oneshot::Sender<Result<(), SettleError>>;

#[derive(Debug)]
pub(super) struct Lanes {
    pub topic: String,
    /// [`Lanes::next_event`] may have something.
    pub arrival: Notify,
    state: Mutex<State>,
    /// The consumer's thread may have something to do.
    work: Condvar,
    /// There may be something to commit.
    settled: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<i32, Held>,
    ahead: VecDeque<Ahead>,
    ahead_bytes: usize,
    events: VecDeque<Event>,
    failure: Option<BrokerError>,
    standing: Standing,
    /// Since when this member knows its partitions, even if there are none. None during a rebalance.
    assigned: Option<Instant>,
    /// Of all lanes together, so that no lane gets the same epoch twice.
    last_epoch: u64,
    /// The consumer's thread should check.
    has_work: bool,
}

/// One partition that this member holds.
#[derive(Debug)]
struct Held {
    lane: Lane,
    epoch: u64,
    /// No transaction with an act of this epoch or a later one was aborted.
    intact_since: u64,
    /// Every offset before it was offered in this epoch, or has no message.
    read: u64,
    watermark: Watermark,
    committed: u64,
    /// An open transaction will commit up to here.
    accepted: u64,
    /// Waits for the commit that covers it.
    waiting: BTreeMap<u64, Reply>,
    /// The consumer must seek to it before it reads on.
    seek: Option<u64>,
    is_revoked: bool,
    /// The log had no more at the last read.
    is_at_end: bool,
    /// All messages are consumed, and the group is about to skip the markers behind them. Nothing is read meanwhile:
    /// another act could commit a later offset, and this commit, arriving after it, would put the group back.
    passes_end: bool,
    /// Why nothing more can be read: reported once everything before it is consumed.
    damage: Option<BrokerError>,
}

#[derive(Debug)]
struct Ahead {
    partition: i32,
    offset: u64,
    message: Message,
}

/// Whether the source still exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    #[default]
    Open,
    /// Commit what has settled, and leave the group.
    Closing,
    /// Dropped without being closed: leave.
    Dropped,
}

impl Held {
    /// Starts an epoch: claims of the one before are void.
    fn restart(&mut self, epoch: u64, seek: Option<u64>) {
        self.epoch = epoch;
        self.seek = seek;
        self.is_at_end = false;
        self.passes_end = false;
        self.damage = None;
        if let Some(seek) = seek {
            self.read = seek;
            self.watermark = Watermark::new(seek);
        }
        let settled = self.watermark.next();
        for reply in self.waiting.split_off(&settled).into_values() {
            let _ = reply.send(Err(SettleError::Rewound(vec![self.lane.clone()])));
        }
    }
}

impl State {
    fn next_epoch(&mut self) -> u64 {
        self.last_epoch += 1;
        self.last_epoch
    }

    /// Discards what was read ahead of a lane whose epoch has ended.
    fn discard(&mut self, partition: i32) {
        self.ahead.retain(|ahead| ahead.partition != partition);
        self.ahead_bytes = self.ahead.iter().map(|ahead| ahead.message.size()).sum();
    }

    fn has_room(&self) -> bool {
        self.ahead.len() < AHEAD_MESSAGES && self.ahead_bytes < AHEAD_BYTES
    }
}

impl Lanes {
    pub fn new(topic: &str) -> Self {
        Self {
            topic: topic.to_owned(),
            arrival: Notify::new(),
            state: Mutex::default(),
            work: Condvar::new(),
            settled: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the consumer's thread.
    pub fn call(&self) {
        self.lock().has_work = true;
        self.work.notify_all();
    }

    /// The consumer's thread waits until it is woken, or for some time.
    pub fn rest(&self, longest: Duration) -> Standing {
        let waited = self
            .work
            .wait_timeout_while(self.lock(), longest, |state| !state.has_work);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.has_work = false;
        state.standing
    }

    /// Waits until something has settled that is not committed, or for [`Lanes::call_committer`] after a stop.
    pub fn wait_until_settled(&self, is_stopped: &AtomicBool) {
        let waits = |state: &mut State| !is_stopped.load(Ordering::Acquire) && state.uncommitted().is_empty();
        let waited = self.settled.wait_while(self.lock(), waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Wakes the committer.
    pub fn call_committer(&self) {
        // Under the lock: the committer has not checked yet, or is already waiting.
        let _state = self.lock();
        self.settled.notify_all();
    }

    pub fn standing(&self) -> Standing {
        self.lock().standing
    }

    /// Ends every lane; the consumer's thread does the rest.
    pub fn end(&self, standing: Standing) {
        let mut state = self.lock();
        if state.standing == Standing::Open {
            state.standing = standing;
            for partition in state.held.keys().copied().collect::<Vec<_>>() {
                let epoch = state.next_epoch();
                if let Some(held) = state.held.get_mut(&partition) {
                    held.restart(epoch, None);
                }
                state.discard(partition);
            }
        }
        drop(state);
        self.arrival.notify_one();
        self.call();
    }

    /// The group has told this member its partitions (true), or is about to (false).
    pub fn set_assigned(&self, is_assigned: bool) {
        let mut state = self.lock();
        let since = state.assigned.unwrap_or_else(Instant::now);
        state.assigned = is_assigned.then_some(since);
    }

    /// Since when this member knows its partitions.
    pub fn assigned(&self) -> Option<Instant> {
        self.lock().assigned
    }

    /// The source cannot go on.
    pub fn fail(&self, failure: BrokerError) {
        self.lock().failure.get_or_insert(failure);
        self.arrival.notify_one();
    }
}

/// A lane's name, and the number that spreads it.
fn lane(topic: &str, partition: i32) -> Lane {
    Lane::new(
        format!("{topic}/{partition}"),
        u32::try_from(partition).unwrap_or_default(),
    )
}

/// The lanes, shared.
pub(super) type Shared = Arc<Lanes>;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::broker::Demand;

    fn token(lanes: &Shared) -> Token {
        let Some(Event::Delivery(delivery)) = lanes.next_event(Demand::Deliveries).unwrap() else {
            panic!("no delivery");
        };
        delivery.claim.into_token().unwrap()
    }

    #[test]
    fn a_group_goes_past_the_end_once_every_message_is_committed_and_nothing_is_read_meanwhile() {
        let lanes = Arc::new(Lanes::new("topic"));
        lanes.gain(&[(0, 5)]);
        lanes.offer(0, 5, Message::new("a"));
        lanes.pass_end(0, 7);
        assert_eq!(
            lanes.read_to(0),
            Some(6),
            "more may have come since the log ended there"
        );
        let mut accepted = None;
        let token = token(&lanes);
        lanes.accept(token, |act| accepted = Some(act)).unwrap();
        lanes.at_end(0);
        lanes.pass_end(0, 7);
        assert_eq!(lanes.uncommitted(), [], "a transaction is to commit what comes before");
        accepted.unwrap().commit();
        lanes.pass_end(0, 7);
        assert_eq!(lanes.uncommitted(), [(0, 7)]);
        assert!(!lanes.takes(0));
        lanes.committed(&[(0, 7)]);
        assert_eq!(lanes.uncommitted(), []);
        assert!(lanes.takes(0));
    }

    #[test]
    fn where_the_log_ended_before_a_lane_went_back_says_nothing_of_what_comes_again() {
        let lanes = Arc::new(Lanes::new("topic"));
        lanes.gain(&[(0, 5)]);
        lanes.offer(0, 5, Message::new("a"));
        lanes.at_end(0);
        drop(token(&lanes));
        assert_eq!(lanes.seeks(), [(0, 5)]);
        lanes.sought(0, 5);
        lanes.pass_end(0, 7);
        assert_eq!((lanes.uncommitted(), lanes.read_to(0)), (vec![], Some(5)));
    }

    #[test]
    fn damage_is_told_once_all_before_it_is_consumed() {
        let lanes = Arc::new(Lanes::new("topic"));
        lanes.gain(&[(0, 5)]);
        lanes.offer(0, 5, Message::new("a"));
        lanes.damaged(0, "is damaged");
        assert!(!lanes.takes(0));
        let token = token(&lanes);
        let (reply, _ended) = tokio::sync::oneshot::channel();
        lanes.acknowledge(token, reply).unwrap();
        assert!(lanes.next_event(Demand::Deliveries).unwrap().is_none());
        lanes.committed(&[(0, 6)]);
        let said = lanes.next_event(Demand::Deliveries).unwrap_err().to_string();
        assert!(said.starts_with("topic/0/6: the batch there is damaged"), "{said}");
    }
}
