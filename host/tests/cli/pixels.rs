//! How the bytes of a message are read: as pixels only if somebody says so, and on the scale that was named.

use std::path::Path;

use host::message::{CONTENT_TYPE, Message};
use serde_json::{Value, json};

use super::components::component;
use super::sandbox::{Sandbox, pixels};

const BYTES: &str = "application/octet-stream";
const GZIP: &[u8] = b"\x1f\x8b\x08\0\0\0\0\0";

fn classifier() -> String {
    component("classifier").to_str().unwrap().to_owned()
}

/// The first test image, an ankle boot, on a scale that ends at 1.
fn normalised() -> Vec<f32> {
    pixels(1).into_iter().map(|pixel| f32::from(pixel) / 255.0).collect()
}

fn as_json(pixels: &[f32]) -> String {
    let rows: Vec<_> = pixels.chunks(28).collect();
    json!({"array": [rows]}).to_string()
}

/// Puts messages into the input topic, each with its content type.
fn send(sandbox: &Sandbox, messages: &[(Option<&str>, &[u8])]) {
    let messages = messages.iter().map(|(content_type, body)| {
        let mut message = Message::new(body.to_vec());
        if let Some(content_type) = content_type {
            message.set_header(CONTENT_TYPE, (*content_type).to_owned());
        }
        message
    });
    sandbox.send("input-stream", messages.collect());
}

