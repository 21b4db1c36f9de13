//! `host run`, `classify`, `inspect` and `demo`: commands that need a component, mostly the real one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde_json::{Value, json};

use super::components::component;
use super::sandbox::{Sandbox, model_file, npy, pixels, wait_for};

fn classifier() -> String {
    component("classifier").to_str().unwrap().to_owned()
}

/// A picture of an ankle boot, dark on light.
fn sample() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/shoe.jpg")).unwrap()
}

#[test]
fn the_answer_to_the_original_message_is_byte_for_byte_pythons() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.succeed(&["produce", "--limit", "40", "--interval", "0"]);
    let summary = sandbox.succeed(&[
        "run",
        "--component",
        &classifier,
        "--idle-timeout",
        "3s",
        "--format",
        "json",
    ]);
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["images"], &summary["messages"]), (&json!(40), &json!(1)));
    let golden = String::from_utf8(model_file("golden/answer-40.json")).unwrap();
    let answer = sandbox.succeed(&["consume", "--limit", "1"]);
    assert_eq!(answer.trim_end(), golden.trim_end());
}

#[test]
fn a_stop_ends_a_run_cleanly() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(&["run", "--component", &classifier()]);
    wait_for("the classifier to join", || {
        let log = std::fs::read_to_string(sandbox.path("stderr")).unwrap();
        log.contains("classifies input-stream").then_some(())
    });
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.assert_says("0 images classified");
}

#[test]
fn what_cannot_be_answered_becomes_a_dead_letter_or_stops_the_run() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.write("corrupt.png", b"\x89PNG\r\n\x1a\nand no more");
    sandbox.succeed(&["produce", "--images", "corrupt.png"]);
    let run = ["run", "--component", &classifier, "--idle-timeout", "3s", "--on-error"];
    let said = sandbox.fail(6, &[&run[..], &["stop"]].concat());
    assert!(said.contains("error: input-stream/0/0 could not be answered"), "{said}");

    sandbox.succeed(&[&run[..], &["dead-letter"]].concat());
    let letter = sandbox.succeed(&[
        "consume",
        "--topic",
        "input-stream.dlq",
        "--limit",
        "1",
        "--format",
        "json",
    ]);
    let letter: Value = serde_json::from_str(&letter).unwrap();
    let headers = letter["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["error-kind", "reject"])), "{headers:?}");
    assert!(
        headers.contains(&json!(["error-source", "input-stream/0/0"])),
        "{headers:?}"
    );
}

