//! Reading: one thread owns the consumer and polls it whatever else happens, which keeps its place in the group.
//!
//! Each partition has a queue of its own, which is read once librdkafka has reported that something is in it, and only while there is
//! room to read ahead. The consumer's own
//! queue, with rebalances and errors, is served all the time. So a slow component delays its messages and nothing
//! else, and what librdkafka has fetched meanwhile is kept; pausing partitions would throw it away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{Consumer, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message as _, Offset};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::client::Reporter;
use super::code;
use super::committer::Committer;
use super::fault;
use super::lanes::{Lanes, Shared, Standing};
use super::member::{KafkaConsumer, Member};
use super::message;
use super::place;
use super::stall::Watch;
use super::start::Starts;
use super::topics::Cluster;
use super::watch::KafkaWatch;
use crate::broker::ledger::Ahead;
use crate::broker::threads::{blocking, spawn};
use crate::broker::{BrokerError, Delivery, Demand, Event, GroupWatch, Room, Source};
use crate::config::KafkaConfig;
use crate::message::Message;

/// How long the thread rests if nothing wakes it; after that it checks for a stall.
const REST: Duration = Duration::from_millis(100);

/// How long to watch the consumer's own queue for more, after something was in it.
const MORE: Duration = Duration::from_millis(1);

/// How long closing a source waits for a broker that may be unreachable.
const LEAVE: Duration = Duration::from_secs(5);

/// How often every queue is looked at, whatever librdkafka has reported of it.
const LOOK: Duration = Duration::from_secs(1);

/// So many messages of a lane are read before those of the next.
const AT_ONCE: usize = 64;

/// One seek.
const REQUEST: Duration = Duration::from_secs(10);

/// The consumer, for code that needs to know its membership in the group.
pub(super) type SharedConsumer = Arc<Mutex<Option<Arc<KafkaConsumer>>>>;

/// One member of a group.
pub struct KafkaSource {
    pub(super) consumer: SharedConsumer,
    lanes: Shared,
    group: String,
    cluster: Cluster,
    id: String,
    left: Option<oneshot::Receiver<Result<(), BrokerError>>>,
}

impl KafkaSource {
    /// Joins. `make` creates a consumer without a subscription, and another one if the first stalls.
    pub(super) fn join(
        lanes: Shared,
        group: &str,
        (cluster, id): (Cluster, String),
        starts: Starts,
        make: impl Fn(Member) -> KafkaResult<KafkaConsumer> + Send + 'static,
        topics: TopicMaker,
    ) -> Result<Self, BrokerError> {
        let (leaving, left) = oneshot::channel();
        let consumer = SharedConsumer::default();
        let reader = Reader {
            lanes: Arc::clone(&lanes),
            group: group.to_owned(),
            config: Arc::clone(&cluster.config),
            starts: Arc::new(starts),
            reporter: cluster.reporter.clone(),
            consumer: Arc::clone(&consumer),
            topics,
        };
        spawn("kafka-consumer", move || reader.run(&make, leaving))?;
        Ok(Self {
            consumer,
            lanes,
            group: group.to_owned(),
            cluster,
            id,
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
            // A notice that came before this await is kept.
            self.lanes.arrival.notified().await;
        }
    }

    fn more(&mut self, room: Room) -> Vec<Delivery> {
        self.lanes.more(room)
    }

    async fn listening_since(&mut self) -> Result<Instant, BrokerError> {
        let Some(since) = self.lanes.assigned() else {
            return Err(fault::unassigned(&self.group, &self.cluster.reporter));
        };
        let (cluster, topic, held) = (self.cluster.clone(), self.lanes.topic.clone(), self.lanes.held());
        blocking(move || cluster.reach(&topic, &held)).await?;
        Ok(since)
    }

    fn watch(&self) -> Box<dyn GroupWatch> {
        Box::new(KafkaWatch {
            cluster: self.cluster.clone(),
            lanes: Arc::clone(&self.lanes),
            group: self.group.clone(),
            asking: Arc::default(),
        })
    }

    fn cluster(&self) -> &str {
        &self.id
    }

    async fn close(mut self: Box<Self>) -> Result<(), BrokerError> {
        self.lanes.end(Standing::Closing);
        let Some(left) = self.left.take() else { return Ok(()) };
        match tokio::time::timeout(LEAVE, left).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(BrokerError::Failed("the consumer thread ended early".to_owned())),
            Err(_) => {
                tracing::warn!("the broker does not answer: what it has not committed will be redelivered");
                Ok(())
            }
        }
    }
}

