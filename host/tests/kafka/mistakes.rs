//! Mistakes with an address, a certificate or a login, and their errors.

use std::fs;

use test_brokers::Cluster;

use super::access::{WRONG, at, cluster, line, login, sandbox, secure};
use super::sandbox::{Sandbox, wait_for};
use super::waiting::at_once;

/// Nobody listens at this port.
const NOBODY: &str = "127.0.0.1:9";

const COMMANDS: [&[&str]; 3] = [
    &["topics", "list"],
    &["produce", "--limit", "1"],
    &["consume", "--limit", "1", "--idle-timeout", "1s"],
];

/// Each of the commands ends like this.
fn all_end(sandbox: &Sandbox, access: &[String], says: &[&str]) {
    for command in COMMANDS {
        sandbox.refuse(4, &line(command, access, &[]), says);
    }
}

/// The secure port without the authority.
fn secure_port(cluster: &Cluster, more: &[&str]) -> (String, Vec<String>) {
    let address = cluster.secure_bootstrap().unwrap();
    let access = at(&address, more);
    (address, access)
}

#[test]
fn a_wrong_password_is_told_by_every_mechanism() {
    let Some(cluster) = cluster() else { return };
    let sandbox = sandbox();
    let address = cluster.secure_bootstrap().unwrap();
    let says = [
        &address[..],
        "refuses the user name or password",
        "--sasl-password-file",
        "KAFKA_PASSWORD",
    ];
    for mechanism in ["plain", "scram-sha-256", "scram-sha-512"] {
        let access = [secure(cluster), login(mechanism, "wrong").map(str::to_owned).to_vec()].concat();
        all_end(&sandbox, &access, &says);
    }
}

#[test]
fn a_token_that_is_refused_or_has_expired_is_told() {
    let Some(cluster) = cluster() else { return };
    let sandbox = sandbox();
    sandbox.write("garbage", "not a token");
    let address = cluster.secure_bootstrap().unwrap();
    for (token, why) in [("garbage", "invalid"), ("expired", "unexpired")] {
        let login = ["--sasl", "oauthbearer", "--sasl-token-file", token].map(str::to_owned);
        let says = [&address[..], "refuses the token", why, "--sasl-token-file"];
        all_end(&sandbox, &[secure(cluster), login.to_vec()].concat(), &says);
    }
}

#[test]
fn a_certificate_that_is_not_trusted_is_told() {
    let Some(cluster) = cluster() else { return };
    let (address, access) = secure_port(cluster, &[&["--tls"], &login("plain", "password")[..]].concat());
    all_end(
        &sandbox(),
        &access,
        &[&address, "certificate is not trusted", "--tls-ca"],
    );
}

#[test]
fn a_port_with_tls_that_is_met_without_is_told() {
    let Some(cluster) = cluster() else { return };
    let login = login("plain", "password");
    at_once([&[][..], &login], |more| {
        let (address, access) = secure_port(cluster, more);
        let says = [&address[..], "hangs up", "add --tls"];
        sandbox().refuse(4, &line(&["topics", "list"], &access, &[]), &says);
    });
}

#[test]
fn a_port_without_tls_that_is_met_with_it_is_told() {
    let Some(cluster) = cluster() else { return };
    let address = cluster.bootstrap();
    let access = at(&address, &["--tls"]);
    let says = [&address[..], "hangs up when TLS begins", "leave --tls and --tls-ca off"];
    sandbox().refuse(4, &line(&["topics", "list"], &access, &[]), &says);
}

#[test]
fn a_login_that_is_missing_or_not_wanted_is_told() {
    let Some(cluster) = cluster() else { return };
    let sandbox = sandbox();
    let address = cluster.secure_bootstrap().unwrap();
    let says = [&address[..], "hangs up at the first request", "--sasl"];
    sandbox.refuse(4, &line(&["topics", "list"], &secure(cluster), &[]), &says);

    let address = cluster.bootstrap();
    let access = at(&address, &login("plain", "password"));
    all_end(
        &sandbox,
        &access,
        &[&address, "does not accept a login", "leave --sasl off"],
    );
}

#[test]
fn where_nobody_answers_produce_and_topics_give_up() {
    at_once([&["topics", "list"][..], &["produce", "--limit", "1"]], |command| {
        let says = [
            NOBODY,
            "no connection (Connection refused)",
            "--bootstrap-servers",
            "KAFKA_URI",
        ];
        sandbox().refuse(4, &line(command, &at(NOBODY, &[]), &[]), &says);
    });
}

#[test]
fn a_name_that_nobody_knows_is_told_and_waits_for_no_deadline() {
    let address = "no.such.name.invalid:9092";
    at_once([&["topics", "list"][..], &["produce", "--limit", "1"]], |command| {
        let says = [
            address,
            "the name cannot be resolved",
            "--bootstrap-servers",
            "KAFKA_URI",
        ];
        sandbox().refuse(4, &line(command, &at(address, &[]), &[]), &says);
    });
}

#[test]
fn where_nobody_answers_consume_keeps_trying_until_it_is_stopped() {
    at_once([NOBODY, "no.such.name.invalid:9092"], |address| {
        let sandbox = sandbox();
        let running = sandbox.start(&line(&["consume"], &at(address, &[]), &[]));
        wait_for("the second attempt", || {
            let said = fs::read_to_string(sandbox.path("stderr")).unwrap();
            (said.matches("; trying again").count() >= 2).then_some(())
        });
        running.signal("TERM");
        let ended = running.end();
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(
            ended.stderr.contains(&format!("kafka at {address}: ")),
            "{}",
            ended.stderr
        );
    });
}

#[test]
fn a_stop_does_not_wait_for_a_broker_that_does_not_answer() {
    let sandbox = sandbox();
    let running = sandbox.start(&line(&["consume", "-vv"], &at(NOBODY, &[]), &[]));
    wait_for("the first connection to be refused", || {
        let said = fs::read_to_string(sandbox.path("stderr")).unwrap();
        said.contains("Connection refused").then_some(())
    });
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.code, Some(0));
    // Reported by a command that has waited for the attempt to end.
    assert!(!ended.stderr.contains("trying again"), "{}", ended.stderr);
}

#[test]
fn no_secret_is_shown_however_much_is_logged() {
    let Some(cluster) = cluster() else { return };
    let bearer = ["--sasl", "oauthbearer", "--sasl-token-file", "token"];
    let logins = [
        &login("plain", "password")[..],
        &login("scram-sha-256", "wrong"),
        &bearer,
    ];
    at_once(logins, |login| {
        let sandbox = sandbox();
        let token = fs::read_to_string(sandbox.path("token")).unwrap();
        let password = fs::read_to_string(sandbox.path("password")).unwrap();
        for command in COMMANDS {
            let more = [login, &["-vv", "--set", "kafka.debug=all"]].concat();
            let ended = sandbox.host(&line(command, &secure(cluster), &more));
            for secret in [WRONG, &token, password.trim()] {
                assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
                assert!(!String::from_utf8_lossy(&ended.stdout).contains(secret));
            }
        }
    });
}
