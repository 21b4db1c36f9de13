//! `host run`: what may be typed.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::heading::{COMPONENT, DELIVERY, ENDS};
use super::{BrokerAddress, BrokerArgs, ComponentArgs, DeliveryName, Format, MemberArgs, PrepareArgs, StorageArgs};
use crate::values::{ByteSize, DEFAULT_GROUP, DEFAULT_INPUT, DEFAULT_MAX_FAILURES, DEFAULT_OUTPUT, time};

/// `host run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host run
  host run --component other.wasm --workers 2
  host run --accept 'application/json;profile=scores;top-k=3' --on-error stop
  host run --idle-timeout 90s            stop after 90 s without a message
  host run --broker pubsub creds.json my-project
  host run --input kafka:localhost:9092 --output pubsub:my-project creds.json my-project")]
pub struct RunCommand {
    /// Which component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// The media type to ask the component for [default: the component's own].
    #[arg(long, value_name = "MEDIA", help_heading = COMPONENT)]
    pub accept: Option<String>,
    /// How it is to read pixels.
    #[command(flatten)]
    pub prepare: PrepareArgs,
    /// Read from this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub input_topic: String,
    /// Publish answers to this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_OUTPUT)]
    pub output_topic: String,
    /// Publish what cannot be answered to this topic [default: the input topic and `.dlq`].
    #[arg(long, value_name = "TOPIC")]
    pub dead_letter_topic: Option<String>,
    /// Members of one group share the messages.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_GROUP)]
    pub group: String,
    /// Add no headers to answers: neither `source`, `dedupe-id` nor `component`.
    #[arg(long, help_heading = DELIVERY)]
    pub plain: bool,
    /// Read from this broker instead of --broker: kafka:HOST:PORT, pubsub:PROJECT or local:FILE.
    #[arg(long, value_name = "BROKER", help_heading = ENDS)]
    pub input: Option<BrokerAddress>,
    /// Publish answers to this broker instead of --broker; dead letters stay with the input.
    #[arg(long, value_name = "BROKER", help_heading = ENDS)]
    pub output: Option<BrokerAddress>,
    /// How often a message may be answered [default: exactly-once within one embedded broker, else at-least-once].
    #[arg(long, value_enum, help_heading = DELIVERY)]
    pub delivery: Option<DeliveryName>,
    /// Where it begins, and as whom.
    #[command(flatten)]
    pub member: MemberArgs,
    /// What to do with a message that cannot be answered.
    #[arg(long, value_enum, default_value = "dead-letter")]
    pub on_error: OnErrorName,
    /// How often to try a message whose failure may pass.
    #[arg(long, value_name = "N", default_value = "3", help_heading = DELIVERY)]
    pub attempts: NonZeroU32,
    /// End with exit code 5 where so many messages in a row fail by traps, time-outs and the like, and nothing is answered
    /// between them: the component is broken, and none of them is consumed. 0: never.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_FAILURES, help_heading = DELIVERY)]
    pub max_failures: usize,
    /// Messages that may be under way at once.
    #[arg(long, value_name = "N", default_value = "1024", help_heading = DELIVERY)]
    pub max_in_flight: NonZeroUsize,
    /// Bytes that may be under way at once [default: 64MiB, or twice --max-message-bytes where that is more].
    #[arg(long, value_name = "SIZE", help_heading = DELIVERY)]
    pub max_in_flight_bytes: Option<ByteSize>,
    /// Stop after so long without a message [default: never].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub idle_timeout: Option<Duration>,
    /// How long a stop may take to finish what has begun.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, help_heading = DELIVERY)]
    pub drain: Duration,
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

/// What to do with a message that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnErrorName {
    /// Publish it to the dead-letter topic and go on.
    DeadLetter,
    /// Stop, with the message unconsumed.
    Stop,
}
