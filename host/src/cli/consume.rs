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
  host consume --tail 5                                    look at the last five, consume none
  host consume --topic input-stream --from 120 --follow    look from offset 120 on, and wait for more
  host consume --group audit --from 2026-11-24T18:00:00Z   a group of its own that begins there")]
pub struct ConsumeCommand {
    /// Read from this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_OUTPUT)]
    pub topic: String,
    /// Members of one group share the messages [default: my-group].
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// Only look at the last N messages of all partitions together, then end.
    #[arg(long, value_name = "N", conflicts_with_all = ["group", "from"], value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub tail: Option<u32>,
    /// With --tail or --from: wait for more, instead of ending at the last message.
    #[arg(long)]
    pub follow: bool,
    /// On a terminal: names of the classes, one a line, for answers that do not have them.
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Where to start, and under which name.
    #[command(flatten)]
    pub member: MemberArgs,
    /// Stop after this many messages.
    #[arg(long, value_name = "MESSAGES", value_parser = count::<NonZeroU64>)]
    pub limit: Option<NonZeroU64>,
    /// Stop after this long without a message [default: never].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub idle_timeout: Option<Duration>,
    /// Result format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}