/// Creates the input topic, if the subscription says so and the broker has said that it is missing.
pub(super) type TopicMaker = Box<dyn Fn() -> Result<(), BrokerError> + Send>;

struct Reader {
    lanes: Shared,
    group: String,
    config: Arc<KafkaConfig>,
    starts: Arc<Starts>,
    reporter: Reporter,
    consumer: SharedConsumer,
    topics: TopicMaker,
}

/// Why a consumer ended.
enum Ended {
    /// The source is closed or dropped.
    Left,
    /// It stalled with messages left to read.
    Stalled,
}

impl Reader {
    fn run(self, make: &dyn Fn(Member) -> KafkaResult<KafkaConsumer>, left: oneshot::Sender<Result<(), BrokerError>>) {
        let mut result = Ok(());
        let mut watch = Watch::new(self.config.stall);
        loop {
            match self.consume(make, &mut watch) {
                Ok(Ended::Left) => break,
                Ok(Ended::Stalled) => {}
                Err(error) => {
                    let error = fault::explain(&error, &self.reporter);
                    self.lanes.fail(error.clone());
                    result = Err(error);
                    break;
                }
            }
        }
        // The caller may have stopped waiting.
        let _ = left.send(result);
    }

    /// One consumer's life.
    fn consume(&self, make: &dyn Fn(Member) -> KafkaResult<KafkaConsumer>, watch: &mut Watch) -> KafkaResult<Ended> {
        let member = Member::new(self.reporter.clone(), Arc::clone(&self.lanes), Arc::clone(&self.starts));
        let mut consumer = make(member)?;
        let has_events = Arc::new(AtomicBool::new(true));
        let (lanes, called) = (Arc::clone(&self.lanes), Arc::clone(&has_events));
        consumer.set_nonempty_callback(move || {
            called.store(true, Ordering::Release);
            lanes.call();
        });
        let consumer = Arc::new(consumer);
        // Set once, here.
        let _ = consumer.context().consumer.set(Arc::downgrade(&consumer));
        self.share(Some(Arc::clone(&consumer)));
        consumer.subscribe(&[&self.lanes.topic])?;
        let committer = Committer::start(Arc::clone(&consumer), &self.lanes)?;
        let ended = self.serve(&consumer, &has_events, &committer, watch);
        let committed = committer.stop();
        let ended = ended.and_then(|ended| committed.map(|()| ended));

        let member = Arc::clone(consumer.context());
        if ended.is_ok() && self.lanes.standing() == Standing::Closing {
            // The lanes were ended, so nothing waits any more; commit what had settled.
            member.commit_now(&consumer).unwrap_or_else(|error| {
                tracing::warn!(%error, "the last commit failed; its messages will be redelivered");
            });
        }
        // The queues hold the consumer: it leaves the group when the last of them is dropped.
        self.share(None);
        member.queues().clear();
        drop(consumer);
        let held = self.lanes.held();
        self.lanes.lose(&held, false);
        ended
    }

    fn share(&self, consumer: Option<Arc<KafkaConsumer>>) {
        *self.consumer.lock().unwrap_or_else(PoisonError::into_inner) = consumer;
    }

    fn serve(
        &self,
        consumer: &Arc<KafkaConsumer>,
        has_events: &AtomicBool,
        committer: &Committer,
        watch: &mut Watch,
    ) -> KafkaResult<Ended> {
        let mut looked = Instant::now();
        loop {
            self.hear(consumer, has_events)?;
            consumer.context().begin(consumer)?;
            committer.check()?;
            self.seek(consumer);
            if looked.elapsed() >= LOOK {
                consumer.context().fill_all();
                looked = Instant::now();
            }
            let has_read = self.read(consumer)?;
            if has_read {
                watch.restart();
            } else if let Some(place) = watch.stalled_at(consumer, &self.lanes) {
                tracing::warn!(
                    "no message arrived for {} although there are messages at {place}: reconnecting",
                    humantime::format_duration(self.config.stall)
                );
                return Ok(Ended::Stalled);
            }
            let longest = if has_read { Duration::ZERO } else { REST };
            if self.lanes.rest(longest) != Standing::Open {
                return Ok(Ended::Left);
            }
        }
    }

