//! Measured processes, seen from outside: what they print, and the resources that they use.

use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often a running process is checked.
const POLL: Duration = Duration::from_millis(5);

/// Longer than any measurement takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(300);

/// A process that ends when its handle is dropped.
pub struct Running {
    child: Child,
    program: String,
    usage: Option<Usage>,
}

/// A process's resources so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Of all its threads, in user and system mode.
    pub cpu: Duration,
    /// The largest resident memory; 0 if the process ended before the first check. Bytes.
    pub peak_bytes: u64,
}

impl Running {
    /// Nothing reads its output before it has ended, so it may print no more than a pipe holds.
    pub fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = started.with_context(|| format!("cannot start {program}"))?;
        Ok(Self {
            child,
            program,
            usage: None,
        })
    }

    /// Waits for its end, which must be a success: its output, if that goes to a pipe, and its resources.
    pub fn finish(mut self) -> Result<(String, Usage)> {
        let began = Instant::now();
        let status = loop {
            if let Some(now) = usage(self.child.id()) {
                let peak_bytes = self.usage.map_or(0, |before| before.peak_bytes).max(now.peak_bytes);
                self.usage = Some(Usage { peak_bytes, ..now });
            }
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if began.elapsed() > DEADLINE {
                bail!("{} took over {} s", self.program, DEADLINE.as_secs());
            }
            std::thread::sleep(POLL);
        };
        ensure!(status.success(), "{} ended with {status}", self.program);
        let usage = self.usage.context(NO_PROC)?;
        let printed = self.child.stdout.take().map(std::io::read_to_string);
        Ok((printed.transpose()?.unwrap_or_default(), usage))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub const NO_PROC: &str = "resources are read from /proc, which does not exist here";

/// None after a process was waited for, or without /proc.
pub fn usage(process: u32) -> Option<Usage> {
    let read = |file: &str| std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join(file)).ok();
    Some(Usage {
        cpu: cpu(&read("stat")?)?,
        peak_bytes: peak_bytes(&read("status")?).unwrap_or_default(),
    })
}

/// Source: proc_pid_stat(5), fields 14 and 15. They count hundredths of a second on every Linux.
fn cpu(stat: &str) -> Option<Duration> {
    // The second field is the program's name in parentheses, with any characters.
    let (_, rest) = stat.rsplit_once(") ")?;
    let times = rest.split(' ').skip(11).take(2);
    let ticks: Option<Vec<u64>> = times.map(|ticks| ticks.parse().ok()).collect();
    Some(Duration::from_millis(10 * ticks?.iter().sum::<u64>()))
}

fn peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_took_is_read_past_any_name() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 1200 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(peak_bytes("Name:\tx\nVmHWM:\t    2048 kB\n"), Some(2 << 20));
        assert_eq!(peak_bytes("Name:\tx\n"), None);
    }
}
