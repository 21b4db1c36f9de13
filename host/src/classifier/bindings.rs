//! The contract in `wit/`, as Rust types and calls, and nothing else.

#![allow(
    missing_docs,
    reason = "generated; the contract itself is documented in wit/classifier.wit"
)]
#![allow(
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "generated"
)]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "everything",
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
});
