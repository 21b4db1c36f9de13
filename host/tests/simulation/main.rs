//! The pipeline against a broker that does, by a seed, everything that the contract of `Source` and `Settle` allows:
//! revokes, rewinds, aborts, refuses, confirms late, crashes. The model is a list of messages for each lane; each
//! must come out once, in order.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout
)]

mod broker;

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use broker::{LANES, MESSAGES, Shared, SimulatedSettle, SimulatedSource, body, look, model};
use fastrand::Rng;
use host::broker::Route;
use host::message::Message;
use host::pipeline::{self, Answer, Answers, Cause, Classify, ClassifyError, Maker, Meter, OnError, Policy};
use host::shutdown::Shutdown;
use tokio::task::yield_now;

const IN_FLIGHT: usize = 7;
/// This many failures are held back beside them.
const FAILURES: usize = 8;

struct SimulatedClassifier(Mutex<Rng>);

#[async_trait]
impl Classify for SimulatedClassifier {
    async fn classify(&self, message: &Message) -> Result<Answer, ClassifyError> {
        let (wait, lucky) = {
            let mut rng = self.0.lock().unwrap();
            (rng.usize(..8), rng.bool())
        };
        for _ in 0..wait {
            yield_now().await;
        }
        let cause = Cause {
            code: "simulated".into(),
            detail: String::new(),
        };
        match &message.body()[..1] {
            b"p" | b"l" => Err(ClassifyError::Reject(cause)),
            b"h" => Err(ClassifyError::Retry(cause)),
            b"f" if !lucky => Err(ClassifyError::Retry(cause)),
            _ => Ok(Answer {
                payload: message.payload.clone().unwrap(),
                content_type: "text/plain".into(),
                images: 1,
                warnings: Vec::new(),
            }),
        }
    }

    async fn classify_all(&self, messages: &[&Message]) -> Answers {
        let fails = messages.len() > 1 && self.0.lock().unwrap().u32(..4) == 0;
        let mut answers = Vec::new();
        for message in messages {
            answers.push(self.classify(message).await);
        }
        let cause = Cause {
            code: "together".into(),
            detail: String::new(),
        };
        if fails {
            Err(ClassifyError::Retry(cause))
        } else {
            Ok(answers)
        }
    }

    fn concurrency(&self) -> usize {
        3
    }

    fn maker(&self) -> Arc<Maker> {
        Arc::new(Maker::new("simulated", None, &[]))
    }
}

fn policy(on_error: OnError, attempts: u32) -> Policy {
    Policy {
        on_error,
        attempts,
        max_failures: NonZeroUsize::new(FAILURES),
        retry_delay: Duration::ZERO,
        max_in_flight: IN_FLIGHT,
        max_in_flight_bytes: 1 << 20,
        max_message_bytes: 1 << 10,
        provenance: false,
        idle_timeout: None,
    }
}

/// Runs to the end, through as many crashes and stops as the seed holds, and returns the model and their numbers.
async fn simulate(seed: u64) -> (Shared, usize, usize) {
    let model = model(seed);
    let classifier = SimulatedClassifier(Mutex::new(Rng::with_seed(!seed)));
    let policy = policy(OnError::DeadLetter, 30);
    let (mut crashes, mut stops) = (0, 0);
    loop {
        let shutdown = Shutdown::new();
        let source = Box::new(SimulatedSource(Arc::clone(&model)));
        let settle = Arc::new(SimulatedSettle(Arc::clone(&model)));
        let meter = Meter::default();
        let crash = async {
            let polls = look(&model).rng.usize(50..2000);
            let stops_at = look(&model).rng.usize(0..4000);
            for poll in 0..polls {
                yield_now().await;
                if look(&model).done() || poll == stops_at {
                    shutdown.stop();
                }
            }
        };
        tokio::select! {
            biased;
            ended = pipeline::run(source, settle, &classifier, &policy, &shutdown, &meter, |_| {}) => {
                let progress = ended.unwrap();
                assert_eq!(progress.in_flight, 0, "a soft stop leaves nothing in flight");
                if look(&model).done() {
                    return (model, crashes, stops);
                }
                stops += 1;
            }
            () = crash => crashes += 1,
        }
        assert!(crashes + stops < 1000, "no progress");
        let mut model = look(&model);
        assert_eq!(model.alive, 0, "an end drops every claim");
        for index in 0..LANES {
            model.lanes[index].revoked = None;
            model.rewind(index);
        }
    }
}

#[test]
fn whatever_the_broker_does_each_message_comes_out_once_and_in_order() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let (mut crashes, mut stops, mut rewinds, mut revocations, mut largest) = (0, 0, 0, 0, 0);
    for seed in 0..300 {
        println!("seed {seed}");
        let (model, crashed, stopped) = runtime.block_on(simulate(seed));
        let model = look(&model);
        for (index, lane) in model.lanes.iter().enumerate() {
            let expected: Vec<_> = (0..MESSAGES).map(|message| body(index, message)).collect();
            let bodies: Vec<_> = lane
                .outputs
                .iter()
                .map(|(_, body)| String::from_utf8_lossy(body))
                .collect();
            assert_eq!(bodies, expected, "lane {index}");
            for (route, body) in &lane.outputs {
                let dead = matches!(&body[..1], b"p" | b"h" | b"r" | b"l");
                assert_eq!(*route == Route::DeadLetters, dead, "{body:?}");
            }
        }
        assert!(
            model.most_alive < IN_FLIGHT + FAILURES,
            "{} in flight",
            model.most_alive
        );
        crashes += crashed;
        stops += stopped;
        rewinds += model.rewinds;
        revocations += model.revocations;
        largest = largest.max(model.largest);
    }
    assert!(
        crashes > 100 && stops > 100 && rewinds > 1000 && revocations > 100,
        "{crashes} crashes, {stops} stops, {rewinds} rewinds, {revocations} revocations"
    );
    assert!(largest > 1, "nothing was settled together");
}

#[test]
fn with_the_policy_to_stop_the_pipeline_ends_at_the_message_that_cannot_be_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let model = model(1);
    let classifier = SimulatedClassifier(Mutex::new(Rng::with_seed(2)));
    let policy = policy(OnError::Stop, 2);
    let source = Box::new(SimulatedSource(Arc::clone(&model)));
    let settle = Arc::new(SimulatedSettle(Arc::clone(&model)));
    let shutdown = Shutdown::new();
    let ended = runtime.block_on(pipeline::run(
        source,
        settle,
        &classifier,
        &policy,
        &shutdown,
        &Meter::default(),
        |_| {},
    ));
    assert!(
        matches!(ended, Err(pipeline::PipelineError::Unanswered { .. })),
        "{ended:?}"
    );
    let model = look(&model);
    assert_eq!(model.alive, 0);
    for lane in &model.lanes {
        assert!(
            lane.outputs.iter().all(|(route, _)| *route == Route::Answers),
            "nothing became a dead letter"
        );
    }
}
