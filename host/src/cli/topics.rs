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
  host topics forget-group input-stream my-group    let go of what a group that is gone holds back
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
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
        /// Its limits.
        #[command(flatten)]
        storage: StorageArgs,
    },
    /// List all topics.
    List {
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Show a topic's partitions and groups.
    Describe {
        /// Its name.
        name: String,
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Delete a topic with all its messages; on a terminal it asks first.
    ///
    /// Refused while a group reads the topic or has yet to consume some of it, or where no group has ever read its messages; --force
    /// deletes it all the same, but in the embedded broker not under a live reader. Pub/Sub says neither; there the subscription
    /// TOPIC-sub goes with the topic, and other subscriptions stay and get nothing any more.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask; needed where there is no terminal.
        #[arg(long)]
        yes: bool,
        /// Though messages would be lost that a group has yet to consume.
        #[arg(long)]
        force: bool,
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
    /// Forget how far a group has come, so that it no longer holds messages back.
    ForgetGroup {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
        /// How to write results.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Which broker.
        #[command(flatten)]
        broker: BrokerArgs,
    },
}
