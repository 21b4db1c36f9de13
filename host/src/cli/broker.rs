//! What may be typed of brokers, and of the topics in them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::KafkaArgs;
use crate::config::{ByteSize, DEFAULT_MAX_MESSAGE, DEFAULT_RETENTION};

/// Which broker.
#[derive(Args, Debug)]
pub struct BrokerArgs {
    /// The broker; the names `Kafka` and `Google_Pub_Sub` are taken too.
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        default_value = "local",
        help_heading = "Broker"
    )]
    pub broker: BrokerName,
    /// The file of the embedded broker, made when missing.
    #[arg(long, value_name = "FILE", default_value = "./host.db", help_heading = "Broker")]
    pub local_file: PathBuf,
    /// How Kafka is reached.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// Google credentials, a JSON file; with --broker pubsub alone.
    #[arg(value_name = "CREDENTIALS", help_heading = "Broker")]
    pub credentials: Option<PathBuf>,
    /// Google project; with --broker pubsub alone.
    #[arg(value_name = "PROJECT", help_heading = "Broker")]
    pub project: Option<String>,
}

impl BrokerArgs {
    /// The embedded broker with a file of one's own.
    pub fn local(file: PathBuf) -> Self {
        Self {
            broker: BrokerName::Local,
            local_file: file,
            kafka: KafkaArgs::default(),
            credentials: None,
            project: None,
        }
    }
}

/// The brokers, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BrokerName {
    /// Embedded: one file, no server, one machine.
    Local,
    /// Apache Kafka.
    Kafka,
    /// Google Pub/Sub.
    #[value(name = "pubsub", alias = "google_pub_sub")]
    PubSub,
}

/// What holds for messages and for topics that are made because they are missing.
#[derive(Args, Debug)]
pub struct StorageArgs {
    /// How much of a topic the embedded broker keeps; what a group has yet to consume is never dropped.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_RETENTION, help_heading = "Broker")]
    pub local_retention: ByteSize,
    /// Partitions of a topic that is made because it is missing.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "Broker")]
    pub partitions: u32,
    /// Replicas of such a topic in Kafka [default: as the cluster is set].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Broker")]
    pub replication: Option<u16>,
    /// Refuse larger messages.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_MAX_MESSAGE, help_heading = "Broker")]
    pub max_message_bytes: ByteSize,
}

impl Default for StorageArgs {
    /// What holds where nothing was typed.
    fn default() -> Self {
        Self {
            local_retention: DEFAULT_RETENTION,
            partitions: 1,
            replication: None,
            max_message_bytes: DEFAULT_MAX_MESSAGE,
        }
    }
}
