//! `host produce`: what may be typed.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{BrokerArgs, Format, PictureArgs, StorageArgs};
use crate::values::{DEFAULT_INPUT, count, time};

/// `host produce`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host produce                                   40 images every 5 seconds
  host produce --interval 0 --limit 1000         1,000 images as fast as possible
  host produce --images photos/ --interval 1s    each picture of a folder
  host produce --images pixels.npy --batch 10")]
pub struct ProduceCommand {
    /// An IDX or npy file of bytes (both may be gzipped), a picture, or a folder of pictures.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub images: Option<PathBuf>,
    /// Images in each message.
    #[arg(long, value_name = "N", default_value = "40", value_parser = count::<NonZeroUsize>)]
    pub batch: NonZeroUsize,
    /// Time between messages; 0 means as fast as possible.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub interval: Duration,
    /// Stop after this many images.
    #[arg(long, value_name = "IMAGES", value_parser = count::<NonZeroU64>)]
    pub limit: Option<NonZeroU64>,
    /// How the classifier should prepare the pictures: sent in the header `content-prepare`.
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Publish to this topic, created when missing.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub topic: String,
    /// Result format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// The broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}
