//! Reading: one thread owns the consumer, polls it whatever else happens, and so keeps its place in the group.
//!
//! Each partition has a queue of its own, which is read only while there is room to read ahead; the consumer's own queue,
//! with rebalances, commits and errors, is served all the time. So a slow guest holds up its messages and nothing else,
//! and what librdkafka has fetched meanwhile is kept, where pausing would throw it away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{
    BaseConsumer, CommitMode, Consumer, ConsumerContext, ConsumerGroupMetadata, RebalanceProtocol,
};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::client::Reporter;
use super::fault;
use super::lanes::{Lanes, Shared, Standing};
use super::message;
use super::stall::Watch;
use crate::broker::threads::spawn;
use crate::broker::{BrokerError, Demand, Event, Source};
use crate::config::{KafkaConfig, Start};

/// How long the thread rests where nothing calls it; what it does then is look for a stall.
const REST: Duration = Duration::from_millis(100);

/// How long revoked lanes may take to finish what is in flight.
const DRAIN: Duration = Duration::from_secs(5);

/// One request to the broker, within a rebalance or a seek.
const REQUEST: Duration = Duration::from_secs(10);

/// How often there is a commit at most.
const COMMIT_EVERY: Duration = Duration::from_millis(5);

/// How soon a commit that failed is tried again.
const RETRY: Duration = Duration::from_millis(200);

pub(super) type KafkaConsumer = BaseConsumer<Member>;

/// The consumer, for whoever needs to know which member of the group it is.
pub(super) type Membership = Arc<Mutex<Option<Arc<KafkaConsumer>>>>;

/// One member of a group.
pub struct KafkaSource {
    pub(super) membership: Membership,
    lanes: Shared,
    cluster: String,
    left: Option<oneshot::Receiver<Result<(), BrokerError>>>,
}

impl KafkaSource {
    /// Joins. `make` makes a consumer that has not subscribed, and another one where the first has come to a standstill.
    pub(super) fn join(
        lanes: Shared,
        cluster: String,
        config: Arc<KafkaConfig>,
        make: impl Fn(Member) -> KafkaResult<KafkaConsumer> + Send + 'static,
        topics: TopicMaker,
    ) -> Result<Self, BrokerError> {
        let (leaving, left) = oneshot::channel();
        let membership = Membership::default();
        let reader = Reader {
            lanes: Arc::clone(&lanes),
            config,
            membership: Arc::clone(&membership),
            topics,
        };
        spawn("kafka-consumer", move || reader.run(&make, leaving))?;
        Ok(Self {
            membership,
            lanes,
            cluster,
            left: Some(left),
        })
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.lanes.end(Standing::Dropped);
    }
}

#[async_trait]
impl Source for KafkaSource {
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError> {
        loop {
            if let Some(event) = self.lanes.next_event(demand)? {
                return Ok(event);
            }
            // It keeps a notice that came before it was awaited.
            self.lanes.arrival.notified().await;
        }
    }

    fn cluster(&self) -> &str {
        &self.cluster
    }

    async fn close(mut self: Box<Self>) -> Result<(), BrokerError> {
        self.lanes.end(Standing::Closing);
        let Some(left) = self.left.take() else { return Ok(()) };
        left.await
            .unwrap_or_else(|_| Err(BrokerError::Failed("the consumer's thread has ended early".to_owned())))
    }
}

/// Makes the input topic, where that is wanted and the broker has said that it is missing.
pub(super) type TopicMaker = Box<dyn Fn() -> Result<(), BrokerError> + Send>;

/// What librdkafka calls back, on the consumer's own thread, while it is polled.
pub(super) struct Member {
    reporter: Reporter,
    lanes: Shared,
    start: Start,
    consumer: OnceLock<Weak<KafkaConsumer>>,
    queues: Mutex<BTreeMap<i32, PartitionQueue<Member>>>,
}

