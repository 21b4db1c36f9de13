//! Every way to log in, by `topics`, `produce` and `consume`.

use test_brokers::{Cluster, PASSWORD, USER};

use super::access::{at, cluster, line, login, sandbox, secure};
use super::sandbox::Sandbox;

/// Sends three messages and reads them back, twice, because a group continues where it was.
fn goes_through(sandbox: &Sandbox, cluster: &Cluster, topic: &str, login: &[&str]) {
    let access = secure(cluster);
    let run = |command: &[&str], more: &[&str]| sandbox.succeed(&line(command, &access, &[login, more].concat()));
    run(
        &[
            "produce",
            "--topic",
            topic,
            "--limit",
            "3",
            "--batch",
            "1",
            "--interval",
            "0",
        ],
        &[],
    );
    let consume = ["consume", "--topic", topic, "--limit"];
    let first = run(&[&consume[..], &["2"]].concat(), &["--group", topic]);
    let last = run(&[&consume[..], &["1"]].concat(), &["--group", topic]);
    let all = run(&[&consume[..], &["3"]].concat(), &["--group", "other"]);
    assert_eq!(first + &last, all);
    let topics = run(&["topics", "list", "--format", "json"], &[]);
    let topics: serde_json::Value = serde_json::from_str(&topics).unwrap();
    let found = topics
        .as_array()
        .unwrap()
        .iter()
        .find(|found| found["name"] == topic)
        .unwrap();
    assert_eq!(found["partitions"][0]["end"], 3);
    let groups = found["groups"].as_array().unwrap();
    let group = groups.iter().find(|group| group["group"] == topic).unwrap();
    assert_eq!(group["lag"], 0);
}

fn with_password(mechanism: &str) {
    let Some(cluster) = cluster() else { return };
    goes_through(&sandbox(), cluster, mechanism, &login(mechanism, "password"));
}

#[test]
fn scram_with_the_shorter_hash_logs_in() {
    with_password("scram-sha-256");
}

#[test]
fn scram_with_the_longer_hash_logs_in() {
    with_password("scram-sha-512");
}

#[test]
fn a_plain_password_logs_in() {
    with_password("plain");
}

#[test]
fn a_mechanism_may_be_written_as_kafka_writes_it_and_the_rest_be_in_the_environment() {
    let Some(cluster) = cluster() else { return };
    let mut sandbox = sandbox();
    sandbox.set("KAFKA_URI", &cluster.secure_bootstrap().unwrap());
    sandbox.set("KAFKA_USERNAME", USER);
    sandbox.set("KAFKA_PASSWORD", PASSWORD);
    let ca = cluster.ca_pem().unwrap().display().to_string();
    let login = ["--broker", "kafka", "--tls-ca", &ca, "--sasl", "SCRAM-SHA-512"];
    sandbox.succeed(&[&["topics", "list"], &login[..]].concat());
}

#[test]
fn a_password_from_a_file_by_set_logs_in() {
    let Some(cluster) = cluster() else { return };
    let sandbox = sandbox();
    let ca = format!("kafka.ssl.ca.location={}", cluster.ca_pem().unwrap().display());
    let user = format!("kafka.sasl.username={USER}");
    let properties = [
        "kafka.security.protocol=sasl_ssl",
        &ca,
        "kafka.sasl.mechanism=PLAIN",
        &user,
        "kafka.sasl.password=@password",
    ];
    let properties: Vec<_> = properties.iter().flat_map(|property| ["--set", property]).collect();
    let access = at(&cluster.secure_bootstrap().unwrap(), &properties);
    sandbox.succeed(&line(&["topics", "list"], &access, &[]));
}

const TOKEN: [&str; 4] = ["--sasl", "oauthbearer", "--sasl-token-file", "token"];

#[test]
fn a_token_logs_in_wherever_the_topics_are_there() {
    let Some(cluster) = cluster() else { return };
    let sandbox = sandbox();
    let create = ["topics", "create", "with-a-token"];
    sandbox.succeed(&line(&create, &at(&cluster.bootstrap(), &[]), &[]));
    goes_through(&sandbox, cluster, "with-a-token", &TOKEN);
}

#[test]
fn a_token_makes_no_topic_and_says_what_does() {
    let Some(cluster) = cluster() else { return };
    let sandbox = sandbox();
    let access = secure(cluster);
    for command in [
        &["topics", "create", "nowhere"][..],
        &["produce", "--topic", "nowhere", "--limit", "1"],
    ] {
        let said = sandbox.fail(3, &line(command, &access, &TOKEN));
        assert!(
            said.contains("'nowhere' cannot be created with --sasl oauthbearer"),
            "{said}"
        );
        assert!(said.contains("kafka-topics.sh --create --topic nowhere"), "{said}");
    }
}
