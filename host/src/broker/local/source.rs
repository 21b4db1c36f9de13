//! Reading. A thread reads a few messages ahead, one of each lane in turn, so that a full lane cannot starve the
//! others. One query finds the lanes that have something to read, so that many empty ones do not slow the others
//! down.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Result, TransactionBehavior};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Broker;
use super::fault::explain;
use super::lanes::{Cursor, Lanes, Standing};
use super::lease::Membership;
use super::log::{self, data_version};
use super::watch::LocalWatch;
use crate::broker::threads::spawn;
use crate::broker::{BrokerError, Delivery, Demand, Event, GroupWatch, Room, Source, Subscription};

/// How often the reader checks for commits while there is nothing to read.
const IDLE_POLL: Duration = Duration::from_millis(5);

/// Checking this many lanes costs as much as reading one message.
const LANES_A_ROUND: usize = 64;

/// One member of a group. If it is dropped without being closed, its partitions stay taken until its lease ends, as
/// after a crash.
#[derive(Debug)]
pub struct LocalSource {
    broker: Broker,
    topic: i64,
    lanes: Arc<Lanes>,
    /// Identifies its file, whatever path leads to it.
    cluster: String,
    joined: Instant,
    lease: Duration,
    left: Option<oneshot::Receiver<Result<(), BrokerError>>>,
}

impl LocalSource {
    pub(super) fn join(broker: &Broker, subscription: &Subscription) -> Result<Self, BrokerError> {
        let Subscription { topic, group, create } = subscription;
        let mut connection = broker.connect()?;
        let id = if *create {
            broker.find_or_create(&mut connection, topic)?
        } else {
            let id = log::find_topic(&connection, topic).map_err(|error| broker.explain(error))?;
            id.ok_or_else(|| broker.unknown(topic))?
        };
        broker.begin(&mut connection, (id, topic), group)?;
        let lanes = Arc::new(Lanes::new(broker.config.file.as_path().into(), group, topic));
        let membership = Membership::join(connection, Arc::clone(&lanes), id, broker.config.lease);
        let membership = membership.map_err(|error| broker.explain(error))?;

        let (leaving, left) = oneshot::channel();
        // From here on, dropping the source ends both threads.
        let file = &broker.config.file;
        let source = Self {
            broker: broker.clone(),
            topic: id,
            lanes: Arc::clone(&lanes),
            cluster: file
                .canonicalize()
                .unwrap_or_else(|_| file.clone())
                .display()
                .to_string(),
            joined: Instant::now(),
            lease: broker.config.lease,
            left: Some(left),
        };
        let reader = Reader {
            connection: broker.connect()?,
            topic: id,
            lanes,
        };
        spawn("local-lease", move || membership.run(leaving))?;
        spawn("local-reader", move || reader.run())?;
        Ok(source)
    }
}

impl Drop for LocalSource {
    fn drop(&mut self) {
        self.lanes.end(Standing::Dropped);
    }
}

#[async_trait]
impl Source for LocalSource {
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError> {
        loop {
            if let Some(event) = self.lanes.next_event(demand)? {
                return Ok(event);
            }
            // A notice that came before this await is kept.
            self.lanes.arrival.notified().await;
        }
    }

    fn more(&mut self, room: Room) -> Vec<Delivery> {
        self.lanes.more(room)
    }

    async fn listening_since(&mut self) -> Result<Instant, BrokerError> {
        let holds_nothing = self.lanes.held().is_none_or(|held| held.is_empty());
        // A member that held everything may have been killed, and keeps it until the end of its lease.
        Ok(self.joined + if holds_nothing { self.lease } else { Duration::ZERO })
    }

    fn watch(&self) -> Box<dyn GroupWatch> {
        Box::new(LocalWatch {
            broker: self.broker.clone(),
            lanes: Arc::clone(&self.lanes),
            topic: self.topic,
        })
    }

    fn cluster(&self) -> &str {
        &self.cluster
    }

    async fn close(mut self: Box<Self>) -> Result<(), BrokerError> {
        self.lanes.end(Standing::Closing);
        let Some(left) = self.left.take() else { return Ok(()) };
        left.await
            .unwrap_or_else(|_| Err(BrokerError::Failed("the lease thread ended early".to_owned())))
    }
}

struct Reader {
    connection: Connection,
    topic: i64,
    lanes: Arc<Lanes>,
}

impl Reader {
    fn run(mut self) {
        if let Err(error) = self.read_all() {
            self.lanes.fail(explain(&self.lanes.file, &error));
        }
    }

    fn read_all(&mut self) -> Result<()> {
        loop {
            // Read before the lanes, so that whatever is committed later changes it.
            let version = data_version(&self.connection)?;
            let Some((cursors, revision)) = self.lanes.cursors() else {
                return Ok(());
            };
            let ends = log::ends(&self.connection, self.topic)?;
            // As many rounds as the check of all lanes was worth.
            let rounds = 1 + cursors.len() / LANES_A_ROUND;
            let mut ready = has_more(cursors, &ends);
            let mut is_idle = true;
            for _ in 0..rounds {
                let read = ready.into_iter().map(|cursor| self.read(cursor));
                let read = read.filter_map(Result::transpose).collect::<Result<Vec<_>>>()?;
                is_idle &= read.is_empty();
                ready = has_more(read, &ends);
            }
            while is_idle && !self.lanes.rest(revision, IDLE_POLL) {
                is_idle = data_version(&self.connection)? == version;
            }
        }
    }

    /// Reads one message ahead, and returns where the lane continues. None: there is no message.
    fn read(&mut self, mut cursor: Cursor) -> Result<Option<Cursor>> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred)?;
        let position = match cursor.position {
            Some(position) => position,
            None => {
                let next = transaction
                    .prepare_cached(
                        "SELECT next_offset FROM consumption WHERE group_name = ?1 AND partition = ?2 AND fence = ?3",
                    )?
                    .query_row((&self.lanes.group, cursor.partition, cursor.fence), |row| row.get(0))
                    .optional()?;
                // None: another member has the lane, as the lease is about to find out.
                let Some(next) = next else { return Ok(None) };
                self.lanes.reload(cursor, next);
                next
            }
        };
        let message = log::read(&transaction, cursor.partition, position)?;
        transaction.commit()?;
        let Some(message) = message else { return Ok(None) };
        self.lanes.offer(cursor, position, message);
        cursor.position = Some(position + 1);
        Ok(Some(cursor))
    }
}

/// The lanes that may have more to read.
fn has_more(mut cursors: Vec<Cursor>, ends: &HashMap<i64, u64>) -> Vec<Cursor> {
    cursors.retain(|cursor| {
        let end = ends.get(&cursor.partition);
        cursor
            .position
            .is_none_or(|position| end.is_some_and(|end| position < *end))
    });
    cursors
}
