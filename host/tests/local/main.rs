//! What only the embedded broker has: a file, which may be anything, and retention by size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod files;
mod limits;
mod pipe;
mod retention;
mod stopping;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use host::broker::local::LocalWriter;
use host::broker::{Admin, BrokerError, Durable, Output, Route, Settle, Sink, Subscription};
use host::message::Message;
use support::local::fixture;
use support::{Fixture, numbered, within};

fn output(message: Message) -> Output {
    let route = Route::Answers;
    Output { route, message }
}

async fn write(writer: &LocalWriter, message: Message) -> Durable<BrokerError> {
    writer.enqueue(output(message), None).await.unwrap()
}

#[tokio::test]
async fn messages_come_back_exactly_as_they_were_from_a_file_opened_anew() {
    let local = fixture();
    let message = |payload: Bytes| Message {
        timestamp_ms: Some(1_700_000_000_123),
        ..Message::new(payload)
    };
    let mut headers = message(Bytes::from_static(b"\x00\xff binary"));
    headers.key = Some(Bytes::from_static(b"\xfe key"));
    headers.headers = vec![
        ("content-type".into(), Some("image/png".into())),
        ("twice".into(), Some("1".into())),
        ("twice".into(), Some(Bytes::new())),
        ("twice".into(), None),
        ("ü".into(), Some(Bytes::from_static(&[0, 1, 2]))),
    ];
    let mut empty = message(Bytes::new());
    empty.key = Some(Bytes::new());
    let large: Vec<u8> = (0..185_000u32).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
    let mut tombstone = message(Bytes::new());
    tombstone.payload = None;
    let messages = [
        headers,
        empty,
        tombstone,
        message(large.into()),
        message("plain".into()),
    ];
    {
        let writer = local.broker().await.writer("topic", "topic").await.unwrap();
        for message in &messages {
            write(&writer, message.clone()).await.await.unwrap();
        }
    }
    assert_eq!(local.read("topic").await, messages);
    let [partition] = &local.broker().await.describe("topic").await.unwrap().partitions[..] else {
        panic!()
    };
    let bytes: usize = messages.iter().map(Message::size).sum();
    assert_eq!(
        (partition.start, partition.end, partition.bytes),
        (0, 5, Some(u64::try_from(bytes).unwrap()))
    );
}