/// Runs over the whole input topic as a group of its own, into a topic of its own: the summary, the log, the answers.
fn run(sandbox: &Sandbox, group: &str, more: &[&str], answers: usize) -> (Value, String, Vec<String>) {
    let classifier = classifier();
    let letters = format!("{group}.dlq");
    let run = [
        "run",
        "--component",
        &classifier,
        "--idle-timeout",
        "2s",
        "--format",
        "json",
    ];
    let apart = [
        "--group",
        group,
        "--output-topic",
        group,
        "--dead-letter-topic",
        &letters,
    ];
    let ended = sandbox.host(&[&run[..], &apart, more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let limit = answers.to_string();
    let answered = match answers {
        0 => String::new(),
        _ => sandbox.succeed(&["consume", "--topic", group, "--limit", &limit]),
    };
    let summary = serde_json::from_slice(&ended.stdout).unwrap();
    (summary, ended.stderr, answered.lines().map(str::to_owned).collect())
}

#[test]
fn pixels_of_0_to_1_are_told_once_a_run_and_counted_and_scaled_where_that_is_asked_for() {
    let sandbox = Sandbox::new();
    let body = as_json(&normalised());
    send(&sandbox, &[(None, body.as_bytes()); 3]);

    let (summary, log, _) = run(&sandbox, "unsaid", &[], 0);
    assert_eq!(summary["messages"], 3, "the answers stand");
    assert_eq!(summary["warnings"], json!({"pixels-of-0-to-1": 3}));
    assert_eq!(log.matches("pixels-of-0-to-1").count(), 1, "{log}");
    assert!(log.contains("input-stream/0/0") && log.contains("--scale"), "{log}");

    for scale in ["1", "auto"] {
        let (summary, log, answers) = run(&sandbox, scale, &["--scale", scale], 3);
        assert_eq!(answers, ["[9]"; 3], "--scale {scale}");
        assert_eq!(summary["warnings"], json!({}));
        assert!(!log.contains("pixels-of-0-to-1"), "{log}");
    }
    let (summary, ..) = run(&sandbox, "255", &["--scale", "255"], 0);
    assert_eq!(summary["warnings"], json!({}), "that was said");

    let classifier = classifier();
    let text = [
        "run",
        "--component",
        &classifier,
        "--idle-timeout",
        "2s",
        "--group",
        "text",
    ];
    let ended = sandbox.host(&text);
    let told = "answers that may be wrong: 3 of pixels-of-0-to-1";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

#[test]
fn bytes_are_pixels_only_where_their_sender_or_the_command_line_calls_them_so() {
    let sandbox = Sandbox::new();
    let image = pixels(1);
    let floats: Vec<u8> = image.iter().flat_map(|pixel| f32::from(*pixel).to_le_bytes()).collect();
    let mut gzip = GZIP.to_vec();
    gzip.resize(784, 7);
    send(
        &sandbox,
        &[
            (None, &image),
            (Some(BYTES), &image),
            (Some(BYTES), &floats),
            (None, &gzip),
            (Some("application/octet-stream;dtype=uint8"), &image),
            (Some("application/octet-stream;shape=1,28,28,1"), &image),
            (Some("application/octet-stream;dtype=float32"), &floats),
        ],
    );
    let (summary, _, answers) = run(&sandbox, "declared", &[], 3);
    assert_eq!(summary["dead_letters"], 4);
    assert_eq!(answers, ["[9]"; 3]);
    let letters = ["consume", "--topic", "declared.dlq", "--limit", "4", "--format", "json"];
    let letters = sandbox.succeed(&letters);
    for (code, count) in [("unknown-format", 3), ("bad-encoding", 1)] {
        let named = format!(r#"["error-code","{code}"]"#);
        assert_eq!(letters.matches(&named).count(), count, "{letters}");
    }

    // `application/octet-stream` alone says nothing about the bytes: four images, recognised by their format.
    let (summary, _, answers) = run(&sandbox, "raw", &["--raw"], 6);
    assert_eq!(
        (&summary["dead_letters"], &summary["images"]),
        (&json!(1), &json!(9)),
        "the gzip"
    );
    assert_eq!(
        answers.iter().filter(|answer| *answer == "[9]").count(),
        5,
        "{answers:?}"
    );
}

#[test]
fn files_of_raw_pixels_are_classified_as_what_they_are_called_and_doubts_are_shown() {
    let sandbox = Sandbox::new();
    let classifier = classifier();
    sandbox.write("bytes", pixels(1));
    let floats: Vec<u8> = normalised().iter().flat_map(|pixel| pixel.to_le_bytes()).collect();
    sandbox.write("floats", floats);
    sandbox.write("boot.json", as_json(&normalised()));
    let classify = ["classify", "--component", &classifier, "--top-k", "1"];

    let said = sandbox.fail(6, &[&classify[..], &["bytes"]].concat());
    assert!(said.contains("unknown-format") && said.contains("--raw"), "{said}");
    let answered = sandbox.succeed(&[&classify[..], &["--raw", "bytes"]].concat());
    assert!(answered.starts_with("bytes: Ankle boot "), "{answered}");
    let floats = ["--raw=float32", "--scale", "1", "floats"];
    let answered = sandbox.succeed(&[&classify[..], &floats].concat());
    assert!(answered.starts_with("floats: Ankle boot "), "{answered}");

    let ended = sandbox.host(&[&classify[..], &["boot.json"]].concat());
    let told = "warning: boot.json: pixels-of-0-to-1: ";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    let line = sandbox.succeed(&[&classify[..], &["--format", "json", "boot.json"]].concat());
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["warnings"][0]["code"], "pixels-of-0-to-1");
}

#[test]
fn what_the_component_does_not_grant_ends_the_run_before_the_first_message() {
    let sandbox = Sandbox::new();
    send(&sandbox, &[(Some("application/octet-stream;dtype=uint8"), &pixels(1))]);
    let classifier = classifier();
    for (wish, code) in [
        (["--accept", "text/html"], "not-acceptable"),
        (["--raw=pixels", "--scale=1"], "unsupported-preparation"),
    ] {
        let run = ["run", "--component", &classifier, "--idle-timeout", "2s"];
        let said = sandbox.fail(5, &[&run[..], &wish].concat());
        assert!(said.contains(code), "{said}");
    }
    let (summary, _, answers) = run(&sandbox, "my-group", &["--accept", "application/json"], 1);
    assert_eq!((&summary["messages"], &summary["dead_letters"]), (&json!(1), &json!(0)));
    assert_eq!(answers, ["[9]"]);
}

#[test]
fn a_picture_is_prepared_as_its_producer_says_or_else_as_the_run_asks() {
    let sandbox = Sandbox::new();
    let photograph = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/corpus/files/png-photograph");
    sandbox.write("shoe.png", std::fs::read(photograph).unwrap());
    let produce = ["produce", "--interval", "0", "--images", "shoe.png"];
    sandbox.succeed(&produce);
    sandbox.succeed(&[&produce[..], &["--fit", "crop", "--invert", "auto"]].concat());
    let (_, _, as_asked) = run(&sandbox, "never", &["--fit", "crop", "--invert", "never"], 2);
    assert_ne!(as_asked[0], "[9]");
    assert_eq!(as_asked[1], "[9]");
    let (summary, _, _) = run(&sandbox, "unasked", &[], 2);
    assert_eq!(summary["warnings"]["light-border"], 1, "{summary}");
}

#[test]
fn what_only_pictures_can_be_asked_for_is_refused_of_pixels() {
    let sandbox = Sandbox::new();
    for asked in [["--fit", "crop"], ["--invert", "auto"]] {
        sandbox.refuse(2, &[&["produce"][..], &asked].concat(), &["are for pictures"]);
    }
}
