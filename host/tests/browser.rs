//! The page in a real browser: the tests of `browser/test/page`, against the built page and the host that serves it.
//!
//! They are JavaScript, like the page. This file runs them with what they need, and counts them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod components;

use std::path::{Path, PathBuf};
use std::process::Command;

use test_brokers::{need_chromium, or_skip};

use components::component;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// What Node.js has counted, such as `tests`: it writes a line `ℹ tests 12` for each count.
fn count(report: &str, name: &str) -> Option<usize> {
    let counts = report.lines().filter_map(|line| line.strip_prefix("ℹ "));
    counts
        .filter_map(|count| count.split_once(' '))
        .find_map(|(found, number)| match found == name {
            true => number.parse().ok(),
            false => None,
        })
}

#[test]
fn the_page_passes_its_own_tests_in_a_real_browser() {
    let Some(chromium) = or_skip(need_chromium()).unwrap() else {
        return;
    };
    let page = root().join("target/browser/index.html");
    assert!(
        page.is_file(),
        "{} is missing: run `cargo xtask browser`",
        page.display()
    );
    let output = Command::new("npm")
        .args(["run", "--silent", "test:page"])
        .current_dir(root().join("browser"))
        .env("HOST", env!("CARGO_BIN_EXE_host"))
        .env("CHROMIUM", chromium)
        .env("HOST_COMPONENT", component("classifier"))
        // Its report is read.
        .env_remove("FORCE_COLOR")
        .output()
        .expect("npm, which comes with node, starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}{said}");
    let counts = ["tests", "pass", "skipped", "todo"].map(|name| count(&report, name));
    let [Some(tests), Some(passed), Some(0), Some(0)] = counts else {
        panic!("{counts:?} are no counts of tests of which none is left out: {report}{said}");
    };
    assert!(tests > 0 && passed == tests, "{report}{said}");
}

#[test]
fn the_counts_of_a_report_are_read_and_nothing_that_looks_so() {
    let report = "✔ ℹ tests 3 (1.5ms)\n  ℹ tests 7\nℹ tests 12\nℹ skipped 0\nℹ duration_ms 40.5\n";
    assert_eq!(count(report, "tests"), Some(12));
    assert_eq!(count(report, "skipped"), Some(0));
    assert_eq!(count(report, "todo"), None);
    assert_eq!(count("", "tests"), None);
}
