//! Broken components, and bad messages that only look like one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use host::message::Message;
use host::pipeline::{
    self, Answer, Cause, Classify, ClassifyError, Maker, Meter, OnError, PipelineError, Policy, Progress,
};
use host::shutdown::Shutdown;
use support::memory::{Memory, patient};
use support::{Fixture, within};

/// Does what the message says, and counts how often.
#[derive(Default)]
struct Told {
    calls: AtomicUsize,
}

#[async_trait]
impl Classify for Told {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        let cause = |code: &str| Cause {
            code: code.to_owned(),
            detail: "as it was told".to_owned(),
        };
        tokio::task::yield_now().await;
        self.calls.fetch_add(1, Ordering::Relaxed);
        match message.body() {
            b"trap" => Err(ClassifyError::Retry(cause("trap"))),
            b"broken" => Err(ClassifyError::Broken(cause("no-instance"))),
            b"reject" => Err(ClassifyError::Reject(cause("bad-shape"))),
            body => Ok(Answer {
                payload: body.to_vec().into(),
                content_type: "text/plain".to_owned(),
                images: 1,
                warnings: Vec::new(),
            }),
        }
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("told", None, &[]))
    }
}

fn policy(max_failures: usize) -> Policy {
    Policy {
        on_error: OnError::DeadLetter,
        attempts: 2,
        max_failures: NonZeroUsize::new(max_failures),
        retry_delay: Duration::ZERO,
        max_in_flight: 64,
        max_in_flight_bytes: 1 << 20,
        max_message_bytes: 1000,
        provenance: false,
        idle_timeout: Some(Duration::from_millis(200)),
    }
}

/// Messages over three lanes.
async fn broker(bodies: &[&str]) -> Memory {
    let broker = patient();
    broker.create(3).await;
    let message = |(number, body): (usize, &&str)| Message {
        key: Some(["a", "b", "c"][number % 3].into()),
        ..Message::new((*body).to_owned())
    };
    broker.append(bodies.iter().enumerate().map(message).collect()).await;
    broker
}

async fn run(
    broker: &Memory,
    classifier: &Told,
    policy: &Policy,
    shutdown: &Shutdown,
) -> Result<Progress, PipelineError> {
    let member = broker.join().await;
    let meter = Meter::default();
    let run = pipeline::run(
        member.source,
        member.settle,
        classifier,
        policy,
        shutdown,
        &meter,
        |_| {},
    );
    within("a pipeline to end", run).await
}

async fn assert_broken(bodies: &[&str], policy: &Policy) -> String {
    let broker = broker(bodies).await;
    let ended = run(&broker, &Told::default(), policy, &Shutdown::new()).await;
    let Err(PipelineError::Broken(said)) = ended else {
        panic!("{bodies:?}: {ended:?}");
    };
    let consumed = bodies.len() as u64 - broker.lag().await;
    assert_eq!(
        consumed,
        broker.answers().await.len() as u64,
        "what failed is not consumed"
    );
    assert!(broker.dead_letters().await.is_empty());
    said
}

async fn assert_through(bodies: &[&str], policy: &Policy) {
    let broker = broker(bodies).await;
    let progress = run(&broker, &Told::default(), policy, &Shutdown::new()).await.unwrap();
    let good = bodies.iter().filter(|body| **body == "good").count() as u64;
    let all = bodies.len() as u64;
    assert_eq!((progress.answered, progress.dead_letters), (good, all - good));
    assert_eq!(broker.lag().await, 0);
}

#[tokio::test]
async fn a_component_that_fails_on_every_message_ends_the_run_and_consumes_nothing() {
    let said = assert_broken(&["trap"; 50], &policy(10)).await;
    assert!(said.contains("--max-failures"), "{said}");
}

#[tokio::test]
async fn a_component_that_has_failed_on_all_there_is_consumes_nothing_though_the_bound_is_not_reached() {
    assert_broken(&["trap"; 3], &policy(10)).await;
    assert_broken(&["trap"], &policy(10)).await;
}

#[tokio::test]
async fn a_component_that_breaks_after_it_has_answered_ends_the_run() {
    let mut bodies = vec!["good"; 20];
    bodies.extend(["trap"; 40]);
    let broker = broker(&bodies).await;
    let ended = run(&broker, &Told::default(), &policy(10), &Shutdown::new()).await;
    assert!(matches!(ended, Err(PipelineError::Broken(_))), "{ended:?}");
    let (answers, letters) = (broker.answers().await.len(), broker.dead_letters().await.len());
    // Those that failed before the last good one was answered.
    assert_eq!(60 - broker.lag().await, (answers + letters) as u64);
    assert!(letters <= 30, "{letters}");
}

#[tokio::test]
async fn a_component_that_cannot_be_started_again_ends_the_run_at_once() {
    let said = assert_broken(&["broken"; 3], &policy(0)).await;
    assert!(said.contains("no-instance"), "{said}");
}

#[tokio::test]
async fn a_few_messages_that_fail_among_good_ones_are_dead_letters() {
    let policy = policy(10);
    assert_through(&["trap", "good", "trap", "trap", "good"], &policy).await;
    // A rejected message shows that the component works, too.
    assert_through(&["trap", "trap", "trap", "reject", "trap"], &policy).await;
    // Nothing follows the last ones.
    assert_through(&["good", "trap", "trap", "trap"], &policy).await;
}

#[tokio::test]
async fn without_a_bound_every_failure_is_a_dead_letter() {
    assert_through(&["trap"; 50], &policy(0)).await;
}

#[tokio::test]
async fn what_is_held_back_keeps_nothing_away_though_little_may_be_in_flight() {
    let policy = Policy {
        max_in_flight: 1,
        ..policy(10)
    };
    assert_through(&["trap", "trap", "trap", "trap", "good"], &policy).await;
}

#[tokio::test]
async fn where_what_is_held_back_takes_all_the_bytes_the_run_ends() {
    let policy = Policy {
        max_in_flight_bytes: 1000,
        idle_timeout: None,
        ..policy(10)
    };
    assert_broken(&["trap"; 5], &policy).await;
}

#[tokio::test]
async fn a_stop_leaves_what_is_held_back_where_it_is() {
    let broker = broker(&["trap"; 3]).await;
    let policy = Policy {
        idle_timeout: None,
        ..policy(10)
    };
    let (told, shutdown) = (Told::default(), Shutdown::new());
    let stop = async {
        // After two attempts each of the three is held back.
        while told.calls.load(Ordering::Relaxed) < 6 {
            tokio::task::yield_now().await;
        }
        shutdown.stop();
    };
    let (ended, ()) = tokio::join!(run(&broker, &told, &policy, &shutdown), stop);
    assert_eq!((ended.unwrap().in_flight, broker.lag().await), (0, 3));
}
