//! What a look at a topic shows, and that it takes nothing from anybody.

use host::broker::{Begin, BrokerError, Look, Seen, View, open_admin, open_look};
use host::config::{BrokerConfig, BrokerKind};
use host::values::Start;

use crate::support::kafka::Kafka;
use crate::support::local::{Local, MAX_MESSAGE_BYTES};
use crate::support::pubsub::PubSub;
use crate::support::{self, Fixture, assert_answered, number, numbered, within};

/// A broker whose topics can be looked at.
pub trait Shown: Fixture {
    fn config(&self) -> BrokerConfig;

    /// The topics of input and output.
    fn topics(&self) -> [String; 2] {
        [support::INPUT.to_owned(), support::OUTPUT.to_owned()]
    }
}

impl Shown for Local {
    fn config(&self) -> BrokerConfig {
        of(BrokerKind::Local(self.config.clone()))
    }
}

impl Shown for Kafka {
    fn config(&self) -> BrokerConfig {
        of(BrokerKind::Kafka(self.config.clone()))
    }

    fn topics(&self) -> [String; 2] {
        [self.input.clone(), self.output.clone()]
    }
}

impl Shown for PubSub {
    fn config(&self) -> BrokerConfig {
        of(BrokerKind::PubSub(self.config.clone()))
    }
}

fn of(kind: BrokerKind) -> BrokerConfig {
    BrokerConfig {
        kind,
        max_message_bytes: MAX_MESSAGE_BYTES,
    }
}

async fn open(broker: &dyn Shown, topic: &str, begin: Begin, follow: bool) -> Result<Look, BrokerError> {
    let topic = topic.to_owned();
    let config = broker.config();
    let opened = open_look(&config, View { topic, begin, follow });
    within("a look to begin", opened).await
}

async fn next(look: &mut Look) -> Option<Seen> {
    within("what there is to look at", look.next()).await.unwrap()
}

async fn all(broker: &dyn Shown, topic: &str, begin: Begin) -> Vec<Seen> {
    let mut look = open(broker, topic, begin, false).await.unwrap();
    let mut seen = Vec::new();
    while let Some(one) = next(&mut look).await {
        seen.push(one);
    }
    within("a look to end", look.close()).await.unwrap();
    seen
}

const EVERYTHING: Begin = Begin::At(Start::Earliest);

pub async fn a_look_takes_nothing_from_anybody(broker: &dyn Shown) {
    let [input, _] = broker.topics();
    broker.create(1).await;
    broker.append(numbered(&["a"], 6)).await;
    for _ in 0..2 {
        let seen = all(broker, &input, EVERYTHING).await;
        let numbers: Vec<_> = seen.iter().map(|seen| number(&seen.message)).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    }
    assert_eq!(broker.lag().await, 6);
    broker.join().await.answer_all(broker).await;
    assert_answered(broker, &["a"], 6).await;
}

pub async fn one_message_is_found_by_the_position_that_a_look_gave_it(broker: &dyn Shown) {
    let [input, _] = broker.topics();
    broker.create(1).await;
    broker.append(numbered(&["a"], 4)).await;
    let seen = all(broker, &input, EVERYTHING).await;
    let wanted = &seen[2];
    let end = wanted.position.rsplit('/').next().unwrap();
    for position in [&*wanted.position, end] {
        assert_eq!(
            all(broker, &input, Begin::Only(position.to_owned())).await,
            std::slice::from_ref(wanted)
        );
    }
}

pub async fn a_look_at_a_topic_that_is_not_there_says_so_and_makes_none(broker: &dyn Shown) {
    broker.create(1).await;
    for _ in 0..2 {
        let Err(error) = open(broker, "never-made", EVERYTHING, false).await else {
            panic!("there is no such topic");
        };
        assert!(matches!(error, BrokerError::UnknownTopic { .. }), "{error}");
    }
    let admin = open_admin(&broker.config()).await.unwrap();
    let described = admin.describe("never-made").await;
    assert!(
        matches!(described, Err(BrokerError::UnknownTopic { .. })),
        "{described:?}"
    );
}

pub async fn the_last_messages_are_those_that_a_whole_look_shows_last(broker: &dyn Shown) {
    let [input, _] = broker.topics();
    broker.create(3).await;
    broker.append(numbered(&crate::KEYS, 5)).await;
    let seen = all(broker, &input, EVERYTHING).await;
    assert_eq!(seen.len(), 30);
    for count in [0, 1, 7, 30, 1000] {
        let last = all(broker, &input, Begin::Last(count)).await;
        assert_eq!(last, seen[seen.len().saturating_sub(count)..], "{count}");
    }
    for key in crate::KEYS {
        let of_key = seen.iter().filter(|seen| support::key(&seen.message) == key);
        let numbers: Vec<_> = of_key.map(|seen| number(&seen.message)).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4], "{key}");
    }
}

/// Each answer is an act of its own, which in a transaction takes an offset more.
pub async fn the_last_messages_are_counted_without_the_marks_of_transactions(broker: &dyn Shown) {
    let [_, output] = broker.topics();
    broker.create(1).await;
    broker.append(numbered(&["a"], 8)).await;
    let mut member = broker.join().await;
    for _ in 0..8 {
        let delivery = member.delivery().await;
        member.answer_durably(delivery).await.unwrap();
    }
    let last = all(broker, &output, Begin::Last(5)).await;
    let numbers: Vec<_> = last.iter().map(|seen| number(&seen.message)).collect();
    assert_eq!(numbers, [3, 4, 5, 6, 7]);
}

pub async fn whoever_follows_sees_what_comes_later(broker: &dyn Shown) {
    let [input, _] = broker.topics();
    broker.create(2).await;
    broker.append(numbered(&["a", "b"], 2)).await;
    let mut look = open(broker, &input, Begin::Last(1), true).await.unwrap();
    assert_eq!(number(&next(&mut look).await.unwrap().message), 1);
    for _ in 0..2 {
        broker.append(numbered(&["a", "b", "c"], 1)).await;
        let mut keys = Vec::new();
        for _ in 0..3 {
            keys.push(support::key(&next(&mut look).await.unwrap().message));
        }
        keys.sort();
        assert_eq!(keys, ["a", "b", "c"]);
    }
    look.close().await.unwrap();
    assert_eq!(broker.lag().await, 10);
}
