//! Data on stdout. Never `println!`: it panics when whoever reads has gone.

use std::io::{self, Write};

use serde::Serialize;

use crate::exit::StdoutError;

/// Writes text, and returns once it is out of this process.
pub fn write(text: &str) -> Result<(), StdoutError> {
    write_bytes(text.as_bytes())
}

/// The same of what is no text.
pub fn write_bytes(bytes: &[u8]) -> Result<(), StdoutError> {
    #[expect(clippy::disallowed_methods, reason = "it is the one place that writes to it")]
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    Ok(stdout.flush()?)
}

/// Writes a value as one line of JSON.
pub fn write_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_string(value)?;
    line.push('\n');
    Ok(write(&line)?)
}

/// Writes one line, off the async threads: a reader may take its time, and a stop must be heard meanwhile.
pub async fn write_line(mut line: String) -> Result<(), StdoutError> {
    line.push('\n');
    match tokio::task::spawn_blocking(move || write(&line)).await {
        Ok(written) => written,
        Err(error) => Err(StdoutError(io::Error::other(error))),
    }
}

/// Text from outside, fit for one line of a terminal: control characters escaped.
pub fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    line
}
