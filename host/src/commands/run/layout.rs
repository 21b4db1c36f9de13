//! A run as a few lines of a terminal, and as one line for programs.

use std::fmt::Write;
use std::time::Duration;

use indicatif::HumanCount;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::backlog::Trend;
use super::window::Recent;
use crate::broker::GroupStatus;
use crate::pipeline::Reading;
use crate::terminal::{counted, printable};

/// What a run is, which only a swap changes.
#[derive(Clone, Debug)]
pub struct Course {
    pub input: String,
    /// The name of the model that serves.
    pub model: String,
    pub output: String,
    pub group: String,
    /// Messages in flight at most.
    pub max_in_flight: usize,
}

/// What there is to say at one moment.
#[derive(Clone, Debug)]
pub struct Moment {
    pub reading: Reading,
    pub recent: Recent,
    pub group: Group,
}

/// What is known of the group.
#[derive(Clone, Debug)]
pub enum Group {
    /// The broker has not answered yet.
    Asked,
    /// It has not answered for a while.
    Silent,
    /// What it has answered, and where the lag is going, where there is one.
    Known(GroupStatus, Option<Trend>),
}

/// The lines, none of which is wider than the terminal.
pub fn lines(course: &Course, moment: &Moment, width: usize) -> Vec<String> {
    let path = format!("{} -> {} -> {}", course.input, course.model, course.output);
    let rows = [
        Some(("rate", rate(moment))),
        lag(&moment.group).map(|lag| ("lag", lag)),
        Some(("in flight", in_flight(course, &moment.reading))),
        latency(&moment.recent).map(|latency| ("latency", latency)),
        Some(("dead letters", dead_letters(&moment.reading))),
        group(course, &moment.group).map(|group| ("group", group)),
    ];
    let rows = rows.into_iter().flatten();
    let rows = rows.map(|(name, text)| format!("  {name:<12}  {}", printable(&text)));
    let all = std::iter::once(printable(&path)).chain(rows);
    all.map(|line| cut(line, width)).collect()
}

fn rate(Moment { reading, recent, group }: &Moment) -> String {
    let all = format!("{} answered", counted(reading.images, "image", "images"));
    match group {
        _ if !recent.is_idle => format!(
            "{} images/s over the last {:.0} s; {all}",
            HumanCount(recent.rate.round() as u64),
            recent.took.as_secs_f64().max(1.0)
        ),
        Group::Known(GroupStatus { holders, .. }, _) if !holders.is_empty() => match holders.as_slice() {
            [holder] => format!("waiting for {holder}, which holds all partitions"),
            holders => format!("waiting: all partitions are held by {}", holders.join(", ")),
        },
        _ => format!("waiting for messages; {all}"),
    }
}

fn lag(group: &Group) -> Option<String> {
    match group {
        Group::Asked => Some("asking the broker".to_owned()),
        Group::Silent => Some("unknown: the broker does not answer".to_owned()),
        Group::Known(status, trend) => {
            let lag = status.lag?;
            let messages = counted(lag, "message", "messages");
            Some(match trend {
                _ if lag == 0 => "none".to_owned(),
                Some(Trend::Growing(a_second)) if *a_second < 1.0 => format!("{messages}, growing"),
                Some(Trend::Growing(a_second)) => {
                    format!(
                        "{messages}, growing by {} a second",
                        HumanCount(a_second.round() as u64)
                    )
                }
                Some(Trend::Shrinking(left)) => format!("{messages}, shrinking, empty in about {}", about(*left)),
                Some(Trend::Steady) => format!("{messages}, steady"),
                Some(Trend::Unknown) | None => messages,
            })
        }
    }
}

fn in_flight(course: &Course, reading: &Reading) -> String {
    let most = HumanCount(course.max_in_flight as u64);
    format!("{} of at most {most} messages", HumanCount(reading.in_flight as u64))
}

fn latency(recent: &Recent) -> Option<String> {
    let [half, most] = [0.5, 0.99].map(|share| recent.latency.quantile(share));
    Some(format!(
        "p50 {}, p99 {} from received to settled",
        short(half?),
        short(most?)
    ))
}

fn dead_letters(reading: &Reading) -> String {
    match (reading.dead_letters, &reading.last_dead_letter) {
        (0, _) | (_, None) => "none".to_owned(),
        (letters, Some(cause)) => format!("{}, the last one {}: {}", HumanCount(letters), cause.code, cause.detail),
    }
}

fn group(course: &Course, group: &Group) -> Option<String> {
    let Group::Known(status, _) = group else { return None };
    let held = status
        .partitions
        .map(|(held, of)| format!("{held} of {}", counted(of.into(), "partition", "partitions")));
    let members = status
        .members
        .map(|members| counted(members.into(), "member", "members"));
    let known: Vec<_> = held.into_iter().chain(members).collect();
    (!known.is_empty()).then(|| format!("{}: {}", course.group, known.join(", ")))
}

/// The same as `name=value`, which stays as it is from version to version. What is unknown is left out.
pub fn status_line(course: &Course, moment: &Moment) -> String {
    let Moment { reading, recent, group } = moment;
    let mut line = format!(
        "status input={} output={} messages={} images={} images_per_second={:.1} in_flight={} dead_letters={}",
        printable(&course.input),
        printable(&course.output),
        reading.answered,
        reading.images,
        recent.rate,
        reading.in_flight,
        reading.dead_letters
    );
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = write!(line, " {name}={value}");
        }
    };
    for (name, share) in [("p50_ms", 0.5), ("p99_ms", 0.99)] {
        let took = recent.latency.quantile(share);
        add(name, took.map(|took| format!("{:.1}", took.as_secs_f64() * 1000.0)));
    }
    if let Group::Known(status, _) = group {
        add("lag", status.lag.map(|lag| lag.to_string()));
        add("partitions_held", status.partitions.map(|(held, _)| held.to_string()));
        add("partitions", status.partitions.map(|(_, of)| of.to_string()));
        add("members", status.members.map(|members| members.to_string()));
    }
    line
}

/// What of a line fits into the width, which a terminal may count otherwise than in characters.
fn cut(line: String, width: usize) -> String {
    if line.width() <= width {
        return line;
    }
    let room = width.saturating_sub(1);
    let mut taken = 0;
    let fits = line.chars().take_while(|c| {
        taken += c.width().unwrap_or(0);
        taken <= room
    });
    fits.chain(['…']).collect()
}

/// A time to two digits: `0.8 ms`, `45 ms`, `1.2 s`.
fn short(took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let (value, unit) = if seconds < 0.9995 {
        (seconds * 1000.0, "ms")
    } else {
        (seconds, "s")
    };
    match value {
        small if small < 9.95 => format!("{small:.1} {unit}"),
        large => format!("{large:.0} {unit}"),
    }
}

/// A time as people say it.
fn about(left: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match left.as_secs() {
        seconds @ ..10 => format!("{} s", seconds.max(1)),
        // To five seconds: one that changes at every look is hard to read.
        seconds @ ..90 => format!("{} s", seconds.next_multiple_of(5)),
        seconds if seconds < 90 * MINUTE => format!("{} min", seconds.div_ceil(MINUTE)),
        seconds if seconds < 2 * DAY => format!("{} h", seconds.div_ceil(HOUR)),
        seconds => format!("{} days", seconds.div_ceil(DAY)),
    }
}

#[cfg(test)]
mod tests;
