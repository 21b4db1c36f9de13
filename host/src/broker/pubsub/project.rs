//! Which topics and subscriptions exist, and creating missing ones.
//!
//! The roles Publisher and Subscriber allow neither to look up nor to create. So a denial decides nothing here: the
//! next publish or read does, and its error names the missing role.

use std::time::Duration;

use google_cloud_gax::error::rpc::Code;
use google_cloud_gax::paginator::ItemPaginator as _;
use google_cloud_pubsub::Error;

use super::client::Clients;
use super::fault::{self, Call};
use crate::broker::BrokerError;

/// The name of a topic that was deleted before its subscription.
const DELETED: &str = "_deleted-topic_";

/// Between creating a topic and its subscription, generously.
const JUST_MADE: Duration = Duration::from_secs(1);

/// The result of looking up a topic or subscription.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<T> {
    There(T),
    Missing,
    /// These credentials may not look up.
    Denied,
}

/// How many of a topic's subscriptions an error names.
const PAGE: i32 = 5;

/// The result of creating a topic or subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    Now,
    /// It existed already.
    Before,
    /// These credentials may not create any.
    Denied,
}

/// Reads about a project, and changes it where permitted. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub clients: Clients,
}

impl Project {
    pub fn new(clients: Clients) -> Self {
        Self { clients }
    }

    /// `projects/PROJECT/topics/TOPIC`.
    pub fn topic_path(&self, topic: &str) -> String {
        format!("projects/{}/topics/{topic}", self.clients.config.project)
    }

    /// `projects/PROJECT/subscriptions/SUBSCRIPTION`.
    pub fn subscription_path(&self, subscription: &str) -> String {
        format!("projects/{}/subscriptions/{subscription}", self.clients.config.project)
    }

    pub fn explain(&self, error: &Error, call: Call<'_>) -> BrokerError {
        fault::explain(error, call, &self.clients.config)
    }

    /// The error for a denied look-up that the caller cannot do without.
    pub fn denied(&self, call: Call<'_>) -> BrokerError {
        fault::denied(call, &self.clients.config)
    }

    /// Whether the service answers and knows these credentials.
    pub async fn probe(&self) -> Result<(), BrokerError> {
        let asked = self.clients.topics.list_topics();
        let project = format!("projects/{}", self.clients.config.project);
        let answer = asked.set_project(project).set_page_size(1).send().await;
        found(answer)
            .map(drop)
            .map_err(|error| self.explain(&error, Call::Probe))
    }

    pub async fn find_topic(&self, topic: &str) -> Result<Found<()>, BrokerError> {
        let asked = self.clients.topics.get_topic().set_topic(self.topic_path(topic));
        let answer = asked.send().await.map(drop);
        found(answer).map_err(|error| self.explain(&error, Call::Get(topic)))
    }

    /// Creates a topic if it is known to be missing.
    pub async fn find_or_create(&self, topic: &str) -> Result<(), BrokerError> {
        match self.find_topic(topic).await? {
            Found::Missing => self.create(topic).await,
            Found::Denied => Ok(()),
            Found::There(()) if self.is_unread(topic).await? => {
                // Another host may have just created it, and be about to create its subscription.
                tokio::time::sleep(JUST_MADE).await;
                match self.is_unread(topic).await? {
                    true => self.create(topic).await,
                    false => Ok(()),
                }
            }
            Found::There(()) => Ok(()),
        }
    }

    /// Whether a topic is known to have no subscription at all.
    async fn is_unread(&self, topic: &str) -> Result<bool, BrokerError> {
        let found = self.subscriptions(topic).await?;
        Ok(matches!(found, Found::There(names) if names.is_empty()))
    }

    /// The names of a topic's subscriptions, or of as many as fit on a page.
    async fn subscriptions(&self, topic: &str) -> Result<Found<Vec<String>>, BrokerError> {
        let asked = self.clients.topics.list_topic_subscriptions();
        let answer = asked.set_topic(self.topic_path(topic)).set_page_size(PAGE).send().await;
        let names = answer.map(|list| {
            let paths = list.subscriptions.iter();
            let names = paths.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
            names.collect()
        });
        found(names).map_err(|error| self.explain(&error, Call::Get(topic)))
    }

