//! What may be typed of Google Pub/Sub.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::heading::PUBSUB;
use crate::values::time;

/// How Pub/Sub is reached, and as whom.
#[derive(Args, Clone, Debug, Default)]
pub struct PubSubArgs {
    /// Google credentials, a JSON file, or `-` for the application-default ones.
    #[arg(value_name = "CREDENTIALS", help_heading = PUBSUB)]
    pub credentials: Option<String>,
    /// Google project. If you give only one of the two, it is the project.
    #[arg(value_name = "PROJECT", help_heading = PUBSUB)]
    pub project: Option<String>,
    /// An emulator; no credentials are sent to it.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "PUBSUB_EMULATOR_HOST",
        help_heading = PUBSUB
    )]
    pub emulator: Option<String>,
    /// Another address of the service, such as a region's; credentials are sent to it [default:
    /// pubsub.googleapis.com].
    #[arg(long, value_name = "URL", help_heading = PUBSUB)]
    pub endpoint: Option<String>,
    /// Names of subscriptions that are not TOPIC-sub: a JSON file, {"TOPIC": "SUBSCRIPTION"}.
    #[arg(long, value_name = "FILE", help_heading = PUBSUB)]
    pub subscriptions: Option<PathBuf>,
    /// How soon the messages of a killed host are redelivered: 10s to 10m [default: 60s].
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = PUBSUB)]
    pub lease: Option<Duration>,
}
