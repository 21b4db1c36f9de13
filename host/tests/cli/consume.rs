//! `host consume`: what is printed, and when it counts as consumed.

use std::io::Read;

use serde_json::Value;

use super::sandbox::{Sandbox, wait_for};

/// Three messages of one image each in `input-stream`.
fn three() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "3", "--batch", "1", "--interval", "0"]);
    sandbox
}

const INPUT: [&str; 3] = ["consume", "--topic", "input-stream"];

fn consume(sandbox: &Sandbox, more: &[&str]) -> Vec<String> {
    let lines = sandbox.succeed(&[&INPUT[..], more].concat());
    lines.lines().map(str::to_owned).collect()
}

#[test]
fn a_limit_ends_it_and_the_next_one_goes_on_there() {
    let sandbox = three();
    let all = consume(&sandbox, &["--limit", "3", "--group", "other"]);
    assert_eq!(consume(&sandbox, &["--limit", "1"]), all[..1]);
    assert_eq!(consume(&sandbox, &["--limit", "2"]), all[1..]);
    assert!(consume(&sandbox, &["--idle-timeout", "300ms"]).is_empty());
}

#[test]
fn json_gives_a_message_a_line_with_its_position_and_time() {
    let sandbox = three();
    let lines = consume(&sandbox, &["--limit", "3", "--format", "json"]);
    for (number, line) in lines.iter().enumerate() {
        let message: Value = serde_json::from_str(line).unwrap();
        assert_eq!(message["position"], format!("input-stream/0/{number}"));
        assert!(message["timestamp_ms"].as_i64().unwrap() > 1_600_000_000_000);
        assert!(message["payload"].as_str().unwrap().starts_with("\"{"));
        assert_eq!(message["key"], Value::Null);
        assert_eq!(message["headers"], serde_json::json!([]));
    }
}

#[test]
fn what_could_not_be_printed_is_not_consumed() {
    let sandbox = three();
    let ended = sandbox.host_unheard(&[&INPUT[..], &["--idle-timeout", "20s"]].concat());
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(consume(&sandbox, &["--limit", "3"]).len(), 3);
}

#[test]
fn a_stop_is_a_clean_end_and_what_was_printed_is_consumed() {
    for signal in ["INT", "TERM"] {
        let sandbox = three();
        let running = sandbox.start(&INPUT);
        wait_for("three lines", || {
            let printed = std::fs::read_to_string(sandbox.path("stdout")).unwrap();
            (printed.lines().count() == 3).then_some(())
        });
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(consume(&sandbox, &["--idle-timeout", "300ms"]).is_empty());
    }
}

#[test]
fn a_stop_is_heard_though_nobody_reads_the_log() {
    let sandbox = three();
    let running = sandbox.start_unheeded(&INPUT);
    wait_for("three lines", || {
        let printed = std::fs::read_to_string(sandbox.path("stdout")).unwrap();
        (printed.lines().count() == 3).then_some(())
    });
    running.signal("INT");
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn a_reader_that_does_not_read_cannot_hold_up_the_second_stop() {
    let sandbox = Sandbox::new();
    // Far more than a pipe holds.
    sandbox.succeed(&["produce", "--limit", "40", "--interval", "0"]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let running = sandbox.spawn(&INPUT, writer.into());
    reader.read_exact(&mut [0]).unwrap();
    running.signal("INT");
    wait_for("the first stop to be heard", || {
        let log = std::fs::read_to_string(sandbox.path("stderr")).unwrap();
        log.contains("stopping").then_some(())
    });
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(consume(&sandbox, &["--limit", "1"]).len(), 1, "it comes again");
}

#[test]
fn a_time_out_longer_than_all_time_is_never() {
    let sandbox = three();
    let for_ever = ["--limit", "1", "--idle-timeout", "300000000000years"];
    assert_eq!(consume(&sandbox, &for_ever).len(), 1);
}

#[test]
fn the_default_topic_may_be_awaited_and_any_other_must_be_there() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.succeed(&["consume", "--idle-timeout", "100ms"]), "");
    let said = sandbox.fail(4, &["consume", "--topic", "ouput-stream"]);
    assert!(
        said.contains("'ouput-stream'") && said.contains("host topics create"),
        "{said}"
    );
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_was() {
    let sandbox = Sandbox::new();
    let diary = "Dear diary, ".repeat(100);
    sandbox.write("host.db", &diary);
    let said = sandbox.fail(4, &["consume"]);
    assert!(said.contains("host.db") && said.contains("--local-file"), "{said}");
    assert_eq!(std::fs::read_to_string(sandbox.path("host.db")).unwrap(), diary);
}
