//! Text for people: styles, escaping of text from outside, counted nouns, and the time of a log line.
//!
//! Styles are ANSI escape codes. `anstream` removes them when a text is written, unless the stream is a terminal that shows colours:
//! `NO_COLOR`, `CLICOLOR=0` and `TERM=dumb` turn them off, `CLICOLOR_FORCE` turns them on even for a pipe.

use std::fmt;
use std::io::IsTerminal;
use std::time::SystemTime;

use anstream::adapter::strip_str;
use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::HumanCount;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime as Rfc3339};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Headings.
pub const HEADING: Style = Style::new().bold();
/// Right, good.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// A warning, or a value that deserves a look.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
/// Wrong, an error.
pub const BAD: Style = AnsiColor::Red.on_default();
/// Unimportant.
pub const FAINT: Style = Style::new().dimmed();

/// A text in a style.
pub fn styled(text: impl fmt::Display, style: Style) -> String {
    format!("{style}{text}{style:#}")
}

/// Whether colours are shown on this stream.
pub fn shows_colours(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// A number and what it counts: `1 message`, `2,000 messages`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { one } else { many })
}

/// Text from outside for one line of a terminal or a log. Characters that control the terminal, change the direction of the text or
/// are invisible are escaped.
pub fn printable(text: &str) -> String {
    printable_chars(text).collect()
}

/// The same as an iterator, for text that is cut at a length.
pub fn printable_chars(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(|c| {
        let escaped = (steers(c) || is_ignorable(c) && !joins(c)).then(|| c.escape_default());
        let plain = escaped.is_none().then_some(c);
        escaped.into_iter().flatten().chain(plain)
    })
}

/// As much of a text from outside as fits into so many columns; a text that is cut ends with `end`.
pub fn cut(text: &str, columns: usize, end: &str) -> String {
    let fits = columns.saturating_sub(end.width());
    let (mut shown, mut width, mut kept) = (String::new(), 0, 0);
    for c in printable_chars(text) {
        width += c.width().unwrap_or(0);
        if width > columns {
            shown.truncate(kept);
            return shown + end;
        }
        shown.push(c);
        if width <= fits {
            kept = shown.len();
        }
    }
    shown
}

/// A text without its styles.
pub fn plain(text: &str) -> String {
    strip_str(text).to_string()
}

/// Whether a character controls the terminal or changes the direction of the text around it.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character is invisible: Unicode's Default_Ignorable_Code_Point.
pub fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether an invisible character joins its neighbours, as Persian and emoji need it.
pub fn joins(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// The time of a log line, in UTC: `14:03:07Z` on a terminal; elsewhere with the date and microseconds, because a log may be kept.
pub enum LogTime {
    /// `14:03:07Z`.
    Short,
    /// RFC 3339, such as `2026-11-26T14:03:07.123456Z`.
    Full,
}

impl LogTime {
    /// The one for a log on this stream.
    pub fn of(stream: &impl IsTerminal) -> Self {
        match stream.is_terminal() {
            true => Self::Short,
            false => Self::Full,
        }
    }
}

impl FormatTime for LogTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        match self {
            Self::Short => writer.write_str(time_of_day(
                &humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            )),
            Self::Full => Rfc3339.format_time(writer),
        }
    }
}

/// The part after the date.
fn time_of_day(rfc3339: &str) -> &str {
    rfc3339.split_once('T').map_or(rfc3339, |(_, time)| time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_all_else_is_many() {
        assert_eq!(counted(0, "message", "messages"), "0 messages");
        assert_eq!(counted(1, "entry", "entries"), "1 entry");
        assert_eq!(counted(2_000, "class", "classes"), "2,000 classes");
    }

    #[test]
    fn text_from_outside_controls_no_terminal_and_hides_nothing() {
        assert_eq!(printable("a\nb\x1b[2J\u{9b}"), "a\\nb\\u{1b}[2J\\u{9b}");
        assert_eq!(printable("\u{202e}gpj.exe\u{200b}"), "\\u{202e}gpj.exe\\u{200b}");
    }

    #[test]
    fn text_of_every_language_stays_as_it_is() {
        let text = "can't \"\\\" Ünï 日本 हिन्दी e\u{301} می\u{200c}خواهم ❤\u{fe0f}";
        assert_eq!(printable(text), text);
    }

    #[test]
    fn a_log_line_on_a_terminal_has_the_time_of_day() {
        assert_eq!(time_of_day("2026-11-26T14:03:07Z"), "14:03:07Z");
    }

    #[test]
    fn a_text_is_cut_at_the_columns_that_it_takes_and_not_at_its_characters() {
        assert_eq!(cut("abc", 3, "…"), "abc");
        assert_eq!(cut("abcd", 3, "…"), "ab…");
        assert_eq!(cut("日本語", 5, "…"), "日本…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(cut("e\u{301}e\u{301}", 2, "…"), "e\u{301}e\u{301}");
        assert_eq!(cut("\u{1b}", 4, "…"), "\\u{…");
        assert_eq!(cut("abc", 0, "…"), "…");
    }
}
