//! What only the embedded broker has: a file, which may be anything, and retention by size.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use host::broker::local::{Broker, LocalWriter};
use host::broker::{Ack, Admin, BrokerError, Durable, Output, Route, Settle, Sink, Subscription};
use host::config::LocalConfig;
use host::message::Message;
use support::local::{Local, MAX_MESSAGE_BYTES, fixture, patient};
use support::{Fixture, INPUT, WATCH, numbered, within};

async fn refusal(file: &Path) -> String {
    let config = LocalConfig {
        file: file.to_owned(),
        ..fixture().config
    };
    let error = Broker::open(&config, MAX_MESSAGE_BYTES).await.unwrap_err().to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
    error
}

fn output(message: Message) -> Output {
    let route = Route::Answers;
    Output { route, message }
}

async fn write(writer: &LocalWriter, message: Message) -> Durable<BrokerError> {
    writer.enqueue(output(message)).await.unwrap()
}

/// Nothing comes of it for as long as a test watches.
async fn is_waiting<T>(durable: &mut Durable<T>) -> bool {
    tokio::time::timeout(WATCH, durable).await.is_err()
}

#[tokio::test]
async fn a_file_that_is_not_a_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in [("short", "hello".to_owned()), ("long", "not a database ".repeat(1000))] {
        let file = folder.path().join(name);
        fs::write(&file, &content).unwrap();
        let error = refusal(&file).await;
        assert!(
            error.contains("not a file of this broker") && error.contains("--local-file"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&file).unwrap(), content);
    }
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sql) in [
        ("table", "CREATE TABLE theirs (x)"),
        ("marked", "PRAGMA application_id = 42; CREATE TABLE a (b)"),
    ] {
        let file = folder.path().join(name);
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&file).unwrap();
        let error = refusal(&file).await;
        assert!(error.contains("not a file of this broker"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), before);
    }
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused() {
    let local = fixture();
    local.broker().await;
    local.sqlite().pragma_update(None, "user_version", 99).unwrap();
    let error = refusal(&local.config.file).await;
    assert!(error.contains("newer version") && error.contains("99"), "{error}");
}

#[tokio::test]
async fn a_folder_and_a_file_in_no_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = refusal(folder.path()).await;
    assert!(error.contains("is a folder"), "{error}");
    let error = refusal(&folder.path().join("missing/host.db")).await;
    assert!(
        error.contains("there is no folder") && error.contains("missing"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_may_not_be_written_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let local = fixture();
    local.broker().await;
    let (mut file, mut folder) = (
        local.config.file.clone(),
        local.config.file.parent().unwrap().join("locked"),
    );
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::OpenOptions::new().write(true).open(&file).is_ok() {
        // The administrator may write anything but what the system itself refuses.
        file = PathBuf::from("/sys/devices/system/cpu/online");
        folder = PathBuf::from("/sys/devices/system/cpu");
    }
    let error = refusal(&file).await;
    assert!(error.contains("is read-only"), "{error}");
    let error = refusal(&folder.join("host.db")).await;
    assert!(error.contains("cannot be opened or made"), "{error}");
}

#[tokio::test]
async fn a_file_that_somebody_locks_for_too_long_is_an_error_and_works_again_afterwards() {
    let local = fixture();
    let broker = local.broker().await;
    let writer = broker.writer("topic", "topic").await.unwrap();
    let other = local.sqlite();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = within("the lock to be given up", write(&writer, Message::new("1")).await)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("locked by another program") && error.contains("host.db"),
        "{error}"
    );
    other.execute_batch("ROLLBACK").unwrap();
    write(&writer, Message::new("2")).await.await.unwrap();
    let there: Vec<_> = local
        .read("topic")
        .await
        .into_iter()
        .map(|message| message.payload)
        .collect();
    assert_eq!(there, ["2"]);
}

#[tokio::test]
async fn an_empty_file_that_somebody_locks_for_too_long_cannot_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("host.db");
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = refusal(&file).await;
    assert!(error.contains("locked by another program"), "{error}");
}

#[tokio::test]
async fn a_damaged_file_is_an_error_wherever_it_shows() {
    let local = fixture();
    let broker = local.broker().await;
    local.create(1).await;
    local.append(numbered(&["a"], 50)).await;
    local
        .sqlite()
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))
        .unwrap();
    let mut bytes = fs::read(&local.config.file).unwrap();
    bytes[4096..].fill(0xa5);
    fs::write(&local.config.file, bytes).unwrap();
    let subscription = Subscription {
        topic: INPUT.to_owned(),
        group: "group".to_owned(),
        create: false,
    };
    let errors = [
        broker.describe(INPUT).await.unwrap_err(),
        broker.create("another", 1).await.unwrap_err(),
        broker.subscribe(&subscription).await.unwrap_err(),
        broker.writer(INPUT, INPUT).await.unwrap_err(),
    ];
    for error in errors.map(|error| error.to_string()) {
        assert!(error.contains("is damaged") && error.contains("host.db"), "{error}");
    }
}

