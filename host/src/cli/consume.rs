//! `host consume`: what may be typed.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{BrokerArgs, Format, MemberArgs, StorageArgs};
use crate::values::{DEFAULT_OUTPUT, count, time};

/// `host consume`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host consume
  host consume --limit 250 --idle-timeout 90s
  host consume --tail 5                                    look at the last five, and take none away
  host consume --topic input-stream --from 120 --follow    look from offset 120 on, and go on looking
  host consume --group audit --from 2026-11-24T18:00:00Z   a group of its own that begins there")]
pub struct ConsumeCommand {
    /// Read from this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_OUTPUT)]
    pub topic: String,
    /// Members of one group share the messages [default: my-group].
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Only look at the last N messages, of all partitions together, and end there.
    #[arg(long, value_name = "N", conflicts_with_all = ["group", "from"], value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub tail: Option<u32>,
    /// With --tail or --from: go on with what comes, instead of ending at the last message.
    #[arg(long)]
    pub follow: bool,
    /// On a terminal: what the classes of answers are called that do not say so themselves, one a line.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Where it begins, and as whom.
    #[command(flatten)]
    pub member: MemberArgs,
    /// Stop after so many messages.
    #[arg(long, value_name = "MESSAGES", value_parser = count::<NonZeroU64>)]
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
