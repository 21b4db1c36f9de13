//! Nobody may see a private key: neither in output and logs, nor in `ps`.

use std::fs;

use serde_json::{Value, json};
use test_brokers::Credentials;

use super::access::{Access, PROJECT, TOPICS};
use super::sandbox::{Ended, Sandbox, line, wait_for};

/// Texts that would give a key away.
struct Secrets(Vec<String>);

impl Secrets {
    /// Any whole line of it, as text or as the numbers of its bytes; and any token that it has signed.
    fn of(key: &str) -> Self {
        let lines = key.lines().filter(|line| line.len() >= 40);
        let numbers = |line: &str| {
            let bytes = line.as_bytes()[..40].iter().map(u8::to_string);
            bytes.collect::<Vec<_>>().join(", ")
        };
        let mut secrets: Vec<_> = lines.flat_map(|line| [line[..40].to_owned(), numbers(line)]).collect();
        assert!(secrets.len() > 20);
        // The start of `{"` in base64.
        secrets.push("Bearer eyJ".to_owned());
        secrets.push("eyJhbGciOi".to_owned());
        Self(secrets)
    }

    fn are_not_in(&self, text: &str) {
        for secret in &self.0 {
            assert!(!text.contains(secret), "{secret} is shown");
        }
    }

    fn are_hidden(&self, ended: &Ended) {
        self.are_not_in(&ended.stderr);
        self.are_not_in(&String::from_utf8_lossy(&ended.stdout));
    }
}

fn private_key(access: &Access) -> String {
    let file: Value = serde_json::from_slice(&fs::read(&access.account.file).unwrap()).unwrap();
    file["private_key"].as_str().unwrap().to_owned()
}

/// Runs each command twice: as verbose as possible, and with the log of everything.
fn run_all(access: &Access, file: &str, check: impl Fn(&Ended)) {
    let mut everything = Sandbox::new();
    everything.set("RUST_LOG", "trace");
    let typed = access.access_by(file);
    let consume = ["consume", "--topic", "input-stream", "--limit", "1"];
    for command in [&["topics", "list"][..], &["produce", "--limit", "1"], &consume] {
        check(&access.sandbox.host(&line(command, &typed, &["-vv"])));
        check(&everything.host(&line(command, &typed, &[])));
    }
}

#[test]
fn a_private_key_and_its_tokens_are_not_shown_however_much_is_logged() {
    let Some(access) = Access::with_topics() else { return };
    let secrets = Secrets::of(&private_key(&access));
    let file = access.account.file.to_str().unwrap();
    run_all(&access, file, |ended| {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        secrets.are_hidden(ended);
    });
    let folder = tempfile::tempdir().unwrap();
    let another = access.server.service_account(PROJECT, folder.path()).unwrap();
    access.let_in(another.key, 0);
    run_all(&access, file, |ended| {
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        secrets.are_hidden(ended);
    });
}

#[test]
fn a_private_key_that_is_damaged_is_told_and_not_shown() {
    let Some(access) = Access::with_topics() else { return };
    let text = fs::read_to_string(&access.account.file).unwrap();
    let key = private_key(&access);
    let secrets = Secrets::of(&key);
    let quoted = |key: &str| serde_json::to_string(key).unwrap();
    let lines: Vec<_> = key.lines().collect();
    for (name, damaged) in [
        ("cut.json", key[..key.len() / 2].to_owned()),
        ("shorter.json", [&lines[..4], &lines[6..]].concat().join("\n")),
        // As some tools write it into a variable: the library would print it when it finds no lines.
        ("escaped.json", key.replace('\n', "\\n")),
        ("one-line.json", key.replace('\n', "")),
        ("bare.json", lines[1..lines.len() - 1].concat()),
    ] {
        access
            .sandbox
            .write(name, text.replace(&quoted(&key), &quoted(&damaged)));
        let file = access.sandbox.path(name);
        run_all(&access, file.to_str().unwrap(), |ended| {
            assert_eq!(ended.code, Some(3), "{name}: {}", ended.stderr);
            assert!(ended.stderr.contains(name), "{}", ended.stderr);
            assert!(ended.stderr.contains("download a new JSON key"), "{}", ended.stderr);
            secrets.are_hidden(ended);
        });
        // The same, with the library finding the file by itself.
        let mut sandbox = Sandbox::new();
        sandbox.set("GOOGLE_APPLICATION_CREDENTIALS", file.to_str().unwrap());
        let ended = sandbox.host(&line(&["topics", "list", "-vv"], &access.endpoint(), &[PROJECT]));
        assert_eq!(ended.code, Some(3), "{name}: {}", ended.stderr);
        secrets.are_hidden(&ended);
    }
}

#[test]
fn a_login_of_gcloud_s_is_used_and_not_shown_and_told_where_it_was_revoked() {
    let Some(access) = Access::with_topics() else { return };
    let login = json!({
        "type": "authorized_user",
        "client_id": "client",
        "client_secret": "a-client-secret",
        "refresh_token": "a-refresh-token",
        "token_uri": access.server.token_uri(),
    });
    access.sandbox.write("login.json", login.to_string());
    let file = access.sandbox.path("login.json");
    // The start of every token of the server.
    let secrets = Secrets(
        ["a-client-secret", "a-refresh-token", "ya29."]
            .map(str::to_owned)
            .to_vec(),
    );
    let credentials = |refresh_token: &str| Credentials {
        refresh_tokens: vec![refresh_token.to_owned()],
        ..Credentials::default()
    };
    access
        .server
        .require_credentials(&credentials("a-refresh-token"))
        .unwrap();
    run_all(&access, file.to_str().unwrap(), |ended| {
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        secrets.are_hidden(ended);
    });
    access.server.require_credentials(&credentials("another")).unwrap();
    run_all(&access, file.to_str().unwrap(), |ended| {
        assert_eq!(ended.code, Some(3), "{}", ended.stderr);
        assert!(ended.stderr.contains("login.json"), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("gcloud auth application-default login"),
            "{}",
            ended.stderr
        );
        secrets.are_hidden(ended);
    });
}

#[test]
fn a_private_key_is_not_on_the_command_line_of_a_process_that_uses_it() {
    let Some(access) = Access::with_topics() else { return };
    let secrets = Secrets::of(&private_key(&access));
    let running = access.sandbox.start(&line(&["run"], &access.access(), &[]));
    wait_for("a stream", || {
        let stats = access.server.stats(PROJECT, &format!("{}-sub", TOPICS[0])).unwrap();
        (stats.streams > 0).then_some(())
    });
    for file in ["cmdline", "environ"] {
        let shown = fs::read(format!("/proc/{}/{file}", running.id())).unwrap();
        secrets.are_not_in(&String::from_utf8_lossy(&shown));
    }
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    secrets.are_hidden(&ended);
}
