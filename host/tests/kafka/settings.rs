//! Unusable settings, which are reported before any connection.

use super::access::{WRONG, at, line, login, sandbox};
use super::waiting::at_once;

/// The error for a setting, with the exit code.
fn refusal(code: i32, more: &[&str]) -> String {
    let access = at("127.0.0.1:9", &[]);
    sandbox().fail(code, &line(&["topics", "list"], &access, more))
}

#[test]
fn a_file_that_is_missing_is_named_with_its_option() {
    for option in ["--tls-ca", "--sasl-password-file", "--sasl-token-file"] {
        let login = match option {
            "--sasl-token-file" => &["--sasl", "oauthbearer"][..],
            "--sasl-password-file" => &["--sasl", "plain", "--sasl-username", "user"],
            _ => &[],
        };
        let said = refusal(3, &[login, &[option, "none.pem"]].concat());
        assert!(said.contains(option) && said.contains("none.pem"), "{said}");
    }
}

#[test]
fn a_file_that_is_no_certificate_is_told_by_its_option() {
    let said = refusal(3, &["--tls-ca", "password"]);
    assert!(said.contains("give --tls-ca a PEM file"), "{said}");
}

#[test]
fn a_login_that_is_not_whole_says_what_is_missing() {
    let said = refusal(3, &["--sasl", "plain", "--sasl-username", "user"]);
    assert!(
        said.contains("--sasl-password-file") && said.contains("KAFKA_PASSWORD"),
        "{said}"
    );
    let said = refusal(3, &["--sasl", "plain", "--sasl-password-file", "password"]);
    assert!(
        said.contains("--sasl-username") && said.contains("KAFKA_USERNAME"),
        "{said}"
    );
    let said = refusal(3, &["--sasl", "oauthbearer"]);
    assert!(said.contains("--sasl-token-file"), "{said}");
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let property = format!("kafka.sasl.password={WRONG}");
    let said = refusal(2, &[&login("plain", "password")[..], &["--set", &property]].concat());
    assert!(said.contains("--set kafka.sasl.password=@FILE"), "{said}");
    assert!(!said.contains(WRONG), "{said}");
}

#[test]
fn a_property_that_is_not_known_or_not_usable_is_named() {
    let said = refusal(3, &["--set", "kafka.nonsense=1"]);
    assert!(said.contains("--set kafka.nonsense"), "{said}");
    let said = refusal(3, &["--set", "kafka.linger.ms=abc"]);
    assert!(said.contains("--set kafka.linger.ms"), "{said}");
}

#[test]
fn an_address_that_is_none_is_told() {
    for address in ["", "127.0.0.1:port"] {
        let said = sandbox().fail(3, &line(&["topics", "list"], &at(address, &[]), &[]));
        assert!(said.contains(&format!("'{address}'")), "{said}");
        assert!(said.contains("--bootstrap-servers HOST:PORT"), "{said}");
    }
}

#[test]
fn what_the_guarantees_rest_on_is_refused_before_anything_is_connected() {
    let said = refusal(2, &["--set", "kafka.enable.auto.commit=true"]);
    assert!(said.contains("--set kafka.enable.auto.commit"), "{said}");
    let said = refusal(2, &["--set", "kafka.auto.offset.reset=latest"]);
    assert!(said.contains("--from"), "{said}");
}

#[test]
fn a_login_that_others_can_read_is_warned_of() {
    at_once([("plain", true), ("scram-sha-512", false)], |(mechanism, is_told)| {
        let said = refusal(4, &login(mechanism, "password"));
        assert_eq!(
            said.contains("in the clear") && said.contains("--tls"),
            is_told,
            "{said}"
        );
        assert_eq!(said.matches("in the clear").count(), usize::from(is_told), "{said}");
    });
}
