//! Publishing: an idempotent producer, whose delivery reports confirm the outputs.
//!
//! A broker refuses a whole batch for one record that its topic does not accept, and librdkafka may report the same
//! error for all of them. So after a refusal each record is a batch of its own, which shows the records that are at
//! fault.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseRecord, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::batch::{Batch, Pending};
use super::client::{self, Reporter};
use super::topics::Cluster;
use super::{fault, message};
use crate::broker::failures::{Failures, Told};
use crate::broker::{BrokerError, Durable, Enqueued, Lane, Limits, Output, Route, Sink, TOO_LARGE};
use crate::config::KafkaConfig;

/// What may wait for its confirmation, in KiB. A message counts as at least one.
const QUEUE_KIB: u32 = 64 << 10;

/// The largest batch: a broker compares a whole batch, and not each message, with its topic's limit.
const BATCH_BYTES: usize = 1_000_000;
/// The largest batch if the topic's limit cannot be read.
const CAREFUL_BATCH_BYTES: usize = 64 << 10;

/// How long to wait when librdkafka's queue is full.
const FULL: Duration = Duration::from_millis(5);

pub(super) type Producer = ThreadedProducer<Reporter>;

/// An existing topic to publish to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Topic {
    partitions: u32,
    limits: Limits,
}

/// The configuration of every producer of this program.
pub(super) fn producer_config(config: &KafkaConfig) -> ClientConfig {
    let mut producer = client::base(config);
    producer.set("enable.idempotence", "true");
    // Java's and Python's clients choose a key's partition this way; librdkafka's default is another.
    producer.set("partitioner", "murmur2_random");
    // The answers of a chunk come at once. A single one hardly waits, and under load half a millisecond brings as many together as five.
    producer.set("linger.ms", "0.5");
    producer.set("queue.buffering.max.kbytes", "131072");
    // The topic decides what is too large.
    producer.set("message.max.bytes", "1000000000");
    producer
}

/// Sends to topics that it knows to exist.
pub(super) struct Sender {
    pub cluster: Cluster,
    config: ClientConfig,
    producer: Mutex<Arc<Producer>>,
    answers: Arc<str>,
    dead_letters: Arc<str>,
    topics: Mutex<HashMap<Arc<str>, Topic>>,
    room: Arc<Semaphore>,
    /// Each record is a batch of its own.
    is_alone: AtomicBool,
}

impl Sender {
    /// Answers go to one topic, created when missing, and dead letters to another, created for the first one.
    pub async fn open(
        cluster: Cluster,
        mut producer: ClientConfig,
        answers: &str,
        dead_letters: &str,
    ) -> Result<Self, BrokerError> {
        let (answers, dead_letters): (Arc<str>, Arc<str>) = (answers.into(), dead_letters.into());
        let partitions = cluster.find_or_create(&answers, Route::Answers).await?;
        let mut topics = HashMap::from([(Arc::clone(&answers), Topic::of(&cluster, &answers, partitions).await)]);
        if let Ok(Some(partitions)) = cluster.find_blocking(&dead_letters).await {
            let topic = Topic::of(&cluster, &dead_letters, partitions).await;
            topics.insert(Arc::clone(&dead_letters), topic);
        }
        let batch = topics.values().map(Topic::batch_bytes).min().unwrap_or(BATCH_BYTES);
        producer.set("batch.size", batch.to_string());
        let config = client::finish(producer, &cluster.config);
        let producer = connect(&config, &cluster)?;
        Ok(Self {
            cluster,
            config,
            producer: Mutex::new(producer),
            answers,
            dead_letters,
            topics: Mutex::new(topics),
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            is_alone: AtomicBool::new(false),
        })
    }

    pub fn producer(&self) -> Arc<Producer> {
        Arc::clone(&self.producer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether each record is a batch of its own.
    pub fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Acquire)
    }

    /// Makes each record a batch of its own, from the next producer on. False: it was so already.
    pub fn go_alone(&self) -> bool {
        !self.is_alone.swap(true, Ordering::AcqRel)
    }

    /// Replaces a producer that is no longer usable.
    pub fn renew(&self) -> Result<(), BrokerError> {
        let mut config = self.config.clone();
        if self.is_alone() {
            config.set("batch.num.messages", "1");
        }
        let producer = connect(&config, &self.cluster)?;
        *self.producer.lock().unwrap_or_else(PoisonError::into_inner) = producer;
        Ok(())
    }

    fn name(&self, route: Route) -> &Arc<str> {
        match route {
            Route::Answers => &self.answers,
            Route::DeadLetters => &self.dead_letters,
        }
    }

