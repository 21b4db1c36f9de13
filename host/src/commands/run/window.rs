//! What has happened over the last seconds, from readings of a meter: what lies longer ago does not smooth it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::pipeline::{Latency, Reading};

/// How far back it looks: far enough that a message every few seconds, as `produce` sends them, gives a steady rate.
const SPAN: Duration = Duration::from_secs(10);

/// The readings of the last [`SPAN`], oldest first, and one before it.
#[derive(Debug, Default)]
pub struct Window(VecDeque<(Instant, Reading)>);

/// What happened in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recent {
    /// How long it was: at the start, and after an idle time, less than [`SPAN`].
    pub took: Duration,
    /// Images answered, a second.
    pub rate: f64,
    /// How long the messages took that were settled.
    pub latency: Latency,
    /// Nothing was settled, and nothing is in flight.
    pub is_idle: bool,
}

impl Window {
    /// Takes a reading, which has to be later than the one before, and gives what happened.
    pub fn push(&mut self, now: Instant, reading: Reading) -> Recent {
        self.0.push_back((now, reading));
        while self.0.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= SPAN) {
            self.0.pop_front();
        }
        let recent = self.recent();
        // What comes after an idle time begins anew, or its rate would rise for as long as the window is wide.
        if recent.is_idle {
            self.0.drain(..self.0.len().saturating_sub(1));
        }
        recent
    }

    fn recent(&self) -> Recent {
        let (Some((began, first)), Some((ended, last))) = (self.0.front(), self.0.back()) else {
            return Recent::default();
        };
        let took = ended.duration_since(*began);
        let seconds = took.as_secs_f64();
        let images = last.images.saturating_sub(first.images);
        let settled = last.answered + last.dead_letters > first.answered + first.dead_letters;
        Recent {
            took,
            rate: if seconds > 0.0 { images as f64 / seconds } else { 0.0 },
            latency: last.latency.since(&first.latency),
            is_idle: !settled && last.in_flight == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(images: u64, in_flight: usize) -> Reading {
        Reading {
            answered: images / 40,
            images,
            in_flight,
            ..Reading::default()
        }
    }

    /// The rates at each second, where so many images were answered in it.
    fn rates(images: &[u64]) -> Vec<f64> {
        let (mut window, began) = (Window::default(), Instant::now());
        window.push(began, reading(0, 0));
        let mut sum = 0;
        let seconds = images.iter().zip(1..);
        seconds
            .map(|(images, second)| {
                sum += images;
                let now = began + Duration::from_secs(second);
                window.push(now, reading(sum, usize::from(*images > 0))).rate.round()
            })
            .collect()
    }

    #[test]
    fn a_steady_stream_has_its_rate_from_the_first_second_on() {
        assert_eq!(rates(&[400; 15]), [400.0; 15]);
    }

    #[test]
    fn a_message_every_five_seconds_has_a_steady_rate_once_the_window_is_full() {
        let images: Vec<u64> = (0..30).map(|second| if second % 5 == 0 { 40 } else { 0 }).collect();
        assert!(rates(&images).iter().skip(10).all(|rate| *rate == 8.0));
    }

    #[test]
    fn an_idle_time_smooths_nothing() {
        let mut images = vec![400; 12];
        images.extend([0; 11]);
        assert_eq!(rates(&images).last(), Some(&0.0));
        images.extend([0; 600]);
        images.push(4000);
        assert_eq!(rates(&images).last(), Some(&4000.0));
    }

    #[test]
    fn it_is_idle_where_nothing_was_settled_and_nothing_is_in_flight() {
        let (mut window, began) = (Window::default(), Instant::now());
        assert!(window.push(began, reading(0, 0)).is_idle);
        assert!(!window.push(began + Duration::from_secs(1), reading(0, 1)).is_idle);
        assert!(!window.push(began + Duration::from_secs(2), reading(40, 0)).is_idle);
        assert!(window.push(began + Duration::from_secs(30), reading(40, 0)).is_idle);
    }

    #[test]
    fn however_long_it_runs_it_keeps_a_few_readings() {
        let (mut window, began) = (Window::default(), Instant::now());
        for second in 0..1000 {
            window.push(began + Duration::from_secs(second), reading(second * 40, 1));
        }
        assert!(window.0.len() <= 12, "{}", window.0.len());
    }
}
