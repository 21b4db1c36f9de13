//! Messages that are classified by one call: what fails is split, and what waits is shared out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use host::message::Message;
use host::pipeline::{
    self, Answer, Answers, Cause, Classify, ClassifyError, Maker, Meter, OnError, PipelineError, Policy, Progress,
};
use host::shutdown::Shutdown;
use support::memory::{Memory, patient};
use support::{Fixture, within};
use tokio::sync::Semaphore;

/// Calls that it answers at once, as two workers do.
const CALLS: usize = 4;

/// Notes the messages of each call, and answers none before it is allowed to.
struct Noted {
    calls: Mutex<Vec<Vec<String>>>,
    /// One for each call that may be answered.
    allowed: Semaphore,
}

impl Noted {
    fn allowing(calls: usize) -> Self {
        Self {
            calls: Mutex::default(),
            allowed: Semaphore::new(calls),
        }
    }

    fn sizes(&self) -> Vec<usize> {
        self.calls.lock().unwrap().iter().map(Vec::len).collect()
    }

    fn calls_with(&self, body: &str) -> Vec<usize> {
        let calls = self.calls.lock().unwrap();
        let with = calls.iter().filter(|call| call.iter().any(|one| one == body));
        with.map(Vec::len).collect()
    }
}

fn cause(code: &str) -> Cause {
    Cause {
        code: code.to_owned(),
        detail: "as it was told".to_owned(),
    }
}

#[async_trait]
impl Classify for Noted {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        self.classify_all(&[message]).await?.pop().unwrap()
    }

    async fn classify_all(&self, messages: &[&Message]) -> Answers {
        let bodies = messages
            .iter()
            .map(|message| String::from_utf8_lossy(message.body()).into_owned());
        let bodies: Vec<_> = bodies.collect();
        self.calls.lock().unwrap().push(bodies.clone());
        self.allowed.acquire().await.unwrap().forget();
        // More arrives while a worker is at it.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        // A trap is the whole call's.
        if bodies.iter().any(|body| body == "trap") {
            return Err(ClassifyError::Retry(cause("trap")));
        }
        let answer = |body: String| match &*body {
            "reject" => Err(ClassifyError::Reject(cause("bad-shape"))),
            "retry" => Err(ClassifyError::Retry(cause("busy"))),
            _ => Ok(Answer {
                payload: body.into(),
                content_type: "text/plain".to_owned(),
                images: 1,
                warnings: Vec::new(),
            }),
        };
        Ok(bodies.into_iter().map(answer).collect())
    }

    fn concurrency(&self) -> usize {
        CALLS
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("noted", None, &[]))
    }
}

fn policy() -> Policy {
    Policy {
        on_error: OnError::DeadLetter,
        attempts: 3,
        max_failures: None,
        retry_delay: Duration::ZERO,
        max_in_flight: 1000,
        max_in_flight_bytes: 64 << 20,
        max_message_bytes: 1 << 20,
        provenance: false,
        idle_timeout: Some(Duration::from_millis(200)),
    }
}

/// Messages of one lane.
async fn broker(bodies: impl IntoIterator<Item = String>) -> Memory {
    let broker = patient();
    broker.create(1).await;
    broker.append(bodies.into_iter().map(Message::new).collect()).await;
    broker
}

async fn run(broker: &Memory, classifier: &Noted, policy: &Policy) -> Result<Progress, PipelineError> {
    let member = broker.join().await;
    let (meter, shutdown) = (Meter::default(), Shutdown::new());
    let run = pipeline::run(
        member.source,
        member.settle,
        classifier,
        policy,
        &shutdown,
        &meter,
        |_| {},
    );
    within("a pipeline to end", run).await
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| number.to_string()).collect()
}

async fn answers(broker: &Memory) -> Vec<String> {
    let answers = broker.answers().await;
    let body = |answer: &Message| String::from_utf8_lossy(answer.body()).into_owned();
    answers.iter().map(body).collect()
}

