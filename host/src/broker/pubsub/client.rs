//! Google's clients: with which identity they send requests, and where.

use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use google_cloud_auth::build_errors::Error as IdentityError;
use google_cloud_auth::credentials::{
    self, Credentials, anonymous, external_account, impersonated, service_account, user_account,
};
use google_cloud_gax::client_builder::Error as BuildError;
use google_cloud_gax::retry_policy::{RetryPolicy, RetryPolicyExt};
use google_cloud_gax::retry_result::RetryResult;
use google_cloud_gax::retry_state::RetryState;
use google_cloud_pubsub::Error;
use google_cloud_pubsub::client::{BasePublisher, Subscriber, SubscriptionAdmin, TopicAdmin};
use google_cloud_pubsub::retry_policy::RetryableErrors;
use serde_json::Value;

use super::fault;
use crate::broker::BrokerError;
use crate::config::{Identity, PubSubConfig};

/// Google's own address.
const ENDPOINT: &str = "https://pubsub.googleapis.com";

/// One look-up, with all its repetitions. An unreachable service is reported within ten seconds.
const REQUEST: Duration = Duration::from_secs(8);

/// Creates clients of one identity. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Clients {
    pub config: Arc<PubSubConfig>,
    pub topics: TopicAdmin,
    pub subscriptions: SubscriptionAdmin,
    credentials: Credentials,
}

impl Clients {
    /// Sends no request yet.
    pub async fn new(config: Arc<PubSubConfig>) -> Result<Self, BrokerError> {
        let credentials = credentials(&config.identity)?;
        warn_of_the_clear(&config);
        let policy = || RetryableErrors.with_time_limit(REQUEST);
        let topics = TopicAdmin::builder()
            .with_endpoint(endpoint(&config))
            .with_credentials(credentials.clone())
            .with_retry_policy(policy());
        let subscriptions = SubscriptionAdmin::builder()
            .with_endpoint(endpoint(&config))
            .with_credentials(credentials.clone())
            .with_retry_policy(policy());
        Ok(Self {
            topics: topics.build().await.map_err(|error| unusable(&config, &error))?,
            subscriptions: subscriptions.build().await.map_err(|error| unusable(&config, &error))?,
            credentials,
            config,
        })
    }

    pub async fn subscriber(&self) -> Result<Subscriber, BrokerError> {
        let subscriber = Subscriber::builder()
            .with_endpoint(endpoint(&self.config))
            .with_credentials(self.credentials.clone());
        subscriber.build().await.map_err(|error| unusable(&self.config, &error))
    }

    /// Repeats what may succeed later, up to the limit or without one, and logs that.
    pub async fn publisher(&self, limit: Option<Duration>) -> Result<BasePublisher, BrokerError> {
        let publisher = BasePublisher::builder()
            .with_endpoint(endpoint(&self.config))
            .with_credentials(self.credentials.clone());
        let publisher = match limit {
            Some(limit) => publisher.with_retry_policy(RetryableErrors.with_time_limit(limit)),
            None => publisher.with_retry_policy(Persistent::default()),
        };
        publisher.build().await.map_err(|error| unusable(&self.config, &error))
    }
}

/// Repeats whatever may succeed later, without end. An attempt without any reply ends after some time, as its
/// connection may be dead unnoticed.
#[derive(Debug, Default)]
struct Persistent {
    told: Mutex<Option<Instant>>,
}

impl Persistent {
    /// Enough for a request of the largest size on a slow line.
    const ATTEMPT: Duration = Duration::from_secs(120);

    const TELL_EVERY: Duration = Duration::from_secs(60);
}

impl RetryPolicy for Persistent {
    fn on_error(&self, state: &RetryState, error: Error) -> RetryResult {
        let result = RetryableErrors.on_error(state, error);
        if let RetryResult::Continue(error) = &result {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.is_none_or(|told| told.elapsed() >= Self::TELL_EVERY) {
                *told = Some(Instant::now());
                tracing::warn!("publishing fails and is tried again: {}", fault::innermost(error));
            }
        }
        result
    }

    fn remaining_time(&self, _state: &RetryState) -> Option<Duration> {
        Some(Self::ATTEMPT)
    }
}

/// Warns once that somebody who reads the network could use the token.
fn warn_of_the_clear(config: &PubSubConfig) {
    static TOLD: Once = Once::new();
    if endpoint(config).starts_with("http://") && !matches!(config.identity, Identity::Anonymous) {
        TOLD.call_once(|| {
            tracing::warn!(
                "the token of {} goes to {} in the clear, where others can read it: name the address with https:// by --endpoint",
                config.identity.name(),
                endpoint(config)
            );
        });
    }
}

fn endpoint(config: &PubSubConfig) -> &str {
    config.endpoint.as_deref().unwrap_or(ENDPOINT)
}

fn unusable(config: &PubSubConfig, error: &BuildError) -> BrokerError {
    BrokerError::Configuration(format!(
        "a Pub/Sub client cannot be created for {}: {error}; check --endpoint and the credentials",
        endpoint(config)
    ))
}

fn credentials(identity: &Identity) -> Result<Credentials, BrokerError> {
    let built = match identity {
        Identity::Anonymous => Ok(anonymous::Builder::new().build()),
        Identity::Default => credentials::Builder::default().build(),
        Identity::File(_, value) => of_file(value.clone()),
    };
    built.map_err(|error| {
        let remedy = match identity {
            Identity::Default => {
                "run `gcloud auth application-default login`, set GOOGLE_APPLICATION_CREDENTIALS, or name a file"
            }
            _ => "download a new JSON key",
        };
        BrokerError::Configuration(format!(
            "{} cannot be used: {}; {remedy}",
            identity.place(),
            told(&error)
        ))
    })
}

/// By the member `type`, which was checked.
fn of_file(value: Value) -> Result<Credentials, IdentityError> {
    match value.get("type").and_then(Value::as_str) {
        Some("authorized_user") => user_account::Builder::new(value).build(),
        Some("external_account") => external_account::Builder::new(value).build(),
        Some("impersonated_service_account") => impersonated::Builder::new(value).build(),
        _ => service_account::Builder::new(value).build(),
    }
}

/// What is wrong with the file, whose contents are partly secret: only whether a member is missing or it does not
/// parse.
fn told(error: &IdentityError) -> &'static str {
    match () {
        () if error.is_loading() => "they cannot be found or read",
        () if error.is_parsing() => "they cannot be parsed, or their key is damaged",
        () if error.is_unknown_type() => "they are of an unknown type",
        () if error.is_missing_field() => "a member is missing",
        () => "they were refused",
    }
}
