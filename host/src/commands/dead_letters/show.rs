//! One dead letter: why it was not answered, where it came from, its headers, and its payload, drawn where it is a picture.

use indicatif::HumanBytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::picture::Picture;
use super::{DRAIN, have_never_come, letters_of, none_in, text};
use crate::broker::{Begin, Seen, View, open_look};
use crate::cli::{Format, ShowCommand, StorageArgs};
use crate::commands::consume::line::Line;
use crate::commands::stdout;
use crate::commands::table::{Cell, figures};
use crate::config::BrokerConfig;
use crate::exit::Failure;
use crate::images::media_type_of;
use crate::message::{CONTENT_TYPE, Message};
use crate::pipeline::{
    COMPONENT, DEDUPE_ID, ERROR_ATTEMPTS, ERROR_CODE, ERROR_COMPONENT, ERROR_DETAIL, ERROR_KIND, ERROR_SOURCE,
    ERROR_SOURCE_TIME, ERROR_TRUNCATED, MODEL, SOURCE,
};
use crate::shutdown::Shutdown;
use crate::terminal::{FAINT, counted, cut, printable, styled};

/// How much is shown of what is no picture: lines of text, bytes of anything else.
const LINES: usize = 12;
const BYTES: usize = 192;
/// Bytes to a line.
const ROW: usize = 16;

/// A header of the reason, what it is called here and in JSON.
const REASON: [(&str, &str); 8] = [
    (ERROR_CODE, "code"),
    (ERROR_DETAIL, "detail"),
    (ERROR_KIND, "kind"),
    (ERROR_ATTEMPTS, "attempts"),
    (ERROR_SOURCE, "source"),
    (ERROR_SOURCE_TIME, "source_time"),
    (ERROR_COMPONENT, "component"),
    (ERROR_TRUNCATED, "truncated"),
];

impl ShowCommand {
    /// Shows the letter, which stays where it is.
    pub async fn execute(self) -> anyhow::Result<()> {
        let config = BrokerConfig::new(self.list.broker, &StorageArgs::default())?;
        let letters = letters_of(&self.list.topic, self.list.dead_letter_topic);
        let view = View {
            topic: letters.clone(),
            begin: Begin::Only(self.letter.clone()),
            follow: false,
        };
        let mut look = match open_look(&config, view).await {
            Ok(look) => look,
            Err(missing) => {
                have_never_come(&config, &self.list.topic, &letters, missing).await?;
                return Err(Failure::Configuration(none_in(&letters)).into());
            }
        };
        let shutdown = Shutdown::on_signals(DRAIN);
        let seen = tokio::select! {
            biased;
            () = shutdown.stopping() => Err(Failure::Interrupted("the letter was not found yet".to_owned()).into()),
            seen = look.next() => seen.map_err(anyhow::Error::from),
        };
        look.close().await?;
        let Some(seen) = seen? else {
            return Err(Failure::Configuration(format!(
                "there is no letter '{}' in {letters}; 'host dead-letters' has examples",
                self.letter
            ))
            .into());
        };
        match self.list.format {
            Format::Json => stdout::write_json(&Letter {
                line: Line::of(&seen.message, &seen.position),
                reason: reason(&seen.message),
            }),
            Format::Text => Ok(stdout::write_styled(&shown(&seen, stdout::width(), stdout::colours()))?),
        }
    }
}

#[derive(Serialize)]
struct Letter<'a> {
    #[serde(flatten)]
    line: Line<'a>,
    reason: Map<String, Value>,
}

/// The same as the headers say it; what is missing there is `null`.
fn reason(message: &Message) -> Map<String, Value> {
    let value = |header| match text(message, header) {
        Some(attempts) if header == ERROR_ATTEMPTS => attempts
            .parse::<u64>()
            .map_or(json!(attempts), |attempts| json!(attempts)),
        said => json!(said),
    };
    REASON
        .iter()
        .map(|(header, name)| ((*name).to_owned(), value(header)))
        .collect()
}

