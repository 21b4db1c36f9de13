//! What may be typed, and the errors for everything else.

use std::process::{Command, Stdio};

use super::sandbox::{Sandbox, wait_for};

#[test]
fn a_command_is_needed_and_must_be_known() {
    let sandbox = Sandbox::new();
    sandbox.fail(2, &[]);
    sandbox.fail(2, &["reproduce"]);
    sandbox.fail(2, &["run", "--no-such-option"]);
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = Sandbox::new().succeed(&["--version"]);
    assert_eq!(version, format!("host {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_explains_itself_with_examples() {
    let sandbox = Sandbox::new();
    for command in [
        "run",
        "produce",
        "consume",
        "dead-letters",
        "demo",
        "classify",
        "evaluate",
        "inspect",
        "topics",
        "completions",
    ] {
        let help = sandbox.succeed(&[command, "--help"]);
        assert!(help.contains("Examples:\n  host "), "{command}: {help}");
    }
}

#[test]
fn the_defaults_are_those_of_the_original_program() {
    let sandbox = Sandbox::new();
    let help = sandbox.succeed(&["produce", "--help"]);
    for default in [
        "[default: input-stream]",
        "[default: 40]",
        "[default: 5s]",
        "[default: 1]",
    ] {
        assert!(help.contains(default), "{default}: {help}");
    }
    let help = sandbox.succeed(&["consume", "--help"]);
    for default in ["[default: output-stream]", "[default: my-group]"] {
        assert!(help.contains(default), "{default}: {help}");
    }
    let help = sandbox.succeed(&["run", "--help"]);
    for default in [
        "[default: input-stream]",
        "[default: output-stream]",
        "[default: my-group]",
    ] {
        assert!(help.contains(default), "{default}: {help}");
    }
}

#[test]
fn a_topic_that_would_feed_itself_is_refused() {
    let sandbox = Sandbox::new();
    for option in ["--output-topic", "--dead-letter-topic"] {
        let said = sandbox.fail(2, &["run", option, "input-stream"]);
        assert!(said.contains("'input-stream'") && said.contains(option), "{said}");
    }
    assert!(!sandbox.path("host.db").exists());
}

#[test]
fn pub_sub_is_known_by_both_names_and_takes_credentials_and_a_project() {
    let sandbox = Sandbox::new();
    for command in ["run", "produce", "consume"] {
        for name in ["Google_Pub_Sub", "pubsub"] {
            let said = sandbox.fail(3, &[command, "--broker", name, "creds.json", "project"]);
            assert!(
                said.starts_with("error: cannot read the credentials 'creds.json'"),
                "{said}"
            );
        }
    }
    assert!(!sandbox.path("host.db").exists());
}

#[test]
fn kafka_is_known_by_both_names_and_told_where_it_does_not_answer() {
    let sandbox = Sandbox::new();
    for name in ["Kafka", "kafka"] {
        let nowhere = ["produce", "--broker", name, "--bootstrap-servers", "127.0.0.1:1"];
        let said = sandbox.fail(4, &nowhere);
        assert!(
            said.contains("127.0.0.1:1") && said.contains("--bootstrap-servers"),
            "{said}"
        );
    }
    assert!(!sandbox.path("host.db").exists());
}

#[test]
fn credentials_are_refused_where_the_broker_takes_none() {
    let sandbox = Sandbox::new();
    for arguments in [
        ["produce", "creds.json", "project"].as_slice(),
        &["run", "--broker", "Kafka", "creds.json", "project"],
        &["consume", "creds.json"],
        &["topics", "list", "creds.json"],
    ] {
        let said = sandbox.fail(2, arguments);
        assert!(
            said.contains("'creds.json'") && said.contains("--broker pubsub"),
            "{said}"
        );
    }
}

#[test]
fn values_that_cannot_be_meant_are_refused_with_their_name() {
    let sandbox = Sandbox::new();
    for (arguments, named) in [
        (["produce", "--batch", "0"].as_slice(), "--batch"),
        (&["produce", "--limit", "0"], "--limit"),
        (&["produce", "--interval", "soon"], "--interval"),
        (&["produce", "--partitions", "0"], "--partitions"),
        (&["produce", "--local-retention", "plenty"], "--local-retention"),
        (&["consume", "--format", "xml"], "--format"),
        (&["run", "--workers", "0"], "--workers"),
        (&["run", "--attempts", "0"], "--attempts"),
        (&["run", "--max-in-flight", "0"], "--max-in-flight"),
        (&["classify"], "FILE"),
        (&["evaluate", "--batch", "0"], "--batch"),
        (&["evaluate", "--split", "validation"], "--split"),
        (&["completions", "cobol"], "cobol"),
    ] {
        let said = sandbox.fail(2, arguments);
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
}

#[test]
fn completions_are_there_for_every_shell_and_bash_accepts_its_own() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = sandbox.succeed(&["completions", shell]);
        assert!(
            script.contains("produce") && script.contains("max-in-flight"),
            "{shell}"
        );
        sandbox.write(shell, script);
    }
    let parsed = Command::new("bash").arg("-n").arg(sandbox.path("bash")).status();
    assert!(parsed.unwrap().success());
}

#[test]
fn a_rust_log_that_makes_no_sense_is_said_and_ignored() {
    let mut sandbox = Sandbox::new();
    let list = ["topics", "list"];
    sandbox.set("RUST_LOG", "host=loud");
    let ended = sandbox.host(&list);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("RUST_LOG is 'host=loud'"), "{}", ended.stderr);
    sandbox.set("RUST_LOG", "warn,host=debug");
    assert!(!sandbox.host(&list).stderr.contains("RUST_LOG"));
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let sandbox = Sandbox::new();
    let ended = sandbox.host_unheard(&["completions", "bash"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    let ended = sandbox.host_unheard(&["--help"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn too_few_open_files_to_start_are_told_with_the_remedy() {
    let sandbox = Sandbox::new();
    // How many suffice depends on the machine, and on the files that the host inherits.
    let told = (3..64).find_map(|files| {
        let few = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let ended = sandbox.start_under(&["sh", "-c", &few], &["completions", "bash"]).end();
        match ended.code {
            Some(3) => Some(ended.stderr),
            Some(0) => Some("it started".to_owned()),
            // Not even the system's loader could open a file.
            _ => None,
        }
    });
    let told = told.unwrap();
    assert!(
        told.contains("cannot start the runtime") && told.contains("ulimit -n"),
        "{told}"
    );
}

#[test]
fn a_full_stdout_is_a_failure_that_names_it() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_host"))
        .args(["completions", "bash"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout"));
}

#[test]
#[should_panic(expected = "the program ended before")]
fn a_test_that_waits_for_a_program_that_has_ended_fails_at_once() {
    let sandbox = Sandbox::new();
    let _running = sandbox.start(&["run", "--no-such-option"]);
    wait_for("what never comes", || None::<()>);
}
