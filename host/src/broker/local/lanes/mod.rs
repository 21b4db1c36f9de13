//! What the reader, the lease, the committer and the claims of one source share: which lanes it holds, and how far each
//! has come. Separate because each of them may end a lane's epoch, and one lock over all of it keeps that simple.
//!
//! A lane has three places. `position` is read next. The watermark is accepted next: an act that was accepted is on its
//! way to the committer, and the acts of one lane go there in offset order. What is *committed* only the file knows, and a
//! commit goes through only where it begins exactly there: whatever goes wrong here, nothing is skipped or done twice.
//!
//! A claim that is abandoned puts the lane back to its watermark: what was accepted before it goes on. A commit that
//! fails puts the lane back to what the file says, and whatever was accepted after it fails for the same reason.

mod claims;

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

pub(super) use self::claims::{Consumed, Order, Reply, Token};
use crate::broker::{BrokerError, Drained, Event, Lane, SettleError, Watermark};
use crate::message::Message;

/// A source reads ahead until it has this many messages, or this many bytes, and one message more.
const AHEAD_MESSAGES: usize = 4;
const AHEAD_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Lanes {
    pub file: Arc<Path>,
    pub group: String,
    pub topic: String,
    /// There may be something for [`Lanes::next_event`].
    pub arrival: Notify,
    state: Mutex<State>,
    /// There may be something to read, or room to read ahead.
    reading: Condvar,
    /// The source closes, or a commit has ended.
    leaving: Condvar,
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<i64, Held>,
    ahead: VecDeque<Ahead>,
    events: VecDeque<Event>,
    failure: Option<BrokerError>,
    standing: Standing,
    /// Of all lanes together, so that none ever sees an epoch twice.
    last_epoch: u64,
    /// Rises when there may be something to read that was not there before.
    revision: u64,
    /// Commits that were accepted and have not ended.
    unfinished: usize,
}

/// One partition that this member holds.
#[derive(Debug)]
struct Held {
    lane: Lane,
    number: u32,
    fence: i64,
    epoch: u64,
    /// No commit of this epoch or a later one has failed.
    intact_since: u64,
    /// None: the file has to be asked.
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

/// Whether the source is still there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    #[default]
    Open,
    /// Leave the group.
    Closing,
    /// Dropped without being closed: leave behind what a crash would.
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
    /// Begins an epoch: the claims of the one before are worth nothing, and reading goes on at `position`.
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

    /// Drops what was read ahead of a lane whose epoch has ended.
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

/// For the reader.
impl Lanes {
    /// Where to read, and the revision for [`Lanes::rest`]; none when the source has ended.
    pub fn cursors(&self) -> Option<(Vec<Cursor>, u64)> {
        let state = self.lock();
        let cursors = state.held.iter().filter(|(_, held)| !held.is_revoked);
        let cursors = cursors.map(|(partition, held)| Cursor {
            partition: *partition,
            fence: held.fence,
            position: held.position,
            epoch: held.epoch,
        });
        (state.standing == Standing::Open).then(|| (cursors.collect(), state.revision))
    }

    /// What the file says is consumed next, in answer to a cursor that has no position.
    pub fn reload(&self, cursor: Cursor, next: u64) {
        if let Some(held) = self.lock().current(cursor) {
            held.position = Some(next);
            held.watermark = Watermark::new(next);
        }
    }

    /// Gives what was read at a cursor, as soon as there is room; drops it if the lane has been put back meanwhile.
    pub fn offer(&self, cursor: Cursor, offset: u64, message: Message) {
        let mut state = self.lock();
        while !state.has_room() && state.current(cursor).is_some() {
            state = self.reading.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(held) = state.current(cursor) else { return };
        held.position = Some(offset + 1);
        let partition = cursor.partition;
        state.ahead.push_back(Ahead {
            partition,
            offset,
            message,
        });
        drop(state);
        self.arrival.notify_one();
    }

    /// Waits for a new revision, or a while. True: there is one, or the source has ended.
    pub fn rest(&self, revision: u64, longest: Duration) -> bool {
        let is_same = |state: &mut State| state.revision == revision && state.standing == Standing::Open;
        let waited = self.reading.wait_timeout_while(self.lock(), longest, is_same);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl State {
    /// The lane that a cursor was made for, while nothing has put it back and it is still to be read.
    fn current(&mut self, cursor: Cursor) -> Option<&mut Held> {
        let held = self.held.get_mut(&cursor.partition)?;
        (held.epoch == cursor.epoch && !held.is_revoked).then_some(held)
    }
}

/// For the lease.
impl Lanes {
    /// None when the source has ended.
    pub fn held(&self) -> Option<BTreeMap<i64, Hold>> {
        let state = self.lock();
        let hold = |held: &Held| Hold {
            fence: held.fence,
            is_revoked: held.is_revoked,
        };
        let held = state.held.iter().map(|(partition, held)| (*partition, hold(held)));
        (state.standing == Standing::Open).then(|| held.collect())
    }

    pub fn gain(&self, gain: Gain) {
        let mut state = self.lock();
        if state.standing != Standing::Open {
            return;
        }
        let epoch = state.next_epoch();
        let held = Held {
            lane: Lane::new(format!("{}/{}", self.topic, gain.number)),
            number: gain.number,
            fence: gain.fence,
            epoch,
            intact_since: epoch,
            position: Some(gain.next),
            watermark: Watermark::new(gain.next),
            waiting: BTreeMap::new(),
            is_revoked: false,
        };
        state.held.insert(gain.partition, held);
        state.revision += 1;
        drop(state);
        self.reading.notify_all();
    }

    /// Nothing more of these lanes is delivered; what is in flight may be settled until [`Lanes::release`]. Resolves when
    /// nothing is.
    pub fn revoke(&self, partitions: &[i64]) -> oneshot::Receiver<()> {
        let mut state = self.lock();
        let mut lanes = Vec::new();
        for partition in partitions {
            state.discard(*partition);
            if let Some(held) = state.held.get_mut(partition) {
                held.is_revoked = true;
                lanes.push(held.lane.clone());
            }
        }
        let (drained, done) = Drained::new();
        state.events.push_back(Event::Revoked(lanes, drained));
        drop(state);
        self.wake();
        done
    }

    /// These lanes were given up.
    pub fn release(&self, partitions: &[i64]) {
        let mut state = self.lock();
        for partition in partitions {
            state.remove(*partition);
        }
        drop(state);
        self.wake();
    }

    /// These lanes are somebody else's already.
    pub fn lose(&self, partitions: &[i64]) {
        let mut state = self.lock();
        let lanes: Vec<Lane> = partitions
            .iter()
            .filter_map(|partition| state.remove(*partition))
            .collect();
        if !lanes.is_empty() {
            state.events.push_back(Event::Revoked(lanes, Drained::new().0));
        }
        drop(state);
        self.wake();
    }

    /// Waits until the source ends, or a while.
    pub fn stand(&self, longest: Duration) -> Standing {
        let is_open = |state: &mut State| state.standing == Standing::Open;
        let waited = self.leaving.wait_timeout_while(self.lock(), longest, is_open);
        waited.unwrap_or_else(PoisonError::into_inner).0.standing
    }

    /// Waits until every commit that was accepted has ended, or a while. True: they have.
    pub fn finish(&self, longest: Duration) -> bool {
        let waited = self
            .leaving
            .wait_timeout_while(self.lock(), longest, |state| state.unfinished > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.unfinished == 0
    }
}