    /// Handles what is in the consumer's own queue. A poll that does not wait handles one event, and does not tell if
    /// that was a line of the log: errors and rebalances behind it would come late.
    fn hear(&self, consumer: &KafkaConsumer, has_events: &AtomicBool) -> KafkaResult<()> {
        let longest = match has_events.swap(false, Ordering::Acquire) {
            true => MORE,
            false => Duration::ZERO,
        };
        loop {
            let began = Instant::now();
            match consumer.poll(longest) {
                // A partition with a queue of its own puts nothing here.
                Some(Ok(message)) => self.offer(&message),
                Some(Err(error)) => self.heed(consumer, error)?,
                None if began.elapsed() >= longest => return Ok(()),
                None => {}
            }
        }
    }

    /// Handles an error event. An error returned ends the source.
    fn heed(&self, consumer: &KafkaConsumer, error: KafkaError) -> KafkaResult<()> {
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
            error if code::is_misplaced(error) => {
                // Explained here, where the consumer can still be asked; the error itself says less.
                if let Some(why) = place::explain(consumer, &self.lanes, &self.group) {
                    self.lanes.fail(why);
                }
                Err(error.clone())
            }
            error if code::is_final(error) => Err(error.clone()),
            // librdkafka continues by itself, and has reported it.
            error => {
                tracing::debug!(%error, "the consumer goes on");
                Ok(())
            }
        }
    }

    /// Seeks in lanes that were put back.
    fn seek(&self, consumer: &KafkaConsumer) {
        for (partition, offset) in self.lanes.seeks() {
            let to = Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX));
            match consumer.seek(&self.lanes.topic, partition, to, REQUEST) {
                Ok(()) => self.lanes.sought(partition, offset),
                // The partition is not being fetched yet, or not any more: tried again in a moment.
                Err(error) => tracing::debug!(%error, partition, offset, "a lane could not be put back yet"),
            }
        }
    }

    /// Reads some messages of each lane in turn that has any, while there is room. Whether it read any.
    fn read(&self, consumer: &KafkaConsumer) -> KafkaResult<bool> {
        let member = consumer.context();
        let queues = member.queues();
        let mut has_read = false;
        let mut filled = member.take_filled();
        let mut result = Ok(());
        filled.retain(|partition| {
            let Some(queue) = queues.get(partition) else {
                return false;
            };
            loop {
                let Some(room) = self.lanes.takes(*partition) else {
                    return true;
                };
                let (messages, then) = take(queue, room);
                has_read |= !messages.is_empty();
                if !messages.is_empty() {
                    self.lanes.offer(*partition, messages);
                }
                match then {
                    Then::Full => return true,
                    // It is reported when there is something again.
                    Then::Empty => return false,
                    Then::Error(KafkaError::PartitionEOF(_)) => self.lanes.at_end(*partition),
                    Then::Error(error) => match code::damage(&error) {
                        Some(what) => self.lanes.damaged(*partition, what),
                        None => {
                            if let Err(error) = self.heed(consumer, error) {
                                result = Err(error);
                            }
                        }
                    },
                }
            }
        });
        member.fill(filled);
        result.map(|()| has_read)
    }

    fn offer(&self, record: &BorrowedMessage<'_>) {
        self.lanes.offer(record.partition(), [read(record)]);
    }
}

/// What comes behind the messages that were taken from a queue.
enum Then {
    /// There may be more.
    Full,
    Empty,
    Error(KafkaError),
}

/// Takes what a queue has, as far as there is room: messages with their offsets.
fn take(queue: &PartitionQueue<Member>, room: Ahead) -> (Vec<(u64, Message)>, Then) {
    let mut messages = Vec::new();
    let mut bytes = 0;
    while messages.len() < room.messages.min(AT_ONCE) && bytes < room.bytes {
        match queue.poll(Duration::ZERO) {
            Some(Ok(record)) => {
                let (offset, message) = read(&record);
                bytes += message.size();
                messages.push((offset, message));
            }
            Some(Err(error)) => return (messages, Then::Error(error)),
            None => return (messages, Then::Empty),
        }
    }
    (messages, Then::Full)
}

/// A record's offset, and what it says.
fn read(record: &BorrowedMessage<'_>) -> (u64, Message) {
    let offset = u64::try_from(record.offset()).unwrap_or_default();
    (offset, message::from_record(record))
}

/// The group, generation and member for which a transaction commits offsets.
pub(super) fn group_metadata(consumer: &SharedConsumer) -> Option<ConsumerGroupMetadata> {
    let consumer = consumer.lock().unwrap_or_else(PoisonError::into_inner);
    consumer.as_ref()?.group_metadata()
}

/// The lanes of a source.
pub(super) fn lanes(topic: &str) -> Shared {
    Arc::new(Lanes::new(topic))
}
