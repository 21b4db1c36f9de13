//! A real Kafka, and Google's in-memory Pub/Sub, for tests and for `cargo xtask kafka` and `pubsub`. They start in
//! seconds and end with the process that started them.
//!
//! Separate from the host's tests because `xtask` starts the same servers for users, and because several test
//! programs share them. This crate knows the servers and none of their clients: its requests to a Kafka broker are
//! written by hand, in [`exchange`], and [`PubSub`] talks to the control server of its Go program, `pubsub/` beside
//! `src/`. A POSIX shell runs the servers, and they get signals, so elsewhere the crate is empty.

#![cfg(unix)]
#![cfg_attr(not(test), deny(clippy::disallowed_macros))]

mod chromium;
mod cluster;
mod distribution;
mod keeper;
mod node;
mod options;
mod program;
mod pubsub;
mod python;
mod skip;
mod store;
mod tls;
mod wire;

pub use chromium::need_chromium;
pub use cluster::Cluster;
pub use distribution::{Distribution, missing_packages};
pub use node::{MECHANISMS, PASSWORD, USER};
pub use options::Options;
pub use program::DEADLINE;
pub use pubsub::{
    Credentials, Fault, Key, PubSub, PubSubOptions, PubSubProgram, Published, ServiceAccount, Stats,
    SubscriptionOptions, need_go,
};
pub use python::{find_python, python_environment};
pub use skip::{SKIPPED, or_skip};
pub use wire::{exchange, open_transactions};
