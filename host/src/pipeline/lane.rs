//! Order within a lane: deliveries are classified in any order and settle in turn.
//!
//! Each delivery holds a [`Turn`], a link of its lane's chain. Passing it lets the next one settle. Dropping it
//! without passing abandons everything behind it, because settling past a gap would skip a message.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::broker::{Claim, Drained, Lane};

/// The lanes with something in flight.
#[derive(Default)]
pub(super) struct Lanes {
    lanes: HashMap<Lane, Chain>,
    /// There may be as many lanes as messages: above this number idle ones are forgotten.
    prune_at: usize,
}

/// One lane in one epoch.
struct Chain {
    epoch: u64,
    last: Option<oneshot::Receiver<()>>,
    shared: Arc<Shared>,
}

/// What the deliveries of one lane and epoch share. The last of them drops it, and the guard with it.
#[derive(Default)]
struct Shared {
    revoked: CancellationToken,
    drained: OnceLock<Arc<Drained>>,
}

impl Lanes {
    /// The place in the order for a new claim. A new epoch starts a new chain and ends the old one.
    pub(super) fn turn(&mut self, claim: &Claim) -> Turn {
        self.prune();
        let chain = self
            .lanes
            .entry(claim.lane.clone())
            .or_insert_with(|| Chain::new(claim.epoch));
        if chain.epoch != claim.epoch {
            chain.shared.revoked.cancel();
            *chain = Chain::new(claim.epoch);
        }
        let (next, last) = oneshot::channel();
        Turn {
            previous: chain.last.replace(last),
            next: Some(next),
            shared: Arc::clone(&chain.shared),
        }
    }

    /// Abandons what has not begun to settle; `drained` is dropped when the rest is done.
    pub(super) fn revoke(&mut self, lanes: &[Lane], drained: Drained) {
        let drained = Arc::new(drained);
        for chain in lanes.iter().filter_map(|lane| self.lanes.remove(lane)) {
            // A chain leaves the map here, so its guard is set only once.
            let _ = chain.shared.drained.set(Arc::clone(&drained));
            chain.shared.revoked.cancel();
        }
    }

    fn prune(&mut self) {
        if self.lanes.len() >= self.prune_at {
            self.lanes.retain(|_, chain| Arc::strong_count(&chain.shared) > 1);
            self.prune_at = 2 * self.lanes.len() + 64;
        }
    }
}

impl Chain {
    fn new(epoch: u64) -> Self {
        let shared = Arc::default();
        Self {
            epoch,
            last: None,
            shared,
        }
    }
}

/// One delivery's place in its lane. Held until the delivery is durable.
pub(super) struct Turn {
    previous: Option<oneshot::Receiver<()>>,
    next: Option<oneshot::Sender<()>>,
    shared: Arc<Shared>,
}

impl Turn {
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
