//! Order within a lane: its messages wait here for the classifier, leave in chunks, and settle in turn.
//!
//! Each chunk holds a [`Turn`], a link of its lane's chain. Passing it lets the next one settle. Dropping it without
//! passing abandons everything behind it, because settling past a gap would skip a message.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::ops::{AddAssign, SubAssign};
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::chunk::{Chunk, InFlight};
use crate::broker::{Claim, Drained, Lane};

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

/// The lanes with something in flight.
#[derive(Default)]
pub(super) struct Lanes<'a> {
    lanes: HashMap<Lane, Chain<'a>>,
    /// Those with messages that wait, in the order in which they are served. A lane that was revoked may still be here.
    ready: VecDeque<Lane>,
    waiting: Load,
    /// There may be as many lanes as messages: above this number idle ones are forgotten.
    prune_at: usize,
}

/// One lane in one epoch.
struct Chain<'a> {
    epoch: u64,
    waiting: VecDeque<InFlight<'a>>,
    last: Option<oneshot::Receiver<()>>,
    shared: Arc<Shared>,
}

/// What the chunks of one lane and epoch share. The last of them drops it, and the guard with it.
#[derive(Default)]
struct Shared {
    revoked: CancellationToken,
    drained: OnceLock<Arc<Drained>>,
}

impl<'a> Lanes<'a> {
    /// What waits for the classifier.
    pub(super) fn waiting(&self) -> Load {
        self.waiting
    }

    /// Takes a message in. A new epoch ends the lane's old one, and abandons what waits of it.
    pub(super) fn push(&mut self, message: InFlight<'a>) {
        self.prune();
        let claim = &message.claim;
        let chain = self
            .lanes
            .entry(claim.lane.clone())
            .or_insert_with(|| Chain::new(claim.epoch));
        if chain.epoch != claim.epoch {
            chain.shared.revoked.cancel();
            self.waiting -= chain.load();
            *chain = Chain::new(claim.epoch);
        }
        if chain.waiting.is_empty() {
            self.ready.push_back(claim.lane.clone());
        }
        self.waiting += message.load();
        chain.waiting.push_back(message);
    }

    /// The next chunk, of the lane that has waited longest: `most` messages at most.
    pub(super) fn pop(&mut self, most: usize) -> Option<Chunk<'a>> {
        while let Some(lane) = self.ready.pop_front() {
            let Some(chain) = self.lanes.get_mut(&lane) else {
                continue;
            };
            if chain.shared.revoked.is_cancelled() {
                // A message before them was put back, and they will come again with it.
                self.waiting -= chain.load();
                chain.waiting.clear();
            }
            let messages = Chunk::take(&mut chain.waiting, most);
            if !chain.waiting.is_empty() {
                self.ready.push_back(lane);
            }
            if !messages.is_empty() {
                let turn = chain.turn();
                let known = None;
                let chunk = Chunk { messages, turn, known };
                self.waiting -= chunk.load();
                return Some(chunk);
            }
        }
        None
    }

    /// The claims of everything that waits, which is left to whoever reads the lanes next.
    pub(super) fn leave(&mut self) -> Vec<Claim> {
        self.ready.clear();
        self.waiting = Load::default();
        let waiting = self.lanes.values_mut().flat_map(|chain| chain.waiting.drain(..));
        waiting.map(|message| message.claim).collect()
    }

    /// Abandons what has not begun to settle; `drained` is dropped when the rest is done.
    pub(super) fn revoke(&mut self, lanes: &[Lane], drained: Drained) {
        let drained = Arc::new(drained);
        for chain in lanes.iter().filter_map(|lane| self.lanes.remove(lane)) {
            self.waiting -= chain.load();
            // A chain leaves the map here, so its guard is set only once.
            let _ = chain.shared.drained.set(Arc::clone(&drained));
            chain.shared.revoked.cancel();
        }
    }

    fn prune(&mut self) {
        if self.lanes.len() >= self.prune_at {
            self.lanes
                .retain(|_, chain| !chain.waiting.is_empty() || Arc::strong_count(&chain.shared) > 1);
            self.prune_at = 2 * self.lanes.len() + 64;
        }
    }
}

impl Chain<'_> {
    fn new(epoch: u64) -> Self {
        Self {
            epoch,
            waiting: VecDeque::new(),
            last: None,
            shared: Arc::default(),
        }
    }

    /// The next place in the order.
    fn turn(&mut self) -> Turn {
        let (next, last) = oneshot::channel();
        Turn {
            previous: self.last.replace(last),
            next: Some(next),
            shared: Arc::clone(&self.shared),
        }
    }

    fn load(&self) -> Load {
        let mut load = Load::default();
        for message in &self.waiting {
            load += message.load();
        }
        load
    }
}

/// A chunk's place in its lane. Held until the chunk is durable.
pub(super) struct Turn {
    previous: Option<oneshot::Receiver<()>>,
    next: Option<oneshot::Sender<()>>,
    shared: Arc<Shared>,
}

impl Turn {
    /// A turn for each of `count` messages, which come one after the other in place of this.
    pub(super) fn split(self, count: usize) -> Vec<Self> {
        let Self {
            mut previous,
            next,
            shared,
        } = self;
        let mut turns = Vec::with_capacity(count);
        for _ in 1..count {
            let (next, last) = oneshot::channel();
            turns.push(Self {
                previous: previous.replace(last),
                next: Some(next),
                shared: Arc::clone(&shared),
            });
        }
        turns.push(Self { previous, next, shared });
        turns
    }

    /// Runs `work`, or drops it and returns none when the lane is revoked meanwhile.
    pub(super) async fn unless_revoked<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.shared.revoked.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// Waits until everything before it has passed. False: the lane is revoked, or something before it was abandoned.
    pub(super) async fn comes(&mut self) -> bool {
        let previous = self.previous.take();
        let passed = async {
            match previous {
                Some(previous) => previous.await.is_ok(),
                None => true,
            }
        };
        self.unless_revoked(passed).await.unwrap_or(false)
    }

    /// Lets the next of the lane settle.
    pub(super) fn pass(&mut self) {
        if let Some(next) = self.next.take() {
            // Nobody waits behind the last one.
            let _ = next.send(());
        }
    }

    /// Abandons everything of the lane that has not begun to settle: the broker rewound it and will redeliver it.
    pub(super) fn abandon_lane(&self) {
        self.shared.revoked.cancel();
    }
}
