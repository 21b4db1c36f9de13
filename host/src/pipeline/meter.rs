//! What a pipeline is doing, counted while it does it, for whoever shows or exports it.
//!
//! The pipeline's task writes and anybody reads, at any time and without a lock: everything but the words of the last dead
//! letter is a number of its own. Counts only rise, so two readings tell what happened between them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Cause;

/// Counts of one pipeline, since its start.
#[derive(Debug, Default)]
pub struct Meter {
    answered: AtomicU64,
    images: AtomicU64,
    dead_letters: AtomicU64,
    in_flight: AtomicUsize,
    latency: Histogram,
    /// Locked for a dead letter and a reading, and for no other message.
    last_dead_letter: Mutex<Option<Cause>>,
}

impl Meter {
    pub(crate) fn set_in_flight(&self, messages: usize) {
        self.in_flight.store(messages, Relaxed);
    }

    pub(crate) fn answered(&self, images: u32, took: Duration) {
        self.answered.fetch_add(1, Relaxed);
        self.images.fetch_add(u64::from(images), Relaxed);
        self.latency.record(took);
    }

    pub(crate) fn dead_letter(&self, cause: Cause, took: Duration) {
        self.dead_letters.fetch_add(1, Relaxed);
        self.latency.record(took);
        *self.last_dead_letter.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
    }

    /// All of it as it is now.
    pub fn read(&self) -> Reading {
        Reading {
            answered: self.answered.load(Relaxed),
            images: self.images.load(Relaxed),
            dead_letters: self.dead_letters.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            latency: self.latency.read(),
            last_dead_letter: self
                .last_dead_letter
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }
}

/// What a [`Meter`] has counted up to a moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Messages answered, durably.
    pub answered: u64,
    /// The images in them.
    pub images: u64,
    /// Messages published as dead letters, durably.
    pub dead_letters: u64,
    /// Messages received and not yet settled, at this moment.
    pub in_flight: usize,
    /// How long each message took from received to settled, whatever became of it.
    pub latency: Latency,
    /// Why the last dead letter is one.
    pub last_dead_letter: Option<Cause>,
}

/// Times by their length: 16 classes for each doubling, so that a time that is read from it is off by 6 % at most. It takes
/// 5 KB, however many times there are.
#[derive(Debug)]
struct Histogram([AtomicU64; CLASSES]);

/// Of a doubling.
const PARTS: usize = 16;
/// Up to 2^40 microseconds, which are twelve days.
const CLASSES: usize = PARTS * 37;

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Histogram {
    fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.0.get(class(micros)) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn read(&self) -> Latency {
        Latency(self.0.iter().map(|count| count.load(Relaxed)).collect())
    }
}

/// The class of a time in microseconds; the last one has everything that is longer.
fn class(micros: u64) -> usize {
    let doubling = micros.checked_ilog2().unwrap_or(0).saturating_sub(3);
    let part = micros.checked_shr(doubling.saturating_sub(1)).unwrap_or(0) as usize % PARTS;
    (doubling as usize * PARTS + part).min(CLASSES - 1)
}

/// The longest time of a class, in microseconds.
fn longest(class: usize) -> u64 {
    let (doubling, part) = ((class / PARTS) as u32, (class % PARTS) as u64);
    match doubling {
        0 => part,
        _ => ((PARTS as u64 + part + 1) << (doubling - 1)) - 1,
    }
}

/// How long messages took, as counts of a histogram.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latency(Vec<u64>);

impl Latency {
    /// Those that came after an earlier reading.
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.0.iter().copied().chain(std::iter::repeat(0));
        let counts = self.0.iter().zip(before);
        Self(counts.map(|(now, before)| now.saturating_sub(before)).collect())
    }

    /// The time within which this share of the messages, from 0 to 1, were settled. None: there are no messages.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all: u64 = self.0.iter().sum();
        let wanted = (all as f64 * share).ceil().max(1.0) as u64;
        let mut sum = 0;
        let class = self.0.iter().position(|count| {
            sum += count;
            sum >= wanted
        })?;
        Some(Duration::from_micros(longest(class)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_is_in_the_class_whose_longest_is_no_shorter_and_not_much_longer(micros in 0u64..1 << 40) {
            let longest = longest(class(micros));
            prop_assert!(longest >= micros && longest as f64 <= micros as f64 * 1.0625 + 1.0, "{micros}: {longest}");
        }

        #[test]
        fn longer_times_are_in_no_lower_class(one in 0u64.., other in 0u64..) {
            prop_assert!(class(one.min(other)) <= class(one.max(other)));
        }
    }

    #[test]
    fn every_class_has_times_of_its_own() {
        for place in 1..CLASSES {
            assert_eq!(class(longest(place - 1)), place - 1);
            assert_eq!(class(longest(place - 1) + 1), place);
        }
        assert_eq!(class(u64::MAX), CLASSES - 1);
    }

    #[test]
    fn half_of_the_messages_took_no_longer_than_p50_and_all_but_one_of_a_hundred_than_p99() {
        let meter = Meter::default();
        assert_eq!(meter.read().latency.quantile(0.5), None);
        for milliseconds in 1..=100 {
            meter.answered(40, Duration::from_millis(milliseconds));
        }
        let latency = meter.read().latency;
        let near = |share: f64, milliseconds: f64| {
            let found = latency.quantile(share).unwrap().as_secs_f64() * 1000.0;
            assert!(
                found >= milliseconds && found <= milliseconds * 1.07,
                "{share}: {found} ms"
            );
        };
        near(0.5, 50.0);
        near(0.99, 99.0);
        near(1.0, 100.0);
    }

    #[test]
    fn two_readings_tell_what_came_between_them() {
        let meter = Meter::default();
        meter.answered(40, Duration::from_secs(10));
        let before = meter.read();
        meter.answered(1, Duration::from_millis(1));
        let cause = Cause {
            code: "empty".to_owned(),
            detail: "no bytes".to_owned(),
        };
        meter.dead_letter(cause.clone(), Duration::from_millis(2));
        meter.set_in_flight(3);
        let after = meter.read();
        assert_eq!((after.answered, after.images, after.dead_letters), (2, 41, 1));
        assert_eq!((after.in_flight, after.last_dead_letter), (3, Some(cause)));
        let slowest = after.latency.since(&before.latency).quantile(1.0).unwrap();
        assert!(slowest < Duration::from_millis(3), "{slowest:?}");
        assert_eq!(before.latency.since(&after.latency).quantile(0.5), None);
    }
}
