//! The components that the tests run, and where they lie.

use std::path::PathBuf;

/// `target/component/NAME.wasm` of this checkout, wherever cargo puts everything else. A test never goes without it.
pub fn component(name: &str) -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let path = PathBuf::from(format!("{root}/target/component/{name}.wasm"));
    let build = match name {
        "classifier" => "cargo xtask component",
        _ => "cargo xtask component --tests",
    };
    assert!(path.is_file(), "{} is missing: run '{build}'", path.display());
    path
}
