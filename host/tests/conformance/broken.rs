//! A classifier that breaks, at every broker: it costs no message, neither as consumed nor as a dead letter.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use host::message::Message;
use host::pipeline::{Answer, Cause, Classify, ClassifyError, Maker, PipelineError};
use host::shutdown::Shutdown;

use super::support::{Fixture, assert_answered, numbered};
use super::time_outs::{Echo, IDLE, run};

const KEYS: [&str; 3] = ["a", "b", "c"];

/// Answers some messages, and is broken then.
struct Breaks {
    after: usize,
    calls: AtomicUsize,
}

#[async_trait]
impl Classify for Breaks {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < self.after {
            return Echo.classify(message).await;
        }
        Err(ClassifyError::Broken(Cause {
            code: "worn-out".to_owned(),
            detail: "its weights are lost".to_owned(),
        }))
    }

    fn concurrency(&self) -> usize {
        Echo.concurrency()
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("a broken one", None, &[]))
    }
}

pub async fn a_broken_classifier_ends_the_run_with_its_reason_and_everything_unanswered_is_left(broker: &dyn Fixture) {
    broker.create(2).await;
    broker.append(numbered(&KEYS, 10)).await;
    let breaks = Breaks {
        after: 5,
        calls: AtomicUsize::new(0),
    };
    let ended = run(broker.join().await, &breaks, None, &Shutdown::new(), |_| {}).await;
    let Err(PipelineError::Broken(said)) = ended else {
        panic!("{ended:?}");
    };
    for words in ["worn-out: its weights are lost", "stays where it is", "--component"] {
        assert!(said.contains(words), "'{words}' is not in '{said}'");
    }
    let left = broker.lag().await;
    assert!(left >= 25, "{left} are left, and 5 were answered");
    let progress = run(broker.join().await, &Echo, Some(IDLE), &Shutdown::new(), |_| {}).await;
    assert!(progress.unwrap().answered >= left);
    assert_answered(broker, &KEYS, 10).await;
    assert!(broker.dead_letters().await.is_empty());
}