    /// The topic of a route, which is created when missing.
    async fn topic(&self, route: Route) -> Result<Topic, BrokerError> {
        let name = self.name(route);
        let known = self
            .topics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied();
        if let Some(topic) = known {
            return Ok(topic);
        }
        let partitions = self.cluster.find_or_create(name, route).await?;
        let topic = Topic::of(&self.cluster, name, partitions).await;
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.insert(Arc::clone(name), topic);
        Ok(topic)
    }

    /// The limits of a route's topic.
    pub async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        Ok(self.topic(route).await?.limits)
    }

    /// Outputs whose topics exist, and which are within the topics' known limits: up to the first that is not, with why.
    pub async fn prepare(&self, outputs: Vec<Output>, lane: Option<&Lane>) -> (Vec<Record>, Option<BrokerError>) {
        let mut records = Vec::with_capacity(outputs.len());
        let mut known = None;
        for output in outputs {
            let topic = match known.filter(|(route, _)| *route == output.route) {
                Some((_, topic)) => Ok(topic),
                None => self.topic(output.route).await,
            };
            let record = topic.and_then(|topic| {
                known = Some((output.route, topic));
                self.record(output, topic, lane)
            });
            match record {
                Ok(record) => records.push(record),
                Err(error) => return (records, Some(error)),
            }
        }
        (records, None)
    }

    fn record(&self, output: Output, topic: Topic, lane: Option<&Lane>) -> Result<Record, BrokerError> {
        let name = self.name(output.route);
        let size = output.message.size();
        let limit = self.cluster.config.max_message_bytes;
        if output.route == Route::Answers && size > limit {
            return Err(BrokerError::TooLarge { size, limit });
        }
        if let Some(limit) = topic.limits.max_bytes.filter(|limit| size > *limit) {
            return Err(BrokerError::Refused {
                code: TOO_LARGE,
                detail: format!(
                    "a message of {size} bytes is over the limit of the topic '{name}' ({limit}); send smaller batches, or \
                     raise the topic's max.message.bytes"
                ),
            });
        }
        let partition = match (&output.message.key, lane) {
            (None, Some(lane)) => lane
                .number()
                .and_then(|number| i32::try_from(number % topic.partitions.max(1)).ok()),
            _ => None,
        };
        Ok(Record {
            topic: Arc::clone(name),
            partition,
            message: output.message,
        })
    }

    /// Why a record was not published.
    pub fn unpublished(&self, error: &KafkaError, topic: &str) -> BrokerError {
        fault::unpublished(error, topic, &self.cluster.reporter)
    }

    /// Waits until there is room for records.
    pub async fn permit(&self, records: &[Record]) -> Result<OwnedSemaphorePermit, BrokerError> {
        let kib = records.iter().map(Record::kib).fold(0, u32::saturating_add);
        let permit = Arc::clone(&self.room).acquire_many_owned(kib.min(QUEUE_KIB)).await;
        permit.map_err(|_| BrokerError::Failed("the producer has stopped; start again".to_owned()))
    }

    /// Hands a record to librdkafka, or returns it if the queue is full.
    pub fn send(
        &self,
        producer: &Producer,
        record: &Record,
        pending: Box<Pending>,
    ) -> Result<(), (KafkaError, Box<Pending>)> {
        let message = &record.message;
        let mut sent = BaseRecord::with_opaque_to(&record.topic, pending);
        sent.payload = message.payload.as_deref();
        sent.partition = record.partition;
        sent.key = message.key.as_deref();
        sent.timestamp = message.timestamp_ms;
        if !message.headers.is_empty() {
            sent = sent.headers(message::to_headers(message));
        }
        let sent = producer.send(sent);
        sent.map_err(|(error, back)| (error, back.delivery_opaque))
    }
}

impl Topic {
    async fn of(cluster: &Cluster, name: &str, partitions: u32) -> Self {
        let limits = cluster.limits(name).await;
        Self { partitions, limits }
    }

    fn batch_bytes(&self) -> usize {
        self.limits
            .max_bytes
            .unwrap_or(CAREFUL_BATCH_BYTES)
            .clamp(1, BATCH_BYTES)
    }
}

fn connect(config: &ClientConfig, cluster: &Cluster) -> Result<Arc<Producer>, BrokerError> {
    let producer = Producer::from_config_and_context(config, cluster.reporter.clone());
    producer.map(Arc::new).map_err(|error| cluster.explain(&error))
}

/// A message and its destination.
pub(super) struct Record {
    pub topic: Arc<str>,
    partition: Option<i32>,
    pub message: crate::message::Message,
}

