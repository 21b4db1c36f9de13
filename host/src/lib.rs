//! Classifies a stream of images with a WebAssembly component it need not trust.
//!
//! The groups are in reading order.

#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::print_stderr,
        clippy::print_stdout
    )
)]

// The data path.
pub mod message;
pub mod pipeline;
pub mod swap;

// What it runs over and through.
pub mod broker;
pub mod classifier;
pub mod shutdown;

// The program around it.
pub mod cli;
pub mod commands;
pub mod config;
pub mod control;
pub mod evaluation;
pub mod exit;
pub mod files;
pub mod images;
pub mod json;
pub mod terminal;
pub mod values;
