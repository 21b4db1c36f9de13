//! What ends a stream by the clock, at every broker: no more messages, or a stop that took too long.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use host::message::Message;
use host::pipeline::{
    self, Answer, Classify, ClassifyError, Maker, Meter, OnError, PipelineError, Policy, Progress, Serve,
};
use host::shutdown::Shutdown;

use super::support::{Fixture, Member, POLL, assert_answered, numbered, within};

const KEYS: [&str; 3] = ["a", "b", "c"];

/// Longer than any broker needs between two messages, even on a busy machine.
pub const IDLE: Duration = Duration::from_secs(3);

/// Answers a message with itself.
pub struct Echo;

#[async_trait]
impl Classify for Echo {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        Ok(Answer {
            payload: message.body().to_vec().into(),
            content_type: "text/plain".to_owned(),
            images: 1,
            warnings: Vec::new(),
        })
    }

    fn concurrency(&self) -> usize {
        4
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("a digest", None, &[]))
    }
}

/// A pipeline that turns every failure into a dead letter at once.
pub async fn run(
    member: Member,
    classifier: &dyn Serve,
    idle_timeout: Option<Duration>,
    shutdown: &Shutdown,
    observe: impl FnMut(&Progress),
) -> Result<Progress, PipelineError> {
    let policy = Policy {
        on_error: OnError::DeadLetter,
        attempts: 1,
        max_failures: None,
        retry_delay: Duration::ZERO,
        max_in_flight: 16,
        max_in_flight_bytes: 1 << 20,
        max_message_bytes: 1 << 16,
        provenance: false,
        idle_timeout,
    };
    let meter = Meter::default();
    let ended = pipeline::run(
        member.source,
        member.settle,
        classifier,
        &policy,
        shutdown,
        &meter,
        observe,
    );
    within("a pipeline to end", ended).await
}

pub async fn an_idle_time_out_ends_a_pipeline_once_everything_is_answered(broker: &dyn Fixture) {
    broker.create(2).await;
    broker.append(numbered(&KEYS, 4)).await;
    let began = Instant::now();
    let progress = run(broker.join().await, &Echo, Some(IDLE), &Shutdown::new(), |_| {}).await;
    assert!(began.elapsed() >= IDLE);
    assert_eq!(progress.unwrap().answered, 12);
    assert_answered(broker, &KEYS, 4).await;
}

pub async fn a_time_out_counts_no_moment_in_which_nobody_could_have_said_anything(broker: &dyn Fixture) {
    broker.create(2).await;
    let mut member = broker.join().await;
    let listening = within("a member to know what it holds", async {
        loop {
            match member.source.listening_since().await {
                Ok(since) => break since,
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    });
    let listening = listening.await;
    let progress = run(member, &Echo, Some(IDLE), &Shutdown::new(), |_| {}).await;
    assert_eq!(progress.unwrap().answered, 0);
    assert!(listening.elapsed() >= IDLE);
}

/// If there is one lane and another member holds it.
pub async fn a_member_that_gets_nothing_to_read_ends_by_its_time_out_too(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 2)).await;
    let mut first = broker.join().await;
    let held = first.delivery().await;
    let ended = run(broker.join().await, &Echo, Some(IDLE), &Shutdown::new(), |_| {}).await;
    assert_eq!(ended.unwrap().answered, 0);
    first.answer_durably(held).await.unwrap();
    first.answer_all(broker).await;
    assert_answered(broker, &["a"], 2).await;
}

/// Hangs on one message, and asks for a hard stop once all before it are answered, as the drain deadline does.
struct Hangs<'a> {
    at: &'static str,
    before: u64,
    answered: &'a AtomicU64,
    shutdown: &'a Shutdown,
}

#[async_trait]
impl Classify for Hangs<'_> {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        if message.body() != self.at.as_bytes() {
            return Echo.classify(message).await;
        }
        self.shutdown.stop();
        while self.answered.load(Ordering::Relaxed) < self.before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.shutdown.abort();
        std::future::pending().await
    }

    fn concurrency(&self) -> usize {
        Echo.concurrency()
    }

    fn maker(&self) -> Arc<Maker> {
        Echo.maker()
    }
}

pub async fn a_stop_that_takes_too_long_leaves_what_hangs_to_the_next_start(broker: &dyn Fixture) {
    broker.create(1).await;
    broker.append(numbered(&["a"], 4)).await;
    let (answered, shutdown) = (AtomicU64::new(0), Shutdown::new());
    let hangs = Hangs {
        at: "2",
        before: 2,
        answered: &answered,
        shutdown: &shutdown,
    };
    let count = |progress: &Progress| answered.store(progress.answered, Ordering::Relaxed);
    let progress = run(broker.join().await, &hangs, None, &shutdown, count).await.unwrap();
    assert_eq!(progress.answered, 2);
    assert!(progress.in_flight >= 1, "the message that hangs was in flight");
    let progress = run(broker.join().await, &Echo, Some(IDLE), &Shutdown::new(), |_| {}).await;
    assert!(progress.unwrap().answered >= 2);
    assert_answered(broker, &["a"], 4).await;
}
