//! How long ago something was, in as few characters as say it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Of a time in milliseconds since 1970: `5s`, `12m`, `3h`, `40d`. What lies ahead of this machine's clock is `0s` ago.
pub fn age(then_ms: i64, now: SystemTime) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let then = Duration::from_millis(u64::try_from(then_ms).unwrap_or_default());
    match now.saturating_sub(then).as_secs() {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ ..3600 => format!("{}m", seconds / 60),
        seconds @ ..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_said_in_its_largest_unit() {
        let now = UNIX_EPOCH + Duration::from_secs(10_000_000);
        for (seconds, said) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (7199, "1h"),
            (86_400, "1d"),
            (9_000_000, "104d"),
        ] {
            assert_eq!(age((10_000_000 - seconds) * 1000, now), said);
        }
        assert_eq!(age(i64::MAX, now), "0s");
    }
}
