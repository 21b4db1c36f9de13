//! Which component: what may be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::heading::COMPONENT;
use crate::values::{ByteSize, DEFAULT_GUEST_MEMORY, DEFAULT_GUEST_TIMEOUT, time};

/// Which component, and what it may take.
#[derive(Args, Debug)]
pub struct ComponentArgs {
    /// The component [default: classifier.wasm beside this program, or the one that it carries].
    #[arg(long, value_name = "FILE", env = "HOST_COMPONENT")]
    pub component: Option<PathBuf>,
    /// An ONNX model to put in place of the component's own.
    #[arg(long, value_name = "FILE")]
    pub model: Option<PathBuf>,
    /// The name of that model's output to use, if it has several.
    #[arg(long, value_name = "NAME", requires = "model", help_heading = COMPONENT)]
    pub model_output: Option<String>,
    /// What that model's classes are called, one a line, the first being class 0 [default: as its metadata says].
    #[arg(long, value_name = "FILE", requires = "model")]
    pub labels: Option<PathBuf>,
    /// Warm instances, each on a thread of its own [default: the cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = COMPONENT)]
    pub workers: Option<u16>,
    /// Memory that one instance may have.
    #[arg(long, value_name = "SIZE", default_value_t = DEFAULT_GUEST_MEMORY, help_heading = COMPONENT)]
    pub guest_memory: ByteSize,
    /// How long one call may take.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time, help_heading = COMPONENT)]
    pub guest_timeout: Duration,
    /// Compile the component anew, and keep no compiled code.
    #[arg(long, help_heading = COMPONENT)]
    pub no_cache: bool,
}

impl ComponentArgs {
    /// One instance of a component, and what holds where nothing more was typed.
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
        }
    }
}
