//! What the signals that ask for a stop do: the first, the second and the third.

use std::fs;

use super::sandbox::{Running, Sandbox, wait_for};

const CONSUME: [&str; 3] = ["consume", "--topic", "input-stream"];

/// The tests may have been started with the signal ignored.
const HEEDING: [&str; 2] = ["env", "--default-signal=HUP"];

/// From a folder of its own, so that the sandbox's own program's output stays as it is.
fn produce(sandbox: &Sandbox, messages: &str) {
    let file = sandbox.path("host.db").display().to_string();
    let command = [
        "produce",
        "--batch",
        "1",
        "--interval",
        "0",
        "--limit",
        messages,
        "--local-file",
        &file,
    ];
    Sandbox::new().succeed(&command);
}

fn has_printed(sandbox: &Sandbox, lines: usize) {
    wait_for("lines to be printed", || {
        let printed = fs::read_to_string(sandbox.path("stdout")).unwrap();
        (printed.lines().count() == lines).then_some(())
    });
}

fn signal_and_hear(sandbox: &Sandbox, running: &Running, answer: &str) {
    running.signal("INT");
    wait_for(answer, || {
        let said = fs::read_to_string(sandbox.path("stderr")).unwrap();
        said.contains(answer).then_some(())
    });
}

#[test]
fn a_terminal_that_is_closed_asks_for_a_stop_that_finishes_what_has_begun() {
    let sandbox = Sandbox::new();
    produce(&sandbox, "3");
    let running = sandbox.start_under(&HEEDING, &CONSUME);
    has_printed(&sandbox, 3);
    running.signal("HUP");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says("finishing what has begun");
    produce(&sandbox, "1");
    let next = sandbox.succeed(&[&CONSUME[..], &["--limit", "1", "--format", "json"]].concat());
    assert!(next.contains("input-stream/0/3"), "{next}");
}

#[test]
fn what_is_to_outlive_its_terminal_does() {
    let sandbox = Sandbox::new();
    produce(&sandbox, "1");
    let running = sandbox.start_under(&["nohup"], &CONSUME);
    has_printed(&sandbox, 1);
    running.signal("HUP");
    produce(&sandbox, "1");
    has_printed(&sandbox, 2);
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn the_third_ctrl_c_ends_what_the_second_could_not() {
    let sandbox = Sandbox::new();
    produce(&sandbox, "1");
    let running = sandbox.start(&CONSUME);
    has_printed(&sandbox, 1);
    // Nobody else can write now, so the group cannot be left.
    let busy = rusqlite::Connection::open(sandbox.path("host.db")).unwrap();
    busy.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    signal_and_hear(&sandbox, &running, "finishing what has begun");
    signal_and_hear(&sandbox, &running, "stopping at once");
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    ended.assert_says("without waiting");
}
