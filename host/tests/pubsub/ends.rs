//! Pub/Sub at one end only; `any_to_any` has the other combinations.

use super::access::{Access, PROJECT};
use super::sandbox::{line, model_file};

#[test]
fn an_answer_leaves_pub_sub_and_a_dead_letter_stays_there() {
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
