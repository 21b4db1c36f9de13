//! Google Pub/Sub, through Google's own client.
//!
//! A lane is an ordering key, or one message without a key. One task owns the stream of a subscription ([`source`]) and keeps the
//! leases. An answer is published ([`sink`]), and only then its message acknowledged ([`ack`]): at least once.
//!
//! 1. *All leases are kept.* Google's client extends the lease of every message that it has read, every few seconds, for `--lease`
//!    (60 s) at a time. So the stream is read as long as the host holds no more than the service may hand out at once on one
//!    stream. Each stream that the client reopens brings as much again. The messages of a killed host are redelivered after the last lease.
//! 2. *A redelivered message is not answered again* while this host remembers it. One that is still held continues under its new
//!    lease. One that was answered within the last two leases, and is among the last 100,000, is acknowledged again. No longer, because
//!    somebody may have the service redeliver everything (`seek`) to get new answers.
//! 3. *An ordering key is a lane.* The service sends the next messages of a key before the first is acknowledged, and after a nack
//!    redelivers all that follow. So an abandoned claim nacks its whole lane, and what arrives of the lane before the first of these
//!    is nacked too; if that one does not arrive within 10 s, another host has it. Answers to a partition of another broker have
//!    no key of their own and get the lane's name as key, which keeps their order.
//! 4. *Keys stay few.* The client's publisher keeps a task for each key that it has seen; after 1,000 keys it is flushed and
//!    replaced.
//! 5. *Streams end.* The service closes each after half an hour, and networks break. The client reopens them endlessly and silently.
//!    So every 10 s the host asks the service something else: if it gets no answer it logs that, and reopens the stream on a new
//!    connection when there is one. A stream on which nothing arrived for 5 minutes, with no message held, is replaced.
//! 6. *Two roles are enough*, Publisher and Subscriber, which can neither look up nor create anything. A denied look-up decides
//!    nothing. A topic is created only if it is known to be missing, and always with its subscription, because what is published before
//!    there is a subscription is lost. For the same reason a topic without any subscription gets one.

mod ack;
mod admin;
mod answered;
mod client;
mod fault;
mod lanes;
mod message;
mod project;
mod sink;
mod source;

use std::sync::Arc;
use std::time::Duration;

pub use self::ack::PubSubAck;
use self::client::Clients;
use self::project::Project;
pub use self::sink::PubSubSink;
pub use self::source::PubSubSource;
use super::{BrokerError, Subscription};
use crate::config::PubSubConfig;

/// A project that answers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Broker {
    project: Project,
}

impl Broker {
    /// Connects. Fails within ten seconds, with [`BrokerError::Unreachable`] if waiting may help.
    pub async fn open(config: &PubSubConfig) -> Result<Self, BrokerError> {
        let clients = Clients::new(Arc::new(config.clone())).await?;
        let project = Project::new(clients);
        project.probe().await?;
        Ok(Self { project })
    }

    /// Reads a topic's subscription, which is created when missing if the caller wants that. All readers of a
    /// subscription are one group, whatever the group's name.
    pub async fn subscribe(&self, subscription: &Subscription) -> Result<PubSubSource, BrokerError> {
        let topic = &subscription.topic;
        let config = &self.project.clients.config;
        let own = config.subscription.clone();
        // A name that the user typed may be mistyped.
        let create = subscription.create && own.is_none();
        let name = own.unwrap_or_else(|| config.subscription_of(topic));
        self.project.find_subscription(topic, &name, create).await?;
        Ok(PubSubSource::open(self.project.clone(), &name))
    }

    /// Publishes to a topic, created when missing. An accepted message waits for its confirmation without limit, or
    /// up to the limit: after that it may have arrived all the same.
    pub async fn sink(
        &self,
        answers: &str,
        dead_letters: &str,
        limit: Option<Duration>,
    ) -> Result<PubSubSink, BrokerError> {
        PubSubSink::open(self.project.clone(), answers, dead_letters, limit).await
    }
}
