//! Committing: a thread of its own, so that waiting for the broker holds up neither reading nor the place in the group. What
//! is settled meanwhile is gathered into the next commit.
//!
//! It waits for each commit: the client library tells nobody how one ended that was not waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, KafkaResult};

use super::fault;
use super::lanes::{Lanes, Shared};
use super::source::KafkaConsumer;
use crate::broker::threads::spawn;

/// How often there is a commit at most.
const COMMIT_EVERY: Duration = Duration::from_millis(1);

/// How soon a commit that failed is tried again.
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
            // The consumer leaves the group once it is nobody's, and whoever waits for this end counts on that.
            drop(consumer);
            let _ = end.send(result);
            lanes.call();
        };
        spawn("kafka-commit", commit).map_err(|_| KafkaError::Canceled)?;
        Ok(committer)
    }

    /// Fails where this member may commit no more.
    pub fn check(&self) -> KafkaResult<()> {
        self.ended.try_recv().unwrap_or(Ok(()))
    }

    /// Waits for the commit that is under way.
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
            Err(error) if fault::is_fenced(&error) => return Err(error),
            Err(error) => {
                // It is tried again, unless the lane goes elsewhere first.
                tracing::debug!(%error, "a commit failed");
                RETRY
            }
        };
        thread::sleep(pause);
    }
}
