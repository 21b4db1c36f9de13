//! What a guest writes to stdout or stderr, in the log as the guest's own words: whole lines, of bounded length and number. What is over
//! is counted, and the number stands in the log.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::terminal::printable;

/// A longer line is split here. Bytes, before escaping.
const LINE: usize = 4096;

/// What one call may write to one stream; more is counted and dropped. Bytes.
const BUDGET: usize = 64 << 10;

/// What all instances of a component may write in a second, however many calls they get and however often they are replaced. Bytes.
const RATE: usize = 64 << 10;

/// How much of that may come at once. Bytes.
const BURST: usize = 4 * RATE;

/// What a line takes of it besides its own bytes: about the time and the names that the log writes before it.
const BEFORE_A_LINE: usize = 64;

/// What the instances of a component may still write now.
pub(super) struct Rate(Mutex<Left>);

struct Left {
    bytes: usize,
    /// When `bytes` were added last.
    at: Instant,
    /// Not written, and not told yet. Bytes.
    left_out: usize,
}

impl Rate {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Left {
            bytes: BURST,
            at: Instant::now(),
            left_out: 0,
        }))
    }

    /// Takes a line of this length at this time: how many bytes before it were left out and are now to be told. None: there is no room, and
    /// `meant` bytes more are left out.
    fn take(&self, length: usize, meant: usize, now: Instant) -> Option<usize> {
        let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let millis = now.saturating_duration_since(left.at).as_millis();
        let added = usize::try_from(millis).unwrap_or(usize::MAX).saturating_mul(RATE) / 1000;
        if added > 0 {
            (left.bytes, left.at) = (left.bytes.saturating_add(added).min(BURST), now);
        }
        match left.bytes.checked_sub(length.saturating_add(BEFORE_A_LINE)) {
            Some(rest) => {
                left.bytes = rest;
                Some(std::mem::take(&mut left.left_out))
            }
            None => {
                left.left_out = left.left_out.saturating_add(meant);
                None
            }
        }
    }
}

/// One output stream of a guest. Clones share what is unfinished.
#[derive(Clone)]
pub(super) struct GuestLog {
    stream: &'static str,
    rate: Arc<Rate>,
    call: Arc<Mutex<Call>>,
}

/// What the current call has written.
struct Call {
    line: Vec<u8>,
    left: usize,
    left_out: usize,
}

impl GuestLog {
    pub(super) fn new(stream: &'static str, rate: Arc<Rate>) -> Self {
        let call = Call {
            line: Vec::new(),
            left: BUDGET,
            left_out: 0,
        };
        Self {
            stream,
            rate,
            call: Arc::new(Mutex::new(call)),
        }
    }

    fn take(&self, bytes: &[u8]) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, over) = bytes.split_at(bytes.len().min(call.left));
        call.left -= bytes.len();
        call.left_out = call.left_out.saturating_add(over.len());
        for byte in bytes {
            if *byte != b'\n' {
                call.line.push(*byte);
            }
            if *byte == b'\n' || call.line.len() >= LINE {
                self.log(&call.line, call.line.len());
                call.line.clear();
            }
        }
    }

    /// Ends a call: logs an unfinished line (what a guest wrote just before a trap is unfinished, and matters most),
    /// and how much was dropped.
    pub(super) fn end(&self) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        if !call.line.is_empty() {
            self.log(&call.line, call.line.len());
            call.line.clear();
        }
        if call.left_out > 0 {
            let told = format!("({} more bytes in this call)", call.left_out);
            self.log(told.as_bytes(), call.left_out);
        }
        (call.left, call.left_out) = (BUDGET, 0);
    }

    /// Escapes control characters: a guest must not control a terminal through the log. `meant` is how many of the guest's bytes are lost
    /// if the line is.
    fn log(&self, line: &[u8], meant: usize) {
        let Some(left_out) = self.rate.take(line.len(), meant, Instant::now()) else {
            return;
        };
        let stream = self.stream;
        if left_out > 0 {
            tracing::info!(target: "guest", stream, "({left_out} more bytes before, which were too many for a second)");
        }
        let text = String::from_utf8_lossy(line);
        let text = printable(&text);
        tracing::info!(target: "guest", stream, "{text}");
    }
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for GuestLog {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_too_much_for_a_second_is_left_out_and_told_with_the_next_line() {
        let (rate, start) = (Rate::new(), Instant::now());
        let mut written = 0;
        while rate.take(LINE, LINE, start).is_some() {
            written += LINE;
        }
        assert!((BURST / 2..=BURST).contains(&written), "{written}");
        assert_eq!(rate.take(LINE, 7, start), None);
        let later = start + Duration::from_secs(1);
        assert_eq!(rate.take(LINE, LINE, later), Some(LINE + 7));
        assert_eq!(rate.take(LINE, LINE, later), Some(0));
        let mut lines = 0;
        while rate.take(0, 0, later).is_some() {
            lines += 1;
        }
        assert!(lines < RATE / BEFORE_A_LINE, "empty lines take room too: {lines}");
    }

    #[test]
    fn a_long_silence_saves_up_no_more_than_a_burst() {
        let (rate, start) = (Rate::new(), Instant::now());
        let later = start + Duration::from_secs(1 << 40);
        assert_eq!(rate.take(BURST - BEFORE_A_LINE, 0, later), Some(0));
        assert_eq!(rate.take(0, 0, later), None);
    }
}
