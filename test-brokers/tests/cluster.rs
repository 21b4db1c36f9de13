//! Clusters start, answer, fail and come back as tests ask for it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;
use support::{is_alive, wait};
use test_brokers::{Cluster, DEADLINE, Distribution, MECHANISMS, Options, PASSWORD, USER, exchange};

/// `None` where there is no Kafka, and no need of it.
fn start(options: &Options) -> Option<Cluster> {
    let distribution = Distribution::for_tests().unwrap()?;
    Some(Cluster::start(&distribution, options).unwrap())
}

/// One cluster for the tests that end nothing of it.
fn shared() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let distribution = Distribution::for_tests().unwrap()?;
    Some(CLUSTER.get_or_init(|| Cluster::start(&distribution, &Options::default()).unwrap()))
}

fn create_topic(port: u16, name: &str) {
    const CREATE_TOPICS: i16 = 19;
    let length = i16::try_from(name.len()).unwrap().to_be_bytes();
    let name = [&length[..], name.as_bytes()].concat();
    // One topic of one partition in one copy, nothing assigned or configured, 10 s, for good.
    let body = [
        b"\0\0\0\x01",
        &name[..],
        b"\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0",
        b"\0\0\x27\x10\0",
    ];
    let answer = exchange(port, CREATE_TOPICS, 2, &body.concat(), DEADLINE).unwrap();
    // After the throttle time: one topic, which is this, with no error.
    assert!(
        answer[4..].starts_with(&[b"\0\0\0\x01", &name[..], b"\0\0"].concat()),
        "{answer:?}"
    );
}

fn has_topic(port: u16, name: &str) -> bool {
    const METADATA: i16 = 3;
    let all = (-1_i32).to_be_bytes();
    let answer = exchange(port, METADATA, 1, &all, DEADLINE).unwrap();
    answer.windows(name.len()).any(|window| window == name.as_bytes())
}

#[test]
fn a_node_that_is_killed_comes_back_with_its_port_and_its_topics() {
    let Some(cluster) = start(&Options::default()) else {
        return;
    };
    let (port, pid) = (cluster.port(1).unwrap(), cluster.pid(1).unwrap());
    assert_eq!(cluster.bootstrap(), format!("127.0.0.1:{port}"));
    assert_eq!((cluster.secure_bootstrap(), cluster.ca_pem()), (None, None));
    assert!(!has_topic(port, "kept"));
    create_topic(port, "kept");

    cluster.kill(1).unwrap();
    assert!(!is_alive(pid));
    assert!(exchange(port, 3, 1, &[0; 4], DEADLINE).is_err());
    let error = format!("{:#}", cluster.check().unwrap_err());
    assert!(error.starts_with("node 1: it ended with status 137"), "{error}");
    let error = format!("{:#}", cluster.pause(1).unwrap_err());
    assert_eq!(error, "node 1: it is not running: restart it first");

    cluster.restart(1).unwrap();
    cluster.check().unwrap();
    assert_eq!(cluster.bootstrap(), format!("127.0.0.1:{port}"));
    assert!(has_topic(port, "kept"));

    let (pid, folder) = (cluster.pid(1).unwrap(), cluster.folder().to_owned());
    drop(cluster);
    assert!(!is_alive(pid));
    assert!(!folder.exists());
}

#[test]
fn a_paused_node_answers_nothing_until_it_is_resumed() {
    let Some(cluster) = shared() else {
        return;
    };
    let port = cluster.port(1).unwrap();
    cluster.pause(1).unwrap();
    assert!(exchange(port, 3, 1, &[0; 4], Duration::from_millis(500)).is_err());
    cluster.resume(1).unwrap();
    wait("an answer", || exchange(port, 3, 1, &[0; 4], DEADLINE).is_ok());
}