    /// Creates a topic with a subscription, whichever of them is missing: what is published before there is one is
    /// lost.
    pub async fn create(&self, topic: &str) -> Result<(), BrokerError> {
        let mut made = told(topic, self.create_topic(topic).await?);
        if made != Made::Denied {
            let subscription = self.clients.config.subscription_of(topic);
            made = told(&subscription, self.create_subscription(topic, &subscription).await?);
            if made == Made::Before {
                // A subscription of another topic, or of a deleted one with this name, would get nothing of what is
                // published here.
                self.check_subscription(topic, &subscription).await?;
            }
        }
        if made == Made::Denied {
            tracing::warn!("{}", self.denied(Call::Create(topic)));
        }
        Ok(())
    }

    /// Makes sure that a subscription belongs to the topic that it is read for, as far as the credentials may look
    /// up.
    pub async fn find_subscription(&self, topic: &str, name: &str, create: bool) -> Result<(), BrokerError> {
        match self.topic_of(name).await? {
            Found::Denied => Ok(()),
            Found::There(found) => self.reads(topic, name, &found),
            Found::Missing if create => {
                self.find_or_create(topic).await?;
                told(name, self.create_subscription(topic, name).await?);
                Ok(())
            }
            Found::Missing if self.find_topic(topic).await? == Found::Missing => Err(self.unknown(topic)),
            Found::Missing => Err(self.no_subscription(topic, name).await?),
        }
    }

    /// A topic, as far as it may be looked up, has no subscription of this name.
    async fn no_subscription(&self, topic: &str, name: &str) -> Result<BrokerError, BrokerError> {
        let config = &self.clients.config;
        let make = match name == config.subscription_of(topic) {
            true => format!("'host topics create {topic} {}'", fault::options(config)),
            false => format!("`gcloud pubsub subscriptions create {name} --topic {topic} --enable-message-ordering`"),
        };
        let remedy = match self.subscriptions(topic).await? {
            Found::There(names) if names.is_empty() => format!(
                "and the topic '{topic}' has no other: what was published to it is lost; for what will be, create it with {make}"
            ),
            Found::There(names) => format!(
                "but the topic '{topic}' has others: name one of them with --subscription ({}), or create it with {make}",
                names.join(", ")
            ),
            _ => format!("create it with {make}, or name another one with --subscription"),
        };
        let project = &config.project;
        Ok(BrokerError::Configuration(format!(
            "there is no subscription '{name}' in the project '{project}'; {remedy}"
        )))
    }

    /// Whether an existing subscription belongs to a topic: it may be another's, or that of a deleted topic of the
    /// same name.
    pub async fn check_subscription(&self, topic: &str, name: &str) -> Result<(), BrokerError> {
        match self.topic_of(name).await? {
            Found::There(found) => self.reads(topic, name, &found),
            _ => Ok(()),
        }
    }

    fn reads(&self, topic: &str, name: &str, found: &str) -> Result<(), BrokerError> {
        let project = &self.clients.config.project;
        match found {
            found if found == self.topic_path(topic) => Ok(()),
            DELETED => Err(BrokerError::Configuration(format!(
                "the topic of the subscription '{name}' in the project '{project}' was deleted, and it will never read another: \
                 delete it, with `gcloud pubsub subscriptions delete {name}`, and start again"
            ))),
            found => Err(BrokerError::Configuration(format!(
                "the subscription '{name}' in the project '{project}' belongs to {found}, not to the topic '{topic}'; name \
                 another one with --subscription or --subscriptions"
            ))),
        }
    }

    pub fn unknown(&self, topic: &str) -> BrokerError {
        fault::unknown(topic, &self.clients.config)
    }

