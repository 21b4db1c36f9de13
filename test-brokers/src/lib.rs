//! A real Kafka for tests and for `cargo xtask kafka`: fetched once, up in seconds, and gone with whoever started it.
//!
//! Separate from the host's tests because `xtask` starts the same cluster for people, and because several test programs
//! share it. It knows Kafka's server and none of its clients: what is asked of a broker here is written by hand, in
//! [`exchange`]. Processes are kept by a POSIX shell and sent signals, so elsewhere the crate is empty.

#![cfg(unix)]

mod cluster;
mod distribution;
mod keeper;
mod node;
mod program;
mod skip;
mod tls;
mod wire;

pub use cluster::{Cluster, Options};
pub use distribution::{Distribution, missing_packages};
pub use node::{MECHANISMS, PASSWORD, USER};
pub use skip::{SKIPPED, or_skip};
pub use wire::exchange;
