//! Why an act was not settled, and what a broker could not do.

use super::Lane;

/// Why an act was not settled.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SettleError {
    /// These lanes were rewound or lost. Nothing happened, and the messages are redelivered, here or to another
    /// member.
    #[error("the lanes {} were put back to their last consumed message", join(.0))]
    Rewound(Vec<Lane>),
    /// A newer host with the same name took over; stop.
    #[error("fenced: {0}")]
    Fenced(String),
    /// The broker failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

fn join(lanes: &[Lane]) -> String {
    let names: Vec<_> = lanes.iter().map(Lane::to_string).collect();
    names.join(", ")
}

/// Of [`BrokerError::Refused`]: the message is larger than its topic takes.
pub const TOO_LARGE: &str = "too-large";
/// Of [`BrokerError::Refused`]: any other reason.
pub const NOT_PUBLISHABLE: &str = "not-publishable";

/// What a broker could not do. Each message names the value and the remedy.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BrokerError {
    /// This broker, or this use of it, is not supported.
    #[error("{0}")]
    Unsupported(String),
    /// The topic does not exist.
    #[error("there is no topic '{topic}' {place}; create it with 'host topics create {topic} {options}'")]
    UnknownTopic {
        /// The topic asked for.
        topic: String,
        /// Where the host looked, such as `in ./host.db`.
        place: String,
        /// The options that lead a command there, such as `--local-file ./host.db`.
        options: String,
    },
    /// One message is over the broker's limit.
    #[error(
        "a message of {size} bytes is over the limit of {limit}; send smaller batches or raise --max-message-bytes"
    )]
    TooLarge {
        /// Bytes.
        size: usize,
        /// Bytes.
        limit: usize,
    },
    /// The topic never accepts this message, but accepts others: the fault is the message's own, and not the topic's
    /// or the connection's.
    #[error("{detail}")]
    Refused {
        /// [`TOO_LARGE`], or [`NOT_PUBLISHABLE`] for any other reason.
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// Not published because another message was refused: to be sent again.
    #[error("{0}")]
    HeldBack(String),
    /// Settings that cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// Nobody answers, which may pass by itself.
    #[error("{0}")]
    Unreachable(String),
    /// Anything else: locked, read-only, foreign, full, gone.
    #[error("{0}")]
    Failed(String),
}
