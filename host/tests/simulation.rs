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

use std::collections::{HashSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fastrand::Rng;
use host::broker::{
    Act, BrokerError, Claim, Delivery, Demand, Drained, Event, Lane, Limits, NOT_PUBLISHABLE, Output, Route, Settle,
    SettleError, Settled, Source, TOO_LARGE,
};
use host::message::Message;
use host::pipeline::{self, Answer, Cause, Classify, ClassifyError, Meter, OnError, Policy};
use host::shutdown::Shutdown;
use tokio::sync::oneshot;
use tokio::task::yield_now;

const LANES: usize = 3;
const MESSAGES: usize = 30;
const IN_FLIGHT: usize = 7;
/// This many failures are held back beside them.
const FAILURES: usize = 8;

/// What happens to each message, by the first letter of its body.
const KINDS: [&str; 6] = ["ok", "poison", "flaky", "hopeless", "refused", "large"];

#[derive(Default)]
struct LaneModel {
    epoch: u64,
    /// The next message to deliver, in this epoch.
    next: usize,
    /// The next one that may settle, in this epoch.
    accepted: usize,
    /// Durable.
    outputs: Vec<(Route, Bytes)>,
    pending: VecDeque<Pending>,
    revoked: Option<oneshot::Receiver<()>>,
}

/// An accepted act that is not durable yet.
struct Pending {
    output: (Route, Bytes),
    refusal: Option<BrokerError>,
    done: oneshot::Sender<Result<(), SettleError>>,
}

struct Model {
    rng: Rng,
    lanes: Vec<LaneModel>,
    /// Claims that exist, and the most that ever did.
    alive: usize,
    most_alive: usize,
    rewinds: usize,
    revocations: usize,
    /// The most acts that were settled together.
    largest: usize,
}

type Shared = Arc<Mutex<Model>>;

/// A failed assertion leaves the model as it was, and the claims that are then dropped must not fail over it once more.
fn look(model: &Shared) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lane(index: usize) -> Lane {
    Lane::new(format!("in/{index}"), 0)
}

/// The last message of a lane never says nothing about the classifier: after a crash it may be all that is left.
fn body(lane: usize, index: usize) -> String {
    format!("{} {lane}/{index}", KINDS[(lane * 7 + index * 5 + 3) % KINDS.len()])
}

impl Model {
    /// Aborts what is pending and goes back to what is durable.
    fn rewind(&mut self, index: usize) {
        let lane = &mut self.lanes[index];
        lane.epoch += 1;
        lane.next = lane.outputs.len();
        lane.accepted = lane.next;
        for pending in lane.pending.drain(..) {
            let _ = pending.done.send(Err(SettleError::Rewound(vec![self::lane(index)])));
        }
        self.rewinds += 1;
    }

    /// One thing that a broker does by itself.
    fn step(&mut self) {
        let index = self.rng.usize(..LANES);
        match self.rng.u32(..100) {
            0..=59 => {
                let lane = &mut self.lanes[index];
                match lane.pending.pop_front() {
                    Some(Pending {
                        refusal: Some(refusal),
                        done,
                        ..
                    }) => {
                        self.rewind(index);
                        let _ = done.send(Err(refusal.into()));
                    }
                    Some(Pending { output, done, .. }) => {
                        lane.outputs.push(output);
                        let _ = done.send(Ok(()));
                    }
                    None => {}
                }
            }
            60..=61 => self.rewind(index),
            _ => {}
        }
        for index in 0..LANES {
            let handed_over =
                |drained: &mut oneshot::Receiver<()>| drained.try_recv() != Err(oneshot::error::TryRecvError::Empty);
            if self.lanes[index].revoked.as_mut().is_some_and(handed_over) {
                self.lanes[index].revoked = None;
                assert!(
                    self.lanes[index].pending.is_empty(),
                    "drained while something was being settled"
                );
                self.rewind(index);
            }
        }
    }

    fn done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.outputs.len() == MESSAGES)
    }
}

/// Abandons its message unless it was settled.
struct Token {
    model: Shared,
    lane: usize,
    epoch: u64,
    settled: bool,
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut model = look(&self.model);
        model.alive -= 1;
        if !self.settled && model.lanes[self.lane].epoch == self.epoch {
            model.rewind(self.lane);
        }
    }
}

struct SimulatedSource(Shared);

#[async_trait]
impl Source for SimulatedSource {
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError> {
        loop {
            let event = {
                let mut model = look(&self.0);
                model.step();
                let index = model.rng.usize(..LANES);
                match model.rng.u32(..100) {
                    0 if model.lanes[index].revoked.is_none() => {
                        let (drained, wait) = Drained::new();
                        model.lanes[index].revoked = Some(wait);
                        model.revocations += 1;
                        Some(Event::Revoked(vec![lane(index)], drained))
                    }
                    1..=50 if demand == Demand::Deliveries => self.deliver(&mut model, index),
                    _ => None,
                }
            };
            match event {
                Some(event) => return Ok(event),
                None => yield_now().await,
            }
        }
    }

