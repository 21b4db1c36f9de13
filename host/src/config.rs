//! The options of a command, checked: every value here is usable.

mod ends;
mod foreign;
mod kafka;
mod pubsub;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub use self::ends::Ends;
pub use self::foreign::check_foreign;
pub use self::kafka::{Delivery, KafkaConfig};
pub use self::pubsub::{Identity, PubSubConfig};
use crate::classifier::{Build, ClassifierConfig, Compiler, ComponentError, Limits, Origin, SignatureFiles, Trust};
use crate::cli::{BrokerArgs, BrokerName, ComponentArgs, MemberArgs, StorageArgs, TrustArgs};
use crate::exit::Failure;
use crate::values::{ByteSize, DEFAULT_IN_FLIGHT, Start};

/// Which broker, and the limits that all brokers share.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// Which one.
    pub kind: BrokerKind,
    /// A larger message is refused before it is published. Bytes; at most what the embedded broker keeps of a topic.
    pub max_message_bytes: usize,
}

impl BrokerConfig {
    /// From what was typed.
    pub fn new(broker: BrokerArgs, storage: &StorageArgs) -> Result<Self, Failure> {
        let name = broker.broker;
        Self::at(name, None, broker, storage)
    }

    /// A broker by its name, and where it is if the broker's own options do not say.
    fn at(name: BrokerName, address: Option<String>, args: BrokerArgs, storage: &StorageArgs) -> Result<Self, Failure> {
        let kind = match name {
            BrokerName::Local => BrokerKind::Local(LocalConfig {
                file: address.map_or(args.local_file, PathBuf::from),
                retention_bytes: storage.local_retention.0,
                partitions: storage.partitions,
                lease: LocalConfig::LEASE,
                start: Start::Earliest,
            }),
            BrokerName::Kafka => {
                let mut kafka = args.kafka;
                kafka.bootstrap_servers = address.unwrap_or(kafka.bootstrap_servers);
                BrokerKind::Kafka(KafkaConfig::new(kafka, storage)?)
            }
            BrokerName::PubSub => BrokerKind::PubSub(PubSubConfig::new(args.pubsub, address, storage)?),
        };
        let mut max_message_bytes = storage.max_message_bytes.as_usize();
        if let BrokerKind::Local(local) = &kind {
            // A larger message would wait for ever, because no topic ever has room for it.
            max_message_bytes = max_message_bytes.min(ByteSize(local.retention_bytes).as_usize());
        }
        Ok(Self {
            kind,
            max_message_bytes,
        })
    }

    /// With the options of a group's member.
    pub fn for_member(mut self, member: MemberArgs) -> Result<Self, Failure> {
        if member.from.is_some() {
            self.has_places("--from")?;
        }
        let start = member.from.unwrap_or(Start::Earliest);
        match &mut self.kind {
            BrokerKind::Local(local) => local.start = start,
            BrokerKind::Kafka(kafka) => {
                kafka.start = start;
                kafka.instance = member.instance;
                kafka.session = member.session_timeout.unwrap_or(kafka.session);
            }
            BrokerKind::PubSub(pubsub) => pubsub.subscription = member.subscription,
        }
        Ok(self)
    }

    /// Fails, naming the option, if the broker's topics have no offsets that it could mean.
    pub fn has_places(&self, option: &str) -> Result<(), Failure> {
        match &self.kind {
            BrokerKind::Local(_) | BrokerKind::Kafka(_) => Ok(()),
            BrokerKind::PubSub(_) => Err(Failure::Usage(format!(
                "{option}: a Pub/Sub subscription has no offsets to begin at; leave the option out, or move the subscription \
                 itself with `gcloud pubsub subscriptions seek`"
            ))),
        }
    }

    /// With what may be in flight at once, for a broker that has to know.
    pub fn with_in_flight(mut self, messages: usize, bytes: usize) -> Self {
        if let BrokerKind::PubSub(pubsub) = &mut self.kind {
            pubsub.outstanding_messages = pubsub.outstanding_messages.saturating_add(messages);
            pubsub.outstanding_bytes = pubsub.outstanding_bytes.saturating_add(bytes);
        }
        self
    }

    /// With how many messages may be held until the end besides, for a broker that has to know.
    pub fn with_set_aside(mut self, messages: usize) -> Self {
        if let BrokerKind::PubSub(pubsub) = &mut self.kind {
            pubsub.set_aside = messages;
        }
        self
    }

