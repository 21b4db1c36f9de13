//! Classifies a stream of images with a WebAssembly component it need not trust.
//!
//! The groups are in reading order.

// The data path.
pub mod message;
pub mod pipeline;

// What it runs over and through.
pub mod broker;
pub mod classifier;
pub mod shutdown;

// The program around it.
pub mod cli;
pub mod commands;
pub mod config;
pub mod evaluation;
pub mod exit;
pub mod files;
pub mod images;
