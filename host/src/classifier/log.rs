//! What a guest writes to stdout or stderr, in the log as the guest's own words: whole lines, of bounded length.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

use super::check;

/// A longer line is cut here and goes on as the next. Bytes.
const LINE: usize = 4096;

/// One of a guest's output streams. Clones share the unfinished line.
#[derive(Clone)]
pub(super) struct GuestLog {
    stream: &'static str,
    line: Arc<Mutex<Vec<u8>>>,
}

impl GuestLog {
    pub(super) fn new(stream: &'static str) -> Self {
        let line = Arc::default();
        Self { stream, line }
    }

    fn take(&self, bytes: &[u8]) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in bytes {
            if *byte != b'\n' {
                line.push(*byte);
            }
            if *byte == b'\n' || line.len() >= LINE {
                self.log(&line);
                line.clear();
            }
        }
    }

    /// Logs a line that has no end: what a guest wrote just before a trap has none, and matters most.
    pub(super) fn end(&self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if !line.is_empty() {
            self.log(&line);
            line.clear();
        }
    }

    /// Control characters are escaped: a guest must not write to somebody's terminal through the log.
    fn log(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        let text = String::from_iter(check::printable(&text));
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
