//! Options of `host demo`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::Args;

use super::{ComponentArgs, Format};
use crate::values::count;

/// `host demo`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  host demo
  host demo --limit 1000 --workers 1
  host demo --format json
  host demo --browser                     the same classifier on a page, at http://127.0.0.1:8000/
  host demo --browser=pages --port 0")]
pub struct DemoCommand {
    /// The component.
    #[command(flatten)]
    pub component: ComponentArgs,
    /// Send only the first images, this many.
    #[arg(long, value_name = "IMAGES", value_parser = count::<NonZeroU64>)]
    pub limit: Option<NonZeroU64>,
    /// Result format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// Serve the page that classifies in a browser, from this folder [default: browser beside this program, or target/browser].
    #[arg(
        long,
        value_name = "FOLDER",
        num_args = 0..=1,
        require_equals = true,
        conflicts_with_all = ["limit", "format", "model", "labels", "workers", "guest_memory", "guest_timeout", "no_cache",
            "digest", "signature", "key", "stub_wasi"],
        help_heading = "In a browser"
    )]
    pub browser: Option<Option<PathBuf>>,
    /// Serve it on this port; 0 means any free one [default: 8000, or any free one if that is in use].
    #[arg(long, value_name = "N", requires = "browser", help_heading = "In a browser")]
    pub port: Option<u16>,
}
