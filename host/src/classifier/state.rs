//! What a store holds for its guest: what the host grants, and what the guest has taken of it.

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::limits::{Limits, Meter};
use super::log::GuestLog;

/// Host objects (clock subscriptions, streams) that one guest may hold.
const RESOURCES: usize = 1024;

/// What a store holds for its guest.
pub(super) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    pub(super) meter: Meter,
    logs: [GuestLog; 2],
}

impl State {
    pub(super) fn new(limits: &Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        let logs = ["stdout", "stderr"].map(GuestLog::new);
        let [stdout, stderr] = logs.clone();
        Self {
            wasi: WasiCtx::builder().stdout(stdout).stderr(stderr).build(),
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
