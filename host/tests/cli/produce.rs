//! `host produce`: what is sent, and what is said when it cannot be.

use serde_json::Value;

use super::sandbox::{Sandbox, gzip, idx, model_file, npy, pixels, wait_for};

/// The payloads of the input topic, which holds so many messages.
fn sent(sandbox: &Sandbox, count: usize) -> Vec<String> {
    assert_eq!(messages(sandbox), count as u64);
    let lines = sandbox.succeed(&["consume", "--topic", "input-stream", "--limit", &count.to_string()]);
    lines.lines().map(str::to_owned).collect()
}

fn messages(sandbox: &Sandbox) -> u64 {
    let topics: Value = serde_json::from_str(&sandbox.succeed(&["topics", "list", "--format", "json"])).unwrap();
    topics[0]["partitions"][0]["end"].as_u64().unwrap_or(0)
}

#[test]
fn forty_test_images_are_byte_for_byte_the_message_of_the_original_program() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "40", "--interval", "0"]);
    let golden = String::from_utf8(model_file("golden/images-40.json")).unwrap();
    assert_eq!(sent(&sandbox, 1), [golden.trim_end()]);
}

#[test]
fn a_limit_as_large_as_a_number_can_be_is_no_limit() {
    let sandbox = Sandbox::new();
    sandbox.write("photos/a.png", b"\x89PNG\r\n\x1a\nand no more");
    let most = u64::MAX.to_string();
    sandbox.succeed(&["produce", "--images", "photos", "--max-message-bytes", &most]);
    assert_eq!(messages(&sandbox), 1);
}

#[test]
fn nothing_is_waited_for_behind_the_last_message() {
    let sandbox = Sandbox::new();
    // Longer than the test may take.
    sandbox.succeed(&["produce", "--limit", "40", "--interval", "1h"]);
    assert_eq!(messages(&sandbox), 1);
}

#[test]
fn all_ten_thousand_are_sent_once_through_and_the_summary_counts_them() {
    let sandbox = Sandbox::new();
    let summary = sandbox.succeed(&["produce", "--interval", "0", "--format", "json"]);
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["topic"], "input-stream");
    assert_eq!(summary["images"], 10_000);
    assert_eq!(summary["messages"], 250);
    assert_eq!(messages(&sandbox), 250);
}

#[test]
fn the_last_message_carries_what_is_left() {
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "5", "--batch", "2", "--interval", "0"]);
    let images = |message: &String| message.matches("[[[").count();
    assert_eq!(sent(&sandbox, 3).iter().map(images).collect::<Vec<_>>(), [2, 2, 1]);
}

#[test]
fn idx_and_npy_files_gzipped_or_not_give_the_same_message_as_the_embedded_images() {
    let pixels = pixels(3);
    let idx = idx(&[3, 28, 28], &pixels);
    let sources = [
        ("a.gz", gzip(&idx)),
        ("b", idx),
        ("c.npy", npy("|u1", "(3, 28, 28)", &pixels)),
        ("d.npy", npy("|u1", "(3, 28, 28, 1)", &pixels)),
        ("e.npy.gz", gzip(&npy("|u1", "(3, 28, 28)", &pixels))),
    ];
    let sandbox = Sandbox::new();
    sandbox.succeed(&["produce", "--limit", "3", "--interval", "0"]);
    for (name, bytes) in &sources {
        sandbox.write(name, bytes);
        sandbox.succeed(&["produce", "--images", name, "--interval", "0"]);
    }
    let sent = sent(&sandbox, 1 + sources.len());
    assert!(sent.iter().all(|message| *message == sent[0]));
}

#[test]
fn a_folder_gives_its_pictures_as_they_are_by_name_with_their_media_type() {
    let sandbox = Sandbox::new();
    sandbox.write("photos/2.png", b"\x89PNG\r\n\x1a\nrest");
    sandbox.write("photos/1.JPG", b"\xff\xd8\xffrest");
    sandbox.write("photos/notes.txt", "no picture");
    sandbox.succeed(&["produce", "--images", "photos", "--interval", "0"]);
    let lines = sandbox.succeed(&["consume", "--topic", "input-stream", "--limit", "2", "--format", "json"]);
    let messages: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(messages[0]["headers"][0][1], "image/jpeg");
    assert_eq!(messages[0]["payload"]["base64"], "/9j/cmVzdA==");
    assert_eq!(messages[1]["headers"][0][1], "image/png");
    assert_eq!(messages[1]["key"], Value::Null);
}

