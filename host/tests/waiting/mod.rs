//! How tests wait for what another process does.

#![allow(dead_code, reason = "every test program takes its own part of this")]

use std::thread;
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
        thread::sleep(Duration::from_millis(10));
    }
}

/// The same for each of several cases at once, since most of the time they wait.
pub fn at_once<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    // A test that is skipped is reported by the name of its thread.
    let name = thread::current().name().unwrap_or_default().to_owned();
    thread::scope(|scope| {
        let test = &test;
        for case in cases {
            let named = thread::Builder::new().name(name.clone());
            named.spawn_scoped(scope, move || test(case)).unwrap();
        }
    });
}
