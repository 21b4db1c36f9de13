//! What Kafka and its client library say, said so that the reader knows which address it is about and what to do.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::client::Reporter;
use super::remedy::tell;
use super::report::Report;
use crate::broker::{BrokerError, NOT_PUBLISHABLE, TOO_LARGE};

/// Properties that are set by options of this program, where a client cannot be made.
const OPTIONS: [(&str, &str); 3] = [
    ("ssl.ca.location", "--tls-ca"),
    ("ssl.certificate.location", "--tls-certificate"),
    ("ssl.key.location", "--tls-key"),
];

/// The trouble and the remedy. What was last reported of the connection says more than the request that it failed.
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
            "no Kafka client can be made of these settings: {reason}{remedy}"
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

/// Why a member was not told what it holds.
pub(super) fn unassigned(group: &str, reporter: &Reporter) -> BrokerError {
    match reporter.last() {
        Some(report) => tell(&report, reporter.access(), true),
        None => BrokerError::Unreachable(format!(
            "kafka at {}: the group '{group}' has not said yet what this member is to read; check that every address that the \
             cluster itself names (advertised.listeners) can be reached from here, and that no other member holds the group up",
            reporter.access().servers
        )),
    }
}

/// Why a record was not published: by its own fault, by that of another in its batch, or because nothing is published now.
pub(super) fn unpublished(error: &KafkaError, topic: &str, reporter: &Reporter) -> BrokerError {
    match error.rdkafka_error_code() {
        Some(code @ (Code::MessageSizeTooLarge | Code::MessageBatchTooLarge)) => BrokerError::Refused {
            code: TOO_LARGE,
            detail: format!(
                "the topic '{topic}' takes no message of that size ({code}); send smaller batches, or raise the topic's \
                 max.message.bytes"
            ),
        },
        Some(code @ (Code::InvalidTimestamp | Code::InvalidRecord | Code::PolicyViolation)) => BrokerError::Refused {
            code: NOT_PUBLISHABLE,
            detail: format!(
                "the topic '{topic}' does not take it: {code}; see which keys, times and schemas the topic is set to take"
            ),
        },
        Some(Code::InvalidDifferentRecord) => BrokerError::HeldBack(format!(
            "a message for the topic '{topic}' was not published, because one beside it was refused"
        )),
        _ => explain(error, reporter),
    }
}

/// Says that a request came to nothing, not why.
pub(super) fn is_vague(code: Code) -> bool {
    matches!(
        code,
        Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::MessageTimedOut
            | Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::WaitingForCoordinator
            | Code::TimedOutQueue
    )
}

/// What is wrong with a batch that cannot be read, today or tomorrow. librdkafka would go on behind it, or fetch it for ever.
pub(super) fn damage(error: &KafkaError) -> Option<&'static str> {
    match error.rdkafka_error_code()? {
        Code::BadMessage | Code::InvalidMessage => Some("is damaged: its checksum is another"),
        Code::BadCompression => Some("cannot be decompressed"),
        Code::NotImplemented => Some("has a format or a compression that is not known here"),
        Code::MessageSizeTooLarge => Some("is larger than any that can be fetched"),
        _ => None,
    }
}

/// A record was given up together with others, for a reason that concerns one of them.
pub(super) fn is_purged(code: Code) -> bool {
    matches!(code, Code::PurgeQueue | Code::PurgeInflight)
}

/// No repeating helps.
pub(super) fn is_final(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::FencedInstanceId
                | Code::InvalidSessionTimeout
                | Code::InconsistentGroupProtocol
                | Code::Fatal
        )
    })
}

/// There is nothing at the place where the group goes on, so no repeating helps either.
pub(super) fn is_misplaced(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| matches!(code, Code::AutoOffsetReset | Code::OffsetOutOfRange))
}

/// Somebody younger of the same name took over.
pub(super) fn is_fenced(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| matches!(code, Code::FencedInstanceId | Code::ProducerFenced | Code::Fenced))
}
