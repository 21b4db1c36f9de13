//! `host topics`: what may be typed.

use clap::{Args, Subcommand};

use super::{BrokerArgs, Format, StorageArgs};

/// `host topics`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host topics create images --partitions 4
  host topics list
  host topics describe input-stream --format json
  host topics forget-group input-stream my-group    keep nothing more for a group that will not return
  host topics delete images")]
pub struct TopicsCommand {
    /// What to do.
    #[command(subcommand)]
    pub action: TopicsAction,
}

/// What to do with topics.
#[derive(Debug, Subcommand)]
pub enum TopicsAction {
    /// Create a topic.
    Create {
        /// Its name.
        name: String,
        /// Result format.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArgs,
        /// Limits.
        #[command(flatten)]
        storage: StorageArgs,
    },
    /// List all topics.
    List {
        /// Result format.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Show a topic's partitions and groups.
    Describe {
        /// Its name.
        name: String,
        /// Result format.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Delete a topic with all its messages; on a terminal it asks first.
    ///
    /// Refused while a group reads the topic or has yet to consume some of it, and if no group has ever read its messages.
    /// --force deletes it anyway, except that the embedded broker never deletes a topic under a live reader. Pub/Sub cannot
    /// tell: there the topic is deleted with its subscription TOPIC-sub, and other subscriptions receive nothing more.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask; needed without a terminal.
        #[arg(long)]
        yes: bool,
        /// Delete it even if a group loses messages that it has yet to consume.
        #[arg(long)]
        force: bool,
        /// Result format.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Forget how far a group has read, so that no more messages are kept for it.
    ForgetGroup {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
        /// Result format.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// The broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
}
