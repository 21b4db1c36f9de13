//! Kafka beyond the conformance suite: where a group starts, a slow coordinator, transaction markers, damaged
//! batches, members that die.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::live::{KAFKA, Running, Stage, wait_for};
use crate::support::kafka::{self, Kafka};
use crate::support::{DEADLINE, Fixture, Member, POLL, assert_answered, numbered, within};
use host::broker::{Admin, BrokerError, Demand, Lane, Output, Route, Sink};
use host::message::Message;
use host::values::Start;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::Consumer;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

const KEYS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

impl Kafka {
    /// A producer of transactions; none has begun.
    fn transactions(&self) -> BaseProducer {
        let mut client = self.client();
        client.set("transactional.id", &self.input);
        let producer = BaseProducer::from_config(&client).unwrap();
        producer.init_transactions(DEADLINE).unwrap();
        producer
    }

    /// Appends each message in a transaction of its own, which leaves a marker behind it.
    fn append_in_transactions(&self, producer: &BaseProducer, messages: &[Message]) {
        for message in messages {
            producer.begin_transaction().unwrap();
            let key = message.key.clone().unwrap_or_default();
            let record = BaseRecord::to(&self.input).key(&key[..]).payload(message.body());
            producer.send(record).unwrap_or_else(|(error, _)| panic!("{error}"));
            producer.commit_transaction(DEADLINE).unwrap();
        }
    }

    async fn add_partitions(&self, count: usize) {
        let admin: AdminClient<DefaultClientContext> = AdminClient::from_config(&self.client()).unwrap();
        let new = [NewPartitions::new(&self.input, count)];
        let added = admin.create_partitions(&new, &AdminOptions::new()).await;
        added.unwrap().into_iter().next().unwrap().unwrap();
        wait_for("partitions that are added", || {
            (usize::try_from(self.partitions(&self.input)).unwrap() == count).then_some(())
        });
    }

    /// The group's offset in the first partition. None: it has none.
    fn place(&self) -> Option<i64> {
        let mut list = TopicPartitionList::new();
        list.add_partition(&self.input, 0);
        let committed = self.of_group().committed_offsets(list, DEADLINE).unwrap();
        match committed.elements()[0].offset() {
            Offset::Offset(place) => Some(place),
            _ => None,
        }
    }

    fn wait_for_place(&self, expected: i64) {
        wait_for(&format!("the group to be at {expected}"), || {
            (self.place() == Some(expected)).then_some(())
        });
    }

    /// A `host consume` of the group.
    fn consume(&self, stage: &Stage, more: &[&str]) -> Running {
        let arguments = [
            "consume",
            "--broker",
            "kafka",
            "--topic",
            &self.input,
            "--group",
            &self.group,
        ];
        stage.host(&[&arguments, more].concat())
    }

    fn stage(&self) -> Stage {
        Stage::new(KAFKA, self.config.bootstrap_servers.clone())
    }
}

fn bodies(bodies: &[&str]) -> Vec<Message> {
    bodies.iter().map(|body| Message::new(body.to_string())).collect()
}