impl Record {
    /// What it takes of the room.
    fn kib(&self) -> u32 {
        let kib = u32::try_from(self.message.size() >> 10).unwrap_or(QUEUE_KIB);
        kib.clamp(1, QUEUE_KIB)
    }
}

pub(super) fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

/// Publishes without a claim.
pub struct KafkaSink {
    sender: Arc<Sender>,
    /// The old producer's messages must be confirmed first, so that nothing overtakes them.
    waits: Arc<AtomicBool>,
    failures: Failures,
}

impl KafkaSink {
    pub(super) fn new(sender: Sender) -> Self {
        Self {
            sender: Arc::new(sender),
            waits: Arc::default(),
            failures: Failures::default(),
        }
    }

    async fn wait_for_the_producer_before(&self) {
        if self.waits.swap(false, Ordering::AcqRel) {
            // Nobody closes it.
            let _ = self.sender.room.acquire_many(QUEUE_KIB).await;
        }
    }

    async fn accept(&self, outputs: Vec<Output>, lane: Option<&Lane>) -> Enqueued {
        let told = self.failures.told(lane);
        let (records, mut error) = self.sender.prepare(outputs, lane).await;
        self.wait_for_the_producer_before().await;
        let mut room = match self.sender.permit(&records).await {
            Ok(permit) => permit,
            Err(error) => return Enqueued::refused(error),
        };
        let sent = Arc::new(Sent {
            was_alone: self.sender.is_alone(),
            producer: self.sender.producer(),
            sender: Arc::clone(&self.sender),
            waits: Arc::clone(&self.waits),
            batch: Batch::new(&self.failures),
        });
        let mut confirmations: Vec<Durable<BrokerError>> = Vec::with_capacity(records.len());
        for record in records {
            // As many as are left, where all of them are more than there is room for.
            let permit = room.split(room.num_permits().min(record.kib() as usize));
            let (number, pending) = sent.batch.add(permit);
            if let Err(refused) = self.send(&sent.producer, &record, pending, told).await {
                error = Some(refused);
                break;
            }
            let (sent, topic) = (Arc::clone(&sent), record.topic);
            confirmations.push(Box::pin(async move { sent.confirm(number, &topic).await }));
        }
        Enqueued { confirmations, error }
    }

    async fn send(
        &self,
        producer: &Producer,
        record: &Record,
        mut pending: Box<Pending>,
        told: Option<Told>,
    ) -> Result<(), BrokerError> {
        loop {
            self.failures.hold_back(told)?;
            match self.sender.send(producer, record, pending) {
                Ok(()) => return Ok(()),
                Err((error, back)) if is_full(&error) => {
                    pending = back;
                    tokio::time::sleep(FULL).await;
                }
                Err((error, _)) => return Err(self.sender.unpublished(&error, &record.topic)),
            }
        }
    }
}

/// Records that were sent together.
struct Sent {
    batch: Arc<Batch>,
    /// Held until the confirmation: a dropped producer confirms nothing.
    producer: Arc<Producer>,
    was_alone: bool,
    sender: Arc<Sender>,
    waits: Arc<AtomicBool>,
}

impl Sent {
    /// Resolves when a record is confirmed, or has failed.
    async fn confirm(&self, number: usize, topic: &str) -> Result<(), BrokerError> {
        let (error, _untold) = match self.batch.ended(number).await {
            Some(Ok(())) => return Ok(()),
            Some(Err(failed)) => failed,
            None => {
                return Err(BrokerError::Failed(
                    "the producer ended before a message was confirmed".to_owned(),
                ));
            }
        };
        match self.sender.unpublished(&error, topic) {
            BrokerError::Refused { detail, .. } if !self.was_alone => {
                if self.sender.go_alone() {
                    self.waits.store(true, Ordering::Release);
                    self.sender.renew()?;
                }
                Err(BrokerError::HeldBack(detail))
            }
            error => Err(error),
        }
    }
}

#[async_trait]
impl Sink for KafkaSink {
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        let Enqueued {
            mut confirmations,
            error,
        } = self.accept(vec![output], lane).await;
        match (confirmations.pop(), error) {
            (Some(confirmation), None) => Ok(confirmation),
            (_, Some(error)) => Err(error),
            (None, None) => Err(BrokerError::Failed("an output was not accepted".to_owned())),
        }
    }

    async fn enqueue_all(&self, outputs: Vec<Output>, lane: &Lane) -> Enqueued {
        self.accept(outputs, Some(lane)).await
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sender.limits(route).await
    }
}
