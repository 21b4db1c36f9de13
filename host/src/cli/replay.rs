//! `host replay`: what may be typed.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;

use super::{BrokerArgs, Format, StorageArgs};
use crate::values::{DEFAULT_INPUT, time};

/// `host replay`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host replay                                    from input-stream.dlq back into input-stream
  host replay --code timeout --limit 100         only what took too long")]
pub struct ReplayCommand {
    /// Send dead letters to this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub topic: String,
    /// Take them from this topic [default: the topic and `.dlq`].
    #[arg(long, value_name = "TOPIC")]
    pub dead_letter_topic: Option<String>,
    /// Remembers how far the letters were replayed; in Pub/Sub their subscription does.
    #[arg(long, value_name = "NAME", default_value = "replay")]
    pub group: String,
    /// Only letters with this `error-code`; others are left out, and count as seen, but stay where they are in Pub/Sub.
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Stop after so many letters.
    #[arg(long, value_name = "LETTERS")]
    pub limit: Option<NonZeroU64>,
    /// Stop after so long without a letter.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub idle_timeout: Duration,
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
