//! The components that the tests run, their paths, and limits that none of them reaches.

#![allow(dead_code, reason = "every test program takes its own part of this")]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use host::classifier::{ClassifierConfig, Compiler, Limits, Origin, Trust};

/// `target/component/NAME.wasm` of this checkout, wherever cargo puts everything else. A test never goes without it.
pub fn component(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let path = PathBuf::from(format!("{root}/target/component/{name}.wasm"));
    let build = match name {
        "classifier" | "classifier-full" => "cargo xtask component",
        _ => "cargo xtask component --tests",
    };
    assert!(path.is_file(), "{} is missing: run '{build}'", path.display());
    path
}

/// One worker, the component's own model, and its default answer.
pub fn config(component: impl Into<PathBuf>) -> ClassifierConfig {
    ClassifierConfig {
        component: Origin::File(component.into()),
        full: None,
        trust: Trust::default(),
        stub_wasi: false,
        model: None,
        model_output: None,
        labels: None,
        accept: None,
        prepare: None,
        workers: NonZeroUsize::MIN,
        limits: Limits {
            memory_bytes: 1 << 30,
            call_timeout: test_brokers::DEADLINE,
            reply_bytes: 1 << 20,
        },
        // Compiling the large one takes long; the commands use the same cache.
        cache: true,
        compiler: Compiler::new(env!("CARGO_BIN_EXE_host").into()),
    }
}
