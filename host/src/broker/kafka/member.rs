//! What happens to a consumer from outside: partitions that come and go, errors, the token. Separate from [`source`], whose
//! thread it happens on, because librdkafka decides when.
//!
//! [`source`]: super::source

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot::error::TryRecvError;

use super::client::Reporter;
use super::fault;
use super::lanes::{Shared, Standing};
use super::source::{KafkaConsumer, REQUEST};
use crate::config::Start;

/// How long revoked lanes may take to finish what is in flight.
const DRAIN: Duration = Duration::from_secs(5);

/// What librdkafka calls back, on the consumer's own thread, while it is polled.
pub(super) struct Member {
    reporter: Reporter,
    lanes: Shared,
    start: Start,
    /// Set once, as soon as it is made.
    pub consumer: OnceLock<Weak<KafkaConsumer>>,
    queues: Mutex<BTreeMap<i32, PartitionQueue<Member>>>,
    /// Held while a commit is under way.
    committing: Mutex<()>,
}

impl Member {
    pub fn new(reporter: Reporter, lanes: Shared, start: Start) -> Self {
        Self {
            reporter,
            lanes,
            start,
            consumer: OnceLock::new(),
            queues: Mutex::default(),
            committing: Mutex::default(),
        }
    }

    /// The queue of each partition that is held.
    pub fn queues(&self) -> std::sync::MutexGuard<'_, BTreeMap<i32, PartitionQueue<Member>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, offsets: &[(i32, u64)]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
            // Fails for an offset that no broker can have given.
            let _ = list.add_partition_offset(&self.lanes.topic, *partition, offset);
        }
        list
    }

    /// Commits what is settled and waits for the broker.
    pub fn commit_now(&self, consumer: &KafkaConsumer) -> KafkaResult<()> {
        // One at a time, so that none overtakes another that goes further.
        let _turn = self.committing.lock().unwrap_or_else(PoisonError::into_inner);
        let offsets = self.lanes.uncommitted();
        if !offsets.is_empty() {
            consumer.commit(&self.list(&offsets), CommitMode::Sync)?;
            self.lanes.committed(&offsets);
        }
        Ok(())
    }

    /// Where each partition begins: where the group is, and only where it has never been as `--from` says. librdkafka's own
    /// `auto.offset.reset` would jump over lost data too, without a word.
    fn assign(&self, consumer: &KafkaConsumer, list: &mut TopicPartitionList) -> KafkaResult<()> {
        let partitions = partitions(list);
        if !partitions.is_empty() {
            let committed = consumer.committed_offsets(list.clone(), REQUEST)?;
            let mut unknown = TopicPartitionList::new();
            for element in committed.elements() {
                element.error()?;
                if element.offset() == Offset::Invalid {
                    let timestamp = match self.start {
                        Start::Time(milliseconds) => Offset::Offset(milliseconds),
                        _ => Offset::Invalid,
                    };
                    unknown.add_partition_offset(element.topic(), element.partition(), timestamp)?;
                } else {
                    list.set_partition_offset(element.topic(), element.partition(), element.offset())?;
                }
            }
            let found = match self.start {
                Start::Time(_) => consumer.offsets_for_times(unknown, REQUEST)?,
                _ => unknown,
            };
            for element in found.elements() {
                let offset = match self.start {
                    Start::Earliest => Offset::Beginning,
                    Start::Latest => Offset::End,
                    Start::Offset(offset) => Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX)),
                    Start::Time(_) => element.offset(),
                };
                list.set_partition_offset(element.topic(), element.partition(), offset)?;
            }
            self.split(&partitions);
            self.lanes.gain(&partitions);
        }
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
            _ => consumer.assign(list),
        }
    }

    /// Gives each partition a queue of its own, before anything is fetched into the common one.
    fn split(&self, partitions: &[i32]) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else {
            return;
        };
        for partition in partitions {
            if let Some(mut queue) = consumer.split_partition_queue(&self.lanes.topic, *partition) {
                let lanes = Arc::clone(&self.lanes);
                queue.set_nonempty_callback(move || lanes.call());
                self.queues().insert(*partition, queue);
            }
        }
    }

    /// Finishes what is in flight, commits it, and lets go.
    fn give_up(&self, consumer: &KafkaConsumer, list: &TopicPartitionList) -> KafkaResult<()> {
        let partitions = partitions(list);
        let is_lost = consumer.assignment_lost();
        if !is_lost && let Some(mut drained) = self.lanes.revoke(&partitions) {
            let began = Instant::now();
            // What is acknowledged meanwhile counts once it is committed.
            while drained.try_recv() == Err(TryRecvError::Empty) && began.elapsed() < DRAIN {
                if let Err(error) = self.commit_now(consumer) {
                    tracing::warn!(%error, "the last commit before a rebalance failed; what it held comes again");
                    break;
                }
                if self.lanes.rest(Duration::from_millis(10)) != Standing::Open {
                    break;
                }
            }
        }
        if !is_lost
            && self.lanes.standing() != Standing::Dropped
            && let Err(error) = self.commit_now(consumer)
        {
            tracing::warn!(%error, "the last commit before a rebalance failed; what it held comes again");
        }
        for partition in &partitions {
            self.queues().remove(partition);
        }
        self.lanes.lose(&partitions, !is_lost);
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(list),
            _ => consumer.unassign(),
        }
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

impl ClientContext for Member {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.reporter.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.reporter.error(error, reason);
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.reporter.generate_oauth_token(config)
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &KafkaConsumer, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.give_up(consumer, list),
        };
        if let Err(error) = done {
            // Without an answer librdkafka would wait for one for ever: the source ends, and says why.
            self.lanes.fail(fault::explain(&error, &self.reporter));
            let _ = consumer.unassign();
        }
        tracing::debug!(held = ?self.lanes.held(), topic = self.lanes.topic, "the group was rebalanced");
    }
}
