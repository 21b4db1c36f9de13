//! Pub/Sub's server starts, does what tests ask of it, and ends. What clients see of that, its Go tests try.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::Duration;
use support::{is_alive, wait};
use test_brokers::{Credentials, Fault, PubSub, PubSubOptions, PubSubProgram, Published, Stats, SubscriptionOptions};

/// `None` where there is no Go, and no need of it.
fn start() -> Option<PubSub> {
    let program = PubSubProgram::for_tests().unwrap()?;
    Some(PubSub::start(&program, &PubSubOptions::default()).unwrap())
}

fn message(data: &str) -> Published {
    Published {
        data: data.into(),
        ..Published::default()
    }
}

/// Whether the server says something to a connection of HTTP/2, as it does before it is asked.
fn answers(pubsub: &PubSub) -> bool {
    let mut stream = TcpStream::connect(pubsub.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.read(&mut [0]).is_ok_and(|read| read == 1)
}

#[test]
fn what_is_published_comes_back_whole_and_in_order() {
    let Some(pubsub) = start() else {
        return;
    };
    pubsub.create_topic("p", "t").unwrap();
    let options = SubscriptionOptions {
        ordering: true,
        ..SubscriptionOptions::default()
    };
    pubsub.create_subscription("p", "s", "t", &options).unwrap();
    let mut sent: Vec<Published> = (0..250).map(|number| message(&format!("{number}"))).collect();
    sent[1] = Published {
        data: vec![0, 255],
        attributes: BTreeMap::from([("ä".to_owned(), "\"".to_owned())]),
        ordering_key: "key".to_owned(),
        ..Published::default()
    };
    let ids = pubsub.publish("p", "t", &sent).unwrap();
    for (message, id) in sent.iter_mut().zip(ids) {
        message.id = id;
    }
    assert_eq!(pubsub.messages("p", "t").unwrap(), sent);
    let last = pubsub.messages_from("p", "t", 249, false).unwrap();
    assert_eq!((last.len(), last[0].id.as_str()), (1, sent[249].id.as_str()));
    assert!(last[0].data.is_empty());

    let published = Stats {
        published: 250,
        ..Stats::default()
    };
    assert_eq!(pubsub.stats("p", "s").unwrap(), published);
    assert_eq!(pubsub.calls().unwrap(), BTreeMap::new());
    pubsub.clear("p", "t").unwrap();
    assert_eq!(pubsub.messages("p", "t").unwrap().len(), 250);
    pubsub.clear_all().unwrap();
    assert_eq!(pubsub.messages("p", "t").unwrap(), []);
    assert_eq!(pubsub.stats("p", "s").unwrap(), Stats::default());
}

#[test]
fn every_control_is_taken_and_what_cannot_be_done_is_told() {
    let Some(pubsub) = start() else {
        return;
    };
    pubsub.create_topic("p", "t").unwrap();
    let options = SubscriptionOptions {
        exactly_once: true,
        ack_deadline_s: 600,
        ..SubscriptionOptions::default()
    };
    pubsub.create_subscription("p", "s", "t", &options).unwrap();
    pubsub.deny(&["GetTopic", "CreateTopic"]).unwrap();
    let fault = Fault {
        method: "Publish",
        code: "UNAVAILABLE",
        count: 1,
        delay: Duration::from_millis(1),
        ..Fault::default()
    };
    pubsub.fail(&fault).unwrap();
    pubsub.fail_acks("p", "s", 2, "TRANSIENT_FAILURE_OTHER").unwrap();
    pubsub.close_streams("UNAVAILABLE").unwrap();
    pubsub.stream_lifetime(Some(Duration::from_secs(1))).unwrap();
    pubsub.stream_lifetime(None).unwrap();
    pubsub.mute(true).unwrap();
    assert_eq!(pubsub.expire_leases("p", "s").unwrap(), 0);

    let refused = |done: anyhow::Result<()>| format!("{:#}", done.unwrap_err());
    assert!(refused(pubsub.create_topic("p", "t")).contains("AlreadyExists"));
    assert!(refused(pubsub.publish("p", "t", &[message("")]).map(drop)).contains("is empty"));
    assert!(refused(pubsub.expire_leases("p", "none").map(drop)).contains("no subscription"));
    assert!(
        refused(pubsub.fail(&Fault {
            count: 0,
            ..fault.clone()
        }))
        .contains("count 0")
    );
    assert!(refused(pubsub.fail(&Fault { code: "NO", ..fault })).contains("take a name"));
    assert!(refused(pubsub.stats("p", "none").map(drop)).contains("no subscription projects/p/subscriptions/none"));
}

#[test]
fn a_service_account_is_a_file_as_google_gives_it() {
    let Some(pubsub) = start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let account = pubsub.service_account("p", folder.path()).unwrap();
    let file: BTreeMap<String, String> = serde_json::from_slice(&fs::read(&account.file).unwrap()).unwrap();
    assert_eq!(file["type"], "service_account");
    assert_eq!(file["token_uri"], pubsub.token_uri());
    assert_eq!(file["client_email"], account.key.email);
    assert_eq!(file["private_key_id"], account.key.id);
    assert!(file["private_key"].starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let credentials = Credentials {
        keys: vec![account.key],
        ..Credentials::default()
    };
    pubsub.require_credentials(&credentials).unwrap();
}

#[test]
fn a_paused_server_answers_nothing_until_it_is_resumed_and_is_gone_after_its_drop() {
    let Some(pubsub) = start() else {
        return;
    };
    assert!(answers(&pubsub));
    pubsub.pause().unwrap();
    // A thread that runs on another core stops a moment later.
    wait("silence", || !answers(&pubsub));
    pubsub.resume().unwrap();
    wait("an answer", || answers(&pubsub));

    let (pid, folder) = (pubsub.pid().unwrap(), pubsub.folder().to_owned());
    drop(pubsub);
    assert!(!is_alive(pid));
    assert!(!folder.exists());
}

#[test]
fn a_port_that_is_taken_is_told() {
    let Some(pubsub) = start() else {
        return;
    };
    let port = pubsub.address().rsplit(':').next().and_then(|port| port.parse().ok());
    let program = PubSubProgram::for_tests().unwrap().unwrap();
    let error = PubSub::start(&program, &PubSubOptions { port }).unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("address already in use"), "{error}");
}

/// A `static` server, as test programs have it.
#[test]
fn child() {
    static SERVER: OnceLock<PubSub> = OnceLock::new();
    support::child(|| {
        let server = SERVER.get_or_init(|| start().unwrap());
        (server.pid().unwrap(), server.folder().to_owned())
    });
}

#[test]
fn nothing_is_left_of_a_server_whose_process_is_killed() {
    if PubSubProgram::for_tests().unwrap().is_some() {
        support::kill_the_child();
    }
}
