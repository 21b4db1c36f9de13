//! Which topics exist, their limits, and creating missing ones.
//!
//! A topic is looked up with a request that does not create it, and created only if that says it is missing: many
//! clusters let their users read and write but not administer, so a denied administration request is never fatal by
//! itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;

use super::client::{self, Reporter};
use super::{fault, remedy};
use crate::broker::threads::blocking;
use crate::broker::{BrokerError, Limits, Route};
use crate::config::KafkaConfig;

/// One request. An unreachable broker is reported within ten seconds.
pub(super) const REQUEST: Duration = Duration::from_secs(8);

/// How soon to look again whether a topic is there.
pub(super) const SOON: Duration = Duration::from_millis(50);

/// How long to poll a client that nobody else polls.
const SERVE: Duration = Duration::from_millis(5);

/// What a record takes on the wire beside key, value and headers, generously.
const OVERHEAD: usize = 256;

/// A dead letter is its message and some headers, so its topic accepts that much more.
const LETTER: usize = 64 << 10;

/// A topic's limit unless it or its broker is configured otherwise. Bytes.
const DEFAULT_MAX_BYTES: usize = 1 << 20;

/// Reads about a cluster, and changes it where permitted. Blocking: for threads that may block.
#[derive(Clone)]
pub(super) struct Cluster {
    pub config: Arc<KafkaConfig>,
    pub reporter: Reporter,
    asking: Arc<BaseConsumer<Reporter>>,
}

/// Creates a client for look-ups, and gives it the token that it may need.
fn asking(
    own: rdkafka::ClientConfig,
    config: &KafkaConfig,
    reporter: &Reporter,
) -> Result<BaseConsumer<Reporter>, BrokerError> {
    let mut own = own;
    own.set("allow.auto.create.topics", "false");
    let consumer = BaseConsumer::from_config_and_context(&client::finish(own, config), reporter.clone());
    let consumer = consumer.map_err(|error| fault::explain(&error, reporter))?;
    serve(&consumer);
    Ok(consumer)
}

/// Handles pending errors, and renews OAUTHBEARER's token: nobody polls a client for look-ups. One call without a
/// time-out would handle a single event.
pub(super) fn serve(consumer: &BaseConsumer<Reporter>) {
    while consumer.poll(SERVE).is_some() {}
}

impl Cluster {
    /// Connects, or says within ten seconds why not.
    pub fn connect(config: Arc<KafkaConfig>) -> Result<Self, BrokerError> {
        let reporter = Reporter::new(&config);
        reporter.access().warn();
        let consumer = asking(client::base(&config), &config, &reporter)?;
        let cluster = Self {
            config,
            reporter,
            asking: Arc::new(consumer),
        };
        cluster.wait_for_metadata()?;
        cluster.reporter.connected();
        Ok(cluster)
    }

    fn wait_for_metadata(&self) -> Result<(), BrokerError> {
        let began = Instant::now();
        loop {
            let Err(error) = self
                .asking
                .fetch_metadata(Some("__consumer_offsets"), Duration::from_millis(500))
            else {
                return Ok(());
            };
            serve(&self.asking);
            let report = self.reporter.last();
            let is_hopeless = report.is_some_and(|report| remedy::is_hopeless(&report, self.reporter.access()));
            if is_hopeless || began.elapsed() > REQUEST {
                return Err(self.explain(&error));
            }
        }
    }

    pub fn explain(&self, error: &KafkaError) -> BrokerError {
        fault::explain(error, &self.reporter)
    }

    /// The cluster's own id, or its address if it has none.
    pub async fn id(&self) -> String {
        let cluster = self.clone();
        let asked = blocking(move || Ok(cluster.asking.client().fetch_cluster_id(REQUEST))).await;
        let id = asked.ok().flatten();
        id.unwrap_or_else(|| self.config.bootstrap_servers.clone())
    }

