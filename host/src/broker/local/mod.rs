//! The embedded broker: Kafka's model in one SQLite file, for several processes of one machine and with no server.
//!
//! Topics of partitions, each an append-only log with offsets from 0; a key chooses its partition by a hash; a group's
//! place in a partition outlives its members. One transaction holds the answers to a message and the place after it, so
//! that a crash leaves both or neither: exactly once.
//!
//! Who may move a group's place in a partition is settled twice. A *lease*, renewed by wall clock, says which member
//! reads a partition, and is only a courtesy: two members that both think they hold one waste work. The *fence*, a number
//! that rises whenever the holder changes, is checked with the place itself by the transaction that moves it, and
//! correctness rests on that alone.
//!
//! Three threads serve a process: one reads ahead ([`source`]), one renews the leases ([`lease`]), which no backpressure
//! holds up, and one commits ([`commit`]). SQLite never runs on the async runtime's threads.

mod admin;
mod commit;
mod fault;
mod lanes;
mod lease;
mod log;
mod retention;
mod schema;
mod source;
#[cfg(test)]
mod testing;
mod writer;

use std::sync::Arc;

use rusqlite::Connection;

use self::fault::explain;
pub use self::source::LocalSource;
pub use self::writer::LocalWriter;
use super::threads::blocking;
use super::{BrokerError, Subscription};
use crate::config::LocalConfig;

/// A broker file that can be used. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    config: Arc<LocalConfig>,
    max_message_bytes: usize,
}

impl Broker {
    /// Opens the file, which is made when missing. Fails, naming the file and the remedy, where that is not a file of this
    /// broker that can be written.
    pub async fn open(config: &LocalConfig, max_message_bytes: usize) -> Result<Self, BrokerError> {
        let broker = Self {
            config: Arc::new(config.clone()),
            max_message_bytes,
        };
        broker.with_connection(|_| Ok(())).await?;
        Ok(broker)
    }

    /// Joins a group, and takes its share of the topic's partitions.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<LocalSource, BrokerError> {
        let (broker, subscription) = (self.clone(), subscription.clone());
        blocking(move || LocalSource::join(&broker, &subscription)).await
    }

    /// A writer whose answers go to one topic, made when missing, and whose dead letters go to another, made when the
    /// first one comes.
    pub async fn writer(&self, answers: &str, dead_letters: &str) -> Result<LocalWriter, BrokerError> {
        let (broker, answers, dead_letters) = (self.clone(), answers.to_owned(), dead_letters.to_owned());
        blocking(move || LocalWriter::start(&broker, &answers, &dead_letters)).await
    }

    fn connect(&self) -> Result<Connection, BrokerError> {
        schema::connect(&self.config.file)
    }

    /// What SQLite said, as this broker says it.
    fn explain(&self, error: rusqlite::Error) -> BrokerError {
        explain(&self.config.file, &error)
    }

    fn unknown(&self, topic: &str) -> BrokerError {
        BrokerError::UnknownTopic {
            topic: topic.to_owned(),
            place: format!("in {}", self.config.file.display()),
            options: format!("--local-file {}", self.config.file.display()),
        }
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
