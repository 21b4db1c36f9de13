//! Order within a lane: its messages wait here for the classifier, leave in chunks, and settle in turn.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::chunk::Chunk;
use super::in_flight::{InFlight, Load};
use super::turn::{Shared, Turn};
use crate::broker::{Claim, Drained, Lane};

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
