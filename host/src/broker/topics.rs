//! Which topics a pipeline or a reader is about, and as whom it reads.

/// The topics and the group of one pipeline.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Read from.
    pub input: Subscription,
    /// Answers go here; created when missing.
    pub output: String,
    /// Dead letters go here; created for the first one.
    pub dead_letters: String,
}

/// One group's reading of one topic.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The topic.
    pub topic: String,
    /// Members of one group share the partitions; their offsets outlive them all.
    pub group: String,
    /// Create the topic when it is missing, instead of [`BrokerError::UnknownTopic`]: right for the default topics,
    /// so that three terminals can be started in any order, and wrong for a name that may be mistyped.
    pub create: bool,
}
