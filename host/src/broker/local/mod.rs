//! The embedded broker: Kafka's model in one SQLite file, for several processes of one machine, without a server.
//!
//! A topic has partitions, each an append-only log with offsets from 0. A key chooses its partition by a hash. A group's offset
//! in a partition outlives its members. One transaction appends the answers to a message and moves the offset past it, so a crash
//! leaves both or neither: exactly once.
//!
//! # Why it is exactly once
//!
//! 1. One SQLite transaction appends the outputs and moves the group's `next_offset` from exactly this message to the next
//!    (`Group::consume`). SQLite runs with WAL and `synchronous = FULL`: after a crash the file has both or neither.
//! 2. The statement requires the expected `next_offset` *and* the expected `fence`, or changes nothing. The fence, a number, rises
//!    whenever a partition's holder changes. So a member that was paused past its lease, a second host, or an act behind a failed
//!    one commits nothing: it is `Rewound`, and whoever holds the partition reads its messages again.
//! 3. The *lease* (5 s, renewed every second, by wall clock) says which member reads a partition. It only avoids double work: two
//!    members that both believe in their lease classify twice and commit once. A lease that ends later than any lease can is ignored,
//!    so a clock that was set back does not keep a partition from the next member.
//! 4. `Durable` resolves after the commit, and only then progress counts.
//!
//! # Order
//!
//! An answer without a key goes to the output partition with its input partition's number (modulo their count), one with a key to the
//! key's partition. So a lane without keys stays one lane, and so does a key.
//!
//! # Retention
//!
//! It drops only what every known group has consumed. An act that consumes from the topic to which it writes does not wait for room
//! there, because it would wait for ever: the topic may exceed its limit until the next act drops what this one consumed. A limit that
//! was lowered takes effect in steps of 1,000 records, with other work in between.
//!
//! # Threads
//!
//! One reads ahead ([`source`]), one renews the leases ([`lease`]), which backpressure never delays, and one commits ([`commit`]). SQLite
//! never runs on the async runtime's threads.

mod admin;
mod commit;
mod fault;
mod lanes;
mod lease;
mod log;
mod look;
mod retention;
mod schema;
mod source;
#[cfg(test)]
mod testing;
mod watch;
mod writer;

use std::sync::Arc;

use rusqlite::Connection;

use self::fault::explain;
pub use self::source::LocalSource;
pub use self::writer::LocalWriter;
use super::threads::blocking;
use super::{BrokerError, Subscription};
use crate::config::LocalConfig;

/// A usable broker file. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    config: Arc<LocalConfig>,
    max_message_bytes: usize,
}

impl Broker {
    /// Opens the file, and creates it when missing. Fails, with the file and the remedy, if the file belongs to
    /// something else or cannot be written.
    pub async fn open(config: &LocalConfig, max_message_bytes: usize) -> Result<Self, BrokerError> {
        let broker = Self::at(config, max_message_bytes);
        broker.with_connection(|_| Ok(())).await?;
        Ok(broker)
    }

    /// The same, unopened: for whoever may only look, and must not make a file.
    pub fn at(config: &LocalConfig, max_message_bytes: usize) -> Self {
        Self {
            config: Arc::new(config.clone()),
            max_message_bytes,
        }
    }

    /// Joins a group, and takes its share of the topic's partitions.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<LocalSource, BrokerError> {
        let (broker, subscription) = (self.clone(), subscription.clone());
        blocking(move || LocalSource::join(&broker, &subscription)).await
    }

    /// A writer. Answers go to one topic, created when missing; dead letters to another, created for the first one.
    pub async fn writer(&self, answers: &str, dead_letters: &str) -> Result<LocalWriter, BrokerError> {
        let (broker, answers, dead_letters) = (self.clone(), answers.to_owned(), dead_letters.to_owned());
        blocking(move || LocalWriter::start(&broker, &answers, &dead_letters)).await
    }

    fn connect(&self) -> Result<Connection, BrokerError> {
        schema::connect(&self.config.file)
    }

    /// None: there is no file, or nothing in it.
    fn connect_existing(&self) -> Result<Option<Connection>, BrokerError> {
        schema::connect_existing(&self.config.file)
    }

    /// SQLite's error in this broker's words.
    fn explain(&self, error: rusqlite::Error) -> BrokerError {
        explain(&self.config.file, &error)
    }

    fn unknown(&self, topic: &str) -> BrokerError {
        let file = self.config.file.display();
        BrokerError::UnknownTopic {
            topic: topic.to_owned(),
            place: match self.config.file.exists() {
                true => format!("in {file}"),
                false => format!("in {file}, which does not exist yet"),
            },
            options: format!("--local-file {}", self.config.file.display()),
        }
    }

    /// Work on a file that is there; none where it is not.
    async fn with_existing<T, F>(&self, work: F) -> Result<Option<T>, BrokerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, BrokerError> + Send + 'static,
    {
        let broker = self.clone();
        blocking(move || broker.connect_existing()?.as_mut().map(work).transpose()).await
    }

    async fn with_connection<T, F>(&self, work: F) -> Result<T, BrokerError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, BrokerError> + Send + 'static,
    {
        let broker = self.clone();
        blocking(move || work(&mut broker.connect()?)).await
    }
}
