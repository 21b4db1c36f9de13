//! `host dead-letters`: what could not be answered, counted and shown. Sending it back needs a component: see `with_component`.

use host::message::Message;
use serde_json::{Value, json};

use super::sandbox::Sandbox;

/// Three letters of two codes, as `run` leaves them, and one message without a code.
fn four() -> Sandbox {
    let letter = |code: &str, detail: &str, body: &[u8]| {
        let mut message = Message::new(body.to_vec());
        message.set_header("trace", "t1");
        for (name, value) in [
            ("error-kind", "reject"),
            ("error-code", code),
            ("error-detail", detail),
            ("error-attempts", "1"),
            ("error-source", "input-stream/0/93"),
            ("error-source-time", "2026-11-26T01:15:00.000Z"),
            ("error-component", "abc"),
        ] {
            message.set_header(name, value.to_owned());
        }
        message
    };
    let sandbox = Sandbox::new();
    sandbox.send(
        "input-stream.dlq",
        vec![
            letter("bad-shape", "2 is not 28", b"[[0, 255], [255, 0]]"),
            letter("not-json", "expected value at line 1", b"hello\nworld"),
            letter("bad-shape", "3 is not 28", b"[[0, 0, 0], [255, 255, 255], [0, 0, 0]]"),
            Message::new(vec![0xff; 300]),
        ],
    );
    sandbox
}

const LIST: [&str; 3] = ["dead-letters", "--format", "json"];

#[test]
fn letters_are_counted_by_code_with_the_last_as_an_example() {
    let sandbox = four();
    let text = sandbox.succeed(&["dead-letters"]);
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["CODE", "COUNT", "LAST", "EXAMPLE", "DETAIL"]);
    assert_eq!((rows[1][..2].to_vec(), rows[1][3]), (vec!["bad-shape", "2"], "0/2"));
    assert!(text.contains("3 is not 28") && !text.contains("2 is not 28"), "{text}");
    assert_eq!(rows.len(), 4);
    let list: Value = serde_json::from_str(&sandbox.succeed(&LIST)).unwrap();
    assert_eq!(
        (&list["topic"], &list["letters"]),
        (&json!("input-stream.dlq"), &json!(4))
    );
    assert_eq!(list["not_replayed"], Value::Null);
    assert_eq!(list["codes"][0]["code"], "bad-shape");
    assert_eq!(list["codes"][0]["position"], "input-stream.dlq/0/2");
    // By the topic of the letters, too; and nothing of it makes a group.
    assert_eq!(sandbox.succeed(&["dead-letters", "--topic", "input-stream.dlq"]), text);
    let topic = sandbox.succeed(&["topics", "describe", "input-stream.dlq", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&topic).unwrap()["groups"], json!([]));
}

#[test]
fn what_was_replayed_counts_and_is_told() {
    let sandbox = four();
    sandbox.succeed(&["topics", "create", "input-stream"]);
    sandbox.succeed(&["dead-letters", "replay", "--limit", "1", "--idle-timeout", "1s"]);
    let list: Value = serde_json::from_str(&sandbox.succeed(&LIST)).unwrap();
    assert_eq!((&list["letters"], &list["not_replayed"]), (&json!(4), &json!(3)));
    let ended = sandbox.host(&["dead-letters"]);
    ended.assert_says("4 dead letters");
    ended.assert_says("3 of them not replayed yet");
}

#[test]
fn a_letter_is_shown_with_its_reason_and_its_picture() {
    let sandbox = four();
    let shown = sandbox.succeed(&["dead-letters", "show", "0"]);
    for line in [
        "letter     input-stream.dlq/0/0",
        "code       bad-shape",
        "detail     2 is not 28",
        "from       input-stream/0/93, published 2026-11-26T01:15:00.000Z",
        "headers    trace: t1",
        "payload    20 bytes, 2 x 2 pixels",
        "==",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}: {shown}");
    }
    let text = sandbox.succeed(&["dead-letters", "show", "input-stream.dlq/0/1"]);
    assert!(text.ends_with("\nhello\nworld\n"), "{text}");
    let bytes = sandbox.succeed(&["dead-letters", "show", "0/3", "--topic", "input-stream"]);
    assert!(
        bytes.contains("00000000  ff ff") && bytes.contains("300 bytes"),
        "{bytes}"
    );
    let json = sandbox.succeed(&["dead-letters", "show", "0/0", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["reason"]["code"], "bad-shape");
    assert_eq!(json["reason"]["attempts"], 1);
    assert_eq!(json["position"], "input-stream.dlq/0/0");
    assert_eq!(json["payload"], "[[0, 255], [255, 0]]");
}

#[test]
fn a_letter_that_is_not_there_is_named() {
    let sandbox = four();
    let said = sandbox.fail(3, &["dead-letters", "show", "7"]);
    assert!(said.contains("no letter '7' in input-stream.dlq"), "{said}");
    let said = sandbox.fail(4, &["dead-letters", "show", "x/y"]);
    assert!(said.contains("PARTITION/OFFSET"), "{said}");
    sandbox.fail(2, &["dead-letters", "show"]);
}

#[test]
fn where_no_letter_has_ever_come_there_are_none() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["topics", "create", "input-stream"]);
    let ended = sandbox.host(&["dead-letters"]);
    assert_eq!((ended.code, ended.stdout.len()), (Some(0), 0));
    ended.assert_says("no dead letters in input-stream.dlq");
    let list: Value = serde_json::from_str(&sandbox.succeed(&LIST)).unwrap();
    assert_eq!((&list["letters"], &list["codes"]), (&json!(0), &json!([])));
    let replayed = sandbox.succeed(&["dead-letters", "replay", "--format", "json"]);
    assert_eq!(replayed, "{\"left_out\":0,\"replayed\":0}\n");
    let none = "no dead letters in input-stream.dlq\n";
    assert_eq!(sandbox.host(&["dead-letters", "replay"]).stderr, none);
    assert_eq!(
        sandbox.fail(3, &["dead-letters", "show", "0"]),
        format!("error: {none}")
    );
    let one = ["--topic", "imput-stream"];
    for command in [
        &["dead-letters"][..],
        &["dead-letters", "replay"],
        &["dead-letters", "show", "0"],
    ] {
        let words = ["no dead letters in imput-stream.dlq", "no topic 'imput-stream'"];
        sandbox.refuse(4, &[command, &one].concat(), &words);
    }
}