/// Answers deliveries with these payloads.
async fn answer(member: &mut Member, expected: &[&str]) {
    for body in expected {
        let delivery = member.delivery().await;
        assert_eq!(delivery.message.body(), body.as_bytes(), "{}", delivery.position);
        member.answer_durably(delivery).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_began_at_the_end_misses_nothing_that_comes_while_nobody_is_there() {
    let Some(mut broker) = kafka::fixture() else { return };
    broker.config.start = Start::Latest;
    broker.create(1).await;
    broker.append(bodies(&["old"])).await;
    let member = broker.join().await;
    broker.wait_for_place(1);
    within("a member to close", member.source.close()).await.unwrap();
    broker.append(bodies(&["new", "newer"])).await;
    answer(&mut broker.join().await, &["new", "newer"]).await;
    assert_eq!(broker.lag().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_group_begins_at_its_offset_or_time_or_at_what_is_nearest_to_it() {
    let starts = [
        (Start::Offset(2), 2),
        (Start::Offset(9), 3),
        (Start::Time(0), 0),
        (Start::Time(4_000_000_000_000), 3),
    ];
    for (start, place) in starts {
        let Some(mut broker) = kafka::fixture() else { return };
        broker.config.start = start;
        broker.create(1).await;
        broker.append(bodies(&["first", "second", "third"])).await;
        let _member = broker.join().await;
        broker.wait_for_place(place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_added_is_read_from_its_beginning_by_a_group_that_began_at_the_end() {
    let Some(mut broker) = kafka::fixture() else { return };
    broker.config.start = Start::Latest;
    let refresh = ("topic.metadata.refresh.interval.ms".to_owned(), "2000".to_owned());
    broker.config.properties.extend([refresh]);
    broker.create(1).await;
    let mut member = broker.join().await;
    broker.wait_for_place(0);
    broker.add_partitions(3).await;
    // Before the member has noticed.
    broker.append(numbered(&KEYS, 5)).await;
    member.answer_all(&broker).await;
    assert_answered(&broker, &KEYS, 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_while_the_offsets_of_a_transaction_are_open_waits_for_its_end_and_reads_on() {
    let Some(broker) = kafka::fixture() else { return };
    broker.create(1).await;
    let dead = broker.transactions();
    // Each takes two offsets: a message, and a transaction marker.
    broker.append_in_transactions(&dead, &bodies(&["first", "second"]));
    dead.begin_transaction().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(&broker.input, 0, Offset::Offset(2))
        .unwrap();
    let group = broker.of_group().group_metadata().unwrap();
    dead.send_offsets_to_transaction(&offsets, &group, DEADLINE).unwrap();

    let stage = broker.stage();
    let mut reader = broker.consume(&stage, &[]);
    reader.wait_for_word("are not known yet");
    dead.commit_transaction(DEADLINE).unwrap();
    reader.wait_for_lines(1);
    broker.wait_for_place(4);
    assert!(!reader.has_logged("end of partition"), "an end is no fault");
    assert_eq!(reader.stop(), ["second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn marks_of_transactions_are_no_lag_and_no_message() {
    for broker in [kafka::fixture(), kafka::exactly_once::fixture()] {
        let Some(broker) = broker else { return };
        broker.create(1).await;
        let producer = broker.transactions();
        let messages = numbered(&["a"], 6);
        let mut member = broker.join().await;
        for (round, messages) in messages.chunks(2).enumerate() {
            broker.append_in_transactions(&producer, messages);
            // Until the group is at the end, which is behind a marker.
            member.answer_all(&broker).await;
            assert_eq!(broker.answers().await.len(), 2 * (round + 1));
        }
        assert_answered(&broker, &["a"], 6).await;
    }
}

/// The one segment of the input's first partition.
fn segment(broker: &Kafka) -> PathBuf {
    let partition = format!("1/data/{}-0/00000000000000000000.log", broker.input);
    kafka::cluster().unwrap().folder().join(partition)
}

/// Where a batch starts in a segment, by the offset of its first message.
fn batch(segment: &[u8], offset: i64) -> usize {
    let mut at = 0;
    while segment[at..at + 8] != offset.to_be_bytes() {
        let length = u32::from_be_bytes(segment[at + 8..at + 12].try_into().unwrap());
        at += 12 + length as usize;
    }
    at
}

/// The checksum of a batch: of everything behind it.
const CHECKSUM: usize = 17;
/// What the batch is.
const ATTRIBUTES: usize = 21;
/// The records of a batch, as they are compressed.
const RECORDS: usize = 61;

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 * (crc & 1)))
    })
}

/// Two good messages, a batch that is damaged on the broker's disk, and a good message.
async fn damage(broker: &Kafka, hurt: impl Fn(&mut [u8])) -> BrokerError {
    broker.create(1).await;
    for body in ["first", "second", "damaged", "last"] {
        broker.append(bodies(&[body])).await;
    }
    let mut bytes = fs::read(segment(broker)).unwrap();
    let (begin, end) = (batch(&bytes, 2), batch(&bytes, 3));
    hurt(&mut bytes[begin..end]);
    fs::write(segment(broker), bytes).unwrap();

    let mut member = broker.join().await;
    answer(&mut member, &["first", "second"]).await;
    let failed = within("a failure", member.source.recv(Demand::Deliveries)).await;
    assert_eq!(broker.place(), Some(2));
    failed.expect_err("something came behind a batch that cannot be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_with_a_wrong_checksum_ends_the_source_once_all_before_it_is_consumed() {
    for broker in [kafka::fixture(), kafka::exactly_once::fixture()] {
        let Some(broker) = broker else { return };
        let failed = damage(&broker, |batch| *batch.last_mut().unwrap() ^= 1).await;
        let said = failed.to_string();
        assert!(said.starts_with(&format!("{}/0/2: ", broker.input)), "{said}");
        assert!(said.contains("checksum") && said.contains("--reset-offsets"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_cannot_be_decompressed_ends_the_source_once_all_before_it_is_consumed() {
    let Some(mut broker) = kafka::fixture() else { return };
    broker
        .config
        .properties
        .insert("compression.type".to_owned(), "gzip".to_owned());
    let failed = damage(&broker, |batch| {
        batch[RECORDS] ^= 1;
        let checksum = crc32c(&batch[ATTRIBUTES..]);
        batch[CHECKSUM..ATTRIBUTES].copy_from_slice(&checksum.to_be_bytes());
    });
    let said = failed.await.to_string();
    assert!(said.starts_with(&format!("{}/0/2: ", broker.input)), "{said}");
    assert!(said.contains("decompressed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_partitions_of_a_host_that_is_killed_are_taken_over_long_before_a_minute_is_over() {
    let Some(broker) = kafka::fixture() else { return };
    broker.create(1).await;
    broker.append(bodies(&["first"])).await;
    let stage = broker.stage();
    let mut killed = broker.consume(&stage, &[]);
    killed.wait_for_lines(1);
    broker.wait_for_place(1);
    drop(killed);
    let began = Instant::now();
    broker.append(bodies(&["second"])).await;
    let mut heir = broker.consume(&stage, &[]);
    heir.wait_for_lines(1);
    // Ten seconds, and what a slow machine adds.
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    assert_eq!(heir.stop(), ["second"]);
}

/// Otherwise it would overtake the one that was refused, which is sent again.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_published_while_one_before_it_is_refused_is_held_back() {
    let Some(broker) = kafka::fixture() else { return };
    broker.create(2).await;
    let sink = broker
        .broker()
        .await
        .sink(&broker.output, "letters", None)
        .await
        .unwrap();
    let refused = broker.refuse_one().await;
    let (one, other) = (Lane::new("one", 0), Lane::new("other", 1));
    let enqueue = |message, lane| {
        let route = Route::Answers;
        sink.enqueue(Output { route, message }, Some(lane))
    };
    let good = || Message {
        key: Some("key".into()),
        ..Message::new("good")
    };
    let first = enqueue(refused.clone(), &one).await.unwrap();
    let second = enqueue(refused, &other).await.unwrap();
    let is_held_back = |result| assert!(matches!(result, Err(BrokerError::HeldBack(_))), "{result:?}");
    is_held_back(first.await);
    // Nobody has told its lane of the second.
    is_held_back(enqueue(good(), &other).await.map(drop));
    is_held_back(second.await);
    assert!(broker.answers().await.is_empty());
    enqueue(good(), &other).await.unwrap().await.unwrap();
    assert_eq!(broker.answers().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_the_broker_does_not_allow_is_told_with_its_option() {
    let Some(broker) = kafka::fixture() else { return };
    broker.create(1).await;
    let stage = broker.stage();
    let mut refused = broker.consume(&stage, &["--session-timeout", "100ms"]);
    refused.wait_for_word("choose another --session-timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_is_deleted_unless_somebody_may_still_want_what_is_in_it() {
    let Some(broker) = kafka::fixture() else { return };
    broker.create(2).await;
    broker.append(numbered(&KEYS, 1)).await;
    let admin = broker.broker().await;
    let said = admin.delete(&broker.input, false).await.unwrap_err().to_string();
    assert!(
        said.contains("no group has ever read the 6 messages") && said.contains("--force"),
        "{said}"
    );
    let mut member = broker.join().await;
    assert_eq!(member.answer_all(&broker).await, 6);
    let said = admin.delete(&broker.input, false).await.unwrap_err().to_string();
    assert!(said.contains("has 1 member;"), "{said}");
    member.source.close().await.unwrap();
    wait_for_members(&admin, &broker).await;
    assert_eq!(admin.delete(&broker.input, false).await.unwrap(), Vec::<String>::new());
    let gone = [
        admin.delete(&broker.input, true).await.map(drop),
        admin.describe(&broker.input).await.map(drop),
    ];
    for gone in gone {
        assert!(matches!(gone, Err(BrokerError::UnknownTopic { .. })), "{gone:?}");
    }
    assert!(
        admin.create(&broker.input, 1).await.unwrap(),
        "it can be made anew at once"
    );
}

/// Until no member of the group is left.
async fn wait_for_members(admin: &host::broker::kafka::Broker, broker: &Kafka) {
    let gone = async {
        while admin
            .describe(&broker.input)
            .await
            .unwrap()
            .groups
            .iter()
            .any(|group| group.members != Some(0))
        {
            tokio::time::sleep(POLL).await;
        }
    };
    within("the members to leave", gone).await;
}
