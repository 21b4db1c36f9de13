//! What the conformance suite needs from a broker, and how it drives one. Each broker under test is a [`Fixture`];
//! the properties in `conformance.rs` see nothing else of it.

#![allow(dead_code, reason = "every test program takes its own part of this")]

pub mod kafka;
pub mod local;
pub mod memory;
pub mod pubsub;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use host::broker::{
    Claim, Delivery, Demand, Drained, Durable, Event, Lane, Output, Route, Settle, SettleError, Sink, Source,
};
use host::message::Message;
pub use test_brokers::DEADLINE;

/// How often a test checks its condition.
pub const POLL: Duration = Duration::from_millis(5);

/// After this long without a message, the test checks whether one is still to come.
const AWHILE: Duration = Duration::from_millis(150);

/// The topics and the group of every property.
pub const INPUT: &str = "input";
pub const OUTPUT: &str = "output";
pub const DEAD_LETTERS: &str = "dead-letters";
pub const GROUP: &str = "group";

/// A broker under test, with storage of its own. Members are like processes: they share nothing but the broker.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// An act happens once, whatever fails. False: at least once.
    fn is_exactly_once(&self) -> bool;

    /// A message's time is its producer's, and absent parts arrive absent. False: the broker works differently.
    fn keeps_what_was_sent(&self) -> bool {
        true
    }

    /// How long a member that died keeps its lanes.
    fn lease(&self) -> Duration;

    /// Whether messages with different keys may be in one lane, and lanes may be empty.
    fn has_partitions(&self) -> bool {
        true
    }

    /// A member is told where its group stands. False: the broker tells nothing of it.
    fn tells_where_a_group_stands(&self) -> bool {
        false
    }

    /// As many lanes as a test run can afford.
    fn many_lanes(&self) -> u32 {
        1024
    }

    /// Creates the input topic.
    async fn create(&self, partitions: u32);

    /// Appends messages to the input topic, in order.
    async fn append(&self, messages: Vec<Message>);

    /// A new member of the group.
    async fn join(&self) -> Member;

    /// Everything in the output topic, each partition in its order.
    async fn answers(&self) -> Vec<Message>;

    /// Everything in the topic of dead letters.
    async fn dead_letters(&self) -> Vec<Message>;

    /// How many input messages the group has not consumed.
    async fn lag(&self) -> u64;

    /// From now on (true) no output is confirmed: publishing fails.
    async fn refuse_outputs(&self, refuse: bool);

    /// From now on the output topic accepts every message except this one, which has no key, and refuses it only when
    /// it arrives.
    async fn refuse_one(&self) -> Message;

    /// A new member, whose topic of dead letters has a lower limit than the input topic.
    async fn join_where_letters_are_small(&self) -> Member;
}

/// A pipeline's parts of a broker.
pub struct Member {
    pub source: Box<dyn Source>,
    pub settle: Arc<dyn Settle>,
}

impl Member {
    /// The next delivery. A revocation before it is answered like by a pipeline with nothing in flight.
    pub async fn delivery(&mut self) -> Delivery {
        loop {
            match self.event(Demand::Deliveries).await {
                Event::Delivery(delivery) => return delivery,
                Event::Revoked(_, drained) => drop(drained),
            }
        }
    }

    /// The next revocation, with no demand for anything else.
    pub async fn revoked(&mut self) -> (Vec<Lane>, Drained) {
        match self.event(Demand::EventsOnly).await {
            Event::Revoked(lanes, drained) => (lanes, drained),
            Event::Delivery(delivery) => panic!("{} came without a demand", delivery.position),
        }
    }

    pub async fn event(&mut self, demand: Demand) -> Event {
        within("an event", self.source.recv(demand)).await.unwrap()
    }

    /// Whether there is no urgent event.
    pub fn has_nothing_to_say(&mut self) -> bool {
        self.source.recv(Demand::EventsOnly).now_or_never().is_none()
    }

    /// A delivery, if there is one now.
    pub fn delivery_at_once(&mut self) -> Option<Delivery> {
        match self.source.recv(Demand::Deliveries).now_or_never()?.unwrap() {
            Event::Delivery(delivery) => Some(delivery),
            Event::Revoked(lanes, _) => panic!("{lanes:?} were revoked"),
        }
    }