    async fn listening_since(&mut self) -> Result<tokio::time::Instant, BrokerError> {
        Ok(tokio::time::Instant::now())
    }

    fn cluster(&self) -> &str {
        "simulated"
    }

    async fn close(self: Box<Self>) -> Result<(), BrokerError> {
        Ok(())
    }
}

impl SimulatedSource {
    fn deliver(&self, model: &mut Model, index: usize) -> Option<Event> {
        let LaneModel { epoch, next, .. } = model.lanes[index];
        if next == MESSAGES || model.lanes[index].revoked.is_some() {
            return None;
        }
        model.lanes[index].next += 1;
        model.alive += 1;
        model.most_alive = model.most_alive.max(model.alive);
        let token = Token {
            model: Arc::clone(&self.0),
            lane: index,
            epoch,
            settled: false,
        };
        Some(Event::Delivery(Delivery {
            message: Message::new(body(index, next)),
            position: format!("in/{index}/{next}"),
            claim: Claim::new(lane(index), next as u64, epoch, token),
        }))
    }
}

/// An answer that is always refused, and a dead letter that is too large while it has a payload.
fn refusal(output: &Output) -> Option<BrokerError> {
    let code = match (output.route, output.message.body().first()) {
        (Route::Answers, Some(b'r')) => NOT_PUBLISHABLE,
        (Route::DeadLetters, Some(b'l')) => TOO_LARGE,
        _ => return None,
    };
    let detail = "refused".to_owned();
    Some(BrokerError::Refused { code, detail })
}

/// The message of an output, even if that has lost its payload.
fn body_of(output: &Message) -> Bytes {
    if !output.body().is_empty() {
        return output.payload.clone().unwrap();
    }
    assert!(output.header("error-truncated").is_some());
    let source = String::from_utf8(output.header("error-source").unwrap().to_vec()).unwrap();
    let [_, lane, index] = <[&str; 3]>::try_from(Vec::from_iter(source.split('/'))).unwrap();
    body(lane.parse().unwrap(), index.parse().unwrap()).into()
}

struct SimulatedSettle(Shared);

impl SimulatedSettle {
    async fn accept(&self, Act { claim, outputs }: Act) -> Result<Accepted, SettleError> {
        if look(&self.0).rng.bool() {
            yield_now().await;
        }
        let (seq, epoch, rewound) = (claim.seq as usize, claim.epoch, claim.rewound());
        let mut token: Token = claim.into_token().unwrap();
        let [output] = <[Output; 1]>::try_from(outputs).unwrap();
        let refusal = refusal(&output);
        let mut model = look(&self.0);
        if let Some(refusal) = refusal.clone().filter(|_| model.rng.bool()) {
            // The claim goes, which takes the model's lock.
            drop(model);
            return Err(refusal.into());
        }
        let lane = &mut model.lanes[token.lane];
        token.settled = true;
        if lane.epoch != epoch {
            drop(model);
            return Err(rewound);
        }
        assert_eq!(lane.accepted, seq, "in/{} settled out of order", token.lane);
        lane.accepted += 1;
        let (done, settled) = oneshot::channel();
        let output = (output.route, body_of(&output.message));
        lane.pending.push_back(Pending { output, refusal, done });
        drop(model);
        // The claim lives until its act is durable, as the bound on what is in flight demands.
        Ok((token, settled))
    }
}

type Accepted = (Token, oneshot::Receiver<Result<(), SettleError>>);

#[async_trait]
impl Settle for SimulatedSettle {
    async fn settle(&self, acts: Vec<Act>) -> Settled {
        let lanes: HashSet<_> = acts.iter().map(|act| act.claim.lane.clone()).collect();
        assert_eq!(lanes.len(), 1, "acts of one lane");
        {
            let mut model = look(&self.0);
            model.largest = model.largest.max(acts.len());
        }
        let mut accepted = Vec::new();
        for act in acts {
            accepted.push(self.accept(act).await);
        }
        Box::pin(async move {
            let mut results = Vec::new();
            for act in accepted {
                results.push(match act {
                    Ok((token, settled)) => {
                        let settled = settled.await.unwrap();
                        drop(token);
                        settled
                    }
                    Err(error) => Err(error),
                });
            }
            results
        })
    }

    async fn limits(&self, _route: Route) -> Result<Limits, BrokerError> {
        Ok(Limits::default())
    }
}

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

    async fn classify_all(&self, messages: &[&Message]) -> Result<Vec<Result<Answer, ClassifyError>>, ClassifyError> {
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

    fn digest(&self) -> &str {
        "simulated"
    }
}

fn model(seed: u64) -> Shared {
    Arc::new(Mutex::new(Model {
        rng: Rng::with_seed(seed),
        lanes: (0..LANES).map(|_| LaneModel::default()).collect(),
        alive: 0,
        most_alive: 0,
        rewinds: 0,
        revocations: 0,
        largest: 0,
    }))
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
