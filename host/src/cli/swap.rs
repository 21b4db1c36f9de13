//! `host swap`: what may be typed.

use std::path::PathBuf;

use clap::Args;

use super::Format;
use crate::values::Digest;

/// `host swap`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host swap                                    read again the files that it was started with
  host swap --component better.wasm
  host swap --model better.onnx --pid 4711     if several hosts run")]
pub struct SwapCommand {
    /// The component [default: the one that the host was started with].
    #[arg(long, value_name = "FILE")]
    pub component: Option<PathBuf>,
    /// Use this ONNX model instead of the component's own [default: as the host was started].
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// Names of that model's classes, one a line, the first for class 0 [default: from its metadata].
    #[arg(long, value_name = "FILE", requires = "model")]
    pub labels: Option<PathBuf>,
    /// Let it serve only if its file has this digest: sha256: and 64 digits, as `host inspect` shows it.
    #[arg(long, value_name = "DIGEST")]
    pub digest: Option<Digest>,
    /// Let it serve only if this is a signature of its file, by the key that the host was started with.
    #[arg(long, value_name = "FILE")]
    pub signature: Option<PathBuf>,
    /// The process of the host, if several run.
    #[arg(long, value_name = "N")]
    pub pid: Option<u32>,
    /// Do not wait until the trial is over.
    #[arg(long)]
    pub no_wait: bool,
    /// Result format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
