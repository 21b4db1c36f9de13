//! Kafka with TLS and a login, through the real binary: every way to log in, the common mistakes, and a broker that
//! goes away and returns. A mistake ends soon, in one line that names the address and says what to change.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod access;
#[path = "../components/mod.rs"]
mod components;
mod deaf;
mod denied;
mod login;
mod mistakes;
mod outage;
#[path = "../cli/sandbox.rs"]
mod sandbox;
mod settings;
