//! What a pipeline publishes: with a time of its own, and with nothing in place of nothing.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use host::broker::Route;
use host::message::Message;
use host::pipeline::{self, Answer, Classify, ClassifyError, Maker, Meter, OnError, Policy};
use host::shutdown::Shutdown;

use crate::support::{Fixture, Member, POLL, within};

/// 2023-11-14T22:13:20.123Z
const LONG_AGO: i64 = 1_700_000_000_123;

pub async fn an_answer_to_an_old_message_is_not_old(broker: &dyn Fixture) {
    broker.create(1).await;
    let old = |payload: &str| Message {
        key: Some("a".into()),
        timestamp_ms: Some(LONG_AGO),
        ..Message::new(payload.to_owned())
    };
    // The second is too large to be answered.
    broker.append(vec![old("1"), old(&"x".repeat(2000))]).await;
    let before = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let member = broker.join().await;
    echo_all(broker, member, Message::default()).await;
    let outputs = [broker.answers().await, broker.dead_letters().await];
    assert!(outputs.iter().all(|outputs| !outputs.is_empty()));
    for (outputs, header) in outputs.iter().zip(["source-time", "error-source-time"]) {
        for output in outputs {
            // A clock of the broker's own may be a little behind.
            let is_new = |time: i64| time > before - 60_000;
            assert!(output.timestamp_ms.is_none_or(is_new), "{output:?}");
            let said = std::str::from_utf8(output.header(header).unwrap()).unwrap();
            match broker.keeps_what_was_sent() {
                true => assert_eq!(said, "2023-11-14T22:13:20.123Z"),
                // The time of an input is the broker's own.
                false => assert!(said.ends_with('Z') && !said.starts_with("2023"), "{said}"),
            }
        }
    }
}

pub async fn what_is_absent_stays_absent_where_the_broker_has_that(broker: &dyn Fixture) {
    broker.create(1).await;
    let sent = Message {
        payload: None,
        key: Some("a".into()),
        headers: vec![("empty".into(), Some(Bytes::new())), ("null".into(), None)],
        timestamp_ms: None,
    };
    broker.append(vec![sent]).await;
    let mut member = broker.join().await;
    let delivery = member.delivery().await;
    let came = delivery.message.clone();
    let letter = Message {
        timestamp_ms: None,
        ..delivery.message
    };
    member
        .settle_by(delivery.claim, Route::DeadLetters, letter)
        .await
        .unwrap();
    let [letter] = <[Message; 1]>::try_from(broker.dead_letters().await).unwrap();
    for message in [came, letter] {
        let value = |name: &str| {
            let header = message.headers.iter().find(|(found, _)| found == name);
            header.unwrap().1.clone()
        };
        let nothing = (!broker.keeps_what_was_sent()).then(Bytes::new);
        assert_eq!(message.payload, nothing);
        assert_eq!(value("null"), nothing);
        assert_eq!(value("empty"), Some(Bytes::new()));
    }
}

/// Runs a pipeline that answers each message with itself, and `never` with something that no topic accepts, until
/// everything is consumed.
pub async fn echo_all(broker: &dyn Fixture, member: Member, never: Message) {
    let shutdown = Shutdown::new();
    let (classifier, policy) = (Echo(never), policy());
    let meter = Meter::default();
    let run = pipeline::run(
        member.source,
        member.settle,
        &classifier,
        &policy,
        &shutdown,
        &meter,
        |_| {},
    );
    let watch = async {
        while broker.lag().await > 0 {
            tokio::time::sleep(POLL).await;
        }
        shutdown.stop();
    };
    let both = async { tokio::join!(run, watch) };
    within("a pipeline to go through everything", both).await.0.unwrap();
}

fn policy() -> Policy {
    Policy {
        on_error: OnError::DeadLetter,
        attempts: 1,
        max_failures: None,
        retry_delay: Duration::ZERO,
        max_in_flight: 64,
        max_in_flight_bytes: 64 << 20,
        max_message_bytes: 1000,
        provenance: true,
        idle_timeout: None,
    }
}

/// Answers with the message itself, and `never` with something that no topic accepts.
struct Echo(Message);

#[async_trait]
impl Classify for Echo {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        let payload = match message.body() {
            b"never" => self.0.payload.clone().unwrap(),
            other => other.to_vec().into(),
        };
        Ok(Answer {
            payload,
            content_type: "text/plain".to_owned(),
            images: 1,
            warnings: Vec::new(),
        })
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("echo", None, &[]))
    }
}
