//! How tests wait for what another process does.

use std::time::{Duration, Instant};

pub use test_brokers::DEADLINE;

/// Checks again and again until there is a value, up to the deadline.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
