//! Runs the chains of operators that image classifiers are made of: convolutions, pooling, additions, dense layers.
//!
//! A [`Graph`] says what is computed, and checks it. [`Graph::plan`] lays it out once: which operators are one pass, where
//! each value lies, and the weights in the order in which they are read. [`Plan::run`] then computes a batch of images and
//! allocates nothing.
//!
//! Numbers are floats of 32 bits, or [integers](integer) that stand for floats. Each sum is taken in an order of its own, which neither the batch nor the machine
//! changes: an image has the same answer beside any others, and the vectors of WebAssembly give the same bits as the
//! portable code of [`vector`].
//!
//! # Memory layout
//!
//! A value is row-major: image, row, column, channel. Four channels share a vector, so a pixel has a multiple of four
//! floats, the last ones zero. Around each image lie as many zeros as the convolutions need that read it: their loops then know
//! no borders, and the numbers under one row of a kernel are one slice.

#![cfg_attr(
    not(test),
    deny(clippy::disallowed_macros, clippy::print_stderr, clippy::print_stdout)
)]

mod concatenation;
mod convolution;
mod curve;
mod depthwise;
mod elementwise;
mod error;
mod graph;
mod integer;
mod kernel;
mod layout;
mod passes;
mod pixels;
mod plan;
mod pool;
mod scratch;
mod slot;
mod strip;
mod tile;
mod vector;
mod window;
mod winograd;

pub use curve::Curve;
pub use error::{GraphError, RunError};
pub use graph::{Graph, Operator, Value};
pub use integer::{Grid, IntegerKernel, IntegerOperator};
pub use kernel::{Kernel, Range};
pub use layout::Shape;
pub use pixels::Pixels;
pub use plan::Plan;
pub use pool::Pooling;
pub use window::{Steps, Window};
