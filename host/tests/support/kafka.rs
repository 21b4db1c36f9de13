//! A real Apache Kafka under test, one for all tests of a program; each fixture has topics and a group of its own.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use host::broker::kafka::{Broker, KafkaAck};
use host::broker::{Admin, ConfirmThenAck, Settle, Subscription};
use host::config::{Delivery, KafkaConfig};
use host::message::{Message, Name};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Header, Headers, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use test_brokers::{Cluster, Distribution, Options};

use super::{DEADLINE, Fixture, Member, publish};

/// Published to see whether outputs are refused.
const PROBE: &[u8] = b"probe";

/// The cluster of this test program; it ends with the program. None: there is no Kafka here, and this is not CI.
pub fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    // Requested by each test, so that each is counted as skipped.
    let distribution = Distribution::for_tests().unwrap()?;
    let start = || {
        let properties = [("group.min.session.timeout.ms", "500")];
        let options = Options {
            properties: properties
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec(),
            ..Options::default()
        };
        Cluster::start(&distribution, &options).unwrap()
    };
    Some(CLUSTER.get_or_init(start))
}

pub struct Kafka {
    pub config: KafkaConfig,
    lease: Duration,
    pub input: String,
    pub output: String,
    dead_letters: String,
    pub group: String,
    committed: OnceLock<BaseConsumer>,
}

/// A broker whose sessions end within a test.
pub fn fixture() -> Option<Kafka> {
    with(Delivery::AtLeastOnce, Duration::from_secs(6))
}

/// A broker whose sessions never expire within a test.
pub fn patient() -> Option<Kafka> {
    with(Delivery::AtLeastOnce, Duration::from_secs(60))
}

/// The same, each with transactions.
pub mod exactly_once {
    use super::*;

    pub fn fixture() -> Option<Kafka> {
        with(Delivery::ExactlyOnce, Duration::from_secs(6))
    }

    pub fn patient() -> Option<Kafka> {
        with(Delivery::ExactlyOnce, Duration::from_secs(60))
    }
}

fn with(delivery: Delivery, session: Duration) -> Option<Kafka> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut config = KafkaConfig::at(&cluster()?.bootstrap());
    config.delivery = delivery;
    let milliseconds = session.as_millis();
    config
        .properties
        .insert("session.timeout.ms".into(), milliseconds.to_string());
    config
        .properties
        .insert("heartbeat.interval.ms".into(), (milliseconds / 5).min(300).to_string());
    Some(Kafka {
        config,
        lease: session,
        input: format!("input-{number}"),
        output: format!("output-{number}"),
        dead_letters: format!("input-{number}.dlq"),
        group: format!("group-{number}"),
        committed: OnceLock::new(),
    })
}

impl Kafka {
    pub async fn broker(&self) -> Broker {
        Broker::open(&self.config).await.unwrap()
    }

    pub fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.config.bootstrap_servers);
        client
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        AdminClient::from_config(&self.client()).unwrap()
    }

    /// Changes the output topic's configuration, and returns once it refuses, or accepts, a record without a key.
    async fn alter_output(&self, property: &str, value: &str, refuses: bool) {
        let alter = AlterConfig::new(ResourceSpecifier::Topic(&self.output)).set(property, value);
        let altered = self
            .admin()
            .alter_configs([&alter], &AdminOptions::new())
            .await
            .unwrap();
        altered.into_iter().next().unwrap().unwrap();
        let began = Instant::now();
        while self.refuses() != refuses {
            assert!(began.elapsed() < DEADLINE, "{property} does not take effect");
        }
    }

    /// A consumer that belongs to the group and never joins it.
    pub fn of_group(&self) -> &BaseConsumer {
        self.committed.get_or_init(|| {
            let mut client = self.client();
            client.set("group.id", &self.group);
            BaseConsumer::from_config(&client).unwrap()
        })
    }

    pub fn partitions(&self, topic: &str) -> i32 {
        let metadata = self.of_group().fetch_metadata(Some(topic), DEADLINE).unwrap();
        let topic = metadata.topics().iter().find(|found| found.name() == topic);
        topic.map_or(0, |topic| i32::try_from(topic.partitions().len()).unwrap())
    }

    /// Everything in a topic that is committed, in order of partition and offset.
    fn read(&self, topic: &str) -> Vec<Message> {
        let mut client = self.client();
        client.set("group.id", "reader").set("enable.partition.eof", "true");
        client
            .set("auto.offset.reset", "earliest")
            .set("isolation.level", "read_committed");
        let consumer = <BaseConsumer as FromClientConfig>::from_config(&client).unwrap();
        let partitions = self.partitions(topic);
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&list).unwrap();
        let mut found = Vec::new();
        let mut ended = 0;
        let began = Instant::now();
        while ended < partitions {
            assert!(began.elapsed() < DEADLINE, "{topic} has no end");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(record)) => {
                    let message = Message {
                        key: record.key().map(|key| key.to_vec().into()),
                        payload: record.payload().map(|payload| payload.to_vec().into()),
                        headers: headers(&record),
                        timestamp_ms: record.timestamp().to_millis(),
                    };
                    found.push((record.partition(), record.offset(), message));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => ended += 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        found.sort_by_key(|(partition, offset, _)| (*partition, *offset));
        let found = found.into_iter().map(|(_, _, message)| message);
        found.filter(|message| !message.body().starts_with(PROBE)).collect()
    }

    /// Whether the broker refuses a record for the output topic now; an accepted one is left out of the answers.
    fn refuses(&self) -> bool {
        let producer: BaseProducer<Verdict> =
            BaseProducer::from_config_and_context(&self.client(), Verdict::default()).unwrap();
        let probe = [PROBE; 50].concat();
        let record = BaseRecord::<(), [u8]>::to(&self.output).payload(&probe[..]);
        producer.send(record).unwrap_or_else(|(error, _)| panic!("{error}"));
        producer.flush(DEADLINE).unwrap();
        producer.context().0.load(Ordering::Relaxed)
    }
}

