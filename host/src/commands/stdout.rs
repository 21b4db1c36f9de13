//! Results on stdout. Never `println!`: it panics if the reader has gone.

use std::io::{self, Write};

use anstream::adapter::strip_str;
use serde::Serialize;
use terminal_size::{Width, terminal_size_of};

use crate::exit::StdoutError;
use crate::terminal::shows_colours;

/// Writes text, and returns once it is out of this process.
pub fn write(text: &str) -> Result<(), StdoutError> {
    write_bytes(text.as_bytes())
}

/// The same for bytes.
pub fn write_bytes(bytes: &[u8]) -> Result<(), StdoutError> {
    let mut stdout = stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that writes to it")]
fn stdout() -> io::Stdout {
    io::stdout()
}

/// Writes text with styles, and removes them if stdout shows no colours.
pub fn write_styled(text: &str) -> Result<(), StdoutError> {
    match colours() {
        true => write(text),
        false => write(&strip_str(text).to_string()),
    }
}

/// Whether stdout shows colours.
pub fn colours() -> bool {
    shows_colours(&stdout())
}

/// The width of the terminal in characters, if stdout is one.
pub fn width() -> Option<usize> {
    terminal_size_of(stdout()).map(|(Width(columns), _)| columns.into())
}

/// Writes a value as one line of JSON.
pub fn write_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    Ok(write(&line)?)
}

/// Writes one line, off the async threads: a reader may be slow, and a stop must work meanwhile.
pub async fn write_line(mut line: String) -> Result<(), StdoutError> {
    line.push('\n');
    match tokio::task::spawn_blocking(move || write(&line)).await {
        Ok(written) => written,
        Err(error) => Err(StdoutError(io::Error::other(error))),
    }
}
