//! A time, or how long something takes.

use std::time::Duration;

/// A time as users type it: `5`, `0.5`, `250ms`, `90s`, `1m 30s`. A bare number is seconds.
pub fn time(text: &str) -> Result<Duration, TimeError> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let time = match is_number {
        true => text
            .parse()
            .ok()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        false => humantime::parse_duration(text).ok(),
    };
    time.ok_or(TimeError)
}

/// Not a time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is a number of seconds, or one with a unit, such as 5, 0.5, 250ms, 90s or 1m 30s")]
pub struct TimeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_number_is_seconds_and_units_are_as_people_write_them() {
        let milliseconds = |text: &str| time(text).map(|time| time.as_millis());
        for (text, expected) in [
            ("5", 5_000),
            ("0", 0),
            ("0.5", 500),
            (".25", 250),
            ("250ms", 250),
            ("90s", 90_000),
            ("1m 30s", 90_000),
            ("2h", 7_200_000),
        ] {
            assert_eq!(milliseconds(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        for text in [
            "",
            " ",
            ".",
            "-1",
            "1..2",
            "five",
            "5 parsecs",
            "1e3",
            "NaN",
            "99999999999999999999",
        ] {
            assert_eq!(time(text), Err(TimeError), "{text}");
        }
    }
}
