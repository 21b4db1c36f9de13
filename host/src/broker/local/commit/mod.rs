//! Group commit: one thread puts everything that is queued into one transaction and pays for one sync to disk.
//!
//! Within it each commit stands alone. A commit whose lane has moved to another member is left out. A commit whose
//! records do not fit is postponed, with everything that must not overtake it, and tried again. The others succeed.
//! If the transaction itself fails, none of them has happened.

mod group;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::{Connection, Result, TransactionBehavior};
use tokio::sync::OwnedSemaphorePermit;

use self::group::Group;
use super::Broker;
use super::lanes::{Consumed, Reply};
use super::log::data_version;
use crate::broker::{BrokerError, SettleError};
use crate::message::Message;

/// Upper bounds of one transaction, so that nobody waits long for the lock.
const BATCH_COMMITS: usize = 512;
const BATCH_BYTES: u64 = 16 << 20;

/// How often a postponed commit is tried again.
const ROOM_POLL: Duration = Duration::from_millis(10);

/// One act.
#[derive(Debug)]
pub(super) struct Commit {
    pub consumed: Option<Consumed>,
    pub records: Vec<Record>,
    pub replies: Vec<Reply>,
    /// Held until the commit has ended: this bounds the queue.
    pub _permit: Option<OwnedSemaphorePermit>,
}

/// A message on its way into a topic, which is created when missing.
#[derive(Debug)]
pub(super) struct Record {
    pub topic: Arc<str>,
    pub message: Message,
    /// The number of the lane that it answers. It chooses the partition of a record without a key.
    pub lane: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    /// The fence is out of date, or the lane is not at the offset where the commit starts.
    Refused,
    PutOff,
}

impl Commit {
    fn size(&self) -> u64 {
        self.records.iter().map(|record| size(&record.message)).sum()
    }

    fn end(self, result: std::result::Result<(), SettleError>) {
        // First, so that whoever learns of a failure finds the lane's epoch already raised.
        if let Some(consumed) = &self.consumed {
            consumed.end(result.is_ok());
        }
        for reply in self.replies {
            // The caller may have stopped waiting.
            let _ = reply.send(result.clone());
        }
    }
}

fn size(message: &Message) -> u64 {
    u64::try_from(message.size()).unwrap_or(u64::MAX)
}

#[derive(Debug)]
pub(super) struct Committer {
    broker: Broker,
    connection: Connection,
    /// Postponed for lack of room, in order.
    put_off: Vec<Commit>,
    /// The file's version at that time. None: there may be room by now.
    seen: Option<i64>,
    /// Topics that were already reported as full.
    warned: HashSet<String>,
    turn: u64,
}

impl Committer {
    pub fn new(broker: Broker, connection: Connection) -> Self {
        Self {
            broker,
            connection,
            put_off: Vec::new(),
            seen: None,
            warned: HashSet::new(),
            turn: 0,
        }
    }

    /// Commits until every sender is gone and the queue is empty. Commits that have no room then fail.
    pub fn run(mut self, queue: &Receiver<Commit>) {
        while let Some(mut batch) = self.wait(queue) {
            let mut bytes: u64 = batch.iter().map(Commit::size).sum();
            while batch.len() < BATCH_COMMITS
                && bytes < BATCH_BYTES
                && let Ok(commit) = queue.try_recv()
            {
                bytes += commit.size();
                batch.push(commit);
            }
            self.commit(batch);
        }
        let gone = "the topic is full of messages that a group has not consumed, and the writer has ended";
        for commit in std::mem::take(&mut self.put_off) {
            commit.end(Err(BrokerError::Failed(gone.to_owned()).into()));
        }
    }

    /// The start of the next group: postponed commits that may succeed by now, or something new.
    fn wait(&mut self, queue: &Receiver<Commit>) -> Option<Vec<Commit>> {
        if self.put_off.is_empty() {
            return queue.recv().ok().map(|commit| vec![commit]);
        }
        let new = loop {
            match queue.recv_timeout(ROOM_POLL) {
                Ok(commit) => break Some(commit),
                Err(RecvTimeoutError::Disconnected) => return None,
                // If this is an error, the transaction will report it.
                Err(RecvTimeoutError::Timeout) if self.seen != data_version(&self.connection).ok() => break None,
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        let mut batch = std::mem::take(&mut self.put_off);
        batch.extend(new);
        Some(batch)
    }

    pub fn commit(&mut self, batch: Vec<Commit>) {
        match self.attempt(&batch) {
            Ok(verdicts) => {
                for (commit, verdict) in batch.into_iter().zip(verdicts) {
                    match (verdict, &commit.consumed) {
                        (Verdict::PutOff, _) => self.put_off.push(commit),
                        (Verdict::Refused, Some(consumed)) => {
                            let rewound = consumed.rewound();
                            commit.end(Err(rewound));
                        }
                        _ => commit.end(Ok(())),
                    }
                }
                if self.put_off.is_empty() {
                    self.warned.clear();
                }
            }
            Err(error) => {
                let error = self.broker.explain(error);
                for commit in batch {
                    commit.end(Err(error.clone().into()));
                }
            }
        }
    }

    fn attempt(&mut self, batch: &[Commit]) -> Result<Vec<Verdict>> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut group = Group::new(&transaction, &self.broker, &mut self.turn, &mut self.warned);
        let verdicts = batch
            .iter()
            .map(|commit| group.judge(commit))
            .collect::<Result<Vec<_>>>()?;
        let is_dropping = group.is_dropping;
        let version = data_version(&transaction)?;
        transaction.commit()?;
        // Whatever this group consumed may have made room.
        let mut judged = batch.iter().zip(&verdicts);
        let has_consumed = judged.any(|(commit, verdict)| commit.consumed.is_some() && *verdict == Verdict::Done);
        self.seen = (!has_consumed && !is_dropping).then_some(version);
        Ok(verdicts)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