#[test]
fn one_picture_file_is_one_message() {
    let sandbox = Sandbox::new();
    // Recognised by its bytes, so the name does not matter.
    sandbox.write("picture", b"\x89PNG\r\n\x1a\nrest");
    sandbox.succeed(&["produce", "--images", "picture"]);
    assert_eq!(messages(&sandbox), 1);
}

#[test]
fn a_file_that_is_no_source_of_images_is_refused_before_anything_is_sent() {
    let sandbox = Sandbox::new();
    let header = idx(&[3, 28, 28], &[]);
    for (name, bytes, reason) in [
        ("empty", vec![], "it is empty"),
        ("text", b"hello world".to_vec(), "neither IDX, .npy nor a picture"),
        ("header", header[..9].to_vec(), "ends within its header"),
        (
            "labels",
            idx(&[10_000], &[0; 64]),
            "images are (H, W), (N, H, W) or (N, H, W, C)",
        ),
        ("none", idx(&[0, 28, 28], &[]), "announces 0 images"),
        ("flat", idx(&[3, 28, 0], &[]), "announces 3 images of 28x0x1"),
        ("absurd", idx(&[1, u32::MAX, u32::MAX], &[]), "at most 2^28 values"),
        (
            "floats.npy",
            npy("<f4", "(2, 2)", &[0; 16]),
            "unsigned bytes (uint8) are needed",
        ),
        (
            "overflow.npy",
            npy("|u1", "(9, 18446744073709551615, 9)", &[]),
            "at most 2^28 values",
        ),
        ("bad.gz", [&[0x1f, 0x8b][..], &[9; 40]].concat(), "cannot read bad.gz"),
        ("notes/a.txt", b"x".to_vec(), ""),
    ] {
        sandbox.write(name, bytes);
        if !reason.is_empty() {
            let said = sandbox.fail(3, &["produce", "--images", name, "--interval", "0"]);
            assert!(
                said.starts_with("error: ") && said.contains(name) && said.contains(reason),
                "{said}"
            );
        }
    }
    let said = sandbox.fail(3, &["produce", "--images", "notes"]);
    assert!(said.contains("contains no pictures"), "{said}");
    let said = sandbox.fail(3, &["produce", "--images", "missing"]);
    assert!(said.contains("cannot read missing"), "{said}");
    assert!(!sandbox.path("host.db").exists());
}

#[test]
fn a_file_cut_short_is_told_at_the_message_concerned_and_the_whole_ones_stay_sent() {
    let sandbox = Sandbox::new();
    let cut = idx(&[100, 28, 28], &pixels(55)[..54 * 784 + 100]);
    let mut gzipped = gzip(&idx(&[100, 28, 28], &pixels(100)));
    gzipped.truncate(gzipped.len() * 9 / 10);
    sandbox.write("cut", cut);
    sandbox.write("cut.gz", gzipped);
    let said = sandbox.fail(3, &["produce", "--images", "cut", "--batch", "20", "--interval", "0"]);
    assert!(
        said.contains("cut is cut short: it announces 100 images and holds 54"),
        "{said}"
    );
    assert!(said.contains("40 images confirmed in 2 messages"), "{said}");
    assert_eq!(messages(&sandbox), 2);
    let said = sandbox.fail(3, &["produce", "--images", "cut.gz", "--interval", "0"]);
    assert!(said.contains("cut.gz is cut short: it announces 100 images"), "{said}");
}

