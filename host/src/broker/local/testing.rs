//! A broker file whose members and committer are driven by hand, for tests of what threads would race for.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::commit::{Commit, Record};
use super::lanes::{Lanes, Order, Token};
use super::lease::Membership;
use super::{Broker, log};
use crate::broker::{Delivery, Demand, Event, SettleError};
use crate::config::LocalConfig;
use crate::message::Message;
use crate::values::Start;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Longer than any test.
pub(super) const LONG: Duration = Duration::from_secs(3600);

pub(super) type Ended = oneshot::Receiver<Result<(), SettleError>>;

/// A file with one topic, `topic`, whose id is 1.
pub(super) struct Place {
    _folder: TempDir,
    pub broker: Broker,
}

impl Place {
    pub fn new(partitions: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = LocalConfig {
            file: folder.path().join("host.db"),
            retention_bytes: 1 << 20,
            partitions: 1,
            lease: LONG,
            start: Start::Earliest,
        };
        let broker = Broker {
            config: Arc::new(config),
            max_message_bytes: 1 << 20,
        };
        log::create_topic(&broker.connect().unwrap(), "topic", partitions).unwrap();
        Self {
            _folder: folder,
            broker,
        }
    }

    pub fn connect(&self) -> Connection {
        self.broker.connect().unwrap()
    }

    /// A member of `group` that does nothing by itself.
    pub fn join(&self, lease: Duration) -> Membership {
        let file: Arc<Path> = self.broker.config.file.as_path().into();
        let lanes = Arc::new(Lanes::new(file, "group", "topic"));
        Membership::join(self.connect(), lanes, 1, lease).unwrap()
    }

    pub fn expire_all(&self) {
        assert!(self.connect().execute("UPDATE member SET expires_ms = 0", ()).unwrap() > 0);
    }

    /// Moves the end of every lease into the future, as setting the clock back does.
    pub fn set_clock_back(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap();
        let sql = "UPDATE member SET expires_ms = expires_ms + ?1";
        assert!(self.connect().execute(sql, (by,)).unwrap() > 0);
    }

    pub fn fences(&self) -> Vec<i64> {
        let connection = self.connect();
        let mut statement = connection
            .prepare("SELECT fence FROM consumption ORDER BY partition")
            .unwrap();
        let fences = statement.query_map((), |row| row.get(0)).unwrap();
        fences.map(|fence| fence.unwrap()).collect()
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.connect().query_row(sql, (), |row| row.get(0)).unwrap()
    }

    /// Appends messages to `topic`, to its partitions in turn.
    pub fn fill(&self, count: u64) {
        let connection = self.connect();
        for turn in 0..count {
            let message = Message::new(turn.to_string());
            log::append(&connection, 1, &message, log::Spread::Turn(turn)).unwrap();
        }
    }

    /// Reads the next message of every lane ahead, as the reader would.
    pub fn read(&self, lanes: &Lanes) {
        let connection = self.connect();
        for cursor in lanes.cursors().unwrap().0 {
            let offset = cursor.position.unwrap();
            if let Some(message) = log::read(&connection, cursor.partition, offset).unwrap() {
                lanes.offer(cursor, offset, message);
            }
        }
    }
}

pub(super) fn next(lanes: &Arc<Lanes>) -> Option<Delivery> {
    match lanes.next_event(Demand::Deliveries).unwrap()? {
        Event::Delivery(delivery) => Some(delivery),
        Event::Revoked(..) => panic!("revoked"),
    }
}

/// A commit that appends one message, and consumes a delivery if there is one.
pub(super) fn commit(
    delivery: Option<Delivery>,
    topic: &str,
    message: Message,
) -> Result<(Commit, Ended), SettleError> {
    let (reply, ended) = oneshot::channel();
    let record = Record {
        topic: topic.into(),
        message,
        lane: delivery.as_ref().and_then(|delivery| delivery.claim.lane.number()),
    };
    let mut commit = Commit {
        consumed: None,
        records: vec![record],
        replies: Vec::new(),
        _permit: None,
    };
    match delivery {
        None => commit.replies.push(reply),
        Some(delivery) => {
            let token: Token = delivery.claim.into_token()?;
            let lanes = Arc::clone(&token.lanes);
            lanes.accept(token, Order::Strict, reply, |consumed, replies| {
                commit.consumed = Some(consumed);
                commit.replies = replies;
            })?;
        }
    }
    Ok((commit, ended))
}
