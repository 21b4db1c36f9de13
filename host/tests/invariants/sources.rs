//! The sources, as text.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the code.
pub const CODE: [&str; 6] = [
    "host/src",
    "classifier-wasm/src",
    "classifier-wasm/codec/src",
    "classifier-wasm/executor/src",
    "xtask/src",
    "test-brokers/src",
];
/// And of the tests beside it.
pub const TESTS: [&str; 4] = [
    "host/tests",
    "classifier-wasm/codec/tests",
    "classifier-wasm/executor/tests",
    "test-brokers/tests",
];

/// A text file of this repository.
#[derive(Clone)]
pub struct Source {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
}

/// The files of some folders that are so.
pub fn paths_where(folders: &[&str], is_so: impl Fn(&Source) -> bool) -> Vec<String> {
    let sources = folders.iter().flat_map(|folder| sources(folder));
    sources.filter(is_so).map(|source| source.path).collect()
}

/// The code without the tests of its modules, which are last or in files of their own.
pub fn without_tests(mut sources: Vec<Source>) -> Vec<Source> {
    sources.retain(|source| !source.path.ends_with("/tests.rs") && !source.path.ends_with("/testing.rs"));
    for source in &mut sources {
        let end = source.text.find("\nmod tests {").unwrap_or(source.text.len());
        source.text.truncate(end);
    }
    sources
}

pub fn host() -> Vec<Source> {
    sources("host/src")
}

pub fn guest() -> Vec<Source> {
    [
        "classifier-wasm/src",
        "classifier-wasm/codec/src",
        "classifier-wasm/executor/src",
    ]
    .map(sources)
    .concat()
}

/// Every Rust file of a folder, or the one file.
pub fn sources(path: &str) -> Vec<Source> {
    let root = root();
    let found = files(&root.join(path), ".rs");
    let name = |file: &Path| file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
    let source = |file: PathBuf| Source {
        path: name(&file),
        text: fs::read_to_string(&file).unwrap(),
    };
    found.into_iter().map(source).collect()
}

/// Files with this ending; hidden and built ones are ignored.
pub fn files(path: &Path, end: &str) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder && !name.starts_with('.') && name != "target" && name != "node_modules" {
            found.extend(files(&entry.path(), end));
        } else if !is_folder && name.ends_with(end) {
            found.push(entry.path());
        }
    }
    found
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