#[test]
fn files_that_are_only_named_like_pictures_are_skipped_and_the_others_sent() {
    let sandbox = Sandbox::new();
    sandbox.write("photos/1.png", b"\x89PNG\r\n\x1a\nrest");
    sandbox.write("photos/2.png", b"");
    sandbox.write("photos/3.jpg", b"RIFF");
    sandbox.write("photos/4.png", b"\x89PNG\r\n\x1a\nrest");
    let ended = sandbox.host(&["produce", "--images", "photos", "--interval", "0", "--format", "json"]);
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    for name in ["2.png", "3.jpg"] {
        let skipped = format!("error: skipped: photos/{name} is empty or no picture");
        assert!(ended.stderr.contains(&skipped), "{}", ended.stderr);
    }
    assert!(
        ended.stderr.ends_with("error: 2 of 4 files could not be sent\n"),
        "{}",
        ended.stderr
    );
    let said: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&said["images"], &said["skipped"]), (&Value::from(2), &Value::from(2)));
    assert_eq!(messages(&sandbox), 2);
    // So many are sent as were asked for.
    let ended = sandbox.host(&["produce", "--images", "photos", "--interval", "0", "--limit", "2"]);
    assert_eq!((ended.code, messages(&sandbox)), (Some(6), 4), "{}", ended.stderr);
    let ended = sandbox.host(&["produce", "--images", "photos", "--interval", "0", "--limit", "1"]);
    assert_eq!((ended.code, messages(&sandbox)), (Some(0), 5), "{}", ended.stderr);
}

#[test]
fn what_is_left_out_of_a_folder_is_said_and_hidden_files_are_nobody_s_pictures() {
    let sandbox = Sandbox::new();
    for name in ["1.png", "2.svg", "notes.txt", ".3.png", "more/4.png"] {
        sandbox.write(&format!("photos/{name}"), b"\x89PNG\r\n\x1a\nrest");
    }
    std::os::unix::fs::symlink("1.png", sandbox.path("photos/5.png")).unwrap();
    let ended = sandbox.host(&["produce", "--images", "photos", "--interval", "0", "--format", "json"]);
    let warning = "warning: 3 entries are left out, because they are no pictures (PNG, JPEG, WebP, GIF, BMP or TIFF): 2.svg, more/, notes.txt";
    assert_eq!(ended.stderr.lines().next(), Some(warning));
    let sent: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((&sent["images"], &sent["left_out"]), (&Value::from(2), &Value::from(3)));
}

#[test]
fn what_no_message_can_carry_is_refused_with_the_remedy() {
    let sandbox = Sandbox::new();
    let said = sandbox.fail(3, &["produce", "--batch", "10000", "--max-message-bytes", "1MiB"]);
    assert!(said.contains("lower --batch or raise --max-message-bytes"), "{said}");
    assert!(!sandbox.path("host.db").exists());
    // The batch might have fitted, had the pixels been black.
    let said = sandbox.fail(4, &["produce", "--interval", "0", "--max-message-bytes", "100kB"]);
    assert!(said.contains("over the limit of 100000"), "{said}");
    sandbox.write("photos/1.png", [b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 2000]].concat());
    sandbox.write("photos/0.png", b"\x89PNG\r\n\x1a\n");
    let small = ["--max-message-bytes", "1kB"];
    let said = sandbox.fail(3, &[&["produce", "--images", "photos/1.png"], &small[..]].concat());
    assert!(said.contains("1.png is over the limit of 1000 bytes"), "{said}");
    let said = sandbox.fail(6, &[&["produce", "--images", "photos"], &small[..]].concat());
    assert!(
        said.contains("skipped: photos/1.png is over the limit of 1000 bytes"),
        "{said}"
    );
    assert_eq!(messages(&sandbox), 1);
}

#[test]
fn an_interrupted_produce_says_what_was_confirmed() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(&["produce", "--interval", "1h"]);
    wait_for("the first message", || sandbox.path("host.db").exists().then_some(()));
    wait_for("the first message", || (messages(&sandbox) == 1).then_some(()));
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    ended.assert_says("40 images confirmed in 1 message ");
}

#[test]
fn a_produce_that_waits_for_room_hears_an_interrupt() {
    let sandbox = Sandbox::new();
    let running = sandbox.start(&["produce", "--interval", "0", "--local-retention", "500KiB"]);
    wait_for("the file", || sandbox.path("host.db").exists().then_some(()));
    wait_for("a full topic", || (messages(&sandbox) == 2).then_some(()));
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.code, Some(130), "{}", ended.stderr);
    ended.assert_says("80 images confirmed in 2 messages");
    assert_eq!(messages(&sandbox), 2);
}