/// The one test that starts three.
#[test]
fn three_secure_nodes_serve_every_mechanism_and_outlive_one_of_them() {
    let Some(distribution) = Distribution::for_tests().unwrap() else {
        return;
    };
    let options = Options {
        nodes: 3,
        secure: true,
        ..Options::default()
    };
    let cluster = Cluster::start(&distribution, &options).unwrap();
    assert_eq!(cluster.bootstrap().split(',').count(), 3);
    let clients = MECHANISMS.map(|mechanism| {
        (
            mechanism,
            describe_brokers(&distribution, &cluster, mechanism, PASSWORD),
        )
    });
    let stranger = describe_brokers(&distribution, &cluster, "SCRAM-SHA-256", "wrong");
    for (mechanism, client) in clients {
        let output = client.wait_with_output().unwrap();
        assert!(output.status.success(), "{mechanism}: {output:?}");
    }
    let output = stranger.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("SaslAuthenticationException"));

    cluster.kill(2).unwrap();
    let first = cluster.port(1).unwrap();
    wait("two brokers", || {
        exchange(first, 3, 1, &[0; 4], DEADLINE).is_ok_and(|answer| answer[..4] == *b"\0\0\0\x02")
    });
    cluster.restart(2).unwrap();
    cluster.check().unwrap();
    assert!(cluster.kill(4).is_err());
}

/// Starts Kafka's own client on the secure addresses. It trusts the cluster's authority alone, and checks names.
fn describe_brokers(distribution: &Distribution, cluster: &Cluster, mechanism: &str, password: &str) -> Child {
    let module = match mechanism {
        "PLAIN" => "plain.PlainLoginModule",
        "OAUTHBEARER" => "oauthbearer.OAuthBearerLoginModule",
        _ => "scram.ScramLoginModule",
    };
    let options = match mechanism {
        "OAUTHBEARER" => format!("unsecuredLoginStringClaim_sub=\"{USER}\""),
        _ => format!("username=\"{USER}\" password=\"{password}\""),
    };
    let properties = format!(
        "security.protocol=SASL_SSL\n\
         ssl.truststore.type=PEM\n\
         ssl.truststore.location={}\n\
         sasl.mechanism={mechanism}\n\
         sasl.jaas.config=org.apache.kafka.common.security.{module} required {options};\n",
        cluster.ca_pem().unwrap().display()
    );
    let config = cluster.folder().join(format!("{mechanism}-{password}.properties"));
    fs::write(&config, properties).unwrap();
    Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp"])
        .arg(distribution.class_path())
        .args(["kafka.admin.ConfigCommand", "--describe", "--entity-type", "brokers"])
        .args(["--entity-default", "--bootstrap-server"])
        .arg(cluster.secure_bootstrap().unwrap())
        .arg("--command-config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_server_that_refuses_a_property_is_told_with_what_it_says() {
    let Some(distribution) = Distribution::for_tests().unwrap() else {
        return;
    };
    let options = Options {
        properties: vec![("num.io.threads".into(), "none".into())],
        ..Options::default()
    };
    let error = Cluster::start(&distribution, &options).unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("num.io.threads"), "{error}");
}

/// Its server cannot have the port, and the one that has it answers.
#[test]
fn another_cluster_s_node_on_the_port_is_not_taken_for_one_s_own() {
    let Some(cluster) = shared() else {
        return;
    };
    let distribution = Distribution::for_tests().unwrap().unwrap();
    let options = Options {
        port: Some(cluster.port(1).unwrap()),
        ..Options::default()
    };
    let error = format!("{:#}", Cluster::start(&distribution, &options).unwrap_err());
    assert!(error.contains("Address already in use"), "{error}");
}

#[test]
fn a_cluster_of_two_is_refused() {
    let Some(distribution) = Distribution::for_tests().unwrap() else {
        return;
    };
    let options = Options {
        nodes: 2,
        ..Options::default()
    };
    let error = Cluster::start(&distribution, &options).unwrap_err().to_string();
    assert_eq!(error, "2 nodes: take 1, or the 3 of which one may fail");
}

/// A `static` cluster, as test programs have it.
#[test]
fn child() {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    support::child(|| {
        let cluster = CLUSTER.get_or_init(|| start(&Options::default()).unwrap());
        (cluster.pid(1).unwrap(), cluster.folder().to_owned())
    });
}

#[test]
fn nothing_is_left_of_a_cluster_whose_process_is_killed() {
    if Distribution::for_tests().unwrap().is_some() {
        support::kill_the_child();
    }
}