#[tokio::test]
async fn several_processes_may_make_the_file_at_once() {
    let local = fixture();
    let opened = (0..8).map(|_| {
        let config = local.config.clone();
        tokio::spawn(async move { Broker::open(&config, MAX_MESSAGE_BYTES).await?.create("topic", 2).await })
    });
    let made: Vec<bool> = futures_util::future::join_all(opened)
        .await
        .into_iter()
        .map(|made| made.unwrap().unwrap())
        .collect();
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

#[tokio::test]
async fn a_name_with_a_meaning_to_sqlite_is_a_file_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let config = LocalConfig {
        file: folder.path().join("file:host.db?mode=memory"),
        ..fixture().config
    };
    Broker::open(&config, 1000)
        .await
        .unwrap()
        .create("topic", 1)
        .await
        .unwrap();
    assert!(config.file.is_file());
    Broker::open(&config, 1000)
        .await
        .unwrap()
        .describe("topic")
        .await
        .unwrap();
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
        ("content-type".to_owned(), "image/png".into()),
        ("twice".to_owned(), "1".into()),
        ("twice".to_owned(), Bytes::new()),
        ("ü".to_owned(), Bytes::from_static(&[0, 1, 2])),
    ];
    let mut empty = message(Bytes::new());
    empty.key = Some(Bytes::new());
    let large: Vec<u8> = (0..185_000u32).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
    let messages = [headers, empty, message(large.into()), message("plain".into())];
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
        (0, 4, u64::try_from(bytes).unwrap())
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
        .map(|answer| answer.payload)
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
    writer.enqueue(dead).await.unwrap().await.unwrap();
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

#[tokio::test]
async fn a_message_over_a_limit_is_refused_and_nothing_is_written() {
    let mut local = fixture();
    local.config.retention_bytes = 1000;
    let broker = Broker::open(&local.config, 2000).await.unwrap();
    let writer = broker.writer("topic", "topic").await.unwrap();
    let Err(error) = writer.enqueue(output(Message::new(vec![0; 2001]))).await else {
        panic!()
    };
    assert!(matches!(
        error,
        BrokerError::TooLarge {
            size: 2001,
            limit: 2000
        }
    ));
    let Err(error) = writer.enqueue(output(Message::new(vec![0; 1001]))).await else {
        panic!()
    };
    assert!(error.to_string().contains("--local-retention"), "{error}");
    assert_eq!(broker.describe("topic").await.unwrap().partitions[0].end, 0);
}

/// A broker that keeps ten messages of 1000 bytes in `topic`, which is full, and the writer of an eleventh.
async fn full() -> (Local, Broker, LocalWriter, Durable<BrokerError>) {
    let mut local = patient();
    local.config.retention_bytes = 10_000;
    let broker = local.broker().await;
    let writer = broker.writer("topic", "others").await.unwrap();
    for number in 0..10 {
        write(&writer, Message::new(vec![number; 1000])).await.await.unwrap();
    }
    let mut eleventh = write(&writer, Message::new(vec![10; 1000])).await;
    assert!(is_waiting(&mut eleventh).await, "an unread topic is unconsumed");
    (local, broker, writer, eleventh)
}

async fn consume(broker: &Broker, group: &str, count: usize) {
    let subscription = Subscription {
        topic: "topic".to_owned(),
        group: group.to_owned(),
        create: false,
    };
    let mut member = support::Member {
        source: Box::new(broker.subscribe(&subscription).await.unwrap()),
        settle: Arc::new(broker.writer("unused", "unused").await.unwrap()),
    };
    let ack = broker.writer("unused", "unused").await.unwrap();
    for _ in 0..count {
        let delivery = member.delivery().await;
        ack.ack(delivery.claim).await.unwrap();
    }
    member.source.close().await.unwrap();
}

async fn kept(broker: &Broker) -> std::ops::Range<u64> {
    let topic = broker.describe("topic").await.unwrap();
    topic.partitions[0].start..topic.partitions[0].end
}

