//! Committing, on a thread of its own, so that waiting for the broker holds up neither reading nor the place in the
//! group. What settles meanwhile goes into the next commit.
//!
//! It waits for each commit: librdkafka reports no outcome of a commit that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};

use super::code;
use super::lanes::{Lanes, Shared};
use super::member::KafkaConsumer;
use crate::broker::threads::spawn;

/// The shortest time between two commits.
const COMMIT_EVERY: Duration = Duration::from_millis(1);

/// How soon a failed commit is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// The thread that commits for one consumer.
pub(super) struct Committer {
    lanes: Shared,
    is_stopped: Arc<AtomicBool>,
    ended: Receiver<KafkaResult<()>>,
}

impl Committer {
    pub fn start(consumer: Arc<KafkaConsumer>, lanes: &Shared) -> KafkaResult<Self> {
        let (end, ended) = sync_channel(1);
        let committer = Self {
            lanes: Arc::clone(lanes),
            is_stopped: Arc::default(),
            ended,
        };
        let (lanes, is_stopped) = (Arc::clone(lanes), Arc::clone(&committer.is_stopped));
        let commit = move || {
            let result = commit(&consumer, &lanes, &is_stopped);
            // The consumer leaves the group when its last owner drops it, and whoever waits for the end of this
            // thread relies on that.
            drop(consumer);
            let _ = end.send(result);
            lanes.call();
        };
        spawn("kafka-commit", commit).map_err(|_| KafkaError::Canceled)?;
        Ok(committer)
    }

    /// Fails if this member may commit no more.
    pub fn check(&self) -> KafkaResult<()> {
        self.ended.try_recv().unwrap_or(Ok(()))
    }

    /// Waits for the commit in progress.
    pub fn stop(self) -> KafkaResult<()> {
        self.is_stopped.store(true, Ordering::Release);
        self.lanes.call_committer();
        self.ended.recv().unwrap_or(Ok(()))
    }
}

fn commit(consumer: &KafkaConsumer, lanes: &Lanes, is_stopped: &AtomicBool) -> KafkaResult<()> {
    loop {
        lanes.wait_until_settled(is_stopped);
        if is_stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        let pause = match consumer.context().commit_now(consumer) {
            Ok(()) => COMMIT_EVERY,
            Err(error) if code::is_fenced(&error) => return Err(error),
            Err(error) => {
                // It is tried again, unless the lane moves to another member first.
                tracing::debug!(%error, "a commit failed");
                RETRY
            }
        };
        thread::sleep(pause);
    }
}
