//! The real binary, as a person would use it: each test in a temporary folder of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod bench;
mod broken;
mod compiled_code;
#[path = "../components/mod.rs"]
mod components;
mod consume;
mod dead_letters;
mod evaluate;
mod from_any_folder;
mod linear;
mod model;
mod model_files;
#[path = "../onnx/mod.rs"]
mod onnx;
mod page;
mod pixels;
mod produce;
mod sandbox;
mod signals;
mod swap;
mod topics;
mod training;
mod trust;
mod unusual_files;
mod usage;
#[path = "../waiting/mod.rs"]
mod waiting;
mod with_component;
