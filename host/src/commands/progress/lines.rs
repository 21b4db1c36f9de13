//! Lines at the bottom of the terminal that are drawn anew again and again, below everything else that is written there.
//!
//! Ours, and not a bar's: the cursor waits on the line below, so that what the terminal itself echoes there, such as `^C`, is wiped
//! away with the lines.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use terminal_size::{Height, Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

/// What stands there now. Nothing, where stderr is no terminal.
static DRAWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Of a terminal that does not say how large it is.
const SIZE: (u16, u16) = (24, 80);

/// The lines of one command. Dropped, they are wiped away.
#[derive(Debug)]
pub struct Lines(());

impl Lines {
    /// None: stderr is no terminal that they could be drawn on.
    pub fn new() -> Option<Self> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        (io::stderr().is_terminal() && !is_dumb).then_some(Self(()))
    }

    /// Draws what `compose` makes of the terminal's width, in the place of what was drawn before.
    pub fn draw(&self, compose: impl FnOnce(usize) -> Vec<String>) {
        let (rows, columns) = size();
        let mut lines = compose(columns.into());
        // Nothing above the first row could be wiped away.
        lines.truncate(usize::from(rows).saturating_sub(2));
        replace(&mut drawn(), "", lines);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        replace(&mut drawn(), "", Vec::new());
    }
}

/// Writes whole lines above those that are drawn. False: none are.
pub(super) fn write_above(text: &str) -> bool {
    let mut drawn = drawn();
    if drawn.is_empty() {
        return false;
    }
    let lines = drawn.clone();
    replace(&mut drawn, text, lines);
    true
}

fn drawn() -> MutexGuard<'static, Vec<String>> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// In one piece, so that nothing comes between. A terminal that has gone misses nothing.
fn replace(drawn: &mut Vec<String>, above: &str, lines: Vec<String>) {
    let (_, columns) = size();
    let mut text = wipe(drawn, columns.into());
    text += above;
    for line in &lines {
        text += line;
        text.push('\n');
    }
    let _ = io::stderr().write_all(text.as_bytes());
    *drawn = lines;
}

/// Goes up to the first of the lines, and wipes away everything from there on. A terminal that has become narrower has wrapped them.
fn wipe(drawn: &[String], columns: usize) -> String {
    let rows = drawn.iter().map(|line| line.width().div_ceil(columns.max(1)).max(1));
    match rows.sum::<usize>() {
        0 => String::new(),
        rows => format!("\r\x1b[{rows}A\x1b[J"),
    }
}

fn size() -> (u16, u16) {
    terminal_size_of(io::stderr()).map_or(SIZE, |(Width(columns), Height(rows))| (rows, columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_wiped_away_where_they_stand_now_however_often_they_wrap() {
        let drawn = ["a".repeat(80), "b".repeat(10), String::new()];
        assert_eq!(wipe(&drawn, 80), "\r\x1b[3A\x1b[J");
        assert_eq!(wipe(&drawn, 40), "\r\x1b[4A\x1b[J");
        assert_eq!(wipe(&[], 80), "");
    }
}
