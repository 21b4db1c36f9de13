//! Which component: what may be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::TrustArgs;
use super::heading::COMPONENT;
use crate::values::{ByteSize, DEFAULT_GUEST_MEMORY, DEFAULT_GUEST_TIMEOUT, time};

/// The component and its limits.
#[derive(Args, Debug)]
pub struct ComponentArgs {
    /// The component [default: classifier.wasm beside this program, or the one that it carries].
    #[arg(long, value_name = "FILE", env = "HOST_COMPONENT")]
    pub component: Option<PathBuf>,
    /// Use this ONNX model instead of the component's own.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The name of that model's output to use, if it has several.
    #[arg(long, value_name = "NAME", requires = "model", help_heading = COMPONENT)]
    pub model_output: Option<String>,
    /// Names of that model's classes, one a line, the first for class 0 [default: from its metadata].
    #[arg(long, value_name = "FILE", requires = "model", help_heading = COMPONENT)]
    pub labels: Option<PathBuf>,
    /// Instances of the component, each on a thread of its own [default: one for each core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = COMPONENT)]
    pub workers: Option<u16>,
    /// Memory limit of one instance.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_GUEST_MEMORY, help_heading = COMPONENT)]
    pub guest_memory: ByteSize,
    /// Time limit of one call.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, help_heading = COMPONENT)]
    pub guest_timeout: Duration,
    /// Compile the component again, and do not use the cache.
    #[arg(long, help_heading = COMPONENT)]
    pub no_cache: bool,
    /// Link functions that always fail for what the component imports of WASI and is not granted, such as sockets and HTTP.
    #[arg(long, help_heading = COMPONENT)]
    pub stub_wasi: bool,
    /// Whether it may run at all.
    #[command(flatten)]
    pub trust: TrustArgs,
}

impl ComponentArgs {
    /// One instance of a component, with the defaults.
    pub fn one(component: Option<PathBuf>) -> Self {
        Self {
            component,
            model: None,
            model_output: None,
            labels: None,
            workers: Some(1),
            guest_memory: DEFAULT_GUEST_MEMORY,
            guest_timeout: DEFAULT_GUEST_TIMEOUT,
            no_cache: false,
            stub_wasi: false,
            trust: TrustArgs::default(),
        }
    }
}
