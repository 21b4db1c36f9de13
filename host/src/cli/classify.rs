//! `host classify`: what may be typed.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use super::{ComponentArgs, Format, PrepareArgs};
use crate::values::count;

/// `host classify`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host classify shirt.png shoe.jpg
  host classify photos/                          every picture of a folder
  host classify --top-k 1 --format json photos/*.png")]
pub struct ClassifyCommand {
    /// Image files, and folders of pictures.
    #[arg(required = true, value_name = "FILE|FOLDER")]
    pub files: Vec<PathBuf>,
    /// How many labels to show for each image, the likeliest first.
    #[arg(long, value_name = "K", default_value = "3", value_parser = count::<NonZeroU32>)]
    pub top_k: NonZeroU32,
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