    /// A client for look-ups about the cluster.
    pub fn consumer(&self) -> &BaseConsumer<Reporter> {
        serve(&self.asking);
        &self.asking
    }

    /// A client for look-ups about a group; it never joins it.
    pub fn of_group(&self, group: &str) -> Result<BaseConsumer<Reporter>, BrokerError> {
        let mut config = client::base(&self.config);
        config.set("group.id", group);
        asking(config, &self.config, &self.reporter)
    }

    /// Nothing serves the events of an admin client, which would give it a token: with OAUTHBEARER it would only time
    /// out.
    fn may_administer(&self) -> bool {
        !self.reporter.access().has_token
    }

    fn admin(&self) -> Result<AdminClient<Reporter>, BrokerError> {
        let config = client::finish(client::base(&self.config), &self.config);
        let admin = AdminClient::from_config_and_context(&config, self.reporter.clone());
        admin.map_err(|error| self.explain(&error))
    }

    /// The partitions of a topic. None: the broker says that it is missing.
    pub fn find(&self, topic: &str) -> Result<Option<u32>, BrokerError> {
        let metadata = self
            .consumer()
            .fetch_metadata(Some(topic), REQUEST)
            .map_err(|error| self.explain(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        match found.map(|found| (found.error(), found.partitions().len())) {
            None | Some((Some(RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART), _)) => Ok(None),
            Some((Some(error), _)) => Err(self.explain(&KafkaError::MetadataFetch(error.into()))),
            // Just created, and without a leader yet.
            Some((None, 0)) => Ok(None),
            Some((None, partitions)) => Ok(Some(u32::try_from(partitions).unwrap_or(u32::MAX))),
        }
    }

    /// Makes sure that the leaders of these partitions answer: other brokers may have answered the look-up.
    pub fn reach(&self, topic: &str, partitions: &[i32]) -> Result<(), BrokerError> {
        let metadata = self
            .consumer()
            .fetch_metadata(Some(topic), REQUEST)
            .map_err(|error| self.explain(&error))?;
        let known = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let held = known.filter(|partition| partitions.contains(&partition.id()));
        // One partition of each leader stands for all of them.
        let led: BTreeMap<i32, i32> = held.map(|partition| (partition.leader(), partition.id())).collect();
        for partition in led.into_values() {
            let asked = self.consumer().fetch_watermarks(topic, partition, REQUEST);
            asked.map_err(|error| self.explain(&error))?;
        }
        Ok(())
    }

    /// The partitions of a topic, which is created when missing.
    pub async fn find_or_create(&self, topic: &str, route: Route) -> Result<u32, BrokerError> {
        if let Some(partitions) = self.find_blocking(topic).await? {
            return Ok(partitions);
        }
        let partitions = self.config.partitions;
        if self.create(topic, partitions, route).await? {
            tracing::info!(topic, partitions, "created the missing topic");
        }
        self.wait_until_there(topic).await
    }

    pub async fn find_blocking(&self, topic: &str) -> Result<Option<u32>, BrokerError> {
        let (cluster, topic) = (self.clone(), topic.to_owned());
        blocking(move || cluster.find(&topic)).await
    }

    /// The partitions of a topic that was just created, once a broker tells of them.
    pub async fn wait_until_there(&self, topic: &str) -> Result<u32, BrokerError> {
        let began = Instant::now();
        loop {
            if let Some(partitions) = self.find_blocking(topic).await? {
                return Ok(partitions);
            }
            if began.elapsed() > REQUEST {
                return Err(self.unknown(topic));
            }
            tokio::time::sleep(SOON).await;
        }
    }

    pub fn unknown(&self, topic: &str) -> BrokerError {
        BrokerError::UnknownTopic {
            topic: topic.to_owned(),
            place: format!("at {}", self.config.bootstrap_servers),
            options: "--broker kafka".to_owned(),
        }
    }

    /// Creates a topic. False: it existed. Somebody else may still create a topic that we may not, so a denial is
    /// only logged.
    pub async fn create(&self, topic: &str, partitions: u32, route: Route) -> Result<bool, BrokerError> {
        if !self.may_administer() {
            return Err(BrokerError::Unsupported(format!(
                "the topic '{topic}' cannot be created with --sasl oauthbearer; create it with Kafka's own tool: \
                 kafka-topics.sh --create --topic {topic}"
            )));
        }
        let replication = self.config.replication.map_or(-1, i32::from);
        let partitions = i32::try_from(partitions).unwrap_or(i32::MAX);
        let largest = self.config.max_message_bytes.max(DEFAULT_MAX_BYTES);
        let letters = largest.saturating_add(LETTER).to_string();
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replication));
        if route == Route::DeadLetters {
            new = new.set("max.message.bytes", &letters);
        }
        let options = AdminOptions::new()
            .operation_timeout(Some(REQUEST))
            .request_timeout(Some(REQUEST));
        let admin = self.admin()?;
        let created = admin.create_topics([&new], &options).await;
        let created = created.map_err(|error| self.explain(&error))?;
        match created.into_iter().next() {
            Some(Err((_, Code::TopicAlreadyExists))) => Ok(false),
            Some(Err((_, code @ (Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)))) => {
                tracing::warn!(
                    topic,
                    "you may not create the topic ({code}); ask the cluster's administrator"
                );
                Ok(false)
            }
            Some(Err((_, code))) => Err(BrokerError::Failed(format!(
                "the topic '{topic}' could not be created: {code}; check --partitions and --replication"
            ))),
            _ => Ok(true),
        }
    }

