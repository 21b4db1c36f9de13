//! What the program was asked to do, checked: every value here is usable.

use std::path::PathBuf;

/// Which broker, and what holds at every one of them.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Which one.
    pub kind: BrokerKind,
    /// A larger message is refused before it is published. Bytes.
    pub max_message_bytes: usize,
}

/// A broker and what only it needs.
#[derive(Clone, Debug)]
pub enum BrokerKind {
    /// The embedded broker: one file, no server, one machine.
    Local(LocalConfig),
    /// Apache Kafka.
    Kafka,
    /// Google Pub/Sub.
    PubSub,
}

impl BrokerKind {
    /// The name that `--broker` takes.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Kafka => "kafka",
            Self::PubSub => "pubsub",
        }
    }
}

/// The embedded broker's file.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// The SQLite file, made when missing.
    pub file: PathBuf,
    /// Consumed messages of a topic are dropped, oldest first, where it would take more than this. Bytes.
    pub retention_bytes: u64,
    /// Partitions of a topic that is made because it was missing.
    pub partitions: u32,
}
