//! `host run`: what may be typed.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::heading::{COMPONENT, DELIVERY, ENDS, SWAP};
use super::{BrokerAddress, BrokerArgs, ComponentArgs, DeliveryName, Format, MemberArgs, PrepareArgs, StorageArgs};
use crate::values::{ByteSize, DEFAULT_GROUP, DEFAULT_INPUT, DEFAULT_MAX_FAILURES, DEFAULT_OUTPUT, count, time};

/// `host run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host run
  host run --component other.wasm --workers 2
  host run --idle-timeout 90s            stop after 90 s without a message
  host run --broker pubsub creds.json my-project")]
pub struct RunCommand {
    /// The component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// The media type of the answers [default: the component's own default].
    #[arg(long, value_name = "MEDIA", help_heading = COMPONENT)]
    pub accept: Option<String>,
    /// How to read pixels.
    #[command(flatten)]
    pub prepare: PrepareArgs,
    /// Read from this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub input_topic: String,
    /// Publish answers to this topic.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_OUTPUT)]
    pub output_topic: String,
    /// Topic for unanswerable messages [default: input topic + `.dlq`].
    #[arg(long, value_name = "TOPIC", help_heading = DELIVERY)]
    pub dead_letter_topic: Option<String>,
    /// The group that shares the messages.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_GROUP)]
    pub group: String,
    /// Do not add the headers that say where an answer comes from: `source`, `dedupe-id` and `component`.
    #[arg(long, help_heading = DELIVERY)]
    pub plain: bool,
    /// Read from this broker instead of --broker: kafka:HOST:PORT, pubsub:PROJECT or local:FILE.
    #[arg(long, value_name = "BROKER", help_heading = ENDS)]
    pub input: Option<BrokerAddress>,
    /// Publish answers to this broker instead of --broker; dead letters stay with the input.
    #[arg(long, value_name = "BROKER", help_heading = ENDS)]
    pub output: Option<BrokerAddress>,
    /// The delivery guarantee [default: exactly-once within one embedded broker, otherwise at-least-once].
    #[arg(long, value_enum, help_heading = DELIVERY)]
    pub delivery: Option<DeliveryName>,
    /// Where to start, and under which name.
    #[command(flatten)]
    pub member: MemberArgs,
    /// What to do with a message that cannot be answered.
    #[arg(long, value_enum, default_value = "dead-letter")]
    pub on_error: OnErrorName,
    /// How often to try a message after a failure that may pass.
    #[arg(long, value_name = "N", default_value = "3", help_heading = DELIVERY, value_parser = count::<NonZeroU32>)]
    pub attempts: NonZeroU32,
    /// End with exit code 5 after this many messages in a row that failed by traps, time-outs and the like, without
    /// an answer between them: the component is broken, and none of them is consumed. 0: never.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_MAX_FAILURES, help_heading = DELIVERY)]
    pub max_failures: usize,
    /// Let the component, or its model, serve anew when its file changes, as `host swap` does.
    #[arg(long, help_heading = SWAP)]
    pub watch: bool,
    /// For this many messages what a new component or model cannot answer is answered by the one before it. 0: no trial.
    #[arg(long, value_name = "N", default_value = "100", help_heading = SWAP)]
    pub trial: u64,
    /// Of these it may fail so many that the one before it answers; one more, and that one serves again.
    #[arg(long, value_name = "N", default_value = "0", help_heading = SWAP)]
    pub trial_failures: u64,
    /// Messages in flight at once.
    #[arg(long, value_name = "N", default_value = "4096", help_heading = DELIVERY, value_parser = count::<NonZeroUsize>)]
    pub max_in_flight: NonZeroUsize,
    /// Bytes in flight at once [default: 64MiB, or twice --max-message-bytes if that is more].
    #[arg(long, value_name = "SIZE", help_heading = DELIVERY)]
    pub max_in_flight_bytes: Option<ByteSize>,
    /// Stop after this long without a message [default: never].
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub idle_timeout: Option<Duration>,
    /// How long a stop may take to finish messages in flight.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, help_heading = DELIVERY)]
    pub drain: Duration,
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

/// What to do with a message that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnErrorName {
    /// Publish it to the dead-letter topic and go on.
    DeadLetter,
    /// Stop, and do not consume the message.
    Stop,
}
