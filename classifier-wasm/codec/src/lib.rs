//! Messages and answers of the classifier: everything but the network.
//!
//! [`decode`] turns the bytes of a message into images of the model's size, [`answer`] turns what the model says of them into
//! the bytes of a reply. It is a crate of its own so that it is compiled and tested in seconds, without the engine and without
//! WebAssembly; it reads no files and knows no bindings.

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
