//! The broker that is simulated, and the model that it is held against.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use fastrand::Rng;
use host::broker::{
    Act, BrokerError, Claim, Delivery, Demand, Drained, Event, Lane, Limits, NOT_PUBLISHABLE, Output, Room, Route,
    Settle, SettleError, Settled, Source, TOO_LARGE,
};
use host::message::Message;
use tokio::sync::oneshot;
use tokio::task::yield_now;

pub const LANES: usize = 3;
pub const MESSAGES: usize = 30;
/// No body is longer. Bytes.
const LARGEST: usize = 20;

/// What happens to each message, by the first letter of its body.
const KINDS: [&str; 6] = ["ok", "poison", "flaky", "hopeless", "refused", "large"];

#[derive(Default)]
pub struct LaneModel {
    epoch: u64,
    /// The next message to deliver, in this epoch.
    next: usize,
    /// The next one that may settle, in this epoch.
    accepted: usize,
    /// Durable.
    pub outputs: Vec<(Route, Bytes)>,
    pending: VecDeque<Pending>,
    pub revoked: Option<oneshot::Receiver<()>>,
}

/// An accepted act that is not durable yet.
struct Pending {
    output: (Route, Bytes),
    refusal: Option<BrokerError>,
    done: oneshot::Sender<Result<(), SettleError>>,
}

pub struct Model {
    pub rng: Rng,
    pub lanes: Vec<LaneModel>,
    /// Claims that exist, and the most that ever did.
    pub alive: usize,
    pub most_alive: usize,
    pub rewinds: usize,
    pub revocations: usize,
    /// The most acts that were settled together.
    pub largest: usize,
}

pub type Shared = Arc<Mutex<Model>>;

/// A failed assertion leaves the model as it was, and the claims that are then dropped must not fail over it once more.
pub fn look(model: &Shared) -> MutexGuard<'_, Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

fn lane(index: usize) -> Lane {
    Lane::new(format!("in/{index}"), 0)
}

/// The last message of a lane never says nothing about the classifier: after a crash it may be all that is left.
pub fn body(lane: usize, index: usize) -> String {
    format!("{} {lane}/{index}", KINDS[(lane * 7 + index * 5 + 3) % KINDS.len()])
}

impl Model {
    /// Aborts what is pending and goes back to what is durable.
    pub fn rewind(&mut self, index: usize) {
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

    pub fn done(&self) -> bool {
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

pub struct SimulatedSource(pub Shared);

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
                    1..=50 if demand == Demand::Deliveries => self.deliver(&mut model, index).map(Event::Delivery),
                    _ => None,
                }
            };
            match event {
                Some(event) => return Ok(event),
                None => yield_now().await,
            }
        }
    }

    fn more(&mut self, mut room: Room) -> Vec<Delivery> {
        let mut model = look(&self.0);
        let mut deliveries = Vec::new();
        while model.rng.u32(..3) > 0 && room.take(LARGEST) {
            let index = model.rng.usize(..LANES);
            deliveries.extend(self.deliver(&mut model, index));
        }
        deliveries
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
    fn deliver(&self, model: &mut Model, index: usize) -> Option<Delivery> {
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
        Some(Delivery {
            message: Message::new(body(index, next)),
            position: format!("in/{index}/{next}"),
            claim: Claim::new(lane(index), next as u64, epoch, token),
        })
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

pub struct SimulatedSettle(pub Shared);

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

pub fn model(seed: u64) -> Shared {
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
