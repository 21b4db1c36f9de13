//! A stream through Kafka.

use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use test_brokers::DEADLINE;

use crate::stream::{Answer, LANES, Record, Wire};

/// A lane is a key, and there are as many of both.
const PARTITIONS: i32 = LANES as i32;

/// A host's delivery guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    AtLeastOnce,
    ExactlyOnce,
}

/// What the broker knows about a stream's group and its input.
pub struct Group {
    client: BaseConsumer,
    admin: AdminClient<DefaultClientContext>,
    input: String,
}

impl Group {
    /// Whether the group has an offset in each of the first partitions.
    pub fn has_begun(&self) -> bool {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.input, 0, PARTITIONS - 1);
        let committed = self.client.committed_offsets(list, DEADLINE).unwrap();
        committed
            .elements()
            .iter()
            .all(|element| matches!(element.offset(), Offset::Offset(_)))
    }

    /// Adds partitions to the input.
    pub fn add_partitions(&self, count: usize) {
        let new = [NewPartitions::new(&self.input, count)];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let added = runtime.block_on(self.admin.create_partitions(&new, &AdminOptions::new()));
        added.unwrap().into_iter().next().unwrap().unwrap();
    }

    /// How many messages a partition has.
    pub fn messages(&self, partition: usize) -> i64 {
        let partition = i32::try_from(partition).unwrap();
        // It learns of added partitions when it asks for the topic, and they have no leader at first.
        self.client.fetch_metadata(Some(&self.input), DEADLINE).unwrap();
        let ends = self.client.fetch_watermarks(&self.input, partition, DEADLINE);
        ends.map_or(0, |(_, end)| end)
    }
}

/// Why the broker refuses a message.
#[derive(Default)]
struct Reports {
    refused: Mutex<Option<KafkaError>>,
}

impl ClientContext for Reports {}

impl ProducerContext for Reports {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            *self.refused.lock().unwrap() = Some(error.clone());
        }
    }
}

/// One input topic and its answers, in a cluster with faults.
pub struct Kafka {
    name: String,
    delivery: Delivery,
    /// Where the hosts look for Kafka.
    bootstrap: String,
    /// Without faults on the way to it.
    direct: String,
    producer: BaseProducer<Reports>,
    reader: BaseConsumer,
    dead: BaseConsumer,
    /// The time of messages that are sent. None: now. Milliseconds since 1970.
    pub sends_at: Option<i64>,
}

impl Kafka {
    /// Hosts find Kafka at `bootstrap`, the stream itself at `direct`.
    pub fn new(bootstrap: &str, direct: &str, replicas: i32, delivery: Delivery) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("faults-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", direct);
        client.set("reconnect.backoff.max.ms", "500");
        let topics = [
            (format!("{name}-in"), PARTITIONS),
            (format!("{name}-out"), PARTITIONS),
            (format!("{name}-in.dlq"), 1),
        ];
        let admin: AdminClient<DefaultClientContext> = AdminClient::from_config(&client).unwrap();
        let new = topics
            .each_ref()
            .map(|(topic, partitions)| NewTopic::new(topic, *partitions, TopicReplication::Fixed(replicas)));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        // How soon it sees added partitions.
        client.set("topic.metadata.refresh.interval.ms", "500");
        for made in runtime
            .block_on(admin.create_topics(&new, &AdminOptions::new()))
            .unwrap()
        {
            made.unwrap();
        }
        let producer = {
            let mut client = client.clone();
            client
                .set("enable.idempotence", "true")
                .set("partitioner", "murmur2_random");
            // It never times out: the test decides how long a message may take.
            client.set("message.timeout.ms", "0");
            BaseProducer::from_config_and_context(&client, Reports::default()).unwrap()
        };
        let read = |topic: &str, partitions| {
            let mut client = client.clone();
            client
                .set("group.id", "verifier")
                .set("isolation.level", "read_committed");
            client.set("enable.auto.commit", "false");
            let reader: BaseConsumer = BaseConsumer::from_config(&client).unwrap();
            let mut list = TopicPartitionList::new();
            for partition in 0..partitions {
                list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
            }
            reader.assign(&list).unwrap();
            reader
        };
        let reader = read(&topics[1].0, PARTITIONS);
        let dead = read(&topics[2].0, 1);
        Self {
            name,
            delivery,
            bootstrap: bootstrap.to_owned(),
            direct: direct.to_owned(),
            producer,
            reader,
            dead,
            sends_at: None,
        }
    }

    /// Of the hosts of this stream.
    pub fn group(&self) -> Group {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.direct);
        client.set("group.id", &self.name);
        Group {
            client: BaseConsumer::from_config(&client).unwrap(),
            admin: AdminClient::from_config(&client).unwrap(),
            input: format!("{}-in", self.name),
        }
    }

    /// A topic of this stream: `in`, `out` or `in.dlq`.
    pub fn topic(&self, name: &str) -> String {
        format!("{}-{name}", self.name)
    }
}

