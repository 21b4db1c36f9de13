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
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::client::{self, Reporter};
use super::topics::Cluster;
use super::{fault, message};
use crate::broker::failures::{Failures, Untold};
use crate::broker::{BrokerError, Durable, Lane, Limits, Output, Route, Sink, TOO_LARGE};
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

/// One output in progress.
pub(super) struct Pending {
    reply: oneshot::Sender<Outcome>,
    failures: Failures,
    _permit: Option<OwnedSemaphorePermit>,
}

/// How it ended. Whoever gets it knows of the failure.
pub(super) type Outcome = Result<(), (KafkaError, Untold)>;

impl ProducerContext for Reporter {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Box<Pending>) {
        let outcome = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err((error.clone(), pending.failures.happened())),
        };
        // Nobody may wait for it any more.
        let _ = pending.reply.send(outcome);
    }
}

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
    producer.set("linger.ms", "5");
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

    /// An output whose topic exists, and which is within the topic's known limit.
    pub async fn prepare(&self, output: Output, lane: Option<&Lane>) -> Result<Record, BrokerError> {
        let name = self.name(output.route);
        let size = output.message.size();
        let limit = self.cluster.config.max_message_bytes;
        if output.route == Route::Answers && size > limit {
            return Err(BrokerError::TooLarge { size, limit });
        }
        let topic = self.topic(output.route).await?;
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

    /// Waits until there is room for a record.
    pub async fn permit(&self, record: &Record) -> Result<OwnedSemaphorePermit, BrokerError> {
        let kib = u32::try_from(record.message.size() >> 10)
            .unwrap_or(QUEUE_KIB)
            .clamp(1, QUEUE_KIB);
        let permit = Arc::clone(&self.room).acquire_many_owned(kib).await;
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

/// A record's confirmation, and what resolves it.
pub(super) fn pending(
    permit: Option<OwnedSemaphorePermit>,
    failures: &Failures,
) -> (Box<Pending>, oneshot::Receiver<Outcome>) {
    let (reply, confirmed) = oneshot::channel();
    let pending = Pending {
        reply,
        failures: failures.clone(),
        _permit: permit,
    };
    (Box::new(pending), confirmed)
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
}

#[async_trait]
impl Sink for KafkaSink {
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        let sender = Arc::clone(&self.sender);
        let told = self.failures.told(lane);
        let record = sender.prepare(output, lane).await?;
        self.wait_for_the_producer_before().await;
        let permit = sender.permit(&record).await?;
        let was_alone = sender.is_alone();
        // Held until the confirmation: a dropped producer confirms nothing.
        let producer = sender.producer();
        let (mut waiting, confirmed) = pending(Some(permit), &self.failures);
        loop {
            self.failures.hold_back(told)?;
            match sender.send(&producer, &record, waiting) {
                Ok(()) => break,
                Err((error, back)) if is_full(&error) => {
                    waiting = back;
                    tokio::time::sleep(FULL).await;
                }
                Err((error, _)) => return Err(sender.unpublished(&error, &record.topic)),
            }
        }
        let topic = record.topic;
        let waits = Arc::clone(&self.waits);
        Ok(Box::pin(async move {
            let outcome = confirmed.await;
            drop(producer);
            let (error, _untold) = match outcome {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failed)) => failed,
                Err(_) => {
                    return Err(BrokerError::Failed(
                        "the producer ended before a message was confirmed".to_owned(),
                    ));
                }
            };
            let error = sender.unpublished(&error, &topic);
            match error {
                BrokerError::Refused { detail, .. } if !was_alone => {
                    if sender.go_alone() {
                        waits.store(true, Ordering::Release);
                        sender.renew()?;
                    }
                    Err(BrokerError::HeldBack(detail))
                }
                error => Err(error),
            }
        }))
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sender.limits(route).await
    }
}
