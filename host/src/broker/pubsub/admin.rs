//! `host topics` for Pub/Sub: a topic here is a topic and its subscription.

use async_trait::async_trait;

use super::Broker;
use super::fault::Call;
use super::project::{Found, Made};
use crate::broker::{Admin, BrokerError, GroupDescription, TopicDescription};

#[async_trait]
impl Admin for Broker {
    async fn create(&self, topic: &str, partitions: u32) -> Result<bool, BrokerError> {
        if partitions > 1 {
            return Err(BrokerError::Unsupported(format!(
                "--partitions {partitions}: Pub/Sub's topics have no partitions; leave it out"
            )));
        }
        let subscription = self.project.clients.config.subscription_of(topic);
        // Credentials that may not create may still look up.
        let topic_made = match self.project.create_topic(topic).await? {
            Made::Denied => match self.project.find_topic(topic).await? {
                Found::There(()) => Made::Before,
                _ => return Err(self.project.denied(Call::Create(topic))),
            },
            made => made,
        };
        let subscription_made = match self.project.create_subscription(topic, &subscription).await? {
            Made::Denied => match self.project.topic_of(&subscription).await? {
                Found::There(_) => Made::Before,
                _ => return Err(self.project.denied(Call::Create(&subscription))),
            },
            Made::Before => {
                self.project.check_subscription(topic, &subscription).await?;
                Made::Before
            }
            Made::Now => Made::Now,
        };
        Ok([topic_made, subscription_made].contains(&Made::Now))
    }

    async fn list(&self) -> Result<Vec<TopicDescription>, BrokerError> {
        let subscriptions = self.project.all_subscriptions().await?;
        let topics = self.project.all_topics().await?;
        Ok(topics
            .into_iter()
            .map(|topic| self.description(topic, &subscriptions))
            .collect())
    }

    async fn describe(&self, topic: &str) -> Result<TopicDescription, BrokerError> {
        match self.project.find_topic(topic).await? {
            Found::There(()) => {
                let subscriptions = self.project.all_subscriptions().await?;
                Ok(self.description(topic.to_owned(), &subscriptions))
            }
            Found::Missing => Err(self.project.unknown(topic)),
            Found::Denied => Err(self.project.denied(Call::Get(topic))),
        }
    }

    /// How much of it is unread, Pub/Sub does not say: nothing is refused.
    async fn delete(&self, topic: &str, _force: bool) -> Result<Vec<String>, BrokerError> {
        let subscription = self.project.clients.config.subscription_of(topic);
        let is_its_own = match self.project.topic_of(&subscription).await? {
            Found::There(of) => of == self.project.topic_path(topic),
            Found::Missing => false,
            Found::Denied => return Err(self.project.denied(Call::Get(&subscription))),
        };
        if !self.project.delete_topic(topic).await? {
            return Err(self.project.unknown(topic));
        }
        let is_gone = is_its_own && self.project.delete_subscription(&subscription).await?;
        Ok(Vec::from_iter(is_gone.then_some(subscription)))
    }

    async fn forget_group(&self, topic: &str, _group: &str) -> Result<bool, BrokerError> {
        let subscription = self.project.clients.config.subscription_of(topic);
        Err(BrokerError::Unsupported(format!(
            "in Pub/Sub a subscription stands for a group; to delete it, run \
             `gcloud pubsub subscriptions delete {subscription}`"
        )))
    }
}

impl Broker {
    /// What Pub/Sub says about a topic: its subscriptions. Only its monitoring knows how far they are.
    fn description(&self, topic: String, subscriptions: &[(String, String)]) -> TopicDescription {
        let path = self.project.topic_path(&topic);
        let own = subscriptions.iter().filter(|(_, of)| *of == path);
        TopicDescription {
            groups: own
                .map(|(name, _)| GroupDescription {
                    group: name.clone(),
                    lag: None,
                    members: None,
                })
                .collect(),
            name: topic,
            partitions: Vec::new(),
        }
    }
}
