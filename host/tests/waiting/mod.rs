//! How tests wait for what another process does.

use std::time::{Duration, Instant};

pub use test_brokers::DEADLINE;

/// Asks again and again until there is something, for as long as the deadline allows.
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
