//! Progress on stderr, for people: nothing is drawn where stderr is not a terminal.

use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar up to `total` images, or a spinner where nobody knows how many there will be.
pub fn bar(total: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    let template = match total {
        Some(_) => "{bar:32} {human_pos}/{human_len} images, {per_sec}, {eta} left {msg}",
        None => "{spinner} {human_pos} images, {per_sec}, {elapsed} {msg}",
    };
    // The templates are fixed, so they parse; the plain style would only be less pretty.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// One line for people, on stderr. Where stderr is gone nobody misses it.
pub fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
