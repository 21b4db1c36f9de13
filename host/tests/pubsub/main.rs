//! Pub/Sub beyond the conformance suite, most of it through the real binary and Google's in-memory server: acknowledgements,
//! leases and silence; who is accepted and what each role allows; the Python program's scripts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access;
#[path = "../components/mod.rs"]
mod components;
mod ends;
mod files;
mod leases;
#[path = "../live/mod.rs"]
mod live;
mod login;
mod outage;
#[path = "../python/mod.rs"]
mod python;
mod python_programs;
mod roles;
#[path = "../cli/sandbox.rs"]
mod sandbox;
mod secrets;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
#[path = "../waiting/mod.rs"]
mod waiting;
