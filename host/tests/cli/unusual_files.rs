//! Unusual files: a pipe without a writer, a device without an end, a folder. Every command refuses them at once,
//! without using up memory or time.

use std::process::Command;

use super::components::component;
use super::sandbox::Sandbox;

/// A sandbox with a pipe, `pipe`, and no writer.
fn with_pipe() -> Sandbox {
    let sandbox = Sandbox::new();
    let made = Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(made.success());
    sandbox
}

const REGULAR: &str = "not a regular file";

#[test]
fn neither_a_component_nor_a_model_comes_from_a_pipe_or_a_device_or_a_folder() {
    let sandbox = with_pipe();
    let puppet = component("puppet");
    let puppet = puppet.to_str().unwrap();
    for (name, says) in [("pipe", REGULAR), ("/dev/zero", REGULAR), (".", REGULAR)] {
        for command in ["run", "demo", "evaluate"] {
            sandbox.refuse(3, &[command, "--component", name], &[name, says]);
        }
        sandbox.refuse(3, &["classify", "a.png", "--component", name], &[name, says]);
        sandbox.refuse(3, &["inspect", name], &[name, says]);
        let said = sandbox.fail(3, &["run", "--component", puppet, "--model", name]);
        assert!(said.contains("cannot read the model") && said.contains(says), "{said}");
    }
}

#[test]
fn nothing_else_that_is_named_is_read_from_a_pipe_or_a_device() {
    let sandbox = with_pipe();
    for name in ["pipe", "/dev/zero"] {
        sandbox.refuse(3, &["produce", "--images", name], &[name, REGULAR]);
        let kafka = ["consume", "--broker", "kafka"];
        for options in [
            &["--sasl", "plain", "--sasl-username", "me", "--sasl-password-file", name][..],
            &["--tls", "--tls-ca", name],
            &["--tls", "--tls-certificate", name, "--tls-key", name],
        ] {
            sandbox.refuse(3, &[&kafka[..], options].concat(), &[name, REGULAR]);
        }
        let secret = format!("kafka.ssl.key.password=@{name}");
        sandbox.refuse(3, &[&kafka[..], &["--set", &secret]].concat(), &[name, REGULAR]);
        sandbox.refuse(3, &["consume", "--broker", "pubsub", name, "project"], &[name, REGULAR]);
    }
}

#[test]
fn a_picture_that_is_a_pipe_is_named_while_the_others_go_on() {
    let sandbox = with_pipe();
    let classifier = component("classifier");
    let ended = sandbox.host(&[
        "classify",
        "--component",
        classifier.to_str().unwrap(),
        "pipe",
        "/dev/zero",
    ]);
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches(REGULAR).count(), 2, "{}", ended.stderr);
    let evaluate = [
        "evaluate",
        "--component",
        classifier.to_str().unwrap(),
        "--data",
        "pipe",
    ];
    let said = sandbox.fail(3, &evaluate);
    assert!(said.contains(REGULAR), "{said}");
}