    /// Deletes a topic, and waits until it is gone.
    pub async fn delete(&self, topic: &str) -> Result<(), BrokerError> {
        if !self.may_administer() {
            return Err(BrokerError::Unsupported(format!(
                "the topic '{topic}' cannot be deleted with --sasl oauthbearer; use Kafka's own tool: kafka-topics.sh --delete \
                 --topic {topic}"
            )));
        }
        let options = AdminOptions::new()
            .operation_timeout(Some(REQUEST))
            .request_timeout(Some(REQUEST));
        let admin = self.admin()?;
        let deleted = admin.delete_topics(&[topic], &options).await;
        let deleted = deleted.map_err(|error| self.explain(&error))?;
        match deleted.into_iter().next() {
            Some(Err((_, Code::UnknownTopicOrPartition))) => return Err(self.unknown(topic)),
            Some(Err((_, code))) => {
                return Err(BrokerError::Failed(format!(
                    "the topic '{topic}' was not deleted: {code}; ask whoever runs the broker"
                )));
            }
            Some(Ok(_)) | None => {}
        }
        let began = Instant::now();
        while self.find_blocking(topic).await?.is_some() && began.elapsed() < REQUEST {
            tokio::time::sleep(SOON).await;
        }
        Ok(())
    }

    /// A topic's limits by its own settings; unknown if they may not be read.
    pub async fn limits(&self, topic: &str) -> Limits {
        let properties = self.properties(topic).await;
        let property = |name: &str| properties.as_ref()?.get(name)?.value.as_deref();
        let largest = property("max.message.bytes").and_then(|bytes| bytes.parse::<usize>().ok());
        Limits {
            max_bytes: largest.map(|bytes| bytes.saturating_sub(OVERHEAD)),
            needs_key: property("cleanup.policy").is_some_and(|policy| policy.contains("compact")),
        }
    }

    async fn properties(&self, topic: &str) -> Option<ConfigResource> {
        if !self.may_administer() {
            return None;
        }
        let options = AdminOptions::new().request_timeout(Some(REQUEST));
        let admin = self.admin().ok()?;
        let described = admin
            .describe_configs([&ResourceSpecifier::Topic(topic)], &options)
            .await;
        described.ok()?.into_iter().next()?.ok()
    }
}
