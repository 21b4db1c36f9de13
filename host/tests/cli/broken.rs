//! A component that crashes on everything.

use serde_json::{Value, json};

use super::components::component;
use super::sandbox::Sandbox;

fn puppet() -> String {
    component("puppet").to_str().unwrap().to_owned()
}

/// A picture of one pixel.
const PICTURE: &[u8] = b"\x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU\x00\x00\x00\x0aIDATx\x9cc`\x07\x00\x00\x09\x00\x08 #\xc3\x8c\x00\x00\x00\x00IEND\xaeB`\x82";

/// A folder of this many files on which the puppet crashes, because they are not text.
fn pictures(sandbox: &Sandbox, count: usize) {
    for number in 0..count {
        sandbox.write(&format!("pictures/{number}.png"), PICTURE);
    }
}

fn lag(sandbox: &Sandbox) -> Value {
    let topic = sandbox.succeed(&["topics", "describe", "input-stream", "--format", "json"]);
    let topic: Value = serde_json::from_str(&topic).unwrap();
    topic["groups"][0]["lag"].clone()
}

#[test]
fn a_run_in_which_every_message_fails_ends_with_exit_code_5_and_consumes_nothing() {
    let sandbox = Sandbox::new();
    pictures(&sandbox, 20);
    sandbox.succeed(&["produce", "--images", "pictures", "--interval", "0"]);
    let run = [
        "run",
        "--component",
        &puppet(),
        "--idle-timeout",
        "60s",
        "--attempts",
        "1",
    ];
    for _ in 0..2 {
        let said = sandbox.fail(5, &run);
        assert!(
            said.contains("10 messages in a row failed") && said.contains("--max-failures"),
            "{said}"
        );
        assert_eq!(lag(&sandbox), json!(20));
    }
    let all = [
        &run[..4],
        &["2s", "--attempts", "1", "--max-failures", "0", "--format", "json"],
    ]
    .concat();
    let summary: Value = serde_json::from_str(&sandbox.succeed(&all)).unwrap();
    assert_eq!(summary["dead_letters"], 20, "without a bound each is a dead letter");
}

#[test]
fn one_message_that_fails_among_others_is_a_dead_letter() {
    let sandbox = Sandbox::new();
    pictures(&sandbox, 1);
    sandbox.succeed(&["produce", "--images", "pictures"]);
    // To the puppet it is an unknown command, which it rejects.
    sandbox.succeed(&["produce", "--limit", "1"]);
    let run = [
        "run",
        "--component",
        &puppet(),
        "--idle-timeout",
        "2s",
        "--format",
        "json",
    ];
    let summary: Value = serde_json::from_str(&sandbox.succeed(&run)).unwrap();
    assert_eq!(summary["dead_letters"], 2);
}

#[test]
fn a_component_that_says_it_is_broken_ends_the_run_at_once_and_no_message_is_lost() {
    let sandbox = Sandbox::new();
    pictures(&sandbox, 3);
    sandbox.succeed(&["produce", "--images", "pictures", "--interval", "0"]);
    sandbox.write("model.onnx", b"puppet-model:always:fatal:worn-out:the weights are lost");
    let puppet = puppet();
    let run = [
        "run",
        "--component",
        &puppet,
        "--model",
        "model.onnx",
        "--idle-timeout",
        "60s",
    ];
    for on_error in ["dead-letter", "stop"] {
        let said = sandbox.fail(5, &[&run[..], &["--on-error", on_error]].concat());
        for words in [
            "worn-out: the weights are lost",
            "asking a fresh instance",
            "stays where it is",
            "--component",
        ] {
            assert!(said.contains(words), "'{words}' is not in {said}");
        }
        assert_eq!(lag(&sandbox), json!(3));
    }
    let letters = sandbox.succeed(&["topics", "list", "--format", "json"]);
    assert!(!letters.contains("dlq"), "{letters}");
}
