//! What a guest writes to stdout or stderr, in the log as the guest's own words: whole lines, of bounded length and
//! number.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use crate::terminal::printable;

/// A longer line is split here. Bytes, before escaping.
const LINE: usize = 4096;

/// What one call may write to one stream; more is counted and dropped. Bytes.
const BUDGET: usize = 64 << 10;

/// One output stream of a guest. Clones share what is unfinished.
#[derive(Clone)]
pub(super) struct GuestLog {
    stream: &'static str,
    call: Arc<Mutex<Call>>,
}

/// What the current call has written.
struct Call {
    line: Vec<u8>,
    left: usize,
    left_out: usize,
}

impl GuestLog {
    pub(super) fn new(stream: &'static str) -> Self {
        let call = Call {
            line: Vec::new(),
            left: BUDGET,
            left_out: 0,
        };
        Self {
            stream,
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
                self.log(&call.line);
                call.line.clear();
            }
        }
    }

    /// Ends a call: logs an unfinished line (what a guest wrote just before a trap is unfinished, and matters most),
    /// and how much was dropped.
    pub(super) fn end(&self) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        if !call.line.is_empty() {
            self.log(&call.line);
            call.line.clear();
        }
        if call.left_out > 0 {
            self.log(format!("({} more bytes in this call)", call.left_out).as_bytes());
        }
        (call.left, call.left_out) = (BUDGET, 0);
    }

    /// Escapes control characters: a guest must not control a terminal through the log.
    fn log(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = printable(&text);
        tracing::info!(target: "guest", stream = self.stream, "{text}");
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