#[tokio::test]
async fn many_that_wait_need_few_calls_and_none_has_more_than_its_share_of_them() {
    let broker = broker(numbered(1000)).await;
    let classifier = Noted::allowing(1000);
    let progress = run(&broker, &classifier, &policy()).await.unwrap();
    assert_eq!(progress.answered, 1000);
    assert_eq!(answers(&broker).await, numbered(1000), "in the order of the lane");
    let sizes = classifier.sizes();
    assert_eq!(sizes[0], 1, "the first shows how long one takes");
    assert!(sizes.iter().all(|size| *size <= 64), "{sizes:?}");
    assert!(
        sizes.len() <= 1000 / 16,
        "{} calls for 1,000 messages: {sizes:?}",
        sizes.len()
    );
}

#[tokio::test]
async fn what_traps_among_others_is_the_only_dead_letter_and_was_tried_alone_as_often_as_it_may() {
    let mut bodies = numbered(200);
    bodies[100] = "trap".to_owned();
    let broker = broker(bodies.clone()).await;
    let classifier = Noted::allowing(1000);
    let progress = run(&broker, &classifier, &policy()).await.unwrap();
    assert_eq!((progress.answered, progress.dead_letters), (199, 1));
    bodies.remove(100);
    assert_eq!(answers(&broker).await, bodies, "the others, in order");
    let letters = broker.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(
        (letters[0].body(), &**letters[0].header("error-attempts").unwrap()),
        (&b"trap"[..], &b"3"[..])
    );
    let calls = classifier.calls_with("trap");
    assert!(calls[0] > 1, "it was among others at first: {calls:?}");
    assert_eq!(calls[1..], [1, 1, 1]);
}

#[tokio::test]
async fn what_is_rejected_or_to_be_tried_again_leaves_the_answers_of_the_others_as_they_are() {
    let mut bodies = numbered(200);
    bodies[100] = "reject".to_owned();
    bodies[150] = "retry".to_owned();
    let broker = broker(bodies.clone()).await;
    let classifier = Noted::allowing(1000);
    let progress = run(&broker, &classifier, &policy()).await.unwrap();
    assert_eq!((progress.answered, progress.dead_letters), (198, 2));
    assert_eq!(classifier.calls_with("reject").len(), 1);
    let calls = classifier.calls_with("retry");
    assert_eq!(calls[1..], [1, 1], "the attempt among others counts: {calls:?}");
    for other in ["99", "101", "149", "151"] {
        assert_eq!(classifier.calls_with(other).len(), 1, "{other}");
    }
    bodies.remove(150);
    bodies.remove(100);
    assert_eq!(answers(&broker).await, bodies);
}

#[tokio::test]
async fn with_the_policy_to_stop_one_that_is_rejected_among_others_ends_the_run_and_is_not_consumed() {
    let mut bodies = numbered(200);
    bodies[100] = "reject".to_owned();
    let broker = broker(bodies).await;
    let policy = Policy {
        on_error: OnError::Stop,
        ..policy()
    };
    let ended = run(&broker, &Noted::allowing(1000), &policy).await;
    assert!(matches!(ended, Err(PipelineError::Unanswered { .. })), "{ended:?}");
    assert!(broker.lag().await >= 100);
}

#[tokio::test]
async fn while_calls_are_free_no_message_waits_for_another() {
    let broker = broker(numbered(CALLS)).await;
    // None is answered before all calls are taken.
    let classifier = Noted::allowing(0);
    let policy = policy();
    let run = run(&broker, &classifier, &policy);
    let allow = async {
        while classifier.sizes().len() < CALLS {
            tokio::task::yield_now().await;
        }
        classifier.allowed.add_permits(CALLS);
    };
    let (progress, ()) = tokio::join!(run, within("every call to be taken", allow));
    assert_eq!(progress.unwrap().answered, CALLS as u64);
    assert_eq!(classifier.sizes(), [1; CALLS]);
}

#[tokio::test]
async fn large_messages_go_alone() {
    let large = |number: usize| format!("{number}{}", "x".repeat(185_000));
    let broker = broker((0..20).map(large)).await;
    let classifier = Noted::allowing(1000);
    run(&broker, &classifier, &policy()).await.unwrap();
    assert_eq!(classifier.sizes(), [1; 20]);
}
