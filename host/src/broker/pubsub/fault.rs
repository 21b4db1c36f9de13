//! Google's errors, in words that name the resource and the remedy.

use std::time::{Duration, SystemTime};

use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::Error;
use google_cloud_pubsub::error::PublishError;

use crate::broker::{BrokerError, NOT_PUBLISHABLE};
use crate::config::{Identity, PubSubConfig};
use crate::files;

/// Tokens are valid for an hour, and Google tolerates a clock that is off by a few minutes.
const CLOCK: Duration = Duration::from_secs(4 * 60);

/// How much of a foreign message is repeated.
const LINE: usize = 300;

/// What was requested, and of which resource.
#[derive(Clone, Copy, Debug)]
pub(super) enum Call<'a> {
    /// Whether the service is reachable.
    Probe,
    /// A topic's or a subscription's description.
    Get(&'a str),
    /// All topics and subscriptions.
    List,
    /// A new topic or subscription.
    Create(&'a str),
    /// A topic or subscription that is to go.
    Delete(&'a str),
    /// A message for a topic.
    Publish(&'a str),
    /// The messages of a subscription.
    Pull(&'a str),
}

impl Call<'_> {
    /// What it does, and which role allows it.
    fn need(self) -> (String, &'static str) {
        match self {
            Self::Probe | Self::List => ("list topics and subscriptions".to_owned(), "roles/pubsub.viewer"),
            Self::Get(name) => (format!("look at '{name}'"), "roles/pubsub.viewer"),
            Self::Create(name) => (format!("make '{name}'"), "roles/pubsub.editor"),
            Self::Delete(name) => (format!("delete '{name}'"), "roles/pubsub.editor"),
            Self::Publish(topic) => (format!("publish to the topic '{topic}'"), "roles/pubsub.publisher"),
            Self::Pull(subscription) => (
                format!("read the subscription '{subscription}'"),
                "roles/pubsub.subscriber",
            ),
        }
    }
}

/// The service's status code, if it was the service that answered.
pub(super) fn code(error: &Error) -> Option<Code> {
    error.status().map(|status| status.code)
}

/// The problem and the remedy.
pub(super) fn explain(error: &Error, call: Call<'_>, config: &PubSubConfig) -> BrokerError {
    let who = config.identity.name();
    let (what, _) = call.need();
    let Some(status) = error.status() else {
        return silent(error, config);
    };
    let said = status.message.trim_end_matches('.');
    match status.code {
        Code::PermissionDenied => denied(call, config),
        Code::Unauthenticated if matches!(config.identity, Identity::Anonymous) => BrokerError::Configuration(format!(
            "Pub/Sub at {} requires credentials, and with PUBSUB_EMULATOR_HOST or --emulator none are sent: leave them off, and \
             name an address that is not Google's own with --endpoint",
            endpoint(config)
        )),
        Code::Unauthenticated => match clock_error(error) {
            Some(off) => BrokerError::Configuration(format!(
                "Google does not accept {who}, and the clock of this machine is {off}: set it, and start again"
            )),
            None => BrokerError::Configuration(format!(
                "Google does not accept {who}: {said}; its key may have been deleted or disabled: make a new one with \
                 `gcloud iam service-accounts keys create`"
            )),
        },
        Code::NotFound => not_found(said, call, config),
        Code::InvalidArgument => BrokerError::Failed(format!("Pub/Sub refuses to {what}: {said}")),
        Code::Aborted
        | Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::ResourceExhausted
        | Code::Unavailable
        | Code::Unknown => BrokerError::Unreachable(format!(
            "Pub/Sub cannot {what} now ({:?}): {said}; it may pass",
            status.code
        )),
        code => BrokerError::Failed(format!("Pub/Sub did not {what} ({code:?}): {said}")),
    }
}

/// A role is missing, or the project's name is wrong: Google says the same for both.
pub(super) fn denied(call: Call<'_>, config: &PubSubConfig) -> BrokerError {
    let (what, role) = call.need();
    let (who, project) = (config.identity.name(), &config.project);
    BrokerError::Configuration(format!(
        "{who} may not {what} in the project '{project}': give it the role {role}, and check that the project's name is right \
         and its Pub/Sub API enabled"
    ))
}

/// Why a message was not published.
pub(super) fn explain_publishing(error: &PublishError, topic: &str, config: &PubSubConfig) -> BrokerError {
    match error {
        PublishError::Rpc(error) => match explain(error, Call::Publish(topic), config) {
            BrokerError::Failed(detail) if code(error) == Some(Code::InvalidArgument) => BrokerError::Refused {
                code: NOT_PUBLISHABLE,
                detail,
            },
            other => other,
        },
        PublishError::OrderingKeyPaused => BrokerError::HeldBack(format!(
            "a message for the topic '{topic}' waited behind one of the same key that was not published"
        )),
        _ => BrokerError::Failed(format!(
            "the publisher ended before a message for '{topic}' was confirmed"
        )),
    }
}

fn not_found(said: &str, call: Call<'_>, config: &PubSubConfig) -> BrokerError {
    let project = &config.project;
    match call {
        _ if said.to_lowercase().contains("project not found") => BrokerError::Configuration(format!(
            "there is no project '{project}' that {} may see: {said}; `gcloud projects list` lists them",
            config.identity.name()
        )),
        Call::Pull(name) => BrokerError::Configuration(format!(
            "there is no subscription '{name}' in the project '{project}'; name another one with --subscription, or create it: \
             gcloud pubsub subscriptions create {name} --topic TOPIC --enable-message-ordering"
        )),
        Call::Publish(topic) => unknown(topic, config),
        _ => BrokerError::Failed(format!("the project '{project}': {said}")),
    }
}

pub(super) fn unknown(topic: &str, config: &PubSubConfig) -> BrokerError {
    BrokerError::UnknownTopic {
        topic: topic.to_owned(),
        place: format!("in the project '{}'", config.project),
        options: options(config),
    }
}

/// The options that lead a command of this program to the project.
pub(super) fn options(config: &PubSubConfig) -> String {
    format!("--broker pubsub - {}", config.project)
}

/// There was no reply, or nothing could be sent.
fn silent(error: &Error, config: &PubSubConfig) -> BrokerError {
    let cause = innermost(error);
    if error.is_binding() {
        return BrokerError::Configuration(format!("that is no name of a topic or a subscription: {cause}"));
    }
    if !any_cause(error, Error::is_authentication) {
        let remedy = match files::is_of_too_many(&cause) {
            true => files::TOO_MANY.join(": "),
            false => "check the network, and what --endpoint or PUBSUB_EMULATOR_HOST say".to_owned(),
        };
        return BrokerError::Unreachable(format!(
            "Pub/Sub at {} does not answer: {cause}; {remedy}",
            endpoint(config)
        ));
    }
    let place = config.identity.place();
    let is_default = matches!(config.identity, Identity::Default);
    match any_cause(error, Error::is_transient_and_before_rpc) {
        // Without credentials, Google's client looks for a server that exists only on Google's own machines.
        true if is_default => BrokerError::Configuration(format!(
            "{place} give no token: {cause}; run `gcloud auth application-default login`, or name a credentials file"
        )),
        true => BrokerError::Unreachable(format!("{place} give no token now: {cause}; check the network")),
        // The cause may contain the key.
        false => BrokerError::Configuration(format!(
            "{place} give no token: their key is damaged, or they were revoked; download a new JSON key, or run `gcloud auth \
             application-default login`"
        )),
    }
}

fn endpoint(config: &PubSubConfig) -> &str {
    config.endpoint.as_deref().unwrap_or("pubsub.googleapis.com")
}

/// The last cause says what happened; the others only say who noticed. A foreign server may say a page of it.
pub(super) fn innermost(error: &Error) -> String {
    let cause = causes(error).last().unwrap_or(error).to_string();
    let words: Vec<_> = cause.split_whitespace().collect();
    let mut line = words.join(" ");
    if line.len() > LINE {
        line.truncate(line.floor_char_boundary(LINE));
        line.push_str(" ...");
    }
    line
}

/// The library wraps what it has repeated in vain.
fn any_cause(error: &Error, holds: fn(&Error) -> bool) -> bool {
    causes(error).any(|cause| cause.downcast_ref().is_some_and(holds))
}

fn causes(error: &Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |cause| {
        cause.source()
    })
}

/// How far this machine's clock is off the service's, if too far and the reply has a time: `fast by 2h`.
fn clock_error(error: &Error) -> Option<String> {
    let date = error.http_headers()?.get("date")?.to_str().ok()?;
    let theirs = httpdate::parse_http_date(date).ok()?;
    let ours = SystemTime::now();
    let (way, off) = match ours.duration_since(theirs) {
        Ok(ahead) => ("fast", ahead),
        Err(behind) => ("slow", behind.duration()),
    };
    let whole = humantime::format_duration(Duration::from_secs(off.as_secs()));
    (off > CLOCK).then(|| format!("{way} by {whole}"))
}