#[test]
fn the_largest_message_that_cannot_be_answered_is_a_dead_letter_and_not_the_end_of_the_run() {
    let sandbox = Sandbox::new();
    let header = "content-type".len() + "image/png".len();
    let mut corrupt = b"\x89PNG\r\n\x1a\n".to_vec();
    corrupt.resize((64 << 10) - header, 0);
    sandbox.write("corrupt.png", corrupt);
    sandbox.succeed(&["produce", "--images", "corrupt.png", "--max-message-bytes", "64KiB"]);
    let classifier = classifier();
    let run = [
        "run",
        "--component",
        &classifier,
        "--idle-timeout",
        "3s",
        "--max-message-bytes",
    ];
    let json = sandbox.succeed(&[&run[..], &["64KiB", "--format", "json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["messages"], &json["dead_letters"]), (&json!(0), &json!(1)));
}

#[test]
fn dead_letters_go_round_again_as_they_came_and_each_once() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.write("corrupt.png", b"\x89PNG\r\n\x1a\nand no more");
    sandbox.succeed(&["produce", "--images", "corrupt.png"]);
    let run = ["run", "--component", &classifier, "--idle-timeout", "2s", "--plain"];
    sandbox.succeed(&run);
    let replay = |more: &[&str]| {
        let json = sandbox.succeed(
            &[
                &["dead-letters", "replay", "--idle-timeout", "1s", "--format", "json"],
                more,
            ]
            .concat(),
        );
        serde_json::from_str::<Value>(&json).unwrap()
    };
    assert_eq!(
        replay(&["--code", "timeout", "--group", "other"]),
        json!({"replayed": 0, "left_out": 1})
    );
    assert_eq!(replay(&[]), json!({"replayed": 1, "left_out": 0}));
    assert_eq!(replay(&[]), json!({"replayed": 0, "left_out": 0}));
    let input = [
        "consume",
        "--topic",
        "input-stream",
        "--group",
        "reader",
        "--limit",
        "2",
        "--format",
        "json",
    ];
    let lines = sandbox.succeed(&input);
    let messages = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let [first, again] = Vec::from_iter(messages).try_into().unwrap();
    for member in ["payload", "headers", "key"] {
        assert_eq!(first[member], again[member], "{member}");
    }
    sandbox.succeed(&run);
    assert_eq!(replay(&[]), json!({"replayed": 1, "left_out": 0}), "it failed again");
    let said = sandbox.fail(2, &["dead-letters", "replay", "--dead-letter-topic", "input-stream"]);
    assert!(said.contains("into itself"), "{said}");
    let said = sandbox.fail(4, &["dead-letters", "replay", "--topic", "nothing"]);
    assert!(said.contains("nothing.dlq"), "{said}");
    // By its name of before.
    let said = sandbox.fail(4, &["replay", "--topic", "nothing"]);
    assert!(said.contains("nothing.dlq"), "{said}");
}

#[test]
fn an_answer_says_where_it_comes_from_unless_it_is_to_be_plain() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.succeed(&["produce", "--limit", "2", "--batch", "1", "--interval", "0"]);
    let run = ["run", "--component", &classifier, "--idle-timeout", "2s"];
    sandbox.succeed(&run);
    sandbox.succeed(&[&run[..], &["--group", "plain", "--output-topic", "plain", "--plain"]].concat());
    let consume = |topic: &str| {
        let lines = sandbox.succeed(&["consume", "--topic", topic, "--limit", "2", "--format", "json"]);
        Vec::from_iter(lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()))
    };
    let answers = consume("output-stream");
    let header = |answer: &Value, name: &str| {
        let headers = answer["headers"].as_array().unwrap().iter();
        let mut values = headers
            .filter(|header| header[0] == name)
            .map(|header| header[1].clone());
        values.next().unwrap_or_default()
    };
    assert_eq!(header(&answers[1], "source"), "input-stream/0/1");
    assert_ne!(header(&answers[0], "dedupe-id"), header(&answers[1], "dedupe-id"));
    assert_eq!(header(&answers[0], "component").as_str().unwrap().len(), 64);
    for answer in consume("plain") {
        assert_eq!(answer["headers"], json!([["content-type", "application/json"]]));
    }
}

#[test]
fn a_log_that_cannot_be_written_ends_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("corrupt.png", b"\x89PNG\r\n\x1a\nand no more");
    sandbox.succeed(&["produce", "--images", "corrupt.png"]);
    sandbox.succeed(&["produce", "--limit", "1", "--interval", "0"]);
    let run = sandbox.start_unheeded(&[
        "run",
        "--component",
        &classifier(),
        "--idle-timeout",
        "2s",
        "--format",
        "json",
    ]);
    let ended = run.end();
    assert_eq!(ended.code, Some(0));
    let json: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&json["messages"], &json["dead_letters"]), (&json!(1), &json!(1)));
}

