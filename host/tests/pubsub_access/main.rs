//! Pub/Sub with a key, through the real binary and Google's in-memory server: who is accepted, what each role allows,
//! the common mistakes, and a service that is not there yet. A mistake ends in one line that says what to do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access;
#[path = "../components/mod.rs"]
mod components;
mod ends;
mod files;
mod login;
mod outage;
mod roles;
#[path = "../cli/sandbox.rs"]
mod sandbox;
mod secrets;
mod subscriptions;
