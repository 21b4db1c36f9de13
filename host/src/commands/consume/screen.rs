//! A message as a line for people: its position, its age and its content, within the width of the terminal.

use std::time::SystemTime;

use indicatif::{HumanBytes, HumanCount};
use unicode_width::UnicodeWidthStr;

use super::answer::summary;
use crate::commands::age::age;
use crate::commands::stdout;
use crate::images::media_type_of;
use crate::message::Message;
use crate::pipeline::{ERROR_CODE, ERROR_DETAIL};
use crate::terminal::{BAD, FAINT, cut, plain, printable, styled};

/// The content has at least this many columns, however narrow the terminal is.
const LEAST: usize = 20;

/// Draws messages for this terminal.
pub struct Screen {
    /// The names of classes, for answers without them.
    labels: Vec<String>,
    has_colours: bool,
}

impl Screen {
    /// With the names of classes, for answers without them.
    pub fn new(labels: Vec<String>) -> Self {
        Self {
            labels,
            has_colours: stdout::colours(),
        }
    }

    /// A line as wide as the terminal is now, at most.
    pub fn line(&self, message: &Message, position: &str) -> String {
        let width = stdout::width().unwrap_or(80);
        let line = line(message, position, &self.labels, SystemTime::now(), width);
        if self.has_colours { line } else { plain(&line) }
    }
}

fn line(message: &Message, position: &str, labels: &[String], now: SystemTime, width: usize) -> String {
    // All positions of a topic begin with its name.
    let place = position.split_once('/').map_or(position, |(_, place)| place);
    let age = message.timestamp_ms.map_or_else(String::new, |then| age(then, now));
    let head = format!("{}  {age:>3}  ", printable(place));
    let room = width.saturating_sub(head.width()).max(LEAST);
    format!("{}{}", styled(head, FAINT), content(message, labels, room))
}

fn content(message: &Message, labels: &[String], room: usize) -> String {
    let header = |name| message.header(name).map(|value| String::from_utf8_lossy(value));
    if let Some(code) = header(ERROR_CODE) {
        let detail = header(ERROR_DETAIL).unwrap_or_default();
        return styled(cut(&format!("dead letter, {code}: {detail}"), room, "…"), BAD);
    }
    if let Some(answer) = summary(message, labels) {
        return cut(&answer, room, "…");
    }
    let body = message.body();
    let size = body.len() as u64;
    match std::str::from_utf8(body) {
        _ if message.payload.is_none() => styled("no payload", FAINT),
        Ok("") => styled("empty", FAINT),
        Ok(text) => cut(text, room, &format!("… ({} bytes)", HumanCount(size))),
        Err(_) => {
            let media = message
                .content_type()
                .or_else(|| media_type_of(body))
                .unwrap_or("binary");
            cut(&format!("{media}, {}", HumanBytes(size)), room, "…")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    const NOW: Duration = Duration::from_secs(1_000_000);

    fn shown(message: &Message, width: usize) -> String {
        let labels = ["Bag".to_owned(), "Shirt".to_owned()];
        plain(&line(message, "output-stream/0/17", &labels, UNIX_EPOCH + NOW, width))
    }

    fn at(seconds: i64, mut message: Message) -> Message {
        message.timestamp_ms = Some(seconds * 1000);
        message
    }

    #[test]
    fn a_line_has_the_place_the_age_and_what_the_message_says() {
        let answer = at(999_995, Message::new("[1, 1, 0]"));
        assert_eq!(shown(&answer, 80), "0/17   5s  3 images: Shirt 2, Bag 1");
        assert_eq!(shown(&Message::new(""), 80), "0/17       empty");
        let none = Message {
            payload: None,
            ..Message::default()
        };
        assert_eq!(shown(&none, 80), "0/17       no payload");
    }

    #[test]
    fn a_long_payload_ends_with_its_length_at_the_edge_of_the_terminal() {
        let long = at(1_000_000, Message::new("x".repeat(185_432)));
        let line = shown(&long, 50);
        assert_eq!(line.width(), 50);
        assert!(
            line.starts_with("0/17   0s  xxx") && line.ends_with("x… (185,432 bytes)"),
            "{line}"
        );
        let exact = at(1_000_000, Message::new("x".repeat(39)));
        assert_eq!(shown(&exact, 50), format!("0/17   0s  {}", "x".repeat(39)));
    }

    #[test]
    fn nothing_in_a_message_steers_the_terminal() {
        let hostile = Message::new("\u{1b}[2J\u{202e}gnp\n");
        assert_eq!(shown(&hostile, 80), "0/17       \\u{1b}[2J\\u{202e}gnp\\n");
        let mut letter = Message::new("x");
        letter.set_header(ERROR_CODE, "bad\u{1b}");
        letter.set_header(ERROR_DETAIL, "3 is not 28");
        assert_eq!(shown(&letter, 80), "0/17       dead letter, bad\\u{1b}: 3 is not 28");
    }

    #[test]
    fn what_is_no_text_is_named_with_its_size() {
        let png = Message::new(b"\x89PNG\r\n\x1a\n\xff".to_vec());
        assert_eq!(shown(&png, 80), "0/17       image/png, 9 B");
        assert_eq!(
            shown(&Message::new(vec![0xff; 2048]), 80),
            "0/17       binary, 2.00 KiB"
        );
    }
}
