//! Options of `host evaluate`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ComponentArgs, Format, PrepareArgs};
use crate::values::count;

/// `host evaluate`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host evaluate
  host evaluate --model other.onnx --data fashion-mnist/ --split train
  host evaluate --data photos/ --picture photos.svg      photos/Bag/1.jpg, photos/Shirt/2.png, ...
  host evaluate --data images.npz --format json")]
pub struct EvaluateCommand {
    /// A folder of IDX files or of folders of pictures, or an .npz file [default: the built-in test images].
    #[arg(long, value_name = "FOLDER|FILE")]
    pub data: Option<PathBuf>,
    /// The part of the data.
    #[arg(long, value_enum, default_value = "test")]
    pub split: SplitName,
    /// Images in each message, if they are pixels.
    #[arg(long, value_name = "N", default_value = "40", value_parser = count::<NonZeroUsize>)]
    pub batch: NonZeroUsize,
    /// Draw the confusion matrix and the most confidently wrong answers into this SVG file.
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// The component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// How to read pixels.
    #[command(flatten)]
    pub prepare: PrepareArgs,
    /// Result format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// The part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitName {
    /// Test images.
    Test,
    /// Training images.
    Train,
}
