//! Retention by size: a full topic makes its writers wait, and never drops what a group has yet to consume.

use std::sync::Arc;

use futures_util::FutureExt;
use host::broker::local::{Broker, LocalWriter};
use host::broker::{
    Ack, Admin, BrokerError, Demand, Durable, Event, Output, Route, Settle, Sink, Source, Subscription,
};
use host::message::Message;

use crate::support::local::{Local, fixture, patient};
use crate::support::{self, Fixture, INPUT, within};
use crate::{output, write};

/// Whether an act of this writer still waits once a later one, for another topic, has succeeded.
async fn is_waiting<T>(writer: &LocalWriter, durable: &mut Durable<T>) -> bool {
    let later = Output {
        route: Route::DeadLetters,
        message: Message::new("small"),
    };
    within("another topic", writer.enqueue(later, None).await.unwrap())
        .await
        .unwrap();
    durable.now_or_never().is_none()
}

/// A broker that keeps ten messages of 1,000 bytes in `topic`, which is full, and the writer of an eleventh.
async fn full() -> (Local, Broker, LocalWriter, Durable<BrokerError>) {
    let mut local = patient();
    local.config.retention_bytes = 10_000;
    let broker = local.broker().await;
    let writer = broker.writer("topic", "others").await.unwrap();
    for number in 0..10 {
        write(&writer, Message::new(vec![number; 1000])).await.await.unwrap();
    }
    let mut eleventh = write(&writer, Message::new(vec![10; 1000])).await;
    assert!(
        is_waiting(&writer, &mut eleventh).await,
        "an unread topic is unconsumed"
    );
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
    assert!(
        is_waiting(&writer, &mut eleventh).await,
        "the slow group has consumed nothing"
    );
    assert_eq!(kept(&broker).await, 0..10);
    consume(&broker, "slow", 2).await;
    within("room", eleventh).await.unwrap();
    assert_eq!(kept(&broker).await, 1..11, "no more makes way than must");
    within("room", write(&writer, Message::new(vec![11; 1000])).await)
        .await
        .unwrap();
    assert_eq!(kept(&broker).await, 2..12);
    let mut next = write(&writer, Message::new(vec![12; 1000])).await;
    assert!(is_waiting(&writer, &mut next).await);
}

#[tokio::test]
async fn a_full_topic_takes_more_once_the_group_that_lags_is_forgotten() {
    let (_local, broker, writer, mut eleventh) = full().await;
    consume(&broker, "gone", 0).await;
    consume(&broker, "alive", 10).await;
    assert!(is_waiting(&writer, &mut eleventh).await);
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
async fn a_full_topic_holds_up_no_other() {
    let (_local, _broker, writer, mut eleventh) = full().await;
    assert!(is_waiting(&writer, &mut eleventh).await);
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
    let loops = broker.writer("topic", "dead").await.unwrap();
    for _ in 0..3 {
        let Event::Delivery(delivery) = within("a delivery", Source::recv(&mut source, Demand::Deliveries))
            .await
            .unwrap()
        else {
            panic!()
        };
        let durable = loops.settle_one(delivery.claim, vec![output(delivery.message)]).await;
        within("what makes its own room", durable).await.unwrap();
    }
    let kept = kept(&broker).await;
    assert_eq!(kept.start, 2, "what the acts before have consumed makes way");
    assert!(kept.end >= 13, "{kept:?}");
    drop(writer);
}

/// A limit that was lowered leaves more to drop than one transaction may.
#[tokio::test]
async fn a_topic_that_has_to_shrink_by_much_does_so_in_steps() {
    let mut local = patient();
    let broker = local.broker().await;
    let writer = broker.writer("topic", "others").await.unwrap();
    let mut written = Vec::new();
    for _ in 0..2500 {
        written.push(write(&writer, Message::new("0123456789")).await);
    }
    for durable in written {
        durable.await.unwrap();
    }
    consume(&broker, "group", 2500).await;
    drop(writer);
    local.config.retention_bytes = 100;
    let broker = local.broker().await;
    let writer = broker.writer("topic", "others").await.unwrap();
    within("room", write(&writer, Message::new("0123456789")).await)
        .await
        .unwrap();
    assert_eq!(kept(&broker).await, 2491..2501);
}

#[tokio::test]
async fn a_message_over_a_limit_is_refused_and_nothing_is_written() {
    let mut local = fixture();
    local.config.retention_bytes = 1000;
    let broker = Broker::open(&local.config, 2000).await.unwrap();
    let writer = broker.writer("topic", "topic").await.unwrap();
    let Err(error) = writer.enqueue(output(Message::new(vec![0; 2001])), None).await else {
        panic!()
    };
    assert!(matches!(
        error,
        BrokerError::TooLarge {
            size: 2001,
            limit: 2000
        }
    ));
    let Err(error) = writer.enqueue(output(Message::new(vec![0; 1001])), None).await else {
        panic!()
    };
    assert!(error.to_string().contains("--local-retention"), "{error}");
    assert_eq!(broker.describe("topic").await.unwrap().partitions[0].end, 0);
}
