//! The puppet's heap, which misbehaves when told: the host calls into it before a call, to place what it passes, and after it, to free what
//! it has read. No code of the puppet runs then, so nothing else could be told what to do.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

/// A body of so many bytes loops for ever when it is freed: after the call, as the host has read it.
pub const LOOPS_WHEN_FREED: usize = 4_099;
/// When a body of so many bytes is freed, whatever is allocated next loops for ever: the host's next request.
pub const LOOPS_AFTERWARDS: usize = 4_111;

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

static LOOPS: AtomicBool = AtomicBool::new(false);

// SAFETY: every call goes to the system's allocator as it is, or never returns.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if LOOPS.load(Ordering::Relaxed) {
            never_return();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match layout.size() {
            LOOPS_WHEN_FREED => never_return(),
            LOOPS_AFTERWARDS => LOOPS.store(true, Ordering::Relaxed),
            _ => {}
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

fn never_return() -> ! {
    loop {
        black_box(());
    }
}
