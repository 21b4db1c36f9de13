//! A service that does not answer.

use std::fs;
use std::net::TcpListener;

use test_brokers::{PubSub, PubSubOptions, PubSubProgram};

use super::access::{Access, PROJECT};
use super::components::component;
use super::sandbox::{Sandbox, line, wait_for};
use super::waiting::at_once;

/// Nobody listens at this port.
const NOBODY: &str = "127.0.0.1:9";

#[test]
fn where_nobody_answers_produce_and_topics_give_up() {
    at_once([&["topics", "list"][..], &["produce", "--limit", "1"]], |command| {
        let typed = [command, &["--broker", "pubsub", "--emulator", NOBODY, PROJECT]].concat();
        let says = [
            NOBODY,
            "does not answer: Connection refused",
            "--endpoint",
            "PUBSUB_EMULATOR_HOST",
        ];
        Sandbox::new().refuse(4, &typed, &says);
    });
}

#[test]
fn where_a_name_is_not_known_produce_gives_up() {
    let typed = [
        "produce",
        "--broker",
        "pubsub",
        "--emulator",
        "no.such.name.invalid:1",
        PROJECT,
    ];
    Sandbox::new().refuse(4, &typed, &["no.such.name.invalid:1", "does not answer", "--endpoint"]);
}

#[test]
fn run_keeps_trying_and_goes_on_once_somebody_answers() {
    let Some(program) = PubSubProgram::for_tests().unwrap() else {
        return;
    };
    // A port that was free a moment ago, and that nobody uses for outgoing connections for long.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let broker = ["--broker", "pubsub", "--emulator", &address, PROJECT];
    let mut sandbox = Sandbox::new();
    sandbox.set("HOST_COMPONENT", component("classifier").to_str().unwrap());
    let running = sandbox.start(&[&["run"], &broker[..]].concat());
    let says = |words: &str| {
        wait_for(words, || {
            let said = fs::read_to_string(sandbox.path("stderr")).unwrap();
            said.contains(words).then_some(())
        });
    };
    says("; trying again");
    let options = PubSubOptions { port: Some(port) };
    let _server = PubSub::start(&program, &options).unwrap();
    says("classifies input-stream");
    let others = Sandbox::new();
    others.succeed(&[&["produce", "--limit", "40"], &broker[..]].concat());
    let answer = others.succeed(&[&["consume", "--limit", "1"], &broker[..]].concat());
    assert!(answer.starts_with('['), "{answer}");
    running.signal("TERM");
    assert_eq!(running.end().code, Some(0));
}

#[test]
fn a_service_that_hangs_is_given_up_as_one_that_is_not_there() {
    let Some(access) = Access::start() else { return };
    access.server.pause().unwrap();
    access.refuse(4, &["topics", "list"], &[&access.server.address()]);
    access.server.resume().unwrap();
}

const CONSUME: [&str; 3] = ["consume", "--idle-timeout", "1s"];

#[test]
fn a_service_that_stops_answering_is_no_end_of_its_topic() {
    let Some(access) = Access::with_topics() else { return };
    let typed = access.access();
    let running = access.sandbox.start(&line(&CONSUME, &typed, &["-v"]));
    wait_for("the stream to be opened", || {
        let calls = access.server.calls().unwrap();
        calls.get("StreamingPull").is_some_and(|calls| *calls > 0).then_some(())
    });
    access.server.pause().unwrap();
    let ended = running.end();
    access.server.resume().unwrap();
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("does not answer"), "{}", ended.stderr);
}

#[test]
fn too_few_open_files_are_no_empty_subscription() {
    // Which of these suffice depends on the machine. Where they do not, ten seconds pass.
    at_once(8..=16, |files| {
        let Some(access) = Access::with_topics() else { return };
        let produce = ["produce", "--topic", "output-stream", "--batch", "1", "--interval", "0"];
        access.succeed(&[&produce[..], &["--limit", "2"]].concat());
        let few = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let typed = access.access();
        let consume = line(&CONSUME, &typed, &[]);
        let ended = access.sandbox.start_under(&["sh", "-c", &few], &consume).end();
        let printed = String::from_utf8_lossy(&ended.stdout).lines().count();
        assert!(ended.code != Some(0) || printed == 2, "{files}: {}", ended.stderr);
    });
}