#[tokio::test]
async fn a_full_topic_takes_more_once_every_group_has_consumed() {
    let (_local, broker, writer, mut eleventh) = full().await;
    consume(&broker, "slow", 0).await;
    consume(&broker, "fast", 5).await;
    assert!(is_waiting(&mut eleventh).await, "the slow group has consumed nothing");
    assert_eq!(kept(&broker).await, 0..10);
    consume(&broker, "slow", 2).await;
    within("room", eleventh).await.unwrap();
    assert_eq!(kept(&broker).await, 1..11, "no more makes way than must");
    within("room", write(&writer, Message::new(vec![11; 1000])).await)
        .await
        .unwrap();
    assert_eq!(kept(&broker).await, 2..12);
    let mut next = write(&writer, Message::new(vec![12; 1000])).await;
    assert!(is_waiting(&mut next).await);
}

#[tokio::test]
async fn a_full_topic_takes_more_once_the_group_that_lags_is_forgotten() {
    let (_local, broker, _writer, mut eleventh) = full().await;
    consume(&broker, "gone", 0).await;
    consume(&broker, "alive", 10).await;
    assert!(is_waiting(&mut eleventh).await);
    assert!(broker.forget_group("topic", "gone").await.unwrap());
    within("room", eleventh).await.unwrap();
    assert!(!broker.forget_group("topic", "gone").await.unwrap());
}

#[tokio::test]
async fn a_group_with_live_members_is_not_forgotten() {
    let local = patient();
    local.create(1).await;
    let member = local.join().await;
    let broker = local.broker().await;
    let error = broker
        .forget_group(INPUT, support::GROUP)
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("'group'") && error.contains("1 live members"), "{error}");
    member.source.close().await.unwrap();
    assert!(broker.forget_group(INPUT, support::GROUP).await.unwrap());
}

#[tokio::test]
async fn a_writer_that_ends_ends_the_wait_for_room() {
    let (_local, _broker, writer, eleventh) = full().await;
    drop(writer);
    let error = within("the wait to end", eleventh).await.unwrap_err().to_string();
    assert!(error.contains("full"), "{error}");
}

#[tokio::test]
async fn a_full_topic_holds_up_no_other_and_a_flush_waits_for_it() {
    let (_local, broker, writer, eleventh) = full().await;
    let other = Output {
        route: Route::DeadLetters,
        message: Message::new("small"),
    };
    within("another topic", writer.enqueue(other).await.unwrap())
        .await
        .unwrap();
    let mut flush: Durable<BrokerError> = Box::pin(async move { Sink::flush(&writer).await });
    assert!(is_waiting(&mut flush).await);
    consume(&broker, "group", 1).await;
    within("room", eleventh).await.unwrap();
    within("the flush", flush).await.unwrap();
}

#[tokio::test]
async fn a_group_that_answers_into_the_full_topic_it_reads_goes_on() {
    let (_local, broker, writer, _eleventh) = full().await;
    let subscription = Subscription {
        topic: "topic".to_owned(),
        group: "group".to_owned(),
        create: false,
    };
    let mut source = broker.subscribe(&subscription).await.unwrap();
    let host::broker::Event::Delivery(delivery) = within(
        "a delivery",
        host::broker::Source::recv(&mut source, host::broker::Demand::Deliveries),
    )
    .await
    .unwrap() else {
        panic!()
    };
    let loops = broker.writer("topic", "dead").await.unwrap();
    let durable = loops
        .settle(delivery.claim, vec![output(delivery.message)])
        .await
        .unwrap();
    within("what makes its own room", durable).await.unwrap();
    drop(writer);
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
    let local = support::local::leased(Duration::from_millis(500));
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
    let noise = async {
        loop {
            write(&writer, Message::new(vec![0; 50_000])).await.await.unwrap();
        }
    };
    let three_leases = tokio::time::timeout(local.lease() * 3, noise).await;
    assert!(three_leases.is_err());
    assert_eq!(fence(), before);
    assert!(standby.is_silent(host::broker::Demand::EventsOnly).await);
    assert!(member.is_silent(host::broker::Demand::EventsOnly).await);
}

#[tokio::test]
async fn a_claim_of_another_file_is_refused() {
    let (here, there) = (fixture(), fixture());
    here.create(1).await;
    here.append(numbered(&["a"], 1)).await;
    let delivery = here.join().await.delivery().await;
    let writer = there.broker().await.writer("topic", "topic").await.unwrap();
    let Err(error) = writer.settle(delivery.claim, Vec::new()).await else {
        panic!()
    };
    assert!(error.to_string().contains("cannot be settled in"), "{error}");
}
