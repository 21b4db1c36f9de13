//! What Kafka and its client library say, said so that the reader knows which address it is about and what to do.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::client::Reporter;
use crate::broker::BrokerError;

/// The trouble and the remedy. What was last reported of the connection says more than the request that it failed.
pub(super) fn explain(error: &KafkaError, reporter: &Reporter) -> BrokerError {
    if let KafkaError::ClientConfig(_, reason, key, _) = error {
        // Without the value, which may be a secret.
        return BrokerError::Configuration(format!("the Kafka property '{key}' is not usable: {reason}"));
    }
    if let KafkaError::ClientCreation(reason) = error {
        return BrokerError::Configuration(format!("no Kafka client can be made of these settings: {reason}"));
    }
    let code = error.rdkafka_error_code();
    match reporter.last() {
        Some(report) if code.is_none_or(is_vague) => connection(report.code, &report.reason),
        _ => match code {
            Some(code) => connection(code, &error.to_string()),
            None => BrokerError::Failed(format!("kafka: {error}")),
        },
    }
}

/// Says that a request came to nothing, not why.
fn is_vague(code: Code) -> bool {
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

fn connection(code: Code, reason: &str) -> BrokerError {
    let has = |word: &str| reason.to_ascii_lowercase().contains(word);
    let remedy = match code {
        Code::Authentication | Code::SaslAuthenticationFailed => {
            "check user and password (--sasl-username, --sasl-password-file or KAFKA_PASSWORD) and the mechanism (--sasl)"
        }
        Code::UnsupportedSASLMechanism => "choose a mechanism that the broker offers with --sasl",
        Code::SSL if has("certificate verify failed") || has("self-signed") || has("unable to get local issuer") => {
            "the broker's certificate is not trusted: name the certificate authority's file with --tls-ca"
        }
        Code::SSL if has("wrong version number") || has("not an ssl") || has("record layer") => {
            "this looks like a port without TLS: leave --tls off, or name the broker's TLS port"
        }
        Code::SSL => "check the port and the certificates (--tls-ca, --tls-certificate, --tls-key)",
        Code::BrokerTransportFailure if has("disconnected while requesting apiversion") || has("tls") => {
            "the broker hung up at the first words: this looks like a TLS port; add --tls"
        }
        Code::Resolve => "check the name in --bootstrap-servers or KAFKA_URI",
        Code::BrokerTransportFailure | Code::AllBrokersDown | Code::OperationTimedOut => {
            "check that Kafka runs there, and --bootstrap-servers or KAFKA_URI"
        }
        Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed => "ask whoever runs the broker for the rights",
        Code::AutoOffsetReset | Code::OffsetOutOfRange => {
            "messages that this group had not consumed are gone from the topic; take what is left with another --group, or \
             set the group's offsets with Kafka's own tool"
        }
        Code::FencedInstanceId => "another host with the same --instance has taken over",
        Code::ProducerFenced | Code::Fenced | Code::InvalidProducerEpoch => {
            "another host with the same --instance has taken over"
        }
        _ => return BrokerError::Failed(format!("kafka: {reason}")),
    };
    let said = format!("kafka: {reason}; {remedy}");
    if is_unreachable(code) {
        BrokerError::Unreachable(said)
    } else {
        BrokerError::Failed(said)
    }
}

/// It may pass by itself.
fn is_unreachable(code: Code) -> bool {
    is_vague(code) || code == Code::Resolve
}

/// No repeating helps.
pub(super) fn is_final(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::AutoOffsetReset
                | Code::OffsetOutOfRange
                | Code::FencedInstanceId
                | Code::Fatal
        )
    })
}

/// Somebody younger of the same name took over.
pub(super) fn is_fenced(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| matches!(code, Code::FencedInstanceId | Code::ProducerFenced | Code::Fenced))
}
