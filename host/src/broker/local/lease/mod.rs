//! Membership: which member of a group reads which partition. It has a thread of its own, so that neither
//! backpressure nor a slow reader lets a lease expire.
//!
//! A member is live while it renews its lease, and holds the partitions that name it as holder. Every member computes
//! the same fair shares from the same table. The older members get the remainder, so that a new member moves as few
//! partitions as possible. A member with too few takes free ones; a member with too many gives some back, once
//! nothing of them is in flight.
//!
//! Leases expire by the wall clock, the only one that processes and restarts share, and it may jump. Set forward, it
//! ends leases early. Set back, it leaves leases that end later than a lease can, and those count as expired too
//! ([`live`]). So a dead member keeps its partitions for one lease at most, and a live one at worst loses them for a
//! moment: commits go by the fence and not by the clock.

mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Result, Transaction, TransactionBehavior};
use tokio::sync::oneshot::{self, error::TryRecvError};

use self::plan::{Plan, Row, plan};
use super::fault::explain;
use super::lanes::{Gain, Hold, Lanes, Standing};
use super::log::{data_version, now_ms};
use crate::broker::BrokerError;

/// Between which times, in milliseconds since 1970 and both included, the lease of a live member ends. A lease that
/// ends later was taken before the clock was set back.
pub(super) fn live(lease: Duration) -> [i64; 2] {
    let now = now_ms();
    let lease = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    [now.saturating_add(1), now.saturating_add(lease)]
}

#[derive(Debug)]
pub(super) struct Membership {
    connection: Connection,
    pub(super) lanes: Arc<Lanes>,
    topic: i64,
    lease: Duration,
    /// The member's id, once it has one.
    id: Option<i64>,
    renewed: Option<Instant>,
    seen: i64,
    revoked: Vec<Revocation>,
}

#[derive(Debug)]
struct Revocation {
    partitions: Vec<i64>,
    done: oneshot::Receiver<()>,
    since: Instant,
}

impl Membership {
    /// Joins the group of `lanes`, and takes free partitions.
    pub fn join(connection: Connection, lanes: Arc<Lanes>, topic: i64, lease: Duration) -> Result<Self> {
        let mut membership = Self {
            connection,
            lanes,
            topic,
            lease,
            id: None,
            renewed: None,
            seen: 0,
            revoked: Vec::new(),
        };
        membership.tick()?;
        Ok(membership)
    }

    /// Renews until the source ends. If it was closed, leaves the group and reports that.
    pub fn run(mut self, left: oneshot::Sender<Result<(), BrokerError>>) {
        let tick = self.lease / 100;
        let mut is_failing = false;
        loop {
            match self.lanes.stand(tick) {
                Standing::Open => {}
                Standing::Closing => break,
                Standing::Dropped => return,
            }
            let result = self.tick();
            if let (Err(error), false) = (&result, is_failing) {
                let error = explain(&self.lanes.file, error);
                tracing::warn!(%error, group = self.lanes.group, "the lease could not be renewed; trying again");
            }
            is_failing = result.is_err();
            if is_failing {
                thread::sleep(tick);
            }
        }
        let result = self.leave().map_err(|error| explain(&self.lanes.file, &error));
        // The caller may have stopped waiting.
        let _ = left.send(result);
    }