#[test]
fn files_are_classified_in_order_and_a_bad_one_is_named_while_the_others_go_on() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.write("two.npy", npy("|u1", "(2, 28, 28)", &pixels(2)));
    sandbox.write("corrupt.png", b"\x89PNG\r\n\x1a\nand no more");
    sandbox.write("raw", pixels(1));
    let files = ["two.npy", "corrupt.png", "missing.png", "raw"];
    let classify = ["classify", "--component", &classifier, "--top-k", "2", "--raw"];
    let ended = sandbox.host(&[&classify[..], &files].concat());
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    ended.assert_says("error: corrupt.png: rejected, ");
    ended.assert_says("error: missing.png: cannot be read");
    ended.assert_says("2 of 4 files were not classified");
    let stdout = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{stdout}");
    assert!(lines[0].starts_with("two.npy[0]: Ankle boot "), "{stdout}");
    assert!(lines[1].starts_with("two.npy[1]: Pullover "), "{stdout}");
    assert!(lines[2].starts_with("raw: Ankle boot "), "{stdout}");
    assert_eq!(lines[2].matches('%').count(), 2);

    let json = sandbox.succeed(&[&classify[..], &["--format", "json", "two.npy"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["file"], "two.npy");
    assert_eq!(json["predictions"][1]["top"][0]["label"], "Pullover");
    assert_eq!(json["predictions"][1]["top"].as_array().unwrap().len(), 2);
}

/// The second component takes and gives plain JSON, and no more of what the contract has.
#[test]
fn a_component_that_gives_classes_without_scores_classifies_files() {
    let sandbox = Sandbox::new();
    let centroid = component("centroid");
    let classify = ["classify", "--component", centroid.to_str().unwrap()];
    sandbox.write("two.npy", npy("|u1", "(2, 28, 28)", &pixels(2)));
    sandbox.write("two.json", model_file("golden/images-40.json"));
    let text = sandbox.succeed(&[&classify[..], &["two.npy"]].concat());
    assert_eq!(text, "two.npy[0]: Sandal\ntwo.npy[1]: Pullover\n");
    let json = sandbox.succeed(&[&classify[..], &["--format", "json", "two.json"]].concat());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["predictions"].as_array().unwrap().len(), 40);
    assert_eq!(json["predictions"][0]["top"], json!([{"class": 5, "label": "Sandal"}]));
    // It takes no pictures, and the host does not convert them to pixels for it.
    sandbox.write("shoe.png", b"\x89PNG\r\n\x1a\n");
    let said = sandbox.fail(6, &[&classify[..], &["shoe.png"]].concat());
    assert!(
        said.contains("it is image/png, and the component takes application/json"),
        "{said}"
    );
}

/// The page keeps a picture's aspect ratio, and exchanges light and dark where its border is light.
#[test]
fn a_photograph_is_prepared_as_on_the_page_unless_something_else_is_asked_for() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.write("shoe.jpg", sample());
    let classify = ["classify", "--component", &classifier, "--format", "json", "shoe.jpg"];
    let answer = |more: &[&str]| -> Value {
        let said = sandbox.succeed(&[&classify[..], more].concat());
        let json: Value = serde_json::from_str(&said).unwrap();
        json!([json["predictions"][0]["top"], json["warnings"]])
    };
    let label = |answer: &Value| answer[0][0]["label"].clone();
    let by_default = answer(&[]);
    assert_eq!(label(&by_default), "Ankle boot");
    assert_eq!(by_default, answer(&["--fit", "contain", "--invert", "auto"]));
    assert_ne!(by_default, answer(&["--fit", "stretch"]));
    assert_ne!(label(&answer(&["--invert", "never"])), "Ankle boot");
}

#[test]
fn a_folder_is_its_pictures_and_a_bad_one_of_them_stops_nothing() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    let shoe = sample();
    for (name, bytes) in [
        // The name is wrong, as many are.
        ("1.png", &shoe[..]),
        ("2.png", b""),
        ("3.jpg", b"\x89PNG\r\n\x1a\n"),
        ("notes.txt", b"x"),
    ] {
        sandbox.write(&format!("photos/{name}"), bytes);
    }
    let name = OsStr::from_bytes(b"caf\xe9.png");
    std::fs::write(sandbox.path("photos").join(name), &shoe).unwrap();
    let classify = ["classify", "--component", &classifier, "photos"];
    let ended = sandbox.host(&[&classify[..], &["--format", "json"]].concat());
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    ended.assert_says("warning: 1 entry is left out, because it is no picture");
    ended.assert_says("error: photos/2.png: rejected, ");
    ended.assert_says("error: photos/3.jpg: rejected, ");
    assert!(
        ended.stderr.ends_with("2 of 4 files were not classified\n"),
        "{}",
        ended.stderr
    );
    let stdout = String::from_utf8(ended.stdout).unwrap();
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let label = |line: &Value| line["predictions"][0]["top"][0]["label"].clone();
    assert_eq!(
        (&lines[0]["file"], label(&lines[0])),
        (&json!("photos/1.png"), json!("Ankle boot"))
    );
    assert!(
        lines[1]["error"].as_str().unwrap().starts_with("rejected, "),
        "{stdout}"
    );
    // What is no Unicode is all there, in base64.
    assert_eq!(lines[3]["file"], json!({"base64": "cGhvdG9zL2NhZukucG5n"}));
    assert_eq!(label(&lines[3]), "Ankle boot");
    sandbox.write("notes/a.txt", b"x");
    sandbox.refuse(
        3,
        &["classify", "--component", &classifier, "notes"],
        &["notes", "contains no pictures"],
    );
}

