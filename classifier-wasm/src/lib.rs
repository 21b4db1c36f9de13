//! The image classifier as a component: messages with images in, classes out.
//!
//! Messages and answers are in the crate `classifier-codec`. Here are the exports of the component, the network (`model`,
//! `onnx`, `network`, `lower`), and what its numbers and classes mean ([`scores`], [`labels`]).
//!
//! The engine is compiled for WebAssembly only, because compiling it natively takes minutes: native tests cover the two
//! modules that do not need it, and `host/tests/guest/models` the rest. The feature `native` compiles everything, for lints.

#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::print_stderr, clippy::print_stdout)
)]

#[cfg(any(target_family = "wasm", feature = "native"))]
mod component;
pub mod labels;
#[cfg(any(target_family = "wasm", feature = "native"))]
mod lower;
#[cfg(any(target_family = "wasm", feature = "native"))]
mod model;
#[cfg(any(target_family = "wasm", feature = "native"))]
mod network;
#[cfg(any(target_family = "wasm", feature = "native"))]
mod onnx;
pub mod scores;
#[cfg(feature = "tract")]
mod tract;
