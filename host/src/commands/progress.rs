//! Progress on stderr, for people: bars and spinners are drawn only where stderr is a terminal.

use std::fmt;
use std::io::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::terminal::{BAD, DOUBTFUL, styled};

/// A bar up to `total` images, or a spinner where nobody knows how many there will be.
pub fn bar(total: Option<u64>) -> ProgressBar {
    match total {
        Some(_) => draw(
            total,
            "{bar:32} {human_pos}/{human_len} images, {rate}/s, {eta} left {msg}",
        ),
        None => draw(None, "{spinner} {human_pos} images, {rate}/s, {elapsed} {msg}"),
    }
}

/// A spinner that says what is being waited for.
pub fn waiting(message: &'static str) -> ProgressBar {
    draw(None, "{spinner} {msg}").with_message(message)
}

fn draw(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
    // The templates are fixed, so they parse; the plain style would only be less pretty.
    if let Ok(style) = ProgressStyle::with_template(template) {
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A rate that cannot be drawn is left out.
            let _ = write!(out, "{:.0}", state.per_sec());
        };
        bar.set_style(style.with_key("rate", rate));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// One line for people, on stderr. Where stderr is gone nobody misses it.
pub fn say(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// The same for a warning.
pub fn warn(text: &str) {
    say(&format!("{} {text}", styled("warning:", DOUBTFUL)));
}

/// The same for an error that does not end the command.
pub fn fail(text: &str) {
    say(&format!("{} {text}", styled("error:", BAD)));
}
