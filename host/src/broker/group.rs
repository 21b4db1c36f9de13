//! Where a member stands in its group: for whoever watches, asked now and then, and apart from the path of the messages.

use async_trait::async_trait;

use super::BrokerError;

/// Where a member stands. What a broker does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupStatus {
    /// Messages of all partitions that the group has not consumed.
    pub lag: Option<u64>,
    /// How many partitions this member holds, and how many the topic has.
    pub partitions: Option<(u32, u32)>,
    /// Members of the group, this one included.
    pub members: Option<u32>,
    /// Where this member holds no partition: who holds them, for people, such as `process 4711`.
    pub holders: Vec<String>,
}

/// Asks a broker where a member stands.
#[async_trait]
pub trait GroupWatch: Send + Sync {
    /// Where it stands now. May take as long as the broker does, and may be dropped.
    async fn status(&self) -> Result<GroupStatus, BrokerError>;
}

/// For a broker that tells nothing.
pub(super) struct NothingTold;

#[async_trait]
impl GroupWatch for NothingTold {
    async fn status(&self) -> Result<GroupStatus, BrokerError> {
        Ok(GroupStatus::default())
    }
}
