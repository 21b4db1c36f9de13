//! A stop waits for what has begun, and for nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use host::message::Message;
use host::pipeline::{Answer, Classify, ClassifyError, Maker};
use host::shutdown::Shutdown;

use crate::pipe::{DEAD_LETTERS, pipe};
use crate::support::local::fixture;
use crate::support::{Fixture, OUTPUT, numbered};

const KEYS: [&str; 2] = ["a", "b"];
const EACH: usize = 5;

/// Takes two messages at a time and some time for each, and asks for a stop in the middle of some call.
struct Stops<'a> {
    shutdown: &'a Shutdown,
    at: usize,
    begun: AtomicUsize,
}

#[async_trait]
impl Classify for Stops<'_> {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        if self.begun.fetch_add(1, Ordering::Relaxed) + 1 == self.at {
            self.shutdown.stop();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(Answer {
            payload: message.payload.clone().unwrap_or_default(),
            content_type: "text/plain".to_owned(),
            images: 1,
            warnings: Vec::new(),
        })
    }

    fn concurrency(&self) -> usize {
        2
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("a digest", None, &[]))
    }
}

#[tokio::test]
async fn a_stop_finishes_what_has_begun_and_leaves_the_rest_to_the_next_start() {
    let local = fixture();
    local.create(2).await;
    local.append(numbered(&KEYS, EACH)).await;
    let total = KEYS.len() * EACH;
    let mut answered = 0;
    for at in [3, 4, 1, total] {
        let shutdown = Shutdown::new();
        let classifier = Stops {
            shutdown: &shutdown,
            at: at.min(total - answered),
            begun: AtomicUsize::new(0),
        };
        let progress = pipe(&local, 1000, &classifier, &shutdown, |_| {}).await;
        let begun = classifier.begun.into_inner();
        // A message may have begun beside the one that asks.
        assert!(
            (classifier.at..=classifier.at + 1).contains(&begun),
            "{begun} begun, {} wanted",
            classifier.at
        );
        assert_eq!((progress.answered, progress.in_flight), (begun as u64, 0));
        answered += begun;
        if answered == total {
            break;
        }
    }
    let answers = local.read(OUTPUT).await;
    assert_eq!(answers.len(), total);
    assert!(local.read(DEAD_LETTERS).await.is_empty());
}
