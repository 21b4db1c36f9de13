//! What is in Kafka's topics and who is in a group, by Kafka and not by the host.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::{DEADLINE, Stage, wait_for};

/// The group of every reader.
const GROUP: &str = "my-group";

/// The one partition that the topics have.
const PARTITION: i32 = 0;

/// One record of a topic.
#[derive(Debug, PartialEq)]
pub struct Record {
    pub payload: String,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, String)>,
}

impl Stage {
    /// A consumer that belongs to the group and never joins it.
    fn of_group(&self) -> BaseConsumer {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.address).set("group.id", GROUP);
        client
            .set("enable.partition.eof", "true")
            .set("enable.auto.commit", "false");
        BaseConsumer::from_config(&client).unwrap()
    }

    /// Until the group has this many members and each has its share.
    pub fn wait_for_members(&self, members: usize) {
        let consumer = self.of_group();
        wait_for(&format!("{members} members"), || {
            let groups = consumer.fetch_group_list(Some(GROUP), DEADLINE).ok()?;
            let group = groups.groups().first()?;
            (group.state() == "Stable" && group.members().len() == members).then_some(())
        });
    }

    /// How many messages a topic has.
    pub fn messages(&self, topic: &str) -> usize {
        let ends = self.of_group().fetch_watermarks(topic, PARTITION, DEADLINE);
        ends.unwrap().1.try_into().unwrap()
    }

    /// Everything in a topic to which nobody publishes meanwhile, in order.
    pub fn records(&self, topic: &str) -> Vec<Record> {
        let consumer = self.of_group();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, PARTITION, Offset::Beginning).unwrap();
        consumer.assign(&list).unwrap();
        let mut records = Vec::new();
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < DEADLINE, "{topic} has no end");
            match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(record)) => records.push(Record {
                    payload: String::from_utf8(record.payload().unwrap().to_vec()).unwrap(),
                    key: record.key().map(<[u8]>::to_vec),
                    headers: headers(&record),
                }),
                Some(Err(KafkaError::PartitionEOF(_))) => return records,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
    }

    /// How many messages of a topic the group has yet to consume.
    pub fn lag(&self, topic: &str) -> i64 {
        let consumer = self.of_group();
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, PARTITION);
        let committed = consumer.committed_offsets(list, DEADLINE).unwrap();
        let (start, end) = consumer.fetch_watermarks(topic, PARTITION, DEADLINE).unwrap();
        match committed.elements()[0].offset() {
            Offset::Offset(place) => end - place,
            _ => end - start,
        }
    }
}

fn headers(record: &impl Message) -> Vec<(String, String)> {
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
    headers
        .map(|header| (header.key.to_owned(), text(header.value.unwrap_or_default())))
        .collect()
}
