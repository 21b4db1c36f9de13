//! A claim's life: delivered, then acknowledged or accepted or abandoned.

use std::sync::Arc;

use super::{Ahead, Lanes, Reply, State};
use crate::broker::{BrokerError, Claim, Delivery, Demand, Event, Lane, SettleError};

/// A claim's token.
#[derive(Debug)]
pub(in crate::broker::kafka) struct Token {
    pub lanes: Arc<Lanes>,
    lane: Lane,
    partition: i32,
    offset: u64,
    epoch: u64,
    accepted: bool,
}

impl Token {
    pub fn is_current(&self) -> bool {
        let state = self.lanes.lock();
        let held = state.held.get(&self.partition);
        held.is_some_and(|held| held.epoch == self.epoch)
    }

    fn rewound(&self) -> SettleError {
        SettleError::Rewound(vec![self.lane.clone()])
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.accepted {
            self.lanes.abandon(self.partition, self.epoch);
        }
    }
}

/// An act that a transaction has accepted: once it is committed, the group continues at `next`.
#[derive(Debug)]
pub(in crate::broker::kafka) struct Act {
    pub lanes: Arc<Lanes>,
    pub partition: i32,
    pub next: u64,
    pub lane: Lane,
    epoch: u64,
}

impl Act {
    /// Its lane is still held, and nothing before it was aborted.
    pub fn is_current(&self) -> bool {
        let state = self.lanes.lock();
        let held = state.held.get(&self.partition);
        held.is_some_and(|held| self.epoch >= held.intact_since)
    }

    /// The answer to its claim if its lane has moved to another member.
    pub fn rewound(&self) -> SettleError {
        SettleError::Rewound(vec![self.lane.clone()])
    }

    /// Its transaction is committed.
    pub fn commit(&self) {
        self.lanes.committed(&[(self.partition, self.next)]);
    }

    /// Its transaction is aborted: the lane goes back to the committed offset. Only the first act of each lane does
    /// so.
    pub fn abort(&self) {
        let mut guard = self.lanes.lock();
        let state = &mut *guard;
        let epoch = state.next_epoch();
        let held = state.held.get_mut(&self.partition);
        if let Some(held) = held.filter(|held| self.epoch >= held.intact_since) {
            let committed = held.committed;
            held.restart(epoch, Some(committed));
            held.intact_since = epoch;
            held.accepted = committed;
            state.discard(self.partition);
        }
        drop(guard);
        self.lanes.call();
    }
}

impl Lanes {
    /// The next event, or none.
    pub fn next_event(self: &Arc<Self>, demand: Demand) -> Result<Option<Event>, BrokerError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(event) = state.events.pop_front() {
            return Ok(Some(event));
        }
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        if demand == Demand::EventsOnly {
            return Ok(None);
        }
        let Some(ahead) = state.ahead.pop_front() else {
            return Ok(None);
        };
        state.ahead_bytes -= ahead.message.size();
        let delivery = self.deliver(state, ahead);
        drop(guard);
        // There is room to read ahead.
        self.call();
        Ok(delivery.map(Event::Delivery))
    }

    /// None for a lane that is not held any more; ending its epoch discarded what was read ahead of it, so this does
    /// not happen.
    fn deliver(self: &Arc<Self>, state: &mut State, ahead: Ahead) -> Option<Delivery> {
        let Ahead {
            partition,
            offset,
            message,
        } = ahead;
        let held = state.held.get_mut(&partition)?;
        let token = Token {
            lanes: Arc::clone(self),
            lane: held.lane.clone(),
            partition,
            offset,
            epoch: held.epoch,
            accepted: false,
        };
        Some(Delivery {
            message,
            position: format!("{}/{offset}", held.lane),
            claim: Claim::new(held.lane.clone(), offset, held.epoch, token),
        })
    }

    /// Consumes a claim, in any order. `reply` resolves when the broker has confirmed it and everything before it.
    pub fn acknowledge(&self, mut token: Token, reply: Reply) -> Result<(), SettleError> {
        let mut state = self.lock();
        let held = state.held.get_mut(&token.partition);
        let Some(held) = held.filter(|held| held.epoch == token.epoch) else {
            return Err(token.rewound());
        };
        token.accepted = true;
        held.waiting.insert(token.offset, reply);
        let advanced = held.watermark.resolve(token.offset);
        drop(state);
        if advanced.is_some() {
            self.call_committer();
        }
        Ok(())
    }

    /// Accepts a claim, in the order of its lane, for a transaction that commits its offset. `hand_on` must not
    /// block.
    pub fn accept(self: &Arc<Self>, mut token: Token, hand_on: impl FnOnce(Act)) -> Result<(), SettleError> {
        let mut state = self.lock();
        let held = state.held.get_mut(&token.partition);
        let Some(held) = held.filter(|held| held.epoch == token.epoch) else {
            return Err(token.rewound());
        };
        let expected = held.watermark.next();
        let in_turn = (expected == token.offset).then(|| held.watermark.resolve(token.offset));
        let Some(next) = in_turn.flatten() else {
            return Err(SettleError::Broker(BrokerError::Failed(format!(
                "{}/{} was settled out of order: offset {expected} is next",
                token.lane, token.offset
            ))));
        };
        token.accepted = true;
        held.accepted = next;
        // Under the lock, so that the acts of a lane are handed on in its order.
        hand_on(Act {
            lanes: Arc::clone(self),
            partition: token.partition,
            next,
            lane: held.lane.clone(),
            epoch: held.epoch,
        });
        Ok(())
    }

    /// Puts the lane back to the first claim that has not settled. A lane that is being revoked stays: nobody reads
    /// it again here, and what is being settled must finish.
    fn abandon(&self, partition: i32, epoch: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let next_epoch = state.next_epoch();
        let held = state.held.get_mut(&partition);
        if let Some(held) = held.filter(|held| held.epoch == epoch && !held.is_revoked) {
            let settled = held.watermark.next();
            held.restart(next_epoch, Some(settled));
            state.discard(partition);
        }
        drop(guard);
        self.call();
    }
}
