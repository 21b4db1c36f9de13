//! `host inspect`: what may be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::heading::COMPONENT;
use super::{Format, TrustArgs};
use crate::values::{ByteSize, DEFAULT_GUEST_MEMORY, time};

/// `host inspect`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host inspect                            the component that the other commands take
  host inspect model.onnx                 what the component makes of a model, before it is run
  host inspect model.onnx --component other.wasm --format json")]
pub struct InspectCommand {
    /// A component or an ONNX model [default: the component].
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The component to load the model into [default: classifier.wasm beside this program, or the one that it carries].
    #[arg(long, value_name = "FILE", env = "HOST_COMPONENT")]
    pub component: Option<PathBuf>,
    /// The name of the model's output to use, if it has several.
    #[arg(long, value_name = "NAME")]
    pub model_output: Option<String>,
    /// Names of the model's classes, one a line, the first for class 0 [default: from its metadata].
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Memory limit of one instance.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_GUEST_MEMORY)]
    pub guest_memory: ByteSize,
    /// Time limit of one call.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub guest_timeout: Duration,
    /// Compile the component again, and do not use the cache.
    #[arg(long)]
    pub no_cache: bool,
    /// Link functions that always fail for what the component imports of WASI and is not granted, such as sockets and HTTP.
    #[arg(long, help_heading = COMPONENT)]
    pub stub_wasi: bool,
    /// Whether the component may run at all.
    #[command(flatten)]
    pub trust: TrustArgs,
    /// Result format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}
