//! `host consume`: what may be typed.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;

use super::{BrokerArgs, Format, MemberArgs, StorageArgs};
use crate::values::{DEFAULT_GROUP, DEFAULT_OUTPUT, time};

/// `host consume`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host consume
  host consume --limit 250 --idle-timeout 90s
  host consume --topic input-stream.dlq --format json      why messages were not answered")]
pub struct ConsumeCommand {
    /// Read from this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_OUTPUT)]
    pub topic: String,
    /// Members of one group share the messages.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_GROUP)]
    pub group: String,
    /// Where it begins, and as whom.
    #[command(flatten)]
    pub member: MemberArgs,
    /// Stop after so many messages.
    #[arg(long, value_name = "MESSAGES")]
    pub limit: Option<NonZeroU64>,
    /// Stop after so long without a message [default: never].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub idle_timeout: Option<Duration>,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Its limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}