fn headers(record: &BorrowedMessage<'_>) -> Vec<(Name, Option<Bytes>)> {
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    let header = |header: Header<'_, &[u8]>| (header.key.to_owned().into(), header.value.map(Bytes::copy_from_slice));
    headers.map(header).collect()
}

/// Whether a record was refused.
#[derive(Default)]
struct Verdict(AtomicBool);

impl ClientContext for Verdict {}

impl ProducerContext for Verdict {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.store(result.is_err(), Ordering::Relaxed);
    }
}

#[async_trait]
impl Fixture for Kafka {
    fn is_exactly_once(&self) -> bool {
        self.config.delivery == Delivery::ExactlyOnce
    }

    /// Where there is time, as many as the embedded broker takes.
    fn many_lanes(&self) -> u32 {
        match std::env::var("HOST_FAULTS").is_ok_and(|value| value == "long") {
            true => 1024,
            false => 64,
        }
    }

    fn tells_where_a_group_stands(&self) -> bool {
        true
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    async fn create(&self, partitions: u32) {
        assert!(self.broker().await.create(&self.input, partitions).await.unwrap());
    }

    async fn append(&self, messages: Vec<Message>) {
        let sink = self.broker().await.sink(&self.input, &self.input, None).await.unwrap();
        let mut messages = messages;
        for message in &mut messages {
            message.set_header("padding", vec![b' '; 200]);
        }
        publish(&sink, messages).await;
    }

    async fn join(&self) -> Member {
        let broker = self.broker().await;
        let subscription = Subscription {
            topic: self.input.clone(),
            group: self.group.clone(),
            create: false,
        };
        let source = broker.subscribe(&subscription).await.unwrap();
        let settle: Arc<dyn Settle> = match self.config.delivery {
            Delivery::ExactlyOnce => {
                let transaction = broker
                    .transaction(&source, &self.group, &self.output, &self.dead_letters)
                    .await;
                Arc::new(transaction.unwrap())
            }
            Delivery::AtLeastOnce => {
                let sink = broker.sink(&self.output, &self.dead_letters, None).await.unwrap();
                Arc::new(ConfirmThenAck::new(Arc::new(sink), Arc::new(KafkaAck)))
            }
        };
        Member {
            source: Box::new(source),
            settle,
        }
    }

    async fn answers(&self) -> Vec<Message> {
        self.read(&self.output)
    }

    async fn dead_letters(&self) -> Vec<Message> {
        self.read(&self.dead_letters)
    }

    async fn lag(&self) -> u64 {
        // The consumer's thread and the transactions continue meanwhile: nothing here runs on the test's own runtime.
        let mut list = TopicPartitionList::new();
        let partitions = self.partitions(&self.input);
        list.add_partition_range(&self.input, 0, partitions - 1);
        let committed = self.of_group().committed_offsets(list, DEADLINE).unwrap();
        let mut lag = 0;
        for element in committed.elements() {
            let (start, end) = self
                .of_group()
                .fetch_watermarks(&self.input, element.partition(), DEADLINE)
                .unwrap();
            let place = match element.offset() {
                Offset::Offset(place) => place,
                _ => start,
            };
            lag += u64::try_from(end - place).unwrap();
        }
        lag
    }

    async fn refuse_outputs(&self, refuse: bool) {
        // Smaller than any record of these tests, and enough for the marker that ends a transaction.
        let limit = if refuse { "150" } else { "1000000" };
        self.alter_output("max.message.bytes", limit, refuse).await;
    }

    async fn refuse_one(&self) -> Message {
        self.alter_output("cleanup.policy", "compact", true).await;
        Message::new("without a key")
    }

    async fn join_where_letters_are_small(&self) -> Member {
        let topic = NewTopic::new(&self.dead_letters, 1, TopicReplication::Fixed(1)).set("max.message.bytes", "50000");
        let made = self.admin().create_topics([&topic], &AdminOptions::new()).await;
        made.unwrap().into_iter().next().unwrap().unwrap();
        self.join().await
    }
}
