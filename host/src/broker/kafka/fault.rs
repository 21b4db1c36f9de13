//! Errors of Kafka and librdkafka, in words that name the address and the remedy.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::client::Reporter;
use super::code::is_vague;
use super::remedy::tell;
use super::report::Report;
use crate::broker::{BrokerError, NOT_PUBLISHABLE, TOO_LARGE};

/// Properties behind options of this program, for errors in creating a client.
const OPTIONS: [(&str, &str); 3] = [
    ("ssl.ca.location", "--tls-ca"),
    ("ssl.certificate.location", "--tls-certificate"),
    ("ssl.key.location", "--tls-key"),
];

/// The problem and the remedy. The last report about the connection says more than the request that failed because of
/// it.
pub(super) fn explain(error: &KafkaError, reporter: &Reporter) -> BrokerError {
    if let KafkaError::ClientConfig(_, reason, key, _) = error {
        // Without the value, which may be a secret.
        return BrokerError::Configuration(format!(
            "the Kafka property '{key}' is not usable: {reason}; see librdkafka's CONFIGURATION.md for what --set \
             kafka.{key} may be"
        ));
    }
    if let KafkaError::ClientCreation(reason) = error {
        let option = OPTIONS.iter().find(|(property, _)| reason.contains(property));
        let remedy = option.map_or_else(String::new, |(_, option)| format!("; give {option} a PEM file"));
        return BrokerError::Configuration(format!(
            "a Kafka client cannot be created with these settings: {reason}{remedy}"
        ));
    }
    let access = reporter.access();
    let code = match error {
        KafkaError::AdminOp(code) => Some(*code),
        error => error.rdkafka_error_code(),
    };
    let Some(code) = code else {
        return BrokerError::Failed(format!("kafka at {}: {error}", access.servers));
    };
    if let Some(denial) = reporter.denial(error) {
        return tell(&denial, access, true);
    }
    let has_answered = reporter.is_connected();
    match reporter.last() {
        Some(report) if is_vague(code) => tell(&report, access, has_answered),
        None if is_vague(code) && has_answered => BrokerError::Unreachable(format!(
            "kafka at {}: {error}; it answered before, so check that every address that the cluster itself names \
             (advertised.listeners) can be reached from here",
            access.servers
        )),
        _ => tell(&Report::new(code, &error.to_string()), access, has_answered),
    }
}

/// Why a member was not told its partitions.
pub(super) fn unassigned(group: &str, reporter: &Reporter) -> BrokerError {
    match reporter.last() {
        Some(report) => tell(&report, reporter.access(), true),
        None => BrokerError::Unreachable(format!(
            "kafka at {}: the group '{group}' has not yet assigned partitions to this member; check that every address that the \
             cluster itself names (advertised.listeners) can be reached from here, and that no other member holds the group up",
            reporter.access().servers
        )),
    }
}

/// Why a record was not published: it was refused, another record of its batch was, or nothing can be published now.
pub(super) fn unpublished(error: &KafkaError, topic: &str, reporter: &Reporter) -> BrokerError {
    match error.rdkafka_error_code() {
        Some(code @ (Code::MessageSizeTooLarge | Code::MessageBatchTooLarge)) => BrokerError::Refused {
            code: TOO_LARGE,
            detail: format!(
                "the topic '{topic}' accepts no message of that size ({code}); send smaller batches, or raise the topic's \
                 max.message.bytes"
            ),
        },
        Some(code @ (Code::InvalidTimestamp | Code::InvalidRecord | Code::PolicyViolation)) => BrokerError::Refused {
            code: NOT_PUBLISHABLE,
            detail: format!(
                "the topic '{topic}' refuses it: {code}; check which keys, times and schemas the topic accepts"
            ),
        },
        Some(Code::InvalidDifferentRecord) => BrokerError::HeldBack(format!(
            "a message for the topic '{topic}' was not published because another in its batch was refused"
        )),
        _ => explain(error, reporter),
    }
}
