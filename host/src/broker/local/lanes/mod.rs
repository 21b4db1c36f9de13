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

mod claims;
mod holding;
mod reading;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub(super) use self::claims::{Consumed, Order, Reply, Token};
use crate::broker::{BrokerError, Event, Lane, SettleError, Watermark};
use crate::message::Message;

/// A source reads ahead up to this many messages or bytes, and one message more.
const AHEAD_MESSAGES: usize = 4;
const AHEAD_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Lanes {
    pub file: Arc<Path>,
    pub group: String,
    pub topic: String,
    /// [`Lanes::next_event`] may have something.
    pub arrival: Notify,
    state: Mutex<State>,
    /// There may be something to read, or room to read ahead.
    reading: Condvar,
    /// The source is closing, or a commit has ended.
    leaving: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<i64, Held>,
    ahead: VecDeque<Ahead>,
    events: VecDeque<Event>,
    failure: Option<BrokerError>,
    standing: Standing,
    /// Of all lanes together, so that no lane gets the same epoch twice.
    last_epoch: u64,
    /// Rises when there may be something new to read.
    revision: u64,
    /// Accepted commits that have not ended.
    unfinished: usize,
}

/// One partition that this member holds.
#[derive(Debug)]
struct Held {
    lane: Lane,
    fence: i64,
    epoch: u64,
    /// No commit of this epoch or a later one has failed.
    intact_since: u64,
    /// None: ask the file.
    position: Option<u64>,
    watermark: Watermark,
    /// Acknowledged ahead of the watermark.
    waiting: BTreeMap<u64, Reply>,
    is_revoked: bool,
}

#[derive(Debug)]
struct Ahead {
    partition: i64,
    offset: u64,
    message: Message,
}

/// Whether the source still exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    #[default]
    Open,
    /// Leave the group.
    Closing,
    /// Dropped without being closed: leave everything as after a crash.
    Dropped,
}

/// Where to read in one lane.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub partition: i64,
    pub fence: i64,
    pub position: Option<u64>,
    epoch: u64,
}

/// A partition that was taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gain {
    pub partition: i64,
    pub number: u32,
    pub fence: i64,
    pub next: u64,
}

/// A partition that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub fence: i64,
    pub is_revoked: bool,
}

impl Held {
    /// Starts an epoch: claims of the one before are void, and reading continues at `position`.
    fn restart(&mut self, epoch: u64, position: Option<u64>) {
        self.epoch = epoch;
        self.position = position;
        if let Some(position) = position {
            self.watermark = Watermark::new(position);
        }
        for reply in std::mem::take(&mut self.waiting).into_values() {
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
    fn discard(&mut self, partition: i64) {
        self.ahead.retain(|ahead| ahead.partition != partition);
        self.revision += 1;
    }

    fn remove(&mut self, partition: i64) -> Option<Lane> {
        let epoch = self.next_epoch();
        let mut held = self.held.remove(&partition)?;
        held.restart(epoch, None);
        self.discard(partition);
        Some(held.lane)
    }

    fn has_room(&self) -> bool {
        let bytes: usize = self.ahead.iter().map(|ahead| ahead.message.size()).sum();
        self.ahead.len() < AHEAD_MESSAGES && bytes < AHEAD_BYTES
    }
}

impl Lanes {
    pub fn new(file: Arc<Path>, group: &str, topic: &str) -> Self {
        Self {
            file,
            group: group.to_owned(),
            topic: topic.to_owned(),
            arrival: Notify::new(),
            state: Mutex::default(),
            reading: Condvar::new(),
            leaving: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        self.arrival.notify_one();
        self.reading.notify_all();
    }

    /// Ends every lane; the lease does the rest.
    pub fn end(&self, standing: Standing) {
        let mut state = self.lock();
        if state.standing == Standing::Open {
            state.standing = standing;
            for partition in state.held.keys().copied().collect::<Vec<_>>() {
                state.remove(partition);
            }
        }
        drop(state);
        self.wake();
        self.leaving.notify_all();
    }

    /// The source cannot go on.
    pub fn fail(&self, failure: BrokerError) {
        self.lock().failure.get_or_insert(failure);
        self.wake();
    }
}
