//! Messages and answers of the classifier: everything but the network.
//!
//! [`decode`] turns the bytes of a message into images of the model's size, [`answer`] turns the model's results into
//! the bytes of a reply. It is a crate of its own so that it compiles and is tested in seconds, without the engine
//! and without WebAssembly. It reads no files and knows no bindings.

#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::print_stderr, clippy::print_stdout)
)]

pub mod answer;
pub mod decode;
mod dtype;
pub mod images;
mod media_type;
pub mod prediction;
pub mod prepare;
mod preprocess;
pub mod reject;
mod resize;
pub mod warning;
