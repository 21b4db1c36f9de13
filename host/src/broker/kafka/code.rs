//! What librdkafka's error codes mean: which say nothing, which pass, which end a reader.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

/// Says that a request failed, but not why.
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

/// Explains a failure, and passes by itself.
pub(super) fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Resolve
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::UnstableOffsetCommit
    )
}

/// A partition's leader is being chosen, or is not known everywhere yet.
pub(super) fn is_moving(code: Code) -> bool {
    matches!(
        code,
        Code::NotLeaderForPartition
            | Code::LeaderNotAvailable
            | Code::UnknownTopicOrPartition
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
    )
}

/// What is wrong with a batch that will never be readable. librdkafka would skip it, or fetch it for ever.
pub(super) fn damage(error: &KafkaError) -> Option<&'static str> {
    match error.rdkafka_error_code()? {
        Code::BadMessage | Code::InvalidMessage => Some("is damaged: its checksum does not match"),
        Code::BadCompression => Some("cannot be decompressed"),
        Code::NotImplemented => Some("has an unknown format or compression"),
        Code::MessageSizeTooLarge => Some("is too large to be fetched"),
        _ => None,
    }
}

/// A record was dropped together with others, for a reason that concerns one of them.
pub(super) fn is_purged(code: Code) -> bool {
    matches!(code, Code::PurgeQueue | Code::PurgeInflight)
}

/// Repeating never helps.
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

/// There is nothing at the group's offset, so repeating does not help either.
pub(super) fn is_misplaced(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| matches!(code, Code::AutoOffsetReset | Code::OffsetOutOfRange))
}

/// A newer client with the same name took over.
pub(super) fn is_fenced(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| matches!(code, Code::FencedInstanceId | Code::ProducerFenced | Code::Fenced))
}
