//! Dead letters by their reason: how many, when the last came, and an example.

use std::collections::BTreeMap;
use std::time::SystemTime;

use indicatif::{HumanCount, ProgressBar};
use serde::Serialize;

use super::{DRAIN, LETTERS, have_never_come, letters_of, none_in, text};
use crate::broker::{Begin, BrokerError, Look, Seen, TopicDescription, View, open_admin, open_look};
use crate::cli::{Format, ListCommand, StorageArgs};
use crate::commands::age::age;
use crate::commands::table::{Column, table};
use crate::commands::{progress, stdout};
use crate::config::{BrokerConfig, BrokerKind};
use crate::exit::Failure;
use crate::pipeline::{ERROR_CODE, ERROR_DETAIL};
use crate::shutdown::Shutdown;
use crate::terminal::{counted, cut};
use crate::values::{DEFAULT_INPUT, Start};

/// The group of `replay`, unless it is told another.
const REPLAY: &str = "replay";

/// What stands in the place of a code where a message has none, which this host did not put there.
const NO_CODE: &str = "(none)";

impl ListCommand {
    /// Looks at all letters that are there, and keeps no more of them than a line for each code.
    pub async fn execute(self) -> anyhow::Result<()> {
        let config = BrokerConfig::new(self.broker, &StorageArgs::default())?;
        let letters = letters_of(&self.topic, self.dead_letter_topic);
        let view = View {
            topic: letters.clone(),
            begin: Begin::At(Start::Earliest),
            follow: false,
        };
        let mut look = match open_look(&config, view).await {
            Ok(look) => look,
            Err(missing) => {
                have_never_come(&config, &self.topic, &letters, missing).await?;
                return report(&letters, &Letters::default(), None, self.format);
            }
        };
        let described = match &config.kind {
            // It knows neither messages nor places, and may not be asked without a role that reading does not take.
            BrokerKind::PubSub(_) => None,
            _ => Some(open_admin(&config).await?.describe(&letters).await?),
        };
        let shutdown = Shutdown::on_signals(DRAIN);
        let total = described.as_ref().map(TopicDescription::messages);
        let bar = progress::counting("looking at the dead letters", total);
        let found = count(&mut look, &shutdown, &bar).await;
        bar.finish_and_clear();
        let is_cut = look.is_cut();
        look.close().await?;
        let found = found?;
        if shutdown.is_stopping() {
            let of = total.map_or_else(String::new, |total| format!(" of {}", HumanCount(total)));
            let why = format!("only {}{of} dead letters were looked at", HumanCount(found.count));
            return Err(Failure::Interrupted(why).into());
        }
        if is_cut {
            progress::warn(&format!("only the first {} letters were looked at", found.count));
        }
        report(&letters, &found, described.as_ref(), self.format)
    }
}

/// All there are, or those up to a stop.
async fn count(look: &mut Look, shutdown: &Shutdown, bar: &ProgressBar) -> Result<Letters, BrokerError> {
    let mut letters = Letters::default();
    loop {
        let seen = tokio::select! {
            biased;
            () = shutdown.stopping() => return Ok(letters),
            seen = look.next() => seen?,
        };
        match seen {
            Some(seen) => {
                letters.add(&seen);
                bar.inc(1);
            }
            None => return Ok(letters),
        }
    }
}

/// What is kept of all letters.
#[derive(Default)]
struct Letters {
    count: u64,
    by_code: BTreeMap<String, Code>,
}

/// Letters of one code.
#[derive(Serialize)]
struct Code {
    count: u64,
    /// When the last one came, in milliseconds since 1970.
    last_ms: Option<i64>,
    /// That one.
    position: String,
    detail: Option<String>,
}

impl Letters {
    fn add(&mut self, Seen { message, position }: &Seen) {
        self.count += 1;
        let code = text(message, ERROR_CODE).unwrap_or_else(|| NO_CODE.to_owned());
        let of_code = self.by_code.entry(code).or_insert_with(|| Code {
            count: 0,
            last_ms: None,
            position: String::new(),
            detail: None,
        });
        of_code.count += 1;
        of_code.last_ms = of_code.last_ms.max(message.timestamp_ms);
        of_code.position.clone_from(position);
        of_code.detail = text(message, ERROR_DETAIL);
    }

    /// The most frequent code first.
    fn codes(&self) -> Vec<(&String, &Code)> {
        let mut codes: Vec<_> = self.by_code.iter().collect();
        codes.sort_by_key(|(_, code)| std::cmp::Reverse(code.count));
        codes
    }
}

/// How many were not replayed yet, as far as that is known.
fn waiting(letters: &Letters, described: Option<&TopicDescription>) -> Option<u64> {
    let group = described?.groups.iter().find(|group| group.group == REPLAY)?;
    group.lag.map(|lag| lag.min(letters.count))
}

