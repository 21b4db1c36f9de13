//! Publishing: bounded, each lane in order, and confirmed.
//!
//! Google's client queues messages without a bound, so a permit comes first. It publishes in batches, and the service
//! refuses a whole batch for one message that it does not accept. So after a refusal each message is a batch of its
//! own.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use google_cloud_pubsub::client::{BasePublisher, Publisher};
use google_cloud_pubsub::model;
use google_cloud_pubsub::publisher::PublishFuture;
use tokio::sync::{Mutex, Semaphore};

use super::fault;
use super::message::{self, MAX_KEY, MAX_MESSAGE_BYTES};
use super::project::Project;
use crate::broker::failures::{Failures, Told};
use crate::broker::{BrokerError, Durable, Lane, Limits, Output, Route, Sink};

/// What may wait to be confirmed, in KiB.
const QUEUE_KIB: u32 = 64 << 10;

/// Google's client keeps a task for each ordering key that it has seen: after this many a publisher is replaced.
const KEYS: usize = 1000;

/// Publishes to two topics.
#[derive(Debug)]
pub struct PubSubSink {
    project: Project,
    base: BasePublisher,
    answers: Arc<str>,
    dead_letters: Arc<str>,
    publishers: Mutex<HashMap<Arc<str>, KeyedPublisher>>,
    room: Arc<Semaphore>,
    failures: Failures,
}

/// A topic's publisher, and the keys that it has seen.
#[derive(Debug)]
struct KeyedPublisher {
    publisher: Publisher,
    keys: HashSet<String>,
    /// Each message is a batch of its own.
    is_alone: bool,
    /// Something was refused.
    refused: Arc<AtomicBool>,
}

/// A message in progress.
struct Published {
    publisher: Publisher,
    confirmed: PublishFuture,
    is_alone: bool,
    refused: Arc<AtomicBool>,
}

impl PubSubSink {
    /// Answers go to one topic, created when missing, and dead letters to another, created for the first one.
    pub(super) async fn open(
        project: Project,
        answers: &str,
        dead_letters: &str,
        limit: Option<Duration>,
    ) -> Result<Self, BrokerError> {
        let base = project.clients.publisher(limit).await?;
        project.find_or_create(answers).await?;
        Ok(Self {
            project,
            base,
            answers: answers.into(),
            dead_letters: dead_letters.into(),
            publishers: Mutex::default(),
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            failures: Failures::default(),
        })
    }

    /// Hands a message to its topic's publisher, under the lock: messages of one key must not be with two publishers
    /// at once. `told`: since when it has waited.
    async fn publish(
        &self,
        topic: &Arc<str>,
        message: model::Message,
        told: Option<Told>,
    ) -> Result<Published, BrokerError> {
        let mut publishers = self.publishers.lock().await;
        let known = match publishers.entry(Arc::clone(topic)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                if *topic != self.answers {
                    self.project.find_or_create(topic).await?;
                }
                vacant.insert(KeyedPublisher {
                    publisher: self.publisher_of(topic, false),
                    keys: HashSet::new(),
                    is_alone: false,
                    refused: Arc::default(),
                })
            }
        };
        let is_alone = known.refused.load(Ordering::Relaxed);
        let key = &message.ordering_key;
        let is_full = !key.is_empty() && !known.keys.contains(key) && known.keys.len() >= KEYS;
        if is_full || is_alone != known.is_alone {
            known.publisher.flush().await;
            known.publisher = self.publisher_of(topic, is_alone);
            known.keys.clear();
            known.is_alone = is_alone;
        }
        self.failures.hold_back(told)?;
        if !key.is_empty() {
            known.keys.insert(key.clone());
        }
        Ok(Published {
            confirmed: known.publisher.publish(message),
            publisher: known.publisher.clone(),
            is_alone,
            refused: Arc::clone(&known.refused),
        })
    }

    fn publisher_of(&self, topic: &str, is_alone: bool) -> Publisher {
        let publisher = self.base.publisher(self.project.topic_path(topic));
        match is_alone {
            true => publisher.set_message_count_threshold(1).build(),
            false => publisher.build(),
        }
    }
}

#[async_trait]
impl Sink for PubSubSink {
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        let told = self.failures.told(lane);
        let topic = match output.route {
            Route::Answers => Arc::clone(&self.answers),
            Route::DeadLetters => Arc::clone(&self.dead_letters),
        };
        let size = output.message.size();
        let limit = self.project.clients.config.max_message_bytes;
        if output.route == Route::Answers && size > limit {
            return Err(BrokerError::TooLarge { size, limit });
        }
        let message = message::to_pubsub(output.message, lane)?;
        let kib = u32::try_from(size >> 10).unwrap_or(QUEUE_KIB).clamp(1, QUEUE_KIB);
        let permit = Arc::clone(&self.room).acquire_many_owned(kib).await;
        let key = message.ordering_key.clone();
        let published = self.publish(&topic, message, told).await?;
        let config = Arc::clone(&self.project.clients.config);
        let failures = self.failures.clone();
        Ok(Box::pin(async move {
            let confirmed = published.confirmed.await;
            drop(permit);
            confirmed.map(drop).map_err(|error| {
                let _untold = failures.happened();
                // Messages that wait behind it have learned that their key is paused; later ones must not be.
                published.publisher.resume_publish(key);
                let error = fault::explain_publishing(&error, &topic, &config);
                let BrokerError::Refused { detail, .. } = &error else {
                    return error;
                };
                published.refused.store(true, Ordering::Relaxed);
                match published.is_alone {
                    true => error,
                    false => BrokerError::HeldBack(detail.clone()),
                }
            })
        }))
    }

    async fn limits(&self, _route: Route) -> Result<Limits, BrokerError> {
        Ok(Limits {
            // A lane's name may become the key of a message without one.
            max_bytes: Some(MAX_MESSAGE_BYTES - MAX_KEY),
            needs_key: false,
        })
    }
}
