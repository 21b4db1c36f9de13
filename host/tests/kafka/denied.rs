//! A user who may read and not write: the missing right is named, and nothing is retried for ever.

use std::io::{Read, Write};
use std::net::TcpStream;

use test_brokers::{Cluster, Distribution, Options, USER};

use super::access::{at, line, login, sandbox, secure};
use super::components::component;

const TOPIC: u8 = 2;
const GROUP: u8 = 3;
const TRANSACTIONAL_ID: u8 = 5;
const ALL: u8 = 2;
const READ: u8 = 3;
const DESCRIBE: u8 = 8;

/// Anonymous clients may do everything, and the user only what is allowed.
fn start() -> Option<Cluster> {
    let distribution = Distribution::for_tests().unwrap()?;
    let properties = [
        (
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        ),
        ("super.users", "User:ANONYMOUS"),
    ];
    let options = Options {
        secure: true,
        properties: properties
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        ..Options::default()
    };
    Some(Cluster::start(&distribution, &options).unwrap())
}

fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    [&length[..], text.as_bytes()].concat()
}

/// CreateAcls, version 1: the client library cannot ask for it.
fn allow(cluster: &Cluster, rights: &[(u8, &str, u8)]) {
    const LITERAL: u8 = 3;
    const ALLOW: u8 = 3;
    let mut request = [&[0, 30, 0, 1, 0, 0, 0, 7][..], &string("test")].concat();
    request.extend(u32::try_from(rights.len()).unwrap().to_be_bytes());
    for (kind, name, operation) in rights {
        request.push(*kind);
        request.extend(string(name));
        request.push(LITERAL);
        request.extend(string(&format!("User:{USER}")));
        request.extend(string("*"));
        request.extend([*operation, ALLOW]);
    }
    let mut broker = TcpStream::connect(("127.0.0.1", cluster.port(1).unwrap())).unwrap();
    let length = u32::try_from(request.len()).unwrap().to_be_bytes();
    broker.write_all(&[&length[..], &request].concat()).unwrap();
    let mut length = [0; 4];
    broker.read_exact(&mut length).unwrap();
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    broker.read_exact(&mut answer).unwrap();
    // The number of the request, a delay and a count; then for each no error, and an empty text.
    assert_eq!(&answer[12..], &[0; 4].repeat(rights.len())[..]);
}

#[test]
fn a_write_that_is_denied_ends_with_the_right_that_is_missing() {
    let Some(cluster) = start() else { return };
    let mut sandbox = sandbox();
    sandbox.set("HOST_COMPONENT", component("classifier").to_str().unwrap());
    let anyone = at(&cluster.bootstrap(), &[]);
    for topic in ["in", "out", "in.dlq"] {
        sandbox.succeed(&line(&["topics", "create", topic], &anyone, &[]));
    }
    sandbox.succeed(&line(
        &["produce", "--topic", "in", "--interval", "0", "--limit", "80"],
        &anyone,
        &[],
    ));
    allow(
        &cluster,
        &[
            (TOPIC, "in", READ),
            (TOPIC, "out", DESCRIBE),
            (TOPIC, "in.dlq", DESCRIBE),
            // A right to write somewhere is a right to number one's messages.
            (TOPIC, "elsewhere", ALL),
            (GROUP, "*", READ),
            (TRANSACTIONAL_ID, "*", ALL),
        ],
    );
    let user = [secure(&cluster), login("plain", "password").map(str::to_owned).to_vec()].concat();
    let run = ["run", "--input-topic", "in", "--output-topic", "out"];
    for command in [
        &["produce", "--topic", "out", "--limit", "1"][..],
        &[&run[..], &["--delivery", "at-least-once"]].concat(),
        &[&run[..], &["--delivery", "exactly-once"]].concat(),
    ] {
        let said = sandbox.fail(4, &line(command, &user, &[]));
        let last = said.lines().last().unwrap();
        assert!(
            last.contains("Topic authorization failed") && last.contains("WRITE"),
            "{command:?}: {said}"
        );
    }
}
