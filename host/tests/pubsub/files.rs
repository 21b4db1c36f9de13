//! Credentials and project: typed, found, and broken.

use std::fs;

use serde_json::Value;

use super::access::{Access, PROJECT};
use super::sandbox::{Sandbox, line};

const LIST: [&str; 2] = ["topics", "list"];

/// Without any credentials, and without Google's metadata server.
fn nowhere() -> Sandbox {
    let mut sandbox = Sandbox::new();
    let home = sandbox.path("").to_str().unwrap().to_owned();
    sandbox.set("HOME", &home);
    sandbox.set("GCE_METADATA_HOST", "127.0.0.1:9");
    sandbox
}

#[test]
fn the_project_is_found_where_google_s_tools_put_it() {
    let Some(access) = Access::with_topics() else { return };
    let key = access.account.file.to_str().unwrap();
    let mut sandbox = nowhere();
    sandbox.set("GOOGLE_APPLICATION_CREDENTIALS", key);
    for typed in [&[PROJECT][..], &["-", PROJECT], &[]] {
        let topics = sandbox.succeed(&line(&LIST, &access.endpoint(), typed));
        assert!(topics.contains("input-stream-sub"), "{topics}");
    }
    sandbox.set("GOOGLE_CLOUD_PROJECT", "another-one");
    let topics = sandbox.succeed(&line(&LIST, &access.endpoint(), &[]));
    assert!(!topics.contains("input-stream-sub"), "{topics}");
}

#[test]
fn a_project_that_is_not_said_or_is_none_is_asked_for() {
    let sandbox = nowhere();
    let pubsub = ["--broker", "pubsub"];
    let refuse = |code, more: &[&str], says: &[&str]| {
        sandbox.refuse(code, &[&LIST[..], &pubsub, more].concat(), says);
    };
    refuse(3, &[], &["which Google project?", "GOOGLE_CLOUD_PROJECT"]);
    refuse(2, &["creds.json"], &["'creds.json'", "CREDENTIALS PROJECT"]);
    refuse(2, &["-", "my project"], &["'my project'"]);
    refuse(3, &["", PROJECT], &["''", "JSON key"]);
}

#[test]
fn credentials_of_this_machine_that_are_not_there_are_told_with_how_to_get_them() {
    let Some(access) = Access::start() else { return };
    let mut sandbox = nowhere();
    let login = "gcloud auth application-default login";
    let typed = access.endpoint();
    sandbox.refuse(3, &line(&LIST, &typed, &[PROJECT]), &["application-default", login]);
    sandbox.set("GOOGLE_APPLICATION_CREDENTIALS", "none.json");
    sandbox.refuse(3, &line(&LIST, &typed, &[PROJECT]), &["application-default", login]);
}

#[test]
fn a_file_that_is_not_there_or_holds_no_credentials_is_named_with_what_to_do() {
    let Some(access) = Access::start() else { return };
    let key = fs::read_to_string(&access.account.file).unwrap();
    let without = |member: &str| {
        let mut key: Value = serde_json::from_str(&key).unwrap();
        key.as_object_mut().unwrap().remove(member);
        key.to_string()
    };
    for (name, text, why) in [
        ("empty.json", String::new(), "no JSON from line 1 on"),
        ("cut.json", key[..key.len() / 2].to_owned(), "no JSON from line"),
        ("other.json", key.replace("service_account", "api_key"), "'api_key'"),
        ("list.json", "[]".to_owned(), "no member 'type'"),
        ("email.json", without("client_email"), "'client_email' is missing"),
        ("key.json", without("private_key"), "'private_key' is missing"),
        ("id.json", without("private_key_id"), "'private_key_id' is missing"),
        ("project.json", without("project_id"), "'project_id' is missing"),
    ] {
        access.sandbox.write(name, text);
        let says = [name, why, "download a JSON key of a service account"];
        access
            .sandbox
            .refuse(3, &line(&LIST, &access.access_by(name), &[]), &says);
    }
    let says = ["'none.json'", "No such file", "the JSON key of a service account"];
    access
        .sandbox
        .refuse(3, &line(&LIST, &access.access_by("none.json"), &[]), &says);
}
