//! What a store holds for its guest: what the host grants, and what the guest has taken of it.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::limits::{Limits, Meter};
use super::log::{GuestLog, Rate};

/// Host objects (clock subscriptions, streams) that one guest may hold.
const RESOURCES: usize = 1024;

/// The most random bytes of one call to the host, which allocates them. Calls cost only the guest's own time. Bytes.
const RANDOM: u64 = 1 << 20;

/// What a store holds for its guest.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) meter: Meter,
    logs: [GuestLog; 2],
}

impl State {
    pub(super) fn new(limits: &Limits, log_rate: &Arc<Rate>) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let logs = ["stdout", "stderr"].map(|stream| GuestLog::new(stream, Arc::clone(log_rate)));
        let [stdout, stderr] = logs.clone();
        Self {
            wasi: WasiCtx::builder()
                .stdout(stdout)
                .stderr(stderr)
                .max_random_size(RANDOM)
                .build(),
            table,
            meter: Meter::new(limits.memory_bytes),
            logs,
        }
    }

    /// Ends what a call has written.
    pub(super) fn end_logs(&self) {
        for log in &self.logs {
            log.end();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.end_logs();
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}
