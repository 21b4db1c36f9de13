//! Publishing: an idempotent producer, whose delivery reports are what confirms an output.

use std::collections::HashMap;
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
use crate::broker::{BrokerError, Durable, Lane, Output, Route, Sink};
use crate::config::KafkaConfig;

/// What may wait for its confirmation, in KiB. A message counts at least one.
const QUEUE_KIB: u32 = 64 << 10;

/// How long a full queue of the client library is left alone.
const FULL: Duration = Duration::from_millis(5);

pub(super) type Producer = ThreadedProducer<Reporter>;

/// One output on its way.
pub(super) struct Pending {
    reply: oneshot::Sender<Result<(), KafkaError>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl ProducerContext for Reporter {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Box<Pending>) {
        let result = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.clone()),
        };
        // Whoever waited may have gone.
        let _ = pending.reply.send(result);
    }
}

/// A topic to publish to, which is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Topic {
    partitions: u32,
    /// The largest message that it takes, where that may be asked. Bytes.
    max_message_bytes: Option<usize>,
}

/// What every producer of this program is set to.
pub(super) fn producer_config(config: &KafkaConfig) -> ClientConfig {
    let mut producer = client::base(config);
    producer.set("enable.idempotence", "true");
    // Java's and Python's clients choose partitions for keys in this way, and librdkafka in another.
    producer.set("partitioner", "murmur2_random");
    producer.set("linger.ms", "5");
    producer.set("batch.size", "1000000");
    producer.set("queue.buffering.max.kbytes", "131072");
    let largest = config
        .max_message_bytes
        .saturating_add(1 << 20)
        .clamp(1 << 20, 1_000_000_000);
    producer.set("message.max.bytes", largest.to_string());
    producer
}

/// Sends to topics that it has seen to be there.
pub(super) struct Sender {
    pub cluster: Cluster,
    config: ClientConfig,
    producer: Mutex<Arc<Producer>>,
    answers: Arc<str>,
    dead_letters: Arc<str>,
    topics: Mutex<HashMap<Arc<str>, Topic>>,
    room: Arc<Semaphore>,
}

impl Sender {
    /// Answers go to one topic, made when missing, and dead letters to another, made when the first one comes.
    pub async fn open(
        cluster: Cluster,
        producer: ClientConfig,
        answers: &str,
        dead_letters: &str,
    ) -> Result<Self, BrokerError> {
        let config = client::finish(producer, &cluster.config);
        let producer = connect(&config, &cluster)?;
        let sender = Self {
            cluster,
            config,
            producer: Mutex::new(producer),
            answers: answers.into(),
            dead_letters: dead_letters.into(),
            topics: Mutex::default(),
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
        };
        sender.topic(&Arc::clone(&sender.answers), Route::Answers).await?;
        Ok(sender)
    }

