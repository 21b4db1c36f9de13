//! Where a group starts that has never read a topic.

use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

/// Where a group starts that has never read a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest message that is kept.
    Earliest,
    /// With new messages only.
    Latest,
    /// At this offset of every partition.
    Offset(u64),
    /// At the first message of this time or later, in milliseconds since 1970 (UTC).
    Time(i64),
}

impl FromStr for Start {
    type Err = StartError;

    fn from_str(text: &str) -> Result<Self, StartError> {
        match text {
            "earliest" => return Ok(Self::Earliest),
            "latest" => return Ok(Self::Latest),
            _ => {}
        }
        if let Some(offset) = text.strip_prefix("offset:") {
            return offset.parse().map(Self::Offset).map_err(|_| StartError::Malformed);
        }
        if let Ok(offset) = text.parse() {
            return match epoch_time(offset) {
                Some(time) => Err(StartError::Ambiguous { offset, time }),
                None => Ok(Self::Offset(offset)),
            };
        }
        let time = humantime::parse_rfc3339_weak(text).map_err(|_| StartError::Malformed)?;
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| StartError::Malformed)?;
        i64::try_from(since.as_millis())
            .map(Self::Time)
            .map_err(|_| StartError::Malformed)
    }
}

/// A number as a time in seconds or milliseconds since 1970. Few partitions have offsets this high.
fn epoch_time(number: u64) -> Option<String> {
    // From 2001 to 2100.
    const SECONDS: std::ops::Range<u64> = 1_000_000_000..4_102_444_800;
    let since = match number {
        seconds if SECONDS.contains(&seconds) => Duration::from_secs(seconds),
        ms if SECONDS.contains(&(ms / 1000)) => Duration::from_millis(ms),
        _ => return None,
    };
    Some(humantime::format_rfc3339(UNIX_EPOCH + since).to_string())
}

/// Not a valid start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Neither a name nor an offset nor a time.
    #[error("write earliest, latest, an offset such as 1200, or a time such as 2026-11-24T18:00:00Z")]
    Malformed,
    /// A number that may be either.
    #[error("this may be an offset or a time: write offset:{offset} for the one, {time} for the other")]
    Ambiguous {
        /// As typed.
        offset: u64,
        /// The same as a time.
        time: String,
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_begin_is_a_name_an_offset_or_a_time() {
        assert_eq!("earliest".parse(), Ok(Start::Earliest));
        assert_eq!("latest".parse(), Ok(Start::Latest));
        assert_eq!("1200".parse(), Ok(Start::Offset(1200)));
        assert_eq!("1970-01-01T00:00:01Z".parse(), Ok(Start::Time(1000)));
        for text in [
            "",
            "-1",
            "yesterday",
            "1969-01-01T00:00:00Z",
            "offset:",
            "offset:latest",
        ] {
            assert_eq!(text.parse::<Start>(), Err(StartError::Malformed), "{text}");
        }
    }

    #[test]
    fn a_number_that_is_a_time_since_1970_is_taken_for_neither() {
        for text in ["1764007200", "1764007200000"] {
            let said = text.parse::<Start>().unwrap_err().to_string();
            assert!(
                said.contains(&format!("offset:{text}")) && said.contains("2025-11-24T18:00:00Z"),
                "{said}"
            );
            assert_eq!(
                format!("offset:{text}").parse(),
                Ok(Start::Offset(text.parse().unwrap()))
            );
        }
        for offset in [0, 999_999_999, 4_102_444_800, u64::MAX] {
            assert_eq!(offset.to_string().parse(), Ok(Start::Offset(offset)));
        }
    }
}
