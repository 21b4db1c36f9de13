//! Where the lag is going: growing, shrinking, and when it will be gone.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far back it looks.
const SPAN: Duration = Duration::from_secs(30);
/// Within this share of the lag it counts as steady: both ends move all the time.
const STEADY: f64 = 0.01;

/// The lag at some moments of the last while, oldest first.
#[derive(Debug, Default)]
pub struct Backlog(VecDeque<(Instant, u64)>);

/// Where a lag is going.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trend {
    /// It was seen once.
    Unknown,
    /// It stays as it is.
    Steady,
    /// By so many messages a second.
    Growing(f64),
    /// It is gone after so long, if this goes on.
    Shrinking(Duration),
}

impl Backlog {
    /// Notes the lag, and says where it is going.
    pub fn push(&mut self, now: Instant, lag: u64) -> Trend {
        self.0.push_back((now, lag));
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= SPAN) {
            self.0.pop_front();
        }
        let Some((began, first)) = self.0.front().filter(|(began, _)| *began < now) else {
            return Trend::Unknown;
        };
        let seconds = now.duration_since(*began).as_secs_f64();
        let (first, last) = (*first as f64, lag as f64);
        let a_second = (last - first) / seconds;
        if (last - first).abs() <= (first.max(last) * STEADY).max(1.0) {
            Trend::Steady
        } else if a_second > 0.0 {
            Trend::Growing(a_second)
        } else {
            Trend::Shrinking(Duration::try_from_secs_f64(last / -a_second).unwrap_or(Duration::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a lag is going that was seen every three seconds.
    fn trend(lags: &[u64]) -> Option<Trend> {
        let (mut backlog, began) = (Backlog::default(), Instant::now());
        let times = (0..).map(|place| began + Duration::from_secs(3 * place));
        let trends = times.zip(lags).map(|(at, lag)| backlog.push(at, *lag));
        trends.last()
    }

    #[test]
    fn where_a_lag_is_going_is_seen_from_two_moments_on() {
        assert_eq!(trend(&[500]), Some(Trend::Unknown));
        assert_eq!(trend(&[500, 800]), Some(Trend::Growing(100.0)));
        assert_eq!(trend(&[1000, 400]), Some(Trend::Shrinking(Duration::from_secs(2))));
        assert_eq!(trend(&[0, 0, 0]), Some(Trend::Steady));
        assert_eq!(trend(&[10_000, 10_050, 9_960]), Some(Trend::Steady));
    }

    #[test]
    fn what_a_lag_did_long_ago_does_not_count() {
        let mut lags: Vec<u64> = (0..100).map(|place| place * 1000).collect();
        lags.extend((0..12).map(|place| 90_000 - place * 300));
        assert_eq!(trend(&lags), Some(Trend::Shrinking(Duration::from_secs(867))));
    }
}
