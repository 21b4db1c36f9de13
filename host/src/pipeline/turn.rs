//! A chunk's place in the order of its lane: a link of the lane's chain.
//!
//! Passing it lets the next one settle. Dropping it without passing abandons everything behind it, because settling past a gap would skip
//! a message.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::broker::Drained;

/// What the chunks of one lane and epoch share. The last of them drops it, and the guard with it.
#[derive(Default)]
pub(super) struct Shared {
    pub revoked: CancellationToken,
    pub drained: OnceLock<Arc<Drained>>,
}

/// A chunk's place in its lane. Held until the chunk is durable.
pub(super) struct Turn {
    pub previous: Option<oneshot::Receiver<()>>,
    pub next: Option<oneshot::Sender<()>>,
    pub shared: Arc<Shared>,
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
