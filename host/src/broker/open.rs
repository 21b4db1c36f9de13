//! From a validated configuration to a broker's parts: the only place that knows which brokers there are.

use std::sync::Arc;
use std::time::Duration;

use super::{Ack, Admin, BrokerError, ConfirmThenAck, Settle, Sink, Source, kafka, local};
use crate::config::{BrokerConfig, BrokerKind, Delivery};

/// How long what is not a service waits for a broker that has gone.
const GIVE_UP: Duration = Duration::from_secs(30);

/// The topics and the group of one pipeline.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Read from.
    pub input: Subscription,
    /// Answers go here; made when missing.
    pub output: String,
    /// What could not be answered goes here; made when first needed.
    pub dead_letters: String,
}

/// One group's reading of one topic.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The topic.
    pub topic: String,
    /// Members of one group share the partitions, and their place in them outlives them all.
    pub group: String,
    /// Make the topic when it is missing, instead of [`BrokerError::UnknownTopic`]: right for the default topics, so that
    /// three terminals can be started in any order, and wrong for a name that may be mistyped.
    pub create: bool,
}

/// What `run` needs: a source, and the guarantee that settles its claims.
pub async fn open_pipeline(
    config: &BrokerConfig,
    topics: &Topics,
) -> Result<(Box<dyn Source>, Arc<dyn Settle>), BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => {
            let broker = local::Broker::open(local, config.max_message_bytes).await?;
            let source = broker.subscribe(&topics.input).await?;
            let settle = broker.writer(&topics.output, &topics.dead_letters).await?;
            Ok((Box::new(source), Arc::new(settle)))
        }
        BrokerKind::Kafka(config) => {
            let broker = kafka::Broker::open(config).await?;
            let (output, dead_letters) = (&topics.output, &topics.dead_letters);
            // Last, since a member that does not read yet would hold up its partitions.
            if config.delivery == Delivery::ExactlyOnce {
                let source = broker.subscribe(&topics.input).await?;
                let group = &topics.input.group;
                let settle = broker.transaction(&source, group, output, dead_letters).await?;
                return Ok((Box::new(source), Arc::new(settle)));
            }
            let sink = broker.sink(output, dead_letters, None).await?;
            let settle = ConfirmThenAck::new(sink, Arc::new(kafka::KafkaAck));
            let source = broker.subscribe(&topics.input).await?;
            Ok((Box::new(source), Arc::new(settle)))
        }
        other => Err(not_there(other)),
    }
}

/// What `produce` needs: a sink for answers-to-be of one topic, which is made when missing.
pub async fn open_sink(config: &BrokerConfig, topic: &str) -> Result<Arc<dyn Sink>, BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => {
            let broker = local::Broker::open(local, config.max_message_bytes).await?;
            Ok(Arc::new(broker.writer(topic, topic).await?))
        }
        BrokerKind::Kafka(config) => {
            let broker = kafka::Broker::open(config).await?;
            Ok(Arc::new(broker.sink(topic, topic, Some(GIVE_UP)).await?))
        }
        other => Err(not_there(other)),
    }
}

/// What `consume` needs: a source, and what consumes its claims.
pub async fn open_consumer(
    config: &BrokerConfig,
    subscription: &Subscription,
) -> Result<(Box<dyn Source>, Arc<dyn Ack>), BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => {
            let broker = local::Broker::open(local, config.max_message_bytes).await?;
            let source = broker.subscribe(subscription).await?;
            let ack = broker.writer(&subscription.topic, &subscription.topic).await?;
            Ok((Box::new(source), Arc::new(ack)))
        }
        BrokerKind::Kafka(config) => {
            let broker = kafka::Broker::open(config).await?;
            let source = broker.subscribe(subscription).await?;
            Ok((Box::new(source), Arc::new(kafka::KafkaAck)))
        }
        other => Err(not_there(other)),
    }
}

/// What `topics` needs.
pub async fn open_admin(config: &BrokerConfig) -> Result<Box<dyn Admin>, BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => Ok(Box::new(local::Broker::open(local, config.max_message_bytes).await?)),
        BrokerKind::Kafka(config) => Ok(Box::new(kafka::Broker::open(config).await?)),
        other => Err(not_there(other)),
    }
}

fn not_there(kind: &BrokerKind) -> BrokerError {
    BrokerError::Unsupported(format!(
        "the broker '{}' is not there yet in this version; use --broker local, which needs no server",
        kind.name()
    ))
}
