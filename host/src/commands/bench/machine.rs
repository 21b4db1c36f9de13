//! The processor, since figures mean nothing without it, and its time.

use std::time::Duration;

use crate::files;

/// The processor's time that this thread has taken so far: other programs disturb it far less than the time of day.
#[cfg(unix)]
pub fn thread_time() -> Duration {
    let taken = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(taken).unwrap_or_default()
}

/// The time of day, where a thread's own is not to be had.
#[cfg(not(unix))]
pub fn thread_time() -> Duration {
    std::time::UNIX_EPOCH.elapsed().unwrap_or_default()
}

/// Its name and its widest vectors, such as `AMD EPYC, AVX2`.
pub fn processor() -> String {
    let said = files::read_text("/proc/cpuinfo".as_ref(), files::SMALL).unwrap_or_default();
    format!("{}, {}", name(&said).unwrap_or(std::env::consts::ARCH), vectors())
}

/// As Linux tells it.
fn name(said: &str) -> Option<&str> {
    let line = said.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.trim_start().strip_prefix(':')?.trim())
}

#[cfg(target_arch = "x86_64")]
fn vectors() -> &'static str {
    if is_x86_feature_detected!("avx512f") {
        "AVX-512"
    } else if is_x86_feature_detected!("avx2") {
        "AVX2"
    } else {
        "SSE2"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vectors() -> &'static str {
    "vectors of 128 bits"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_as_linux_names_it() {
        let said = "processor\t: 0\nvendor_id\t: X\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a b\n";
        assert_eq!(name(said).unwrap(), "Some CPU @ 2 GHz");
        assert_eq!(name("processor\t: 0\n"), None);
    }
}