impl Member {
    fn queues(&self) -> std::sync::MutexGuard<'_, BTreeMap<i32, PartitionQueue<Member>>> {
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
    fn commit_now(&self, consumer: &KafkaConsumer) -> KafkaResult<()> {
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
            // What is acknowledged meanwhile counts once it is committed, and nobody else polls this consumer.
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

struct Reader {
    lanes: Shared,
    config: Arc<KafkaConfig>,
    membership: Membership,
    topics: TopicMaker,
}

/// Why a consumer is given up.
enum Ended {
    /// The source is closed or dropped.
    Left,
    /// It stands still while there is something to read.
    Stalled,
}

impl Reader {
    fn run(self, make: &dyn Fn(Member) -> KafkaResult<KafkaConsumer>, left: oneshot::Sender<Result<(), BrokerError>>) {
        let mut result = Ok(());
        let mut watch = Watch::new(&self.config);
        loop {
            let reporter = Reporter::new(&self.config);
            match self.consume(make, reporter.clone(), &mut watch) {
                Ok(Ended::Left) => break,
                Ok(Ended::Stalled) => {}
                Err(error) => {
                    let error = fault::explain(&error, &reporter);
                    self.lanes.fail(error.clone());
                    result = Err(error);
                    break;
                }
            }
        }
        // Whoever closes may have stopped waiting.
        let _ = left.send(result);
    }

    /// One consumer's life.
    fn consume(
        &self,
        make: &dyn Fn(Member) -> KafkaResult<KafkaConsumer>,
        reporter: Reporter,
        watch: &mut Watch,
    ) -> KafkaResult<Ended> {
        let member = Member {
            reporter,
            lanes: Arc::clone(&self.lanes),
            start: self.config.start,
            consumer: OnceLock::new(),
            queues: Mutex::default(),
        };
        let mut consumer = make(member)?;
        let lanes = Arc::clone(&self.lanes);
        consumer.set_nonempty_callback(move || lanes.call());
        let consumer = Arc::new(consumer);
        // Set once, here.
        let _ = consumer.context().consumer.set(Arc::downgrade(&consumer));
        self.set_membership(Some(Arc::clone(&consumer)));
        consumer.subscribe(&[&self.lanes.topic])?;
        let ended = self.serve(&consumer, watch);

        let member = Arc::clone(consumer.context());
        if ended.is_ok() && self.lanes.standing() == Standing::Closing {
            // The lanes were ended, so nothing waits any more; what was settled before is still to be committed.
            member.commit_now(&consumer).unwrap_or_else(|error| {
                tracing::warn!(%error, "the last commit failed; what it held comes again");
            });
        }
        // The queues hold the consumer: it leaves the group when the last of them is gone.
        self.set_membership(None);
        member.queues().clear();
        drop(consumer);
        let held = self.lanes.held();
        self.lanes.lose(&held, false);
        ended
    }

    fn set_membership(&self, consumer: Option<Arc<KafkaConsumer>>) {
        *self.membership.lock().unwrap_or_else(PoisonError::into_inner) = consumer;
    }

    fn serve(&self, consumer: &Arc<KafkaConsumer>, watch: &mut Watch) -> KafkaResult<Ended> {
        let member = consumer.context();
        // When there may be a commit again.
        let mut next_commit = Instant::now();
        loop {
            while let Some(polled) = consumer.poll(Duration::ZERO) {
                match polled {
                    // A partition whose queue is its own puts nothing here.
                    Ok(message) => self.offer(&message),
                    Err(error) => self.heed(error)?,
                }
            }
            self.seek(consumer)?;
            if Instant::now() >= next_commit {
                next_commit = Instant::now() + self.commit(consumer, member)?;
            }
            let has_read = self.read(member)?;
            if watch.is_stalled(consumer, &self.lanes, has_read) {
                tracing::warn!(
                    topic = self.lanes.topic,
                    "nothing came for {} although there is something to read: connecting anew",
                    humantime::format_duration(self.config.stall)
                );
                return Ok(Ended::Stalled);
            }
            let longest = if has_read {
                Duration::ZERO
            } else if self.lanes.uncommitted().is_empty() {
                REST
            } else {
                next_commit.saturating_duration_since(Instant::now())
            };
            if self.lanes.rest(longest) != Standing::Open {
                return Ok(Ended::Left);
            }
        }
    }

    /// What an error event means. An error ends the source.
    fn heed(&self, error: KafkaError) -> KafkaResult<()> {
        match &error {
            KafkaError::MessageConsumptionFatal(_) => Err(error),
            KafkaError::MessageConsumption(
                RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownPartition,
            ) => {
                if let Err(error) = (self.topics)() {
                    self.lanes.fail(error);
                }
                Ok(())
            }
            error if fault::is_final(error) => Err(error.clone()),
            // librdkafka goes on by itself, and has reported it.
            error => {
                tracing::debug!(%error, "the consumer goes on");
                Ok(())
            }
        }
    }

    /// Takes lanes that were put back to where they begin again.
    fn seek(&self, consumer: &KafkaConsumer) -> KafkaResult<()> {
        for (partition, offset) in self.lanes.seeks() {
            let to = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
            match consumer.seek(&self.lanes.topic, partition, to, REQUEST) {
                Ok(()) => self.lanes.sought(partition, offset),
                // The partition is not being fetched yet, or not any more: it is tried again in a moment.
                Err(error) => tracing::debug!(%error, partition, offset, "a lane could not be put back yet"),
            }
        }
        Ok(())
    }

    /// Commits what is settled, and says how long to wait with the next commit. It waits for the broker, which gathers what
    /// is settled meanwhile: the client library tells nobody how a commit ended that was not waited for.
    fn commit(&self, consumer: &KafkaConsumer, member: &Member) -> KafkaResult<Duration> {
        match member.commit_now(consumer) {
            Ok(()) => Ok(COMMIT_EVERY),
            Err(error) if fault::is_fenced(&error) => Err(error),
            Err(error) => {
                // It is tried again, unless the lane goes elsewhere first.
                tracing::debug!(%error, "a commit failed");
                Ok(RETRY)
            }
        }
    }

    /// Reads a message of each lane in turn, while there is room. Whether it read any.
    fn read(&self, member: &Member) -> KafkaResult<bool> {
        let queues = member.queues();
        let mut has_read = false;
        for (partition, queue) in queues.iter() {
            if self.lanes.takes(*partition) {
                match queue.poll(Duration::ZERO) {
                    Some(Ok(message)) => {
                        self.offer(&message);
                        has_read = true;
                    }
                    Some(Err(error)) => self.heed(error)?,
                    None => {}
                }
            }
        }
        Ok(has_read)
    }

    fn offer(&self, record: &rdkafka::message::BorrowedMessage<'_>) {
        use rdkafka::Message;
        let offset = u64::try_from(record.offset()).unwrap_or_default();
        self.lanes
            .offer(record.partition(), offset, message::from_record(record));
    }
}

/// The group, generation and member that a transaction commits offsets for.
pub(super) fn group_metadata(membership: &Membership) -> Option<ConsumerGroupMetadata> {
    let consumer = membership.lock().unwrap_or_else(PoisonError::into_inner);
    consumer.as_ref()?.group_metadata()
}

/// The lanes of a source.
pub(super) fn lanes(topic: &str) -> Shared {
    Arc::new(Lanes::new(topic))
}