    /// The path of a subscription's topic.
    pub async fn topic_of(&self, subscription: &str) -> Result<Found<String>, BrokerError> {
        let asked = self.clients.subscriptions.get_subscription();
        let answer = asked
            .set_subscription(self.subscription_path(subscription))
            .send()
            .await;
        found(answer.map(|subscription| subscription.topic))
            .map_err(|error| self.explain(&error, Call::Get(subscription)))
    }

    pub async fn create_topic(&self, topic: &str) -> Result<Made, BrokerError> {
        let asked = self.clients.topics.create_topic().set_name(self.topic_path(topic));
        self.created(topic, asked.send().await.map(drop))
    }

    /// It keeps the order of messages with an ordering key.
    pub async fn create_subscription(&self, topic: &str, name: &str) -> Result<Made, BrokerError> {
        let asked = self.clients.subscriptions.create_subscription();
        let asked = asked
            .set_name(self.subscription_path(name))
            .set_topic(self.topic_path(topic))
            .set_enable_message_ordering(true);
        self.created(name, asked.send().await.map(drop))
    }

    fn created(&self, name: &str, answer: Result<(), Error>) -> Result<Made, BrokerError> {
        let Err(error) = answer else {
            return Ok(Made::Now);
        };
        match fault::code(&error) {
            Some(Code::AlreadyExists) => Ok(Made::Before),
            Some(Code::PermissionDenied) => Ok(Made::Denied),
            _ => Err(self.explain(&error, Call::Create(name))),
        }
    }

    /// False: it was not there.
    pub async fn delete_topic(&self, topic: &str) -> Result<bool, BrokerError> {
        let asked = self.clients.topics.delete_topic().set_topic(self.topic_path(topic));
        self.deleted(topic, asked.send().await)
    }

    /// False: it was not there.
    pub async fn delete_subscription(&self, name: &str) -> Result<bool, BrokerError> {
        let asked = self.clients.subscriptions.delete_subscription();
        let asked = asked.set_subscription(self.subscription_path(name));
        self.deleted(name, asked.send().await)
    }

    fn deleted(&self, name: &str, answer: Result<(), Error>) -> Result<bool, BrokerError> {
        match found(answer).map_err(|error| self.explain(&error, Call::Delete(name)))? {
            Found::There(()) => Ok(true),
            Found::Missing => Ok(false),
            Found::Denied => Err(self.denied(Call::Delete(name))),
        }
    }

    /// The names of all topics.
    pub async fn all_topics(&self) -> Result<Vec<String>, BrokerError> {
        let project = format!("projects/{}", self.clients.config.project);
        let mut items = self.clients.topics.list_topics().set_project(project).by_item();
        let mut names = Vec::new();
        while let Some(topic) = items.next().await {
            let topic = topic.map_err(|error| self.explain(&error, Call::List))?;
            names.push(last(&topic.name));
        }
        Ok(names)
    }

    /// The names of all subscriptions, each with the path of its topic.
    pub async fn all_subscriptions(&self) -> Result<Vec<(String, String)>, BrokerError> {
        let project = format!("projects/{}", self.clients.config.project);
        let asked = self.clients.subscriptions.list_subscriptions();
        let mut items = asked.set_project(project).by_item();
        let mut names = Vec::new();
        while let Some(subscription) = items.next().await {
            let subscription = subscription.map_err(|error| self.explain(&error, Call::List))?;
            names.push((last(&subscription.name), subscription.topic));
        }
        Ok(names)
    }
}

/// What nobody asked for by a command of its own is said when it is made.
fn told(name: &str, made: Made) -> Made {
    if made == Made::Now {
        tracing::info!(name, "created what was missing");
    }
    made
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

fn found<T>(answer: Result<T, Error>) -> Result<Found<T>, Error> {
    match answer {
        Ok(found) => Ok(Found::There(found)),
        Err(error) => match fault::code(&error) {
            Some(Code::NotFound) if !error.to_string().to_lowercase().contains("project not found") => {
                Ok(Found::Missing)
            }
            Some(Code::PermissionDenied) => Ok(Found::Denied),
            _ => Err(error),
        },
    }
}
