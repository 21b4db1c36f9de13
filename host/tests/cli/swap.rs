//! Another component serves while `host run` goes on.

use std::fs;
use std::path::Path;

use host::message::Message;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::components::component;
use super::sandbox::{Running, Sandbox, model_file, wait_for};

fn digest(component: &Path) -> String {
    hex::encode(Sha256::digest(fs::read(component).unwrap()))
}

/// A folder in which hosts find each other, and none of another test.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let runtime = sandbox.path("runtime").display().to_string();
    sandbox.set("XDG_RUNTIME_DIR", &runtime);
    sandbox
}

/// The sandbox of a command that is to find the hosts of another one, and use the same broker.
fn beside(sandbox: &Sandbox) -> Sandbox {
    let mut other = Sandbox::new();
    other.set("XDG_RUNTIME_DIR", &sandbox.path("runtime").display().to_string());
    other
}

fn log(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.path("stderr")).unwrap()
}

fn start(sandbox: &Sandbox, component: &Path, more: &[&str]) -> Running {
    let component = component.to_str().unwrap();
    // The tests may have been started with the signal ignored.
    let heeding = ["env", "--default-signal=HUP"];
    let running = sandbox.start_under(&heeding, &[&["run", "--component", component], more].concat());
    wait_for("the classifier to join", || {
        log(sandbox).contains("classifies input-stream").then_some(())
    });
    running
}

/// Sends a message, and gives the headers of its answer: the component and the model that made it.
fn answered_by(sandbox: &Sandbox, message: Vec<u8>) -> (String, Option<String>) {
    let own = beside(sandbox);
    let broker = sandbox.path("host.db").display().to_string();
    let local = ["--local-file", broker.as_str()];
    let consume = ["consume", "--group", "reader", "--limit", "1", "--format", "json"];
    sandbox.send("input-stream", vec![Message::new(message)]);
    let answer = own.succeed(&[&consume[..], &local].concat());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let header = |wanted: &str| {
        let headers = answer["headers"].as_array().unwrap();
        let header = headers.iter().find(|header| header[0] == json!(wanted))?;
        header[1].as_str().map(str::to_owned)
    };
    (header("component").unwrap(), header("model"))
}

fn message() -> Vec<u8> {
    model_file("golden/images-40.json")
}

fn picture() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/shoe.jpg")).unwrap()
}