fn report(topic: &str, letters: &Letters, described: Option<&TopicDescription>, format: Format) -> anyhow::Result<()> {
    let waiting = waiting(letters, described);
    if format == Format::Json {
        let codes: Vec<_> = letters
            .codes()
            .into_iter()
            .map(|(code, of_code)| Row { code, of_code })
            .collect();
        return stdout::write_json(&Report {
            topic,
            letters: letters.count,
            not_replayed: waiting,
            codes,
        });
    }
    if letters.count == 0 {
        progress::say(&none_in(topic));
        return Ok(());
    }
    stdout::write_styled(&codes(letters, topic, SystemTime::now(), stdout::width()))?;
    let waiting = match waiting {
        Some(0) => ", all replayed".to_owned(),
        Some(waiting) if waiting == letters.count => ", not replayed yet".to_owned(),
        Some(waiting) => format!(", {} of them not replayed yet", HumanCount(waiting)),
        None => String::new(),
    };
    let dead_letters = counted(letters.count, "dead letter", "dead letters");
    progress::say(&format!("{dead_letters} in {topic}{waiting}"));
    let of_messages = topic
        .strip_suffix(LETTERS)
        .filter(|of_messages| *of_messages != DEFAULT_INPUT);
    let option = of_messages.map_or_else(String::new, |of_messages| format!(" --topic {of_messages}"));
    if let Some((_, code)) = letters.codes().first() {
        let example = place(code, topic);
        progress::say(&format!("to see one: host dead-letters show {example}{option}"));
    }
    progress::say(&format!("to send them again: host dead-letters replay{option}"));
    Ok(())
}

#[derive(Serialize)]
struct Report<'a> {
    topic: &'a str,
    letters: u64,
    /// None: nobody knows.
    not_replayed: Option<u64>,
    codes: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    code: &'a str,
    #[serde(flatten)]
    of_code: &'a Code,
}

/// Where the example of a code is in its topic.
fn place<'a>(code: &'a Code, topic: &str) -> &'a str {
    let place = code
        .position
        .strip_prefix(topic)
        .and_then(|place| place.strip_prefix('/'));
    place.unwrap_or(&code.position)
}

/// A line for each code; the detail takes what the terminal has left of it, and all that it needs where there is none.
fn codes(letters: &Letters, topic: &str, now: SystemTime, width: Option<usize>) -> String {
    let columns = [
        Column::Text("CODE"),
        Column::Number("COUNT"),
        Column::Number("LAST"),
        Column::Text("EXAMPLE"),
        Column::Text("DETAIL"),
    ];
    let codes = letters.codes();
    let place = |code: &Code| place(code, topic).to_owned();
    let widest = |of: &dyn Fn(&str, &Code) -> usize, head: &str| {
        codes
            .iter()
            .map(|(code, of_code)| of(code, of_code))
            .max()
            .unwrap_or(0)
            .max(head.len())
    };
    // Codes and places are ASCII where this host has put them there.
    let before = widest(&|code, _| code.len(), "CODE")
        + 5.max(letters.count.to_string().len())
        + 4
        + widest(&|_, code| place(code).len(), "EXAMPLE")
        + 8;
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before).max(20));
    let rows = codes.iter().map(|(code, of_code)| {
        vec![
            code.as_str().into(),
            HumanCount(of_code.count).to_string().into(),
            of_code.last_ms.map_or_else(String::new, |last| age(last, now)).into(),
            place(of_code).into(),
            cut(of_code.detail.as_deref().unwrap_or_default(), room, "…").into(),
        ]
    });
    table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::broker::GroupDescription;
    use crate::message::Message;
    use crate::terminal::plain;

    fn letter(offset: u64, code: Option<&str>, detail: &str) -> Seen {
        let mut message = Message::new("x");
        message.timestamp_ms = Some(1_000_000 + i64::try_from(offset).unwrap_or_default() * 1000);
        if let Some(code) = code {
            message.set_header(ERROR_CODE, code.to_owned());
            message.set_header(ERROR_DETAIL, detail.to_owned());
        }
        Seen {
            message,
            position: format!("in.dlq/0/{offset}"),
        }
    }

    fn letters() -> Letters {
        let mut letters = Letters::default();
        for seen in [
            letter(0, Some("bad-shape"), "3 is not 28"),
            letter(1, Some("not-json"), "expected value"),
            letter(2, Some("not-json"), "expected a list\nof numbers, and not what came"),
            letter(3, None, ""),
        ] {
            letters.add(&seen);
        }
        letters
    }

    #[test]
    fn each_code_has_its_count_its_last_time_and_its_last_letter_as_an_example() {
        let now = UNIX_EPOCH + Duration::from_secs(1062);
        let expected = "\
CODE       COUNT  LAST  EXAMPLE  DETAIL
not-json       2    1m  0/2      expected a list\\nof numbers, and not what came
(none)         1   59s  0/3
bad-shape      1    1m  0/0      3 is not 28
";
        assert_eq!(plain(&codes(&letters(), "in.dlq", now, None)), expected);
    }

    #[test]
    fn on_a_terminal_the_detail_is_cut_to_what_is_left_of_the_line() {
        let now = UNIX_EPOCH + Duration::from_secs(1062);
        let table = plain(&codes(&letters(), "in.dlq", now, Some(60)));
        assert!(table.contains("expected a list\\nof number…\n"), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 60), "{table}");
    }

    #[test]
    fn what_was_replayed_is_told_where_that_is_known() {
        let mut described = TopicDescription {
            name: "in.dlq".to_owned(),
            partitions: Vec::new(),
            groups: Vec::new(),
        };
        assert_eq!(waiting(&letters(), Some(&described)), None);
        described.groups.push(GroupDescription {
            group: REPLAY.to_owned(),
            lag: Some(9),
            members: None,
        });
        assert_eq!(waiting(&letters(), Some(&described)), Some(4));
    }
}
