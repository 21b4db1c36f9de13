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

/// Six messages of one image each in `input-stream`, and how they are printed.
fn six() -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "6", "--batch", "1", "--interval", "0"]);
    let all = consume(&sandbox, &["--from", "earliest"]);
    assert_eq!(all.len(), 6);
    (sandbox, all)
}

#[test]
fn whoever_looks_takes_nothing_and_ends_at_the_last_message() {
    let (sandbox, all) = six();
    assert_eq!(consume(&sandbox, &["--tail", "2"]), all[4..]);
    assert_eq!(consume(&sandbox, &["--tail", "100"]), all);
    assert!(consume(&sandbox, &["--tail", "0"]).is_empty());
    assert_eq!(consume(&sandbox, &["--from", "3"]), all[3..]);
    assert_eq!(consume(&sandbox, &["--from", "3", "--limit", "2"]), all[3..5]);
    assert!(consume(&sandbox, &["--from", "latest"]).is_empty());
    assert!(consume(&sandbox, &["--from", "2100-01-01T00:00:00Z"]).is_empty());
    let topic = sandbox.succeed(&["topics", "describe", "input-stream", "--format", "json"]);
    let topic: Value = serde_json::from_str(&topic).unwrap();
    assert_eq!(topic["groups"], serde_json::json!([]), "no group was made");
    assert_eq!(consume(&sandbox, &["--limit", "6"]), all, "nothing was consumed");
}

#[test]
fn a_look_in_json_is_as_any_other() {
    let (sandbox, all) = six();
    let [last] = <[String; 1]>::try_from(consume(&sandbox, &["--tail", "1", "--format", "json"])).unwrap();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(last["position"], "input-stream/0/5");
    assert_eq!(last["payload"].as_str().unwrap(), all[5]);
}

#[test]
fn whoever_follows_goes_on_until_it_is_stopped() {
    let (sandbox, all) = six();
    let running = sandbox.start(&[&INPUT[..], &["--tail", "1", "--follow"]].concat());
    let lines = |count| {
        wait_for("another line", || {
            let printed = std::fs::read_to_string(sandbox.path("stdout")).unwrap();
            (printed.lines().count() == count).then_some(printed)
        })
    };
    assert_eq!(lines(1).trim_end(), all[5]);
    sandbox.send("input-stream", vec![host::message::Message::new("later")]);
    assert!(lines(2).ends_with("\nlater\n"));
    running.signal("INT");
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn a_group_that_is_new_begins_where_it_is_told_and_once() {
    let (sandbox, all) = six();
    let group = ["--group", "audit", "--limit", "1"];
    assert_eq!(consume(&sandbox, &[&group[..], &["--from", "4"]].concat()), all[4..5]);
    assert_eq!(
        consume(&sandbox, &[&group[..], &["--from", "0"]].concat()),
        all[5..],
        "it has begun"
    );
    let latest = ["--group", "new", "--from", "latest", "--idle-timeout", "200ms"];
    assert!(consume(&sandbox, &latest).is_empty());
    let lag = sandbox.succeed(&["topics", "describe", "input-stream"]);
    assert!(lag.contains("audit") && lag.contains("new"), "{lag}");
}

#[test]
fn options_of_a_look_that_make_no_sense_together_are_refused() {
    let sandbox = Sandbox::new();
    for (arguments, named) in [
        (["--tail", "1", "--group", "g"].as_slice(), "--group"),
        (&["--tail", "1", "--from", "0"], "--from"),
        (&["--follow"], "--follow"),
        (&["--from", "0", "--group", "g", "--follow"], "--follow"),
        (&["--tail", "1", "--broker", "kafka", "--instance", "a"], "--instance"),
        (&["--tail", "many"], "--tail"),
        (&["--from", "yesterday"], "--from"),
        (
            &["--tail", "1", "--broker", "pubsub", "--emulator", "127.0.0.1:1", "p"],
            "--tail",
        ),
        (
            &["--from", "0", "--broker", "pubsub", "--emulator", "127.0.0.1:1", "p"],
            "has no offsets",
        ),
    ] {
        let said = sandbox.fail(2, &[&["consume"], arguments].concat());
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
    let said = sandbox.fail(3, &["consume", "--labels", "none.txt", "--tail", "1"]);
    assert!(said.contains("none.txt"), "{said}");
    let said = sandbox.fail(2, &["consume", "Kafka"]);
    assert!(said.contains("--broker kafka"), "{said}");
    assert!(!sandbox.path("host.db").exists());
}