fn shown(Seen { message, position }: &Seen, width: Option<usize>, has_colours: bool) -> String {
    let said = |name| text(message, name);
    let source = said(ERROR_SOURCE).map(|source| match said(ERROR_SOURCE_TIME) {
        Some(time) => format!("{source}, published {time}"),
        None => source,
    });
    let kind = said(ERROR_KIND).map(|kind| match kind.as_str() {
        "reject" => "reject: the same message will fail again".to_owned(),
        "retry" => match said(ERROR_ATTEMPTS).as_deref() {
            Some(attempts) if attempts != "1" => {
                format!("retry: it failed {attempts} times, and may succeed another time")
            }
            _ => "retry: it may succeed another time".to_owned(),
        },
        _ => kind,
    });
    let picture = Picture::of(message);
    let truncated = said(ERROR_TRUNCATED).map(|missing| format!("{missing} bytes, which did not fit into the topic"));
    // What stands in another row: the reason, the media type, and whose letter it is.
    let is_of_host = message.header(SOURCE).is_some() && message.header(SOURCE) == message.header(ERROR_SOURCE);
    let rows = REASON.iter().map(|(header, _)| *header).chain([CONTENT_TYPE]);
    let rows = Vec::from_iter(rows.chain([SOURCE, DEDUPE_ID, COMPONENT, MODEL].into_iter().filter(|_| is_of_host)));
    let stands = |name: &str| rows.iter().any(|header| header.eq_ignore_ascii_case(name));
    let others = message.headers.iter().filter(|(name, _)| !stands(name));
    let headers = others.map(|(name, value)| match value {
        Some(value) => format!(
            "{}: {}",
            printable(name),
            cut(&String::from_utf8_lossy(value), 100, "…")
        ),
        None => format!("{}, without a value", printable(name)),
    });
    let headers: Vec<_> = headers.collect();
    let rows = [
        ("letter", Some(position.clone())),
        ("code", said(ERROR_CODE)),
        ("detail", said(ERROR_DETAIL)),
        ("kind", kind),
        ("from", source),
        ("component", said(ERROR_COMPONENT)),
        ("missing", truncated),
        (
            "key",
            message
                .key
                .as_deref()
                .map(|key| String::from_utf8_lossy(key).into_owned()),
        ),
        (
            "headers",
            Some(headers.join("\n")).filter(|headers| !headers.is_empty()),
        ),
        ("payload", Some(payload(message, picture.as_ref()))),
    ];
    let rows = rows
        .into_iter()
        .filter_map(|(name, value)| Some((name, Cell::from(value?))));
    let width = width.unwrap_or(80);
    let preview = match (picture, std::str::from_utf8(message.body())) {
        (Some(picture), _) => picture.drawn(width, has_colours),
        (None, Ok(text)) => beginning(text, width),
        (None, Err(_)) => dump(message.body()),
    };
    format!("{}\n{preview}", figures(rows))
}

/// What it is, and how much.
fn payload(message: &Message, picture: Option<&Picture>) -> String {
    let body = message.body();
    if message.payload.is_none() {
        return "none".to_owned();
    }
    let media = message
        .content_type()
        .or_else(|| media_type_of(body))
        .map(str::to_owned);
    let bytes = counted(body.len() as u64, "byte", "bytes");
    let parts = [Some(bytes), media, picture.map(Picture::caption)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The first lines of a text, each cut to the width.
fn beginning(text: &str, width: usize) -> String {
    let mut lines = text.lines();
    let mut shown: String = lines
        .by_ref()
        .take(LINES)
        .map(|line| cut(line, width, "…") + "\n")
        .collect();
    if lines.next().is_some() {
        shown += &styled("…\n", FAINT);
    }
    shown
}

/// The first bytes, in hex and as ASCII.
fn dump(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for (number, row) in bytes.chunks(ROW).take(BYTES / ROW).enumerate() {
        let hex: Vec<_> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = row
            .iter()
            .map(|byte| {
                if byte.is_ascii_graphic() {
                    char::from(*byte)
                } else {
                    '.'
                }
            })
            .collect();
        shown += &format!(
            "{:08x}  {:<width$}  {text}\n",
            number * ROW,
            hex.join(" "),
            width = ROW * 3 - 1
        );
    }
    if bytes.len() > BYTES {
        shown += &styled(format!("… {} more\n", HumanBytes((bytes.len() - BYTES) as u64)), FAINT);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::plain;

    fn letter() -> Seen {
        let mut message = Message::new("{\"image\": 3}\nmore");
        message.key = Some("camera-2".into());
        for (name, value) in [
            ("trace", "t1\u{1b}[2J"),
            (ERROR_KIND, "reject"),
            (ERROR_CODE, "bad-shape"),
            (ERROR_DETAIL, "3 is not 28"),
            (ERROR_ATTEMPTS, "1"),
            (ERROR_SOURCE, "in/0/7"),
            (ERROR_SOURCE_TIME, "2023-11-14T22:13:20.123Z"),
            (ERROR_COMPONENT, "abc"),
        ] {
            message.set_header(name, value);
        }
        Seen {
            message,
            position: "in.dlq/0/17".to_owned(),
        }
    }

    #[test]
    fn a_letter_says_why_and_where_from_and_shows_what_it_holds() {
        let expected = "\
letter     in.dlq/0/17
code       bad-shape
detail     3 is not 28
kind       reject: the same message will fail again
from       in/0/7, published 2023-11-14T22:13:20.123Z
component  abc
key        camera-2
headers    trace: t1\\u{1b}[2J
payload    17 bytes

{\"image\": 3}
more
";
        assert_eq!(plain(&shown(&letter(), None, false)), expected);
    }

    #[test]
    fn in_json_the_reason_stands_beside_the_message() {
        let letter = letter();
        let reason = reason(&letter.message);
        assert_eq!(reason.get("attempts"), Some(&json!(1)));
        assert_eq!(reason.get("code"), Some(&json!("bad-shape")));
        assert_eq!(reason.get("truncated"), Some(&Value::Null));
    }

    #[test]
    fn bytes_that_are_no_text_are_dumped_in_part() {
        let dump = plain(&dump(&[0xff; 300]));
        let row = format!("00000000  {}  {}", ["ff"; 16].join(" "), ".".repeat(16));
        assert_eq!(dump.lines().next(), Some(&*row));
        assert_eq!(dump.lines().count(), 13);
        assert!(dump.ends_with("… 108 B more\n"), "{dump}");
    }
}
