//! Pub/Sub at one end, and another broker at the other.

use super::access::{Access, PROJECT};
use super::sandbox::{line, model_file};

#[test]
fn an_answer_goes_to_pub_sub_and_a_dead_letter_stays_with_the_input() {
    let Some(access) = Access::start() else { return };
    let sandbox = &access.sandbox;
    sandbox.succeed(&["produce", "--limit", "40"]);
    sandbox.write("broken.png", b"\x89PNG\r\n\x1a\n and no more");
    sandbox.succeed(&["produce", "--images", "broken.png"]);

    let endpoint = format!("http://{}", access.server.address());
    let key = access.account.file.to_str().unwrap();
    let run = ["run", "--input", "local", "--output", "pubsub", "--idle-timeout", "2s"];
    let ended = sandbox.host(&[&run[..], &["--endpoint", &endpoint, key, PROJECT]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let answers = access.server.messages(PROJECT, "output-stream").unwrap();
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(answer.data, model_file("golden/answer-40.json").trim_ascii());
    assert_eq!(answer.attributes["source"], "input-stream/0/0");
    let letters = sandbox.succeed(&[
        "consume",
        "--topic",
        "input-stream.dlq",
        "--limit",
        "1",
        "--format",
        "json",
    ]);
    assert!(letters.contains("bad-image"), "{letters}");
    assert!(!access.succeed(&["topics", "list"]).contains("dlq"));
}

#[test]
fn an_answer_comes_from_pub_sub_and_a_dead_letter_stays_with_the_input() {
    let Some(access) = Access::with_topics() else { return };
    let sandbox = &access.sandbox;
    access.succeed(&["produce", "--limit", "40"]);
    sandbox.write("broken.png", b"\x89PNG\r\n\x1a\n and no more");
    access.succeed(&["produce", "--images", "broken.png"]);

    let input = format!("pubsub:{PROJECT}");
    let run = [
        "run",
        "--input",
        &input,
        "--output",
        "local:answers.db",
        "--idle-timeout",
        "2s",
    ];
    let endpoint = &access.access()[2..];
    let ended = sandbox.host(&line(&run, endpoint, &[]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    access.wait_for_acknowledgements("input-stream-sub", 2);

    let answer = sandbox.succeed(&["consume", "--local-file", "answers.db", "--limit", "1"]);
    assert_eq!(
        answer.trim().as_bytes(),
        model_file("golden/answer-40.json").trim_ascii()
    );
    let letters = access.server.messages(PROJECT, "input-stream.dlq").unwrap();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!(letter.attributes["error-code"], "bad-image");
}
