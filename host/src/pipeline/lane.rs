//! Order within a lane: its messages wait here for the classifier, leave in chunks, and settle in turn.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::chunk::{Chunk, Order};
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
        let (mut messages, turn, has_order) = self.take(most)?;
        let mut turns = vec![turn];
        if !has_order {
            self.join(&mut messages, &mut turns, most);
        }
        let order = match <[Turn; 1]>::try_from(turns) {
            Ok([turn]) => Order::Lane(turn),
            Err(turns) => Order::None(turns),
        };
        let chunk = Chunk {
            messages,
            order,
            known: None,
        };
        self.waiting -= chunk.load();
        Some(chunk)
    }

    /// The first messages of the lane that has waited longest, their turn, and whether that lane may have more.
    fn take(&mut self, most: usize) -> Option<(Vec<InFlight<'a>>, Turn, bool)> {
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
            let has_order = lane.number().is_some();
            if !chain.waiting.is_empty() {
                self.ready.push_back(lane);
            }
            if !messages.is_empty() {
                return Some((messages, chain.turn(), has_order));
            }
        }
        None
    }

    /// To a message without an order joins what waits next, as long as it has none either.
    fn join(&mut self, messages: &mut Vec<InFlight<'a>>, turns: &mut Vec<Turn>, most: usize) {
        let mut bytes: usize = messages.iter().map(|message| message.size).sum();
        while messages.len() < most && messages.iter().all(|message| Chunk::takes(message, 0)) {
            let next = self.ready.front().filter(|lane| lane.number().is_none());
            let Some(chain) = next.and_then(|lane| self.lanes.get_mut(lane)) else {
                return;
            };
            let fits = |next: &mut InFlight<'_>| Chunk::takes(next, bytes);
            if chain.shared.revoked.is_cancelled() || chain.waiting.len() > 1 {
                return;
            }
            let Some(message) = chain.waiting.pop_front_if(fits) else {
                return;
            };
            self.ready.pop_front();
            bytes += message.size;
            messages.push(message);
            turns.push(chain.turn());
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::message::Message;
    use crate::pipeline::health::Health;

    fn message<'a>(health: &'a Health, lane: Lane, size: usize) -> InFlight<'a> {
        InFlight {
            message: Message::new(vec![0; size]),
            position: lane.to_string(),
            claim: Claim::new(lane, 0, 1, ()),
            received: Instant::now(),
            work: Some(health.begin()),
            size,
            is_alone: false,
        }
    }

    /// How many messages each chunk has, and whether these have an order.
    fn chunks(lanes: &mut Lanes<'_>, most: usize) -> Vec<(usize, bool)> {
        let chunks = std::iter::from_fn(|| lanes.pop(most));
        let chunks = chunks.map(|chunk| (chunk.messages.len(), matches!(chunk.order, Order::Lane(_))));
        chunks.collect()
    }

    #[test]
    fn messages_without_an_order_share_a_chunk_and_are_in_none_of_a_lane() {
        let health = Health::new(None);
        let mut lanes = Lanes::default();
        let mut push = |lane, size| lanes.push(message(&health, lane, size));
        for number in 0..5 {
            push(Lane::single(format!("in/#{number}")), 1000);
        }
        for _ in 0..2 {
            push(Lane::new("in/key", 1), 1000);
        }
        push(Lane::single("in/#5"), 1000);
        // Each alone is as large as a chunk may be.
        push(Lane::single("in/#6"), 256 << 10);
        push(Lane::single("in/#7"), 256 << 10);
        let (shared, alone) = (false, true);
        assert_eq!(
            chunks(&mut lanes, 3),
            [(3, shared), (2, shared), (2, alone), (1, alone), (1, alone), (1, alone)]
        );
        assert_eq!(lanes.waiting(), Load::default());
    }
}
