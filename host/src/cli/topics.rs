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
  host topics forget-group input-stream my-group    let go of what a group that is gone holds back")]
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