#[test]
fn a_component_shows_what_it_is() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    let text = sandbox.succeed(&["inspect", &classifier]);
    assert!(
        text.contains("28 x 28 pixels, grey") && text.contains("Ankle boot"),
        "{text}"
    );
    let json = sandbox.succeed(&["inspect", &classifier, "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["size"], std::fs::metadata(&classifier).unwrap().len());
    let exports = json["exports"].as_array().unwrap();
    assert!(
        exports.contains(&json!("image-stream:classifier/messages@0.2.0")),
        "{exports:?}"
    );
    let imports = json["imports"].as_array().unwrap();
    let exit = imports
        .iter()
        .find(|import| import["name"].as_str().unwrap().starts_with("wasi:cli/exit@"));
    assert_eq!(exit.unwrap()["access"], "linked");
    assert_eq!((&json["trusted"], &json["refusal"]), (&Value::Null, &Value::Null));
    assert_eq!(json["limits"]["memory_bytes"], 1 << 30);
}

#[test]
fn what_is_no_component_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("text.wasm", "hello");
    sandbox.write("core.wasm", b"\0asm\x01\0\0\0");
    for name in ["text.wasm", "core.wasm"] {
        for command in ["run", "demo"] {
            let said = sandbox.fail(5, &[command, "--component", name]);
            assert!(said.starts_with("error: ") && said.contains(name), "{said}");
        }
        sandbox.fail(5, &["inspect", name]);
    }
    let said = sandbox.fail(3, &["run", "--component", "missing.wasm"]);
    assert!(
        said.contains("missing.wasm") && said.contains("cargo xtask component"),
        "{said}"
    );
    sandbox.fail(
        3,
        &[
            "classify",
            "--component",
            &classifier(),
            "--model",
            "missing.onnx",
            "a.png",
        ],
    );
}

#[test]
fn the_demo_answers_every_image_and_its_figures_agree() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    let json = sandbox.succeed(&[
        "demo",
        "--component",
        &classifier,
        "--limit",
        "1000",
        "--format",
        "json",
    ]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["images"], &json["answered"]), (&json!(1000), &json!(1000)));
    assert_eq!(json["dead_letters"], 0);
    let accuracy = json["accuracy"].as_f64().unwrap();
    assert!(accuracy > 0.85, "{accuracy}");
    assert_eq!(json["accuracy_by_class"].as_object().unwrap().len(), 10);
    let (p50, p99) = (&json["latency_ms"]["p50"], &json["latency_ms"]["p99"]);
    assert!(p50.as_f64() <= p99.as_f64() && p50.as_f64().unwrap() > 0.0);

    let text = sandbox.succeed(&["demo", "--component", &classifier, "--limit", "1000"]);
    assert!(
        text.contains(&format!("accuracy      {:.2} %", accuracy * 100.0)),
        "{text}"
    );
    assert!(text.contains("CLASS") && text.contains("Ankle boot: right"), "{text}");
    assert!(!text.contains('\x1b'), "no colours where stdout is no terminal");
    let mut left = std::fs::read_dir(sandbox.path("")).unwrap();
    assert!(left.all(|file| ["stdout", "stderr"].contains(&file.unwrap().file_name().to_str().unwrap())));
}
