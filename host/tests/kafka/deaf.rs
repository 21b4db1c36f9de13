//! Silence that does not mean an empty topic: a host that never gets its assignment, or whose broker is unreachable,
//! ends with a reason.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use super::access::{at, cluster, line, produce, sandbox, start};
use super::sandbox::wait_for;
use super::waiting::at_once;

/// Nobody listens at this port.
const NOBODY: u16 = 9;

const CONSUME: [&str; 5] = ["consume", "--topic", "stream", "--idle-timeout", "1s"];

/// Passes on a broker's replies, except its own address, as if the broker had another name elsewhere. Returns the
/// address.
fn misnamed(port: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // It ends with the test program.
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
                continue;
            };
            let (mut asks, mut asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut asks, &mut asked);
                let _ = asked.shutdown(Shutdown::Both);
            });
            thread::spawn(move || rename(server, client, port));
        }
    });
    address
}

/// One reply after the other: its length, and that many bytes.
fn rename(mut server: TcpStream, mut client: TcpStream, port: u16) {
    let named = |port: u16| [b"127.0.0.1", &u32::from(port).to_be_bytes()[..]].concat();
    let (own, other) = (named(port), named(NOBODY));
    let mut length = [0; 4];
    while server.read_exact(&mut length).is_ok() {
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        if server.read_exact(&mut answer).is_err() {
            break;
        }
        for start in 0..answer.len().saturating_sub(own.len() - 1) {
            if answer[start..].starts_with(&own) {
                answer[start..start + own.len()].copy_from_slice(&other);
            }
        }
        if client.write_all(&[&length[..], &answer].concat()).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}

#[test]
fn an_address_that_the_cluster_names_and_nobody_reaches_is_told_by_every_command() {
    let Some(cluster) = start(false) else { return };
    produce(&sandbox(), &cluster, "2");
    let access = at(&misnamed(cluster.port(1).unwrap()), &[]);
    let commands = [
        &CONSUME[..],
        &["produce", "--topic", "stream", "--limit", "1"],
        &["topics", "describe", "stream"],
        &["topics", "create", "another"],
        &["replay", "--dead-letter-topic", "stream", "--idle-timeout", "1s"],
    ];
    at_once(commands, |command| {
        let ended = sandbox().host(&line(command, &access, &[]));
        assert_eq!(ended.code, Some(4), "{command:?}: {}", ended.stderr);
        let said = ended.stderr.lines().last().unwrap();
        assert!(said.contains("advertised.listeners"), "{command:?}: {}", ended.stderr);
    });
}

#[test]
fn too_few_open_files_are_told_and_are_no_empty_topic() {
    let Some(cluster) = cluster() else { return };
    produce(&sandbox(), cluster, "2");
    let access = at(&cluster.bootstrap(), &[]);
    // Whether these suffice to start, for the first connection, or for the next depends on the machine, and on the files
    // that the host inherits.
    at_once(["16", "20"], |files| {
        let few = format!("ulimit -n {files}; exec \"$0\" \"$@\"");
        let group = ["--group", files];
        let consume = line(&CONSUME, &access, &group);
        let ended = sandbox().start_under(&["sh", "-c", &few], &consume).end();
        let printed = String::from_utf8_lossy(&ended.stdout).lines().count();
        match ended.code {
            Some(0) => assert_eq!(printed, 2, "{files}: {}", ended.stderr),
            code => assert!(
                // 3: not even the runtime could be started.
                matches!(code, Some(3 | 4)) && ended.stderr.contains("ulimit -n"),
                "{files}: {}",
                ended.stderr
            ),
        }
    });
}

#[test]
fn a_broker_that_has_gone_is_no_end_of_its_topic() {
    let Some(cluster) = start(false) else { return };
    let (others, consumer) = (sandbox(), sandbox());
    produce(&others, &cluster, "2");
    let consume = ["consume", "--topic", "stream", "--idle-timeout", "3s"];
    let running = consumer.start(&line(&consume, &at(&cluster.bootstrap(), &[]), &[]));
    wait_for("both messages to be printed", || {
        let printed = std::fs::read_to_string(consumer.path("stdout")).unwrap();
        (printed.lines().count() == 2).then_some(())
    });
    cluster.kill(1).unwrap();
    let ended = running.end();
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains(&cluster.bootstrap()), "{}", ended.stderr);
}