    pub fn producer(&self) -> Arc<Producer> {
        Arc::clone(&self.producer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another producer in the place of one that is of no more use.
    pub fn renew(&self) -> Result<(), BrokerError> {
        let producer = connect(&self.config, &self.cluster)?;
        *self.producer.lock().unwrap_or_else(PoisonError::into_inner) = producer;
        Ok(())
    }

    async fn topic(&self, name: &Arc<str>, route: Route) -> Result<Topic, BrokerError> {
        let known = self
            .topics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .copied();
        if let Some(topic) = known {
            return Ok(topic);
        }
        let topic = Topic {
            partitions: self.cluster.find_or_create(name, route).await?,
            max_message_bytes: self.cluster.max_message_bytes(name).await,
        };
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.insert(Arc::clone(name), topic);
        Ok(topic)
    }

    /// What the topic of answers takes.
    pub fn max_answer_bytes(&self) -> Option<usize> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        topics.get(&self.answers)?.max_message_bytes
    }

    /// An output that is known to be of a size that its topic takes, and whose topic is there.
    pub async fn prepare(&self, output: Output, lane: Option<&Lane>) -> Result<Record, BrokerError> {
        let name = match output.route {
            Route::Answers => &self.answers,
            Route::DeadLetters => &self.dead_letters,
        };
        let size = output.message.size();
        let limit = self.cluster.config.max_message_bytes;
        if output.route == Route::Answers && size > limit {
            return Err(BrokerError::TooLarge { size, limit });
        }
        let topic = self.topic(name, output.route).await?;
        if let Some(limit) = topic.max_message_bytes.filter(|limit| size > *limit) {
            return Err(BrokerError::Failed(format!(
                "a message of {size} bytes is over what the topic '{name}' takes ({limit}); send smaller batches, or raise \
                 the topic's max.message.bytes"
            )));
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

    /// Waits until there is room for a record.
    pub async fn permit(&self, record: &Record) -> Result<OwnedSemaphorePermit, BrokerError> {
        let kib = u32::try_from(record.message.size() >> 10)
            .unwrap_or(QUEUE_KIB)
            .clamp(1, QUEUE_KIB);
        let permit = Arc::clone(&self.room).acquire_many_owned(kib).await;
        permit.map_err(|_| BrokerError::Failed("the producer has stopped; start again".to_owned()))
    }

    /// Hands a record to the client library, or back where its queue is full.
    pub fn send(&self, record: &Record, pending: Box<Pending>) -> Result<(), (KafkaError, Box<Pending>)> {
        let message = &record.message;
        let mut sent = BaseRecord::with_opaque_to(&record.topic, pending).payload(&message.payload[..]);
        sent.partition = record.partition;
        sent.key = message.key.as_deref();
        sent.timestamp = message.timestamp_ms;
        if !message.headers.is_empty() {
            sent = sent.headers(message::to_headers(message));
        }
        let sent = self.producer().send(sent);
        sent.map_err(|(error, back)| (error, back.delivery_opaque))
    }
}

fn connect(config: &ClientConfig, cluster: &Cluster) -> Result<Arc<Producer>, BrokerError> {
    let producer = Producer::from_config_and_context(config, cluster.reporter.clone());
    producer.map(Arc::new).map_err(|error| cluster.explain(&error))
}

/// A message with the place that it goes to.
pub(super) struct Record {
    pub topic: Arc<str>,
    partition: Option<i32>,
    pub message: crate::message::Message,
}

/// A record's confirmation, and what resolves it.
pub(super) fn pending(
    permit: Option<OwnedSemaphorePermit>,
) -> (Box<Pending>, oneshot::Receiver<Result<(), KafkaError>>) {
    let (reply, confirmed) = oneshot::channel();
    let pending = Pending { reply, _permit: permit };
    (Box::new(pending), confirmed)
}

pub(super) fn is_full(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

/// Publishes, with no claim.
pub struct KafkaSink(Arc<Sender>);

impl KafkaSink {
    pub(super) fn new(sender: Sender) -> Self {
        Self(Arc::new(sender))
    }
}

#[async_trait]
impl Sink for KafkaSink {
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        let record = self.0.prepare(output, lane).await?;
        let permit = self.0.permit(&record).await?;
        let (mut waiting, confirmed) = pending(Some(permit));
        loop {
            match self.0.send(&record, waiting) {
                Ok(()) => break,
                Err((error, back)) if is_full(&error) => {
                    waiting = back;
                    tokio::time::sleep(FULL).await;
                }
                Err((error, _)) => return Err(self.0.cluster.explain(&error)),
            }
        }
        let reporter = self.0.cluster.reporter.clone();
        Ok(Box::pin(async move {
            match confirmed.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(fault::explain(&error, &reporter)),
                Err(_) => Err(BrokerError::Failed(
                    "the producer ended before a message was confirmed".to_owned(),
                )),
            }
        }))
    }

    fn max_answer_bytes(&self) -> Option<usize> {
        self.0.max_answer_bytes()
    }
}
