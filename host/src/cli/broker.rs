//! What may be typed of brokers, and of the topics in them.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::heading::{DELIVERY, EMBEDDED, KAFKA, PUBSUB};
use super::{KafkaArgs, PubSubArgs};
use crate::values::{ByteSize, DEFAULT_MAX_MESSAGE, DEFAULT_RETENTION, Start, time};

/// Which broker.
#[derive(Args, Clone, Debug)]
pub struct BrokerArgs {
    /// The broker; the names `Kafka` and `Google_Pub_Sub` work too.
    #[arg(long, value_enum, ignore_case = true, default_value = "local")]
    pub broker: BrokerName,
    /// The embedded broker's file, created when missing.
    #[arg(long, value_name = "FILE", default_value = "./host.db", help_heading = EMBEDDED)]
    pub local_file: PathBuf,
    /// How Kafka is reached.
    #[command(flatten)]
    pub kafka: KafkaArgs,
    /// How Pub/Sub is reached.
    #[command(flatten)]
    pub pubsub: PubSubArgs,
}

impl BrokerArgs {
    /// The embedded broker with a file of one's own.
    pub fn local(file: PathBuf) -> Self {
        Self {
            broker: BrokerName::Local,
            local_file: file,
            kafka: KafkaArgs::default(),
            pubsub: PubSubArgs::default(),
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

/// The broker of one end of a pipeline: `kafka:HOST:PORT`, `pubsub:PROJECT` or `local:FILE`. Without an address, the broker's own
/// options say where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Which broker.
    pub broker: BrokerName,
    /// Where it is.
    pub address: Option<String>,
}

impl FromStr for BrokerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, address) = text.split_once(':').unwrap_or((text, ""));
        let broker = BrokerName::from_str(name, true)
            .map_err(|_| "write kafka:HOST:PORT, pubsub:PROJECT or local:FILE".to_owned())?;
        let address = Some(address).filter(|address| !address.is_empty()).map(str::to_owned);
        Ok(Self { broker, address })
    }
}

/// Limits of messages, and settings of topics that are created because they are missing.
#[derive(Args, Debug)]
pub struct StorageArgs {
    /// How much of a topic the embedded broker keeps; it never drops what a group has yet to consume.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_RETENTION, help_heading = EMBEDDED)]
    pub local_retention: ByteSize,
    /// Partitions of a topic that is created when missing.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub partitions: u32,
    /// Replicas of a topic that is created when missing [default: the cluster's].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = KAFKA)]
    pub replication: Option<u16>,
    /// Refuse larger messages.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_MAX_MESSAGE, help_heading = DELIVERY)]
    pub max_message_bytes: ByteSize,
}

impl Default for StorageArgs {
    /// The defaults.
    fn default() -> Self {
        Self {
            local_retention: DEFAULT_RETENTION,
            partitions: 1,
            replication: None,
            max_message_bytes: DEFAULT_MAX_MESSAGE,
        }
    }
}

/// Options of a group's member.
#[derive(Args, Debug)]
pub struct MemberArgs {
    /// Where a new group begins, in the partitions that exist then: earliest, latest, an offset such as 1200 or
    /// offset:1764007200, or a time such as 2026-11-24T18:00:00Z; not with Pub/Sub [default: earliest].
    #[arg(long, value_name = "WHERE", help_heading = DELIVERY)]
    pub from: Option<Start>,
    /// How soon another member takes over if this process is killed or hangs; Kafka's own lower bound is usually 6s
    /// [default: 10s].
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = KAFKA)]
    pub session_timeout: Option<Duration>,
    /// A fixed name of this member: if it restarts within the session timeout it keeps its partitions, and fences its predecessor.
    #[arg(long, value_name = "NAME", help_heading = KAFKA)]
    pub instance: Option<String>,
    /// Read this subscription [default: as --subscriptions says, else TOPIC-sub].
    #[arg(long, value_name = "NAME", help_heading = PUBSUB)]
    pub subscription: Option<String>,
}
