//! `host bench`: what may be typed.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ComponentArgs, Format};
use crate::values::time;

/// `host bench`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host bench                              the built-in model, with messages as `host produce` sends them
  host bench --model other.onnx --workers 1 --batch 1 --codec npy
  host bench --against other.wasm         two components in turn, and how one compares with the other
  host bench --against other.onnx --format json")]
pub struct BenchCommand {
    /// Measure this component or ONNX model too, in turn with the first.
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// How the images are sent.
    #[arg(long, value_enum, default_value = "python")]
    pub codec: CodecName,
    /// Images in each message.
    #[arg(long, value_name = "N", default_value = "40")]
    pub batch: NonZeroU32,
    /// How often everything is measured.
    #[arg(long, value_name = "N", default_value = "5")]
    pub rounds: NonZeroUsize,
    /// How long each round takes, and the warm-up before the first.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    pub time: Duration,
    /// The component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// Result format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// How the images of a message are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CodecName {
    /// JSON within a JSON string, as the Python program sends it.
    Python,
    /// A JSON object.
    Json,
    /// A NumPy file of bytes.
    Npy,
    /// The bytes of the pixels alone.
    Raw,
}