#[tokio::test]
async fn messages_without_a_key_are_spread_and_answers_to_them_stay_in_their_lane() {
    let local = fixture();
    let broker = local.broker().await;
    broker.create("three", 3).await.unwrap();
    let writer = broker.writer("three", "three").await.unwrap();
    for number in 0..9 {
        write(&writer, Message::new(number.to_string())).await.await.unwrap();
    }
    let ends = |topic: &str| {
        let topic = topic.to_owned();
        let broker = broker.clone();
        async move {
            let partitions = broker.describe(&topic).await.unwrap().partitions;
            partitions
                .into_iter()
                .map(|partition| partition.end)
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(ends("three").await, [3, 3, 3]);
    broker.create("answers", 3).await.unwrap();
    let subscription = Subscription {
        topic: "three".to_owned(),
        group: "group".to_owned(),
        create: false,
    };
    let mut member = support::Member {
        source: Box::new(broker.subscribe(&subscription).await.unwrap()),
        settle: Arc::new(broker.writer("answers", "dead").await.unwrap()),
    };
    for _ in 0..9 {
        let delivery = member.delivery().await;
        member.answer_durably(delivery).await.unwrap();
    }
    assert_eq!(ends("answers").await, [3, 3, 3]);
    let payloads: Vec<_> = local
        .read("answers")
        .await
        .into_iter()
        .filter_map(|answer| answer.payload)
        .collect();
    assert_eq!(payloads, ["0", "3", "6", "1", "4", "7", "2", "5", "8"]);
}

#[tokio::test]
async fn the_dead_letter_topic_is_made_when_it_is_first_needed() {
    let local = fixture();
    let broker = local.broker().await;
    let writer = broker.writer("answers", "dead").await.unwrap();
    assert!(matches!(
        broker.describe("dead").await,
        Err(BrokerError::UnknownTopic { .. })
    ));
    let dead = Output {
        route: Route::DeadLetters,
        message: Message::new("bad"),
    };
    writer.enqueue(dead, None).await.unwrap().await.unwrap();
    assert_eq!(broker.describe("dead").await.unwrap().partitions[0].end, 1);
}

#[tokio::test]
async fn an_unknown_topic_is_an_error_unless_it_is_to_be_made() {
    let local = fixture();
    let broker = local.broker().await;
    let mut subscription = Subscription {
        topic: "typo".to_owned(),
        group: "group".to_owned(),
        create: false,
    };
    let error = broker.subscribe(&subscription).await.unwrap_err().to_string();
    assert!(
        error.contains("no topic 'typo' in") && error.contains("host topics create typo"),
        "{error}"
    );
    assert!(broker.list().await.unwrap().is_empty());
    subscription.create = true;
    broker.subscribe(&subscription).await.unwrap();
    assert_eq!(broker.list().await.unwrap()[0].name, "typo");
}

#[tokio::test]
async fn a_topic_is_created_once_and_never_with_another_number_of_partitions() {
    let broker = fixture().broker().await;
    drop(broker);
    let local = fixture();
    let broker = local.broker().await;
    assert!(broker.create("topic", 3).await.unwrap());
    assert!(!broker.create("topic", 3).await.unwrap());
    let error = broker.create("topic", 4).await.unwrap_err().to_string();
    assert!(
        error.contains("'topic'") && error.contains('3') && error.contains('4'),
        "{error}"
    );
    for (name, partitions) in [("no spaces", 1), ("topic", 0), ("topic", 1_000_000)] {
        assert!(broker.create(name, partitions).await.is_err());
    }
}

/// How many transactions the write-ahead log holds: frames whose header names the file's size after a commit.
fn transactions(file: &Path) -> usize {
    let wal = fs::read(format!("{}-wal", file.display())).unwrap();
    let page = usize::try_from(u32::from_be_bytes(wal[8..12].try_into().unwrap())).unwrap();
    wal[32..]
        .chunks_exact(24 + page)
        .filter(|frame| frame[4..8] != [0; 4])
        .count()
}

#[tokio::test]
async fn what_is_queued_together_is_one_transaction() {
    let local = fixture();
    let writer = local.broker().await.writer("topic", "topic").await.unwrap();
    write(&writer, Message::new("first")).await.await.unwrap();
    let before = transactions(&local.config.file);
    // While the lock is held the queue fills; what the committer had taken by then is a group of its own.
    let other = local.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut durable = Vec::new();
    for number in 0..100 {
        durable.push(write(&writer, Message::new(number.to_string())).await);
    }
    other.execute_batch("ROLLBACK").unwrap();
    for durable in durable {
        within("a group to be durable", durable).await.unwrap();
    }
    let groups = transactions(&local.config.file) - before;
    assert!((1..=2).contains(&groups), "{groups} transactions for 100 messages");
}

#[tokio::test]
async fn several_writers_at_once_keep_the_order_of_each_and_lose_nothing() {
    let local = fixture();
    local.create(2).await;
    let keys = ["a", "b", "c", "d"];
    futures_util::future::join_all(keys.map(|key| local.append(numbered(&[key], 50)))).await;
    let mut member = local.join().await;
    member.answer_all(&local).await;
    support::assert_answered(&local, &keys, 50).await;
}

#[tokio::test]
async fn a_lease_is_renewed_beside_a_writer_that_commits_without_end() {
    let local = support::local::leased(Duration::from_secs(2));
    local.create(1).await;
    let fence = || {
        local
            .sqlite()
            .query_row("SELECT max(fence) FROM consumption", (), |row| row.get::<_, i64>(0))
            .unwrap()
    };
    let mut member = local.join().await;
    let before = fence();
    // It would take the lane as soon as the lease ended.
    let mut standby = local.join().await;
    let writer = local.broker().await.writer("noise", "noise").await.unwrap();
    // The next group is always queued before the last one is durable.
    let noise = futures_util::future::join_all((0..16).map(|_| async {
        loop {
            write(&writer, Message::new(vec![0; 50_000])).await.await.unwrap();
        }
    }));
    let three_leases = tokio::time::timeout(local.lease() * 3, noise)
        .await
        .map(|_: Vec<()>| ());
    assert!(three_leases.is_err());
    assert_eq!(fence(), before);
    assert!(standby.has_nothing_to_say() && member.has_nothing_to_say());
}

/// How long it takes to read one of this many partitions.
async fn reading_takes(partitions: u32) -> Duration {
    const MESSAGES: usize = 1000;
    let local = support::local::patient();
    local.create(partitions).await;
    local.append(numbered(&["busy"], MESSAGES)).await;
    let mut member = local.join().await;
    let mut held = vec![member.delivery().await];
    let began = Instant::now();
    while held.len() < MESSAGES {
        held.push(member.delivery().await);
    }
    began.elapsed()
}

/// Both at once, so that the speed of the machine does not matter. Asking every partition would take a thousand times
/// as long, not fifty.
#[tokio::test]
async fn one_busy_partition_of_a_thousand_is_read_nearly_as_fast_as_one_alone() {
    let (alone, among_many) = (reading_takes(1).await, reading_takes(1024).await);
    assert!(among_many < 50 * alone, "{among_many:?} and {alone:?}");
}

#[tokio::test]
async fn a_claim_of_another_file_is_refused() {
    let (here, there) = (fixture(), fixture());
    here.create(1).await;
    here.append(numbered(&["a"], 1)).await;
    let delivery = here.join().await.delivery().await;
    let writer = there.broker().await.writer("topic", "topic").await.unwrap();
    let error = writer.settle_one(delivery.claim, Vec::new()).await.await.unwrap_err();
    assert!(error.to_string().contains("cannot be settled in"), "{error}");
}
