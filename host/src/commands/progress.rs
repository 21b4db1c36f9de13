//! Progress on stderr, for people: bars, spinners and lines that are drawn anew, only where stderr is a terminal. Whatever else
//! is written there goes above them, so that it does not tear them.

mod lines;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anstream::adapter::strip_str;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressState, ProgressStyle, WeakProgressBar};

pub use self::lines::Lines;
use crate::terminal::{BAD, DOUBTFUL, shows_colours, styled};

/// All bars and spinners. Shown on stderr, if that is a terminal.
static DRAWN: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Each of them, until it has ended.
static BARS: Mutex<Vec<WeakProgressBar>> = Mutex::new(Vec::new());

/// A bar up to `total` images, or a spinner where nobody knows how many there will be.
pub fn bar(total: Option<u64>) -> ProgressBar {
    match total {
        Some(_) => draw(total, "{bar:32} {human_pos}/{human_len} images, {rate}/s{left} {msg}"),
        None => draw(None, "{spinner} {human_pos} images, {rate}/s, {elapsed} {msg}"),
    }
}

/// A bar up to `total` images, of which so many go at a time that their rate so far foretells nothing.
pub fn paced_bar(total: u64, interval: Duration) -> ProgressBar {
    let pace = format!("one message every {}", humantime::format_duration(interval));
    draw(Some(total), "{bar:32} {human_pos}/{human_len} images, {msg}").with_message(pace)
}

/// A spinner with what is being done, and how many messages of `total` it was done to.
pub fn counting(doing: &'static str, total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{spinner} {msg}: {human_pos} of {human_len}",
        None => "{spinner} {msg}: {human_pos}",
    };
    draw(total, template).with_message(doing)
}

/// A spinner that says what is being waited for.
pub fn waiting(message: impl Into<Cow<'static, str>>) -> ProgressBar {
    draw(None, "{spinner} {msg}").with_message(message)
}

fn draw(total: Option<u64>, template: &str) -> ProgressBar {
    let bar = DRAWN.add(total.map_or_else(ProgressBar::no_length, ProgressBar::new));
    // The templates are fixed, so they parse; the plain style would only be less pretty.
    if let Ok(style) = ProgressStyle::with_template(template) {
        let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A rate that cannot be drawn is left out.
            let _ = write!(out, "{:.0}", state.per_sec());
        };
        let left = |state: &ProgressState, out: &mut dyn fmt::Write| {
            // Before the first image nobody knows.
            if state.pos() > 0 {
                let _ = write!(out, ", {:#} left", HumanDuration(state.eta()));
            }
        };
        bar.set_style(style.with_key("rate", rate).with_key("left", left));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bars().push(bar.downgrade());
    bar
}

fn bars() -> MutexGuard<'static, Vec<WeakProgressBar>> {
    BARS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a bar or a spinner stands on the terminal now.
fn is_any_drawn() -> bool {
    let mut bars = bars();
    bars.retain(|bar| bar.upgrade().is_some_and(|bar| !bar.is_finished()));
    !bars.is_empty()
}

/// One line for people, on stderr. Where stderr is gone nobody misses it.
pub fn say(line: &str) {
    let line = match shows_colours(&io::stderr()) {
        true => format!("{line}\n"),
        false => format!("{}\n", strip_str(line)),
    };
    let _ = Stderr.write_all(line.as_bytes());
}

/// The same for a warning.
pub fn warn(text: &str) {
    say(&format!("{} {text}", styled("warning:", DOUBTFUL)));
}

/// The same for an error that does not end the command.
pub fn fail(text: &str) {
    say(&format!("{} {text}", styled("error:", BAD)));
}

/// Stderr, above whatever is drawn there. Takes whole lines, each in one call of [`Write::write_all`].
#[derive(Clone, Copy, Debug)]
pub struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if lines::write_above(&text) {
            return Ok(bytes.len());
        }
        // With nothing drawn it would leave the cursor behind the text, where the next prompt would stand.
        if DRAWN.is_hidden() || !is_any_drawn() {
            return io::stderr().write(bytes);
        }
        DRAWN.println(text.strip_suffix('\n').unwrap_or(&text))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
