//! Classifies a stream of images with a WebAssembly component it need not trust.
//!
//! The modules stand in the order in which to read them.

pub mod broker;
pub mod classifier;
pub mod config;
pub mod message;
pub mod pipeline;
pub mod shutdown;
