//! The broker in memory, as the seam sees it.

use async_trait::async_trait;
use host::broker::{
    Ack, BrokerError, Claim, Delivery, Demand, Durable, Event, Lane, Limits, NOT_PUBLISHABLE, Output, Room, Route,
    SettleError, Sink, Source, TOO_LARGE,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Memory, NEVER, Partition};

struct Token {
    memory: Memory,
    number: usize,
    epoch: u64,
    is_settled: bool,
}

impl Drop for Token {
    fn drop(&mut self) {
        let mut state = self.memory.lock();
        let partition = &state.input[self.number];
        if !self.is_settled && partition.epoch == self.epoch && !partition.is_revoked {
            state.rewind(self.number);
            drop(state);
            self.memory.changed.send_replace(());
        }
    }
}

pub struct MemorySource {
    pub memory: Memory,
    pub id: u64,
    pub changes: watch::Receiver<()>,
    pub joined: Instant,
}

/// No message of a test that limits their bytes is larger.
const LARGEST: usize = 2000;

impl MemorySource {
    fn has_no_event(&self) -> bool {
        let state = self.memory.lock();
        state
            .members
            .get(&self.id)
            .is_some_and(|member| member.events.is_empty())
    }

    fn next(&self, demand: Demand) -> Option<Event> {
        let mut state = self.memory.lock();
        if let Some(event) = state.members.get_mut(&self.id)?.events.pop_front() {
            return Some(event);
        }
        let is_ready = |partition: &Partition| {
            let there = u64::try_from(partition.log.len()).unwrap();
            partition.holder == Some(self.id) && !partition.is_revoked && partition.position < there
        };
        let ready: Vec<usize> = (0..state.input.len())
            .filter(|number| is_ready(&state.input[*number]))
            .collect();
        if demand == Demand::EventsOnly || ready.is_empty() {
            return None;
        }
        let number = *state.random.choice(&ready).unwrap();
        let partition = &mut state.input[number];
        let seq = partition.position;
        partition.position += 1;
        let token = Token {
            memory: self.memory.clone(),
            number,
            epoch: partition.epoch,
            is_settled: false,
        };
        Some(Event::Delivery(Delivery {
            message: partition.log[usize::try_from(seq).unwrap()].clone(),
            position: format!("{}/{seq}", partition.lane),
            claim: Claim::new(partition.lane.clone(), seq, partition.epoch, token),
        }))
    }
}

#[async_trait]
impl Source for MemorySource {
    async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError> {
        loop {
            self.changes.mark_unchanged();
            if let Some(event) = self.next(demand) {
                return Ok(event);
            }
            // A lease that ends changes nothing by itself.
            let looked = tokio::time::timeout(self.memory.lease / 10, self.changes.changed()).await;
            if looked.is_err() {
                self.memory.share_out();
            }
        }
    }

    fn more(&mut self, mut room: Room) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        while self.has_no_event() && room.take(LARGEST) {
            let Some(Event::Delivery(delivery)) = self.next(Demand::Deliveries) else {
                break;
            };
            deliveries.push(delivery);
        }
        deliveries
    }

    async fn listening_since(&mut self) -> Result<Instant, BrokerError> {
        Ok(self.joined)
    }

    fn cluster(&self) -> &str {
        "memory"
    }

    async fn close(self: Box<Self>) -> Result<(), BrokerError> {
        self.memory.lock().members.remove(&self.id);
        self.memory.share_out();
        Ok(())
    }
}

impl Drop for MemorySource {
    fn drop(&mut self) {
        if let Some(standing) = self.memory.lock().members.get_mut(&self.id) {
            standing.expires = Some(Instant::now() + self.memory.lease);
        }
    }
}

pub struct MemorySink(pub Memory);

#[async_trait]
impl Sink for MemorySink {
    async fn enqueue(&self, output: Output, _lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        let mut state = self.0.lock();
        let Output { route, message } = output;
        if route == Route::DeadLetters && state.letter_bytes.is_some_and(|limit| message.size() > limit) {
            return Err(BrokerError::Refused {
                code: TOO_LARGE,
                detail: "a letter is too large".to_owned(),
            });
        }
        if route == Route::Answers && message.body() == NEVER.as_bytes() {
            return Ok(Box::pin(async {
                tokio::task::yield_now().await;
                Err(BrokerError::Refused {
                    code: NOT_PUBLISHABLE,
                    detail: "never".to_owned(),
                })
            }));
        }
        let refused = state.refuse_outputs;
        if !refused {
            match route {
                Route::Answers => state.output.push(message),
                Route::DeadLetters => state.dead_letters.push(message),
            }
        }
        let is_lost = refused || state.loses();
        Ok(Box::pin(async move {
            tokio::task::yield_now().await;
            if is_lost {
                Err(BrokerError::Failed("no confirmation came".to_owned()))
            } else {
                Ok(())
            }
        }))
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        let state = self.0.lock();
        Ok(Limits {
            max_bytes: state.letter_bytes.filter(|_| route == Route::DeadLetters),
            needs_key: false,
        })
    }
}

pub struct MemoryAck(pub Memory);

#[async_trait]
impl Ack for MemoryAck {
    fn is_current(&self, claim: &Claim) -> bool {
        let token = claim.token::<Token>().unwrap();
        self.0.lock().input[token.number].epoch == token.epoch
    }

    async fn ack(&self, claim: Claim) -> Result<(), SettleError> {
        let (lane, offset) = (claim.lane.clone(), claim.seq);
        let mut token: Token = claim.into_token()?;
        let mut state = self.0.lock();
        let is_lost = state.loses();
        if is_lost || state.input[token.number].epoch != token.epoch {
            // The token's drop puts the lane back, and takes the lock for that.
            drop(state);
            return Err(SettleError::Rewound(vec![lane]));
        }
        token.is_settled = true;
        state.input[token.number].consumed.resolve(offset);
        drop(state);
        Ok(())
    }
}
