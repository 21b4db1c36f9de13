//! A real Kafka, and Google's in-memory Pub/Sub, for tests and for `cargo xtask kafka` and `pubsub`: made once, up in
//! seconds, and gone with whoever started it.
//!
//! Separate from the host's tests because `xtask` starts the same servers for people, and because several test programs
//! share them. It knows the servers and none of their clients: what is asked of a Kafka broker here is written by hand,
//! in [`exchange`], and [`PubSub`] talks to the control server of its Go program, `pubsub/` beside `src/`. Processes are
//! kept by a POSIX shell and sent signals, so elsewhere the crate is empty.

#![cfg(unix)]

mod chromium;
mod cluster;
mod distribution;
mod keeper;
mod node;
mod program;
mod pubsub;
mod python;
mod skip;
mod store;
mod tls;
mod wire;

pub use chromium::need_chromium;
pub use cluster::{Cluster, Options};
pub use distribution::{Distribution, missing_packages};
pub use node::{MECHANISMS, PASSWORD, USER};
pub use program::DEADLINE;
pub use pubsub::{
    Credentials, Fault, Key, PubSub, PubSubOptions, PubSubProgram, Published, ServiceAccount, Stats,
    SubscriptionOptions, need_go,
};
pub use python::python_environment;
pub use skip::{SKIPPED, or_skip};
pub use wire::{exchange, open_transactions};
