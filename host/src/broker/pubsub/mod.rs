//! Google Pub/Sub, by way of Google's own client.
//!
//! A lane is an ordering key, or one message that has none. One task owns the stream of a subscription ([`source`]) and keeps
//! the leases; an answer is published ([`sink`]), and only then its message acknowledged ([`ack`]).

mod ack;
mod admin;
mod answered;
mod client;
mod fault;
mod lanes;
mod message;
mod sink;
mod source;
mod topics;

use std::sync::Arc;
use std::time::Duration;

pub use self::ack::PubSubAck;
use self::client::Clients;
pub use self::sink::PubSubSink;
pub use self::source::PubSubSource;
use self::topics::Topics;
use super::{BrokerError, Subscription};
use crate::config::PubSubConfig;

/// A project that answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    topics: Topics,
}

impl Broker {
    /// Connects. Fails within ten seconds, with [`BrokerError::Unreachable`] where waiting may help.
    pub async fn open(config: &PubSubConfig) -> Result<Self, BrokerError> {
        let clients = Clients::new(Arc::new(config.clone())).await?;
        let topics = Topics::new(clients);
        topics.probe().await?;
        Ok(Self { topics })
    }

    /// Reads a topic's subscription, which is made when missing, where that is wanted. Every reader of a subscription is one
    /// of a group, whatever the group's name.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<PubSubSource, BrokerError> {
        let topic = &subscription.topic;
        let config = &self.topics.clients.config;
        let own = config.subscription.clone();
        // A name that was typed may be mistyped.
        let create = subscription.create && own.is_none();
        let name = own.unwrap_or_else(|| config.subscription_of(topic));
        self.topics.find_subscription(topic, &name, create).await?;
        Ok(PubSubSource::open(self.topics.clone(), &name))
    }

    /// Publishes to a topic, made when missing. What is accepted waits for its confirmation as long as it takes, or no
    /// longer than the limit: then it may have arrived all the same.
    pub async fn sink(
        &self,
        answers: &str,
        dead_letters: &str,
        limit: Option<Duration>,
    ) -> Result<PubSubSink, BrokerError> {
        PubSubSink::open(self.topics.clone(), answers, dead_letters, limit).await
    }
}
