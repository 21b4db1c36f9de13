//! From a validated configuration to a broker's parts: the only place that knows which brokers exist.

use std::sync::Arc;
use std::time::Duration;

use super::by_route::ByRoute;
use super::look::{BORROWED, Look, View};
use super::topics::{Subscription, Topics};
use super::{Ack, Admin, BrokerError, ConfirmThenAck, Settle, Sink, Source, kafka, local, pubsub};
use crate::config::{BrokerConfig, BrokerKind, Delivery, Ends};

/// How long a command that does not run as a service waits for an unreachable broker.
const GIVE_UP: Duration = Duration::from_secs(30);

/// What `run` needs: a source, and the guarantee that settles its claims.
pub async fn open_pipeline(ends: &Ends, topics: &Topics) -> Result<(Box<dyn Source>, Arc<dyn Settle>), BrokerError> {
    let config = &ends.input;
    match &config.kind {
        BrokerKind::Local(local) if ends.are_one() => {
            let broker = local::Broker::open(local, config.max_message_bytes).await?;
            let source = broker.subscribe(&topics.input).await?;
            let settle = broker.writer(&topics.output, &topics.dead_letters).await?;
            Ok((Box::new(source), Arc::new(settle)))
        }
        BrokerKind::Kafka(kafka) if kafka.delivery == Delivery::ExactlyOnce => {
            let broker = kafka::Broker::open(kafka).await?;
            let source = broker.subscribe(&topics.input).await?;
            let (group, letters) = (&topics.input.group, &topics.dead_letters);
            let settle = broker.transaction(&source, group, &topics.output, letters).await?;
            Ok((Box::new(source), Arc::new(settle)))
        }
        _ => {
            let sink = open_sinks(ends, topics).await?;
            // Last, since a member that does not read yet would hold up its partitions.
            let (source, ack) = open_consumer(config, &topics.input).await?;
            Ok((source, Arc::new(ConfirmThenAck::new(sink, ack))))
        }
    }
}

/// Where a pipeline publishes. An accepted output waits for its confirmation as long as that takes.
async fn open_sinks(ends: &Ends, topics: &Topics) -> Result<Arc<dyn Sink>, BrokerError> {
    let (answers, letters) = (&topics.output, &topics.dead_letters);
    if ends.are_one() {
        return sink(&ends.output, answers, letters, None).await;
    }
    Ok(Arc::new(ByRoute {
        answers: sink(&ends.output, answers, answers, None).await?,
        dead_letters: sink(&ends.input, letters, letters, None).await?,
    }))
}

/// What `produce` needs: a sink for one topic, which is created when missing.
pub async fn open_sink(config: &BrokerConfig, topic: &str) -> Result<Arc<dyn Sink>, BrokerError> {
    sink(config, topic, topic, Some(GIVE_UP)).await
}

async fn sink(
    config: &BrokerConfig,
    answers: &str,
    dead_letters: &str,
    limit: Option<Duration>,
) -> Result<Arc<dyn Sink>, BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => {
            let broker = local::Broker::open(local, config.max_message_bytes).await?;
            Ok(Arc::new(broker.writer(answers, dead_letters).await?))
        }
        BrokerKind::Kafka(config) => {
            let broker = kafka::Broker::open(config).await?;
            Ok(Arc::new(broker.sink(answers, dead_letters, limit).await?))
        }
        BrokerKind::PubSub(config) => {
            let broker = pubsub::Broker::open(config).await?;
            Ok(Arc::new(broker.sink(answers, dead_letters, limit).await?))
        }
    }
}

/// What `consume` needs: a source, and an [`Ack`] for its claims.
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
        BrokerKind::PubSub(config) => {
            let broker = pubsub::Broker::open(config).await?;
            let source = broker.subscribe(subscription).await?;
            Ok((Box::new(source), Arc::new(pubsub::PubSubAck)))
        }
    }
}

/// What `topics` needs. The embedded broker's file is made when a topic is, and not by looking.
pub async fn open_admin(config: &BrokerConfig) -> Result<Box<dyn Admin>, BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => Ok(Box::new(local::Broker::at(local, config.max_message_bytes))),
        BrokerKind::Kafka(config) => Ok(Box::new(kafka::Broker::open(config).await?)),
        BrokerKind::PubSub(config) => Ok(Box::new(pubsub::Broker::open(config).await?)),
    }
}

/// Whether a broker can be used by whoever reads or publishes. The embedded broker's file is made where it is missing.
pub async fn reach(config: &BrokerConfig) -> Result<(), BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => local::Broker::open(local, config.max_message_bytes).await.map(drop),
        BrokerKind::Kafka(config) => kafka::Broker::open(config).await.map(drop),
        BrokerKind::PubSub(config) => pubsub::Broker::open(config).await.map(drop),
    }
}

/// What whoever shows messages needs: a look at a topic, which takes nothing from anybody. Pub/Sub keeps no log to look at: it lends
/// all messages that it has, or one.
pub async fn open_look(config: &BrokerConfig, view: View) -> Result<Look, BrokerError> {
    match &config.kind {
        BrokerKind::Local(local) => local::Broker::at(local, config.max_message_bytes).look(view).await,
        BrokerKind::Kafka(config) => kafka::Broker::open(config).await?.look(view).await,
        BrokerKind::PubSub(_) => {
            let config = config.clone().with_set_aside(BORROWED);
            let subscription = Subscription {
                topic: view.topic,
                group: String::new(),
                create: false,
            };
            let (source, _) = open_consumer(&config, &subscription).await?;
            Ok(Look::borrowed(source, view.begin))
        }
    }
}