#[test]
fn each_answer_names_the_component_and_the_model_that_made_it() {
    let (classifier, centroid) = (component("classifier"), component("centroid"));
    let sandbox = sandbox();
    let running = start(&sandbox, &classifier, &["--trial", "2"]);
    let (by, model) = answered_by(&sandbox, message());
    assert_eq!(by, digest(&classifier));
    assert_eq!(
        model,
        Some(hex::encode(Sha256::digest(model_file("fashion-small.onnx"))))
    );

    let swap = ["swap", "--component", centroid.to_str().unwrap()];
    let said = beside(&sandbox).host(&[&swap[..], &["--no-wait"]].concat());
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said.assert_says("serves from now on");
    for _ in 0..2 {
        let (by, model) = answered_by(&sandbox, message());
        assert_eq!(by, digest(&centroid), "{}", log(&sandbox));
        assert_eq!(model, None, "it has no model file");
    }
    let kept = beside(&sandbox).succeed(&[&swap[..], &["--format", "json"]].concat());
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept["state"], "same");
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn what_fails_a_check_is_refused_and_the_one_before_goes_on() {
    let classifier = component("classifier");
    let sandbox = sandbox();
    let running = start(&sandbox, &classifier, &[]);
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/golden/tiny.onnx");
    let other = beside(&sandbox);
    other.write("text.wasm", "not a component");
    for (arguments, says) in [
        (["--component", "missing.wasm"], "cannot read"),
        (["--component", "text.wasm"], "is not a WebAssembly component"),
        (["--component", component("puppet").to_str().unwrap()], "labels"),
        (["--model", tiny.to_str().unwrap()], "labels"),
    ] {
        let said = other.fail(5, &[&["swap"][..], &arguments].concat());
        assert!(said.contains("nothing is swapped") && said.contains(says), "{said}");
        assert!(log(&sandbox).contains(says));
    }
    assert_eq!(answered_by(&sandbox, message()).0, digest(&classifier));
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn one_that_is_worse_is_rolled_back_and_no_message_is_lost() {
    let (classifier, centroid) = (component("classifier"), component("centroid"));
    let sandbox = sandbox();
    let running = start(&sandbox, &classifier, &[]);
    let other = beside(&sandbox);
    let swap = other.start(&["swap", "--component", centroid.to_str().unwrap()]);
    wait_for("the swap", || {
        log(&sandbox).contains("serves from now on").then_some(())
    });
    assert_eq!(answered_by(&sandbox, message()).0, digest(&centroid));
    // It takes no pictures.
    assert_eq!(answered_by(&sandbox, picture()).0, digest(&classifier));
    let ended = swap.end();
    assert_eq!(ended.code, Some(5), "{}", ended.stderr);
    ended.assert_says("rolled back: of 2 messages it failed 1 that the one before it answers");
    assert_eq!(answered_by(&sandbox, message()).0, digest(&classifier));
    running.signal("TERM");
    let ended = running.end();
    ended.assert_says("rolled back");
    ended.assert_says("3 messages, 0 dead letters");
}

#[test]
fn a_file_that_changes_is_taken_by_a_host_that_watches_it_or_is_told() {
    let (classifier, centroid) = (component("classifier"), component("centroid"));
    for (how, watch) in [("its file changes", true), ("SIGHUP", false)] {
        let sandbox = sandbox();
        fs::copy(&classifier, sandbox.path("own.wasm")).unwrap();
        let more: &[&str] = if watch { &["--watch"] } else { &[] };
        let running = start(&sandbox, &sandbox.path("own.wasm"), more);
        assert_eq!(answered_by(&sandbox, message()).0, digest(&classifier));
        fs::copy(&centroid, sandbox.path("new.wasm")).unwrap();
        fs::rename(sandbox.path("new.wasm"), sandbox.path("own.wasm")).unwrap();
        if !watch {
            running.signal("HUP");
        }
        wait_for(how, || log(&sandbox).contains("serves from now on").then_some(()));
        assert_eq!(answered_by(&sandbox, message()).0, digest(&centroid));
        running.signal("TERM");
        assert_eq!(running.end().code, Some(0));
    }
}

#[test]
fn a_host_is_found_by_its_process_if_several_run_and_its_absence_is_told() {
    let classifier = component("classifier");
    let (one, mut two) = (sandbox(), Sandbox::new());
    let swap = ["swap", "--component", classifier.to_str().unwrap()];
    beside(&one).refuse(3, &swap, &["no `host run` of this user runs"]);
    two.set("XDG_RUNTIME_DIR", &one.path("runtime").display().to_string());
    let first = start(&one, &classifier, &[]);
    let second = start(&two, &classifier, &["--group", "others"]);
    let (pid, other) = (first.id().to_string(), second.id().to_string());
    beside(&one).refuse(3, &swap, &[&pid, &other, "reads input-stream as others"]);
    beside(&one).succeed(&[&swap[..], &["--pid", &pid]].concat());
    drop(second);
    // What a killed host leaves behind is no host.
    beside(&one).succeed(&swap);
    first.signal("TERM");
    assert_eq!(first.end().code, Some(0));
    beside(&one).refuse(3, &swap, &["no `host run` of this user runs"]);
}

#[test]
fn a_host_that_asks_for_a_digest_takes_no_other_component_without_its_digest() {
    let (classifier, centroid) = (component("classifier"), component("centroid"));
    let asked = |component: &Path| format!("sha256:{}", digest(component));
    let sandbox = sandbox();
    let running = start(&sandbox, &classifier, &["--digest", &asked(&classifier)]);
    let swap = ["swap", "--component", centroid.to_str().unwrap(), "--no-wait"];
    let said = beside(&sandbox).fail(5, &swap);
    assert!(said.contains("is not to be trusted"), "{said}");
    let said = beside(&sandbox).fail(5, &[&swap[..], &["--signature", "none"]].concat());
    assert!(said.contains("has no key"), "{said}");
    assert_eq!(answered_by(&sandbox, message()).0, digest(&classifier));
    beside(&sandbox).succeed(&[&swap[..], &["--digest", &asked(&centroid)]].concat());
    assert_eq!(answered_by(&sandbox, message()).0, digest(&centroid));
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
}