    /// Does what is due: nearly free if nothing is.
    fn tick(&mut self) -> Result<()> {
        let gave_up = self.release_drained();
        let Some(held) = self.lanes.held() else {
            return Ok(());
        };
        let seen = data_version(&self.connection)?;
        if self.renewed.is_some_and(|renewed| renewed.elapsed() < self.lease / 5) {
            if !gave_up && seen == self.seen {
                return Ok(());
            }
            let look = self.connection.transaction()?;
            let member = Member {
                group: &self.lanes.group,
                topic: self.topic,
                id: self.id,
                lease: self.lease,
            };
            if member.plan(&look, &held)? == Plan::default() {
                self.seen = seen;
                return Ok(());
            }
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut member = Member {
            group: &self.lanes.group,
            topic: self.topic,
            id: self.id,
            lease: self.lease,
        };
        member.renew(&transaction)?;
        let plan = member.plan(&transaction, &held)?;
        for row in &plan.release {
            member.release(&transaction, row.partition)?;
        }
        let gains = plan
            .take
            .iter()
            .map(|row| member.take(&transaction, row))
            .collect::<Result<Vec<_>>>()?;
        transaction.commit()?;

        self.id = member.id;
        self.renewed = Some(Instant::now());
        self.seen = seen;
        self.lanes.lose(&plan.lose, false);
        for revocation in &mut self.revoked {
            revocation.partitions.retain(|partition| !plan.lose.contains(partition));
        }
        for gain in gains {
            self.lanes.gain(gain);
        }
        if let Some(done) = self.lanes.revoke(&plan.give_up) {
            self.revoked.push(Revocation {
                partitions: plan.give_up,
                done,
                since: Instant::now(),
            });
        }
        Ok(())
    }

    /// Gives back revoked lanes that are drained or out of time. True: there were some.
    fn release_drained(&mut self) -> bool {
        let before = self.revoked.len();
        let longest = self.lease;
        self.revoked.retain_mut(|revocation| {
            let is_drained = revocation.done.try_recv() != Err(TryRecvError::Empty);
            let is_over = is_drained || revocation.since.elapsed() >= longest;
            if is_over {
                self.lanes.lose(&revocation.partitions, true);
            }
            !is_over
        });
        self.revoked.len() < before
    }

    /// Frees everything at once. Before that it waits, well within the lease, for the commits that were accepted.
    fn leave(&mut self) -> Result<()> {
        self.lanes.finish(self.lease / 2);
        self.connection
            .execute("DELETE FROM member WHERE id = ?1", (self.id,))?;
        Ok(())
    }
}

/// A member's statements, each within the caller's transaction.
struct Member<'a> {
    group: &'a str,
    topic: i64,
    id: Option<i64>,
    lease: Duration,
}

impl Member<'_> {
    /// Enters or renews the member, and gives the group an offset in every partition, the first at first.
    fn renew(&mut self, transaction: &Transaction) -> Result<()> {
        let [soonest, latest] = live(self.lease);
        transaction
            .prepare_cached("DELETE FROM member WHERE expires_ms NOT BETWEEN ?1 AND ?2")?
            .execute((soonest, latest))?;
        let id = transaction
            .prepare_cached(
                "INSERT INTO member (id, group_name, topic, expires_ms, process) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (id) DO UPDATE SET expires_ms = excluded.expires_ms RETURNING id",
            )?
            .query_row((self.id, self.group, self.topic, latest, std::process::id()), |row| {
                row.get(0)
            })?;
        self.id = Some(id);
        transaction
            .prepare_cached(
                "INSERT OR IGNORE INTO consumption (group_name, partition, next_offset)
                 SELECT ?1, id, start_offset FROM partition WHERE topic = ?2",
            )?
            .execute((self.group, self.topic))?;
        Ok(())
    }

    fn plan(&self, transaction: &Transaction, held: &BTreeMap<i64, Hold>) -> Result<Plan> {
        let [soonest, latest] = live(self.lease);
        let live = transaction
            .prepare_cached(
                "SELECT id FROM member WHERE group_name = ?1 AND topic = ?2 AND (expires_ms BETWEEN ?3 AND ?4 OR id = ?5)
                 ORDER BY id",
            )?
            .query_map((self.group, self.topic, soonest, latest, self.id), |row| row.get(0))?
            .collect::<Result<Vec<i64>>>()?;
        let rows = transaction
            .prepare_cached(
                "SELECT partition.id, number, holder, fence, next_offset
                 FROM partition JOIN consumption ON partition = partition.id AND group_name = ?1
                 WHERE topic = ?2 ORDER BY number",
            )?
            .query_map((self.group, self.topic), |row| {
                Ok(Row {
                    partition: row.get(0)?,
                    number: row.get(1)?,
                    holder: row.get(2)?,
                    fence: row.get(3)?,
                    next: row.get(4)?,
                })
            })?
            .collect::<Result<Vec<_>>>()?;
        Ok(plan(&rows, &live, self.id, held))
    }

    fn release(&self, transaction: &Transaction, partition: i64) -> Result<()> {
        transaction
            .prepare_cached(
                "UPDATE consumption SET holder = NULL WHERE group_name = ?1 AND partition = ?2 AND holder = ?3",
            )?
            .execute((self.group, partition, self.id))?;
        Ok(())
    }

    /// A new holder gets a new fence: from here on every commit of the holder before is refused.
    fn take(&self, transaction: &Transaction, row: &Row) -> Result<Gain> {
        let fence = transaction
            .prepare_cached("UPDATE last_fence SET fence = fence + 1 RETURNING fence")?
            .query_row((), |row| row.get(0))?;
        transaction
            .prepare_cached("UPDATE consumption SET holder = ?3, fence = ?4 WHERE group_name = ?1 AND partition = ?2")?
            .execute((self.group, row.partition, self.id, fence))?;
        Ok(Gain {
            partition: row.partition,
            number: row.number,
            fence,
            next: row.next,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests;