/// Changes a topic's configuration, and returns when the cluster reports the change.
pub fn alter(bootstrap: &str, topic: &str, property: &str, value: &str) {
    let admin = admin(bootstrap);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let alter = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(property, value);
    let altered = runtime.block_on(admin.alter_configs([&alter], &AdminOptions::new()));
    altered.unwrap().into_iter().next().unwrap().unwrap();
    let began = Instant::now();
    loop {
        let resource = ResourceSpecifier::Topic(topic);
        let described = runtime.block_on(admin.describe_configs([&resource], &AdminOptions::new()));
        let described = described.unwrap().into_iter().next().unwrap().unwrap();
        if described.get(property).unwrap().value.as_deref() == Some(value) {
            return;
        }
        assert!(began.elapsed() < DEADLINE, "{property} is not set");
    }
}

/// Returns when a topic that keeps records for an hour has dropped an old one that is sent to it now.
pub fn wait_for_retention(bootstrap: &str, topic: &str) {
    let new = NewTopic::new(topic, 1, TopicReplication::Fixed(1)).set("retention.ms", "3600000");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let made = runtime.block_on(admin(bootstrap).create_topics([&new], &AdminOptions::new()));
    made.unwrap().into_iter().next().unwrap().unwrap();
    let producer: BaseProducer = BaseProducer::from_config(&client(bootstrap)).unwrap();
    let old = BaseRecord::<(), str>::to(topic)
        .payload("old")
        .timestamp(1_700_000_000_000);
    producer.send(old).unwrap_or_else(|(error, _)| panic!("{error}"));
    producer.flush(DEADLINE).unwrap();
    let began = Instant::now();
    while dropped(bootstrap, topic) == 0 {
        assert!(began.elapsed() < DEADLINE, "nothing is dropped from {topic}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many records of a topic were dropped.
pub fn dropped(bootstrap: &str, topic: &str) -> i64 {
    let consumer: BaseConsumer = BaseConsumer::from_config(&client(bootstrap)).unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), DEADLINE).unwrap();
    let partitions = metadata.topics()[0].partitions().iter();
    let start = |partition| consumer.fetch_watermarks(topic, partition, DEADLINE).unwrap().0;
    partitions.map(|partition| start(partition.id())).sum()
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", bootstrap);
    client
}

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    AdminClient::from_config(&client(bootstrap)).unwrap()
}

impl Wire for Kafka {
    fn promise(&self) -> (String, bool) {
        (
            format!("Kafka, {:?}", self.delivery),
            self.delivery == Delivery::ExactlyOnce,
        )
    }

    fn send(&mut self, records: Vec<Record>) {
        let topic = format!("{}-in", self.name);
        for Record { number, key, payload } in records {
            let number = number.to_string();
            let headers = OwnedHeaders::new().insert(Header {
                key: "number",
                value: Some(number.as_bytes()),
            });
            let mut record = BaseRecord::to(&topic).payload(&payload).headers(headers);
            record.key = key.as_ref();
            record.timestamp = self.sends_at;
            self.producer
                .send(record)
                .unwrap_or_else(|(error, _)| panic!("{error}"));
            self.producer.poll(Duration::ZERO);
        }
        let began = Instant::now();
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(10));
            let refused = self.producer.context().refused.lock().unwrap();
            assert!(refused.is_none(), "{refused:?}");
            assert!(
                began.elapsed() < DEADLINE,
                "{} messages are not confirmed",
                self.producer.in_flight_count()
            );
        }
    }

    fn answers(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some(polled) = self.reader.poll(Duration::from_millis(1)) {
            // A broker with a fault reports it here too.
            if let Ok(record) = polled {
                let headers = record.headers().unwrap();
                let header = |name: &str| {
                    let header = headers.iter().find(|header| header.key == name).unwrap();
                    std::str::from_utf8(header.value.unwrap()).unwrap().to_owned()
                };
                answers.push(Answer {
                    number: header("number").parse().unwrap(),
                    dedupe_id: header("dedupe-id"),
                });
            }
        }
        answers
    }

    fn dead_letters(&mut self) -> u64 {
        let mut found = 0;
        while let Some(polled) = self.dead.poll(Duration::from_millis(1)) {
            found += u64::from(polled.is_ok());
        }
        found
    }

    fn has_open(&self) -> bool {
        let own = format!("{}-", self.name);
        // A coordinator that has just restarted reports this.
        let open = test_brokers::open_transactions(&self.direct);
        open.map_or(true, |open| open.iter().any(|id| id.starts_with(&own)))
    }

    fn prepare(&self, host: &mut Command) {
        let delivery = match self.delivery {
            Delivery::AtLeastOnce => "at-least-once",
            Delivery::ExactlyOnce => "exactly-once",
        };
        host.args(["--broker", "kafka", "--bootstrap-servers", &self.bootstrap])
            .args(["--group", &self.name, "--delivery", delivery])
            .args(["--input-topic", &format!("{}-in", self.name)])
            .args(["--output-topic", &format!("{}-out", self.name)])
            .args(["--set", "kafka.session.timeout.ms=6000"])
            .args(["--set", "kafka.heartbeat.interval.ms=1000"]);
    }
}
