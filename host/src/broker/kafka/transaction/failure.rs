//! How a transaction fails, and what helps: librdkafka's classes of errors.

use std::thread;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::broker::BrokerError;

/// How soon a request is repeated.
const AGAIN: Duration = Duration::from_millis(5);

/// Why a transaction failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error("the group's coordinator does not answer")]
    Hung,
    /// Topics refused some of its records, each given with the number of its act. None: which ones will show when
    /// each is a batch of its own.
    #[error("records were refused")]
    Refused(Vec<(usize, BrokerError)>),
}

impl Failed {
    /// Why the act of this number was refused, if it was.
    pub fn of(&self, number: usize) -> Option<BrokerError> {
        let Self::Refused(refused) = self else { return None };
        let found = refused.iter().find(|(refused, _)| *refused == number);
        found.map(|(_, error)| error.clone())
    }
}

/// Repeats what may be repeated, for as long as it takes: the outcome of a commit must be known.
pub(super) fn repeat(call: impl Fn() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    loop {
        match call() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && !error.is_fatal() => {
                tracing::debug!(%error, "a transaction's request is repeated");
                thread::sleep(AGAIN);
            }
            other => return other,
        }
    }
}

pub(super) fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}

/// There was no transaction to abort.
pub(super) fn is_state(error: &KafkaError) -> bool {
    error.rdkafka_error_code() == Some(Code::State)
}

/// The same records will be refused again.
pub(super) fn is_permanent(error: &KafkaError) -> bool {
    let KafkaError::MessageProduction(code) = error else {
        return false;
    };
    matches!(
        code,
        Code::InvalidMessage
            | Code::TopicAuthorizationFailed
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownPartition
    )
}
