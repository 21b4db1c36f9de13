//! `host dead-letters`: what may be typed.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{BrokerArgs, Format, StorageArgs};
use crate::values::{DEFAULT_INPUT, count, time};

/// `host dead-letters`.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  host dead-letters                      how many there are, by reason, with an example of each
  host dead-letters show 17              one of them, by its offset: why, where from, and its picture
  host dead-letters show 3/17            the same where there are several partitions
  host dead-letters replay               all of them back into input-stream"
)]
pub struct DeadLettersCommand {
    /// What to do; to count them where nothing is said.
    #[command(subcommand)]
    pub action: Option<DeadLettersAction>,
    /// Which to count.
    #[command(flatten)]
    pub list: ListCommand,
}

/// What to do with dead letters.
#[derive(Debug, Subcommand)]
pub enum DeadLettersAction {
    /// Show one letter: its reason, headers and payload, which is drawn where it is a picture.
    Show(ShowCommand),
    /// Send dead letters back to the topic that they came from.
    ///
    /// What is in the dead-letter topic now goes back, without the reason and otherwise as it came. What fails again is a dead letter
    /// again, for the next replay.
    Replay(ReplayCommand),
}

/// Which dead letters, and how to write what is found: `host dead-letters` without more, and part of `show`.
#[derive(Args, Debug)]
pub struct ListCommand {
    /// The topic that they came from.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub topic: String,
    /// Look at this topic [default: the topic and `.dlq`].
    #[arg(long, value_name = "TOPIC")]
    pub dead_letter_topic: Option<String>,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
}

/// `host dead-letters show`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host dead-letters show 17
  host dead-letters show input-stream.dlq/0/17 --format json
  host dead-letters show 17 --topic photos --broker kafka")]
pub struct ShowCommand {
    /// Its offset, PARTITION/OFFSET or whole position; in Pub/Sub the message's id.
    #[arg(value_name = "LETTER")]
    pub letter: String,
    /// Among which letters.
    #[command(flatten)]
    pub list: ListCommand,
}

/// `host dead-letters replay`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host dead-letters replay                              from input-stream.dlq back into input-stream
  host dead-letters replay --code timeout --limit 100   only what took too long")]
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
    #[arg(long, value_name = "LETTERS", value_parser = count::<NonZeroU64>)]
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
