//! The first hour of somebody who has read the README, in an empty folder with `host` on the `PATH`: its commands, as they stand
//! there.

use std::fs;
use std::path::Path;

use crate::terminal::{Desk, SIZES, Size};

/// The README's first command of this beginning, as it is typed.
fn command(beginning: &str) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let lines = readme.lines().filter_map(|line| line.strip_prefix("    "));
    let mut commands = lines.map(|line| line.split(" #").next().unwrap().trim().trim_start_matches("$ "));
    let found = commands.find(|command| *command == beginning || command.starts_with(&format!("{beginning} ")));
    found
        .unwrap_or_else(|| panic!("the README has no command `{beginning}`"))
        .to_owned()
}

/// Runs to an end without an error, and compares what stands there then.
fn run_and_compare(desk: &Desk, size: Size, command: &str, name: &str) {
    let mut terminal = desk.open(size, command);
    assert_eq!(terminal.end(), Some(0), "{}", terminal.screen());
    terminal.assert_shows(name);
}

#[test]
fn the_demo_ends_with_what_one_wants_to_know_of_it() {
    for size in SIZES {
        run_and_compare(&Desk::new(), size, &command("host demo"), "demo");
    }
}

#[test]
fn a_picture_is_classified_a_model_measured_and_a_command_explained_on_one_screen_each() {
    for size in SIZES {
        let desk = Desk::new();
        desk.lay("samples/shoe.jpg");
        run_and_compare(&desk, size, &command("host classify"), "classify");
        run_and_compare(&desk, size, &command("host evaluate"), "evaluate");
        run_and_compare(&desk, size, "host run --help", "help-run");
    }
}

#[test]
fn three_terminals_stream_ten_thousand_images_and_stop_at_ctrl_c() {
    for size in SIZES {
        let desk = Desk::new();
        let mut run = desk.open(size, &command("host run"));
        run.wait_for("waiting for messages");
        run.wait_for("1 member");
        run.assert_shows("run-waiting");
        let mut consume = desk.open(size, &command("host consume"));
        run_and_compare(&desk, size, &command("host produce"), "produce");
        run.wait_for("10,000 images answered");
        run.wait_for("waiting for messages");
        // The broker is asked every few seconds.
        run.wait_for("lag           none");
        run.assert_shows("run-done");
        run.press("\x03");
        assert_eq!(run.end(), Some(0), "{}", run.screen());
        run.assert_shows("run-stopped");
        consume.wait_for("waiting for messages in output-stream");
        consume.assert_shows("consume");
        consume.press("\x03");
        assert_eq!(consume.end(), Some(0), "{}", consume.screen());
    }
}

#[test]
fn what_is_in_the_log_goes_above_the_lines_that_are_drawn_and_tears_nothing() {
    for size in SIZES {
        let desk = Desk::new();
        fs::write(desk.path("damaged.png"), b"\x89PNG\r\n\x1a\nand no more").unwrap();
        let mut run = desk.open(size, "host run");
        run.wait_for("waiting for messages");
        assert_eq!(desk.open(size, "host produce --images damaged.png").end(), Some(0));
        run.wait_for("dead letters  1, the last one");
        run.wait_for("waiting for messages");
        run.wait_for("lag           none");
        run.assert_shows("run-dead-letter");
    }
}

#[test]
fn what_could_not_be_answered_is_counted_shown_and_sent_back() {
    for size in SIZES {
        let desk = Desk::new();
        fs::write(desk.path("small.npy"), of_another_size()).unwrap();
        run_and_compare(&desk, size, "host produce --images small.npy", "produce-one");
        let mut run = desk.open(size, "host run --idle-timeout 1s");
        assert_eq!(run.end(), Some(0), "{}", run.screen());
        run_and_compare(&desk, size, &command("host dead-letters"), "dead-letters");
        run_and_compare(&desk, size, &command("host dead-letters show"), "dead-letters-show");
        let plain = "env NO_COLOR=1 host dead-letters show 0";
        run_and_compare(&desk, size, plain, "dead-letters-show-plain");
        run_and_compare(&desk, size, &command("host dead-letters replay"), "dead-letters-replay");
        let mut delete = desk.open(size, "host topics delete input-stream.dlq");
        delete.wait_for("Delete it?");
        delete.press("y\n");
        assert_eq!(delete.end(), Some(0), "{}", delete.screen());
        delete.assert_shows("topics-delete");
    }
}

/// One image of 20 x 20 pixels in NumPy's format: a bright cross, which the built-in model does not take.
fn of_another_size() -> Vec<u8> {
    const SIDE: usize = 20;
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': (1, {SIDE}, {SIDE}), }}\n");
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    npy.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    npy.extend(header.bytes());
    npy.extend((0..SIDE * SIDE).map(|place| {
        let is_bright = place / SIDE == SIDE / 2 || place % SIDE == SIDE / 2;
        if is_bright { 255 } else { 0 }
    }));
    npy
}

#[test]
fn a_second_host_says_that_it_waits_and_for_whom() {
    for size in SIZES {
        let desk = Desk::new();
        let mut first = desk.open(size, "host run");
        first.wait_for("1 of 1 partition, 1 member");
        let mut second = desk.open(size, "host run");
        second.wait_for("waiting for process");
        second.assert_shows("run-second");
        first.wait_for("1 of 1 partition, 2 members");
        first.press("\x03");
        assert_eq!(first.end(), Some(0), "{}", first.screen());
        second.wait_for("waiting for messages");
        second.wait_for("1 of 1 partition, 1 member");
    }
}