    /// Where it is, for people: `./host.db`, or the broker's name.
    pub fn place(&self) -> String {
        match &self.kind {
            BrokerKind::Local(local) => local.file.display().to_string(),
            BrokerKind::Kafka(kafka) => kafka.bootstrap_servers.clone(),
            BrokerKind::PubSub(pubsub) => format!("project {}", pubsub.project),
        }
    }
}

/// A broker and what only it needs.
#[derive(Clone, Debug)]
pub enum BrokerKind {
    /// The embedded broker: one file, no server, one machine.
    Local(LocalConfig),
    /// Apache Kafka.
    Kafka(KafkaConfig),
    /// Google Pub/Sub.
    PubSub(PubSubConfig),
}

/// How many bytes may be in flight at once, if one message may have `largest` bytes: beside the largest there is room for another,
/// unless only one of `messages` may be in flight.
pub fn in_flight_bytes(typed: Option<ByteSize>, largest: usize, messages: usize) -> Result<usize, Failure> {
    match typed {
        None => Ok(DEFAULT_IN_FLIGHT.as_usize().max(largest.saturating_mul(2))),
        Some(typed) if typed.as_usize() <= largest && messages > 1 => Err(Failure::Usage(format!(
            "--max-in-flight-bytes {typed} has room for only one message of --max-message-bytes {}: raise the first, lower the \
             second, or choose one at a time with --max-in-flight 1",
            ByteSize(largest as u64)
        ))),
        Some(typed) => Ok(typed.as_usize()),
    }
}

/// The embedded broker's file.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// The SQLite file, created when missing.
    pub file: PathBuf,
    /// How much of a topic to keep, in bytes: beyond that the oldest consumed messages are dropped.
    pub retention_bytes: u64,
    /// Partitions of a topic that is created because it is missing.
    pub partitions: u32,
    /// Where a new group begins.
    pub start: Start,
    /// How long a member keeps its partitions without renewing its lease. All processes that share the file need the same.
    pub lease: Duration,
}

impl LocalConfig {
    /// The lease of every command; only tests, which cannot wait for it, take a shorter one.
    pub const LEASE: Duration = Duration::from_secs(5);
}

impl ClassifierConfig {
    /// From what was typed; without a component, with the one that [`Origin::find`] finds. `reply_bytes` is the largest reply, as
    /// large as the broker accepts.
    pub fn new(component: ComponentArgs, accept: Option<String>, reply_bytes: usize) -> Result<Self, ComponentError> {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let TrustArgs { digest, signature, key } = component.trust;
        let trust = Trust {
            digest,
            signature: signature
                .zip(key)
                .map(|(signature, key)| SignatureFiles { signature, key }),
        };
        Ok(Self {
            // A digest and a signature are of one file.
            full: match component.component.is_none() && !trust.asks() {
                true => Origin::of(Build::Full).ok(),
                false => None,
            },
            component: Origin::find(component.component)?,
            trust,
            stub_wasi: component.stub_wasi,
            model: component.model,
            model_output: component.model_output,
            labels: component.labels,
            accept,
            prepare: None,
            workers: component
                .workers
                .and_then(|workers| NonZeroUsize::new(usize::from(workers)))
                .unwrap_or(cores),
            limits: Limits {
                memory_bytes: component.guest_memory.as_usize(),
                call_timeout: component.guest_timeout,
                reply_bytes,
            },
            cache: !component.no_cache,
            // Linux has this name for the running program, whatever became of its file.
            compiler: Compiler::new(std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into())),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn beside_the_largest_message_there_is_room_for_another_or_it_is_refused() {
        const MIB: usize = 1 << 20;
        assert_eq!(in_flight_bytes(None, 16 * MIB, 1024), Ok(64 * MIB));
        assert_eq!(in_flight_bytes(None, 100 * MIB, 1024), Ok(200 * MIB));
        for typed in ["15MiB", "16MiB"] {
            let said = in_flight_bytes(Some(typed.parse().unwrap()), 16 * MIB, 1024)
                .unwrap_err()
                .to_string();
            assert!(
                said.contains(typed) && said.contains("--max-message-bytes 16MiB"),
                "{said}"
            );
        }
        let typed = Some("17MiB".parse().unwrap());
        assert_eq!(in_flight_bytes(typed, 16 * MIB, 1024), Ok(17 * MIB));
        assert_eq!(in_flight_bytes(Some("1MiB".parse().unwrap()), 16 * MIB, 1), Ok(MIB));
    }
}