    /// Begins to answer a delivery with its own payload and key.
    pub async fn answer(&self, delivery: Delivery) -> Result<Durable<SettleError>, SettleError> {
        let message = Message {
            timestamp_ms: None,
            ..delivery.message
        };
        let route = Route::Answers;
        let outputs = vec![Output { route, message }];
        Ok(self.settle.settle_one(delivery.claim, outputs).await)
    }

    /// Settles a delivery with another output than its answer, and waits until that is durable.
    pub async fn settle_by(&self, claim: Claim, route: Route, message: Message) -> Result<(), SettleError> {
        let durable = self.settle.settle_one(claim, vec![Output { route, message }]).await;
        within("an output to be durable", durable).await
    }

    /// Answers a delivery, and waits until that is durable.
    pub async fn answer_durably(&self, delivery: Delivery) -> Result<(), SettleError> {
        let durable = self.answer(delivery).await?;
        within("an answer to be durable", durable).await
    }

    /// Answers messages until the whole input is consumed. Returns how many it answered.
    pub async fn answer_all(&mut self, broker: &dyn Fixture) -> usize {
        let mut answered = 0;
        let work = async {
            while broker.lag().await > 0 {
                // Another member may be consuming the rest, so that nothing arrives.
                let Ok(event) = tokio::time::timeout(AWHILE, self.source.recv(Demand::Deliveries)).await else {
                    continue;
                };
                match event.unwrap() {
                    // Nothing is in flight.
                    Event::Revoked(_, drained) => drop(drained),
                    Event::Delivery(delivery) => match self.answer_durably(delivery).await {
                        Ok(()) => answered += 1,
                        Err(SettleError::Rewound(_)) => {}
                        Err(error) => panic!("{error}"),
                    },
                }
            }
        };
        within("everything to be answered", work).await;
        answered
    }
}

/// Publishes messages, in order, and returns when they are confirmed.
pub async fn publish(sink: &dyn Sink, messages: Vec<Message>) {
    let mut confirmations = Vec::new();
    for message in messages {
        let route = Route::Answers;
        confirmations.push(sink.enqueue(Output { route, message }, None).await.unwrap());
    }
    for confirmation in confirmations {
        confirmation.await.unwrap();
    }
}

/// Waits for a condition, but not for ever.
pub async fn within<T>(what: &str, condition: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(DEADLINE, condition).await;
    result.unwrap_or_else(|_| panic!("waited too long for {what}"))
}

/// Until the group's lag has this value: some brokers note acknowledgements late.
pub async fn wait_for_lag(broker: &dyn Fixture, lag: u64) {
    let noted = async {
        while broker.lag().await != lag {
            tokio::time::sleep(POLL).await;
        }
    };
    within(&format!("a lag of {lag}"), noted).await;
}

/// `count` messages for each key, one key after the other in turn; the payload is the message's number within its key.
pub fn numbered(keys: &[&str], count: usize) -> Vec<Message> {
    let numbers = (0..count).flat_map(|number| keys.iter().map(move |key| (key, number)));
    let message = |(key, number): (&&str, usize)| Message {
        key: Some((*key).to_owned().into()),
        ..Message::new(number.to_string())
    };
    numbers.map(message).collect()
}

/// The number that [`numbered`] gave a message.
pub fn number(message: &Message) -> usize {
    std::str::from_utf8(message.body()).unwrap().parse().unwrap()
}

/// The key that [`numbered`] gave a message.
pub fn key(message: &Message) -> String {
    String::from_utf8(message.key.as_ref().unwrap().to_vec()).unwrap()
}

/// Every one of `count` messages of each key was answered, in order: once if the broker promises that, otherwise so
/// that the first answers to each are in order.
pub async fn assert_answered(broker: &dyn Fixture, keys: &[&str], count: usize) {
    let mut answers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for answer in broker.answers().await {
        let of_key = answers.entry(key(&answer)).or_default();
        if broker.is_exactly_once() || !of_key.contains(&number(&answer)) {
            of_key.push(number(&answer));
        }
    }
    let every: Vec<usize> = (0..count).collect();
    let expected = keys.iter().map(|key| ((*key).to_owned(), every.clone()));
    assert_eq!(answers, expected.collect());
    wait_for_lag(broker, 0).await;
}
