//! `host produce`: what may be typed.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{BrokerArgs, Format, PictureArgs, StorageArgs};
use crate::values::{DEFAULT_INPUT, time};

/// `host produce`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host produce                                   40 images every 5 seconds
  host produce --interval 0 --limit 1000         1,000 images as fast as it goes
  host produce --images photos/ --interval 1s    each picture of a folder
  host produce --images pixels.npy --batch 10")]
pub struct ProduceCommand {
    /// An IDX or npy file of bytes (both may be gzipped), a picture, or a folder of pictures.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub images: Option<PathBuf>,
    /// Images to a message.
    #[arg(long, value_name = "N", default_value = "40")]
    pub batch: NonZeroUsize,
    /// Time between messages; 0 is as fast as it goes.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = time)]
    pub interval: Duration,
    /// Stop after so many images.
    #[arg(long, value_name = "IMAGES")]
    pub limit: Option<NonZeroU64>,
    /// What whoever classifies them is to make of pictures, in the header `content-prepare`.
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Publish to this topic, made when missing.
    #[arg(long, value_name = "TOPIC", default_value = DEFAULT_INPUT)]
    pub topic: String,
    /// How to write results.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Which broker.
    #[command(flatten)]
    pub broker: BrokerArgs,
    /// Its limits.
    #[command(flatten)]
    pub storage: StorageArgs,
}
