//! Kafka beyond the conformance suite, most of it through the real binary: groups, markers and damaged batches; every way to
//! log in and the common mistakes; a broker that goes away and returns; the Python program's scripts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access;
#[path = "../components/mod.rs"]
mod components;
mod deaf;
mod denied;
mod groups;
#[path = "../live/mod.rs"]
mod live;
mod login;
mod mistakes;
mod outage;
#[path = "../python/mod.rs"]
mod python;
mod python_programs;
#[path = "../cli/sandbox.rs"]
mod sandbox;
mod settings;
#[path = "../support/mod.rs"]
mod support;
#[path = "../waiting/mod.rs"]
mod waiting;
