//! A claim's life: delivered, then accepted or abandoned, then committed or undone.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::{Ahead, Lanes};
use crate::broker::{BrokerError, Claim, Delivery, Demand, Event, Lane, SettleError};

/// Tells the caller how its act ended.
pub(in crate::broker::local) type Reply = oneshot::Sender<Result<(), SettleError>>;

/// A claim's token.
#[derive(Debug)]
pub(in crate::broker::local) struct Token {
    pub lanes: Arc<Lanes>,
    lane: Lane,
    partition: i64,
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
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.accepted {
            self.lanes.abandon(self.partition, self.epoch);
        }
    }
}

/// Whether claims of a lane must be settled in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::broker::local) enum Order {
    Strict,
    Any,
}

/// The range of a partition that a commit consumes.
#[derive(Debug)]
pub(in crate::broker::local) struct Consumed {
    pub lanes: Arc<Lanes>,
    pub partition: i64,
    pub fence: i64,
    pub from: u64,
    pub to: u64,
    lane: Lane,
    epoch: u64,
}

impl Consumed {
    /// The answer to a claim whose lane has moved to another member.
    pub fn rewound(&self) -> SettleError {
        SettleError::Rewound(vec![self.lane.clone()])
    }

    /// The commit has ended: it succeeded, or nothing of it happened.
    pub fn end(&self, went_through: bool) {
        let mut guard = self.lanes.lock();
        let state = &mut *guard;
        state.unfinished -= 1;
        let epoch = state.next_epoch();
        let held = state.held.get_mut(&self.partition);
        // After a failure everything that was accepted later fails too: only the first puts the lane back.
        if let Some(held) =
            held.filter(|held| held.fence == self.fence && self.epoch >= held.intact_since && !went_through)
        {
            held.restart(epoch, None);
            held.intact_since = epoch;
            state.discard(self.partition);
        }
        drop(guard);
        self.lanes.reading.notify_all();
        self.lanes.leaving.notify_all();
    }
}

impl Lanes {
    /// The next event, or none.
    pub fn next_event(self: &Arc<Self>, demand: Demand) -> Result<Option<Event>, BrokerError> {
        let mut state = self.lock();
        if let Some(event) = state.events.pop_front() {
            return Ok(Some(event));
        }
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        if demand == Demand::EventsOnly {
            return Ok(None);
        }
        let Some(Ahead {
            partition,
            offset,
            message,
        }) = state.ahead.pop_front()
        else {
            return Ok(None);
        };
        self.reading.notify_all();
        // Ending a lane's epoch discards everything read ahead of it, so the lane is here.
        let Some(held) = state.held.get(&partition) else {
            return Ok(None);
        };
        let token = Token {
            lanes: Arc::clone(self),
            lane: held.lane.clone(),
            partition,
            offset,
            epoch: held.epoch,
            accepted: false,
        };
        Ok(Some(Event::Delivery(Delivery {
            message,
            position: format!("{}/{offset}", held.lane),
            claim: Claim::new(held.lane.clone(), offset, held.epoch, token),
        })))
    }

    /// Accepts a claim, and hands on the range by which it moves the watermark, with the callers that wait for a part
    /// of it. A claim ahead of its turn, which only [`Order::Any`] allows, hands on nothing. `hand_on` must not
    /// block.
    pub fn accept(
        self: &Arc<Self>,
        mut token: Token,
        order: Order,
        reply: Reply,
        hand_on: impl FnOnce(Consumed, Vec<Reply>),
    ) -> Result<(), SettleError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let held = state.held.get_mut(&token.partition);
        let Some(held) = held.filter(|held| held.epoch == token.epoch) else {
            return Err(SettleError::Rewound(vec![token.lane.clone()]));
        };
        let from = held.watermark.next();
        if order == Order::Strict && token.offset != from {
            return Err(SettleError::Broker(BrokerError::Failed(format!(
                "{}/{} was settled out of order: offset {from} is next",
                token.lane, token.offset
            ))));
        }
        token.accepted = true;
        held.waiting.insert(token.offset, reply);
        if let Some(to) = held.watermark.resolve(token.offset) {
            let later = held.waiting.split_off(&to);
            let replies = std::mem::replace(&mut held.waiting, later).into_values().collect();
            let consumed = Consumed {
                lanes: Arc::clone(self),
                partition: token.partition,
                fence: held.fence,
                from,
                to,
                lane: held.lane.clone(),
                epoch: held.epoch,
            };
            state.unfinished += 1;
            // Under the lock, so that the commits of a lane are queued in its order.
            hand_on(consumed, replies);
        }
        Ok(())
    }

    /// Puts the lane back to the first claim that was not accepted.
    fn abandon(&self, partition: i64, epoch: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let next_epoch = state.next_epoch();
        let held = state.held.get_mut(&partition);
        if let Some(held) = held.filter(|held| held.epoch == epoch) {
            let next = held.watermark.next();
            held.restart(next_epoch, Some(next));
            state.discard(partition);
        }
        drop(guard);
        self.reading.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::broker::local::testing::{LONG, Place, next};

    type Accepted = (Option<(u64, u64)>, oneshot::Receiver<Result<(), SettleError>>);

    /// Accepts a claim: the range that it hands on, and the reply that reports its end.
    fn accept(delivery: Delivery, order: Order) -> Result<Accepted, SettleError> {
        let token: Token = delivery.claim.into_token().unwrap();
        let (reply, ended) = oneshot::channel();
        let mut stretch = None;
        let lanes = Arc::clone(&token.lanes);
        lanes.accept(token, order, reply, |consumed, _| {
            stretch = Some((consumed.from, consumed.to));
        })?;
        Ok((stretch, ended))
    }

    #[test]
    fn acknowledgements_in_any_order_move_the_place_over_what_is_contiguous() {
        let place = Place::new(1);
        place.fill(3);
        let member = place.join(LONG);
        let mut deliveries = Vec::new();
        for _ in 0..3 {
            place.read(&member.lanes);
            deliveries.push(next(&member.lanes).unwrap());
        }
        let (third, second, first) = (
            deliveries.pop().unwrap(),
            deliveries.pop().unwrap(),
            deliveries.pop().unwrap(),
        );
        assert_eq!(accept(third, Order::Any).unwrap().0, None);
        assert_eq!(accept(first, Order::Any).unwrap().0, Some((0, 1)));
        assert_eq!(accept(second, Order::Any).unwrap().0, Some((1, 3)));
    }

    #[test]
    fn an_acknowledgement_that_waits_for_one_that_is_abandoned_is_rewound() {
        let place = Place::new(1);
        place.fill(2);
        let member = place.join(LONG);
        place.read(&member.lanes);
        place.read(&member.lanes);
        let first = next(&member.lanes).unwrap();
        let (_, mut ended) = accept(next(&member.lanes).unwrap(), Order::Any).unwrap();
        drop(first);
        assert!(matches!(ended.try_recv(), Ok(Err(SettleError::Rewound(_)))));
    }

    #[test]
    fn a_claim_that_is_settled_out_of_turn_is_refused_and_comes_again() {
        let place = Place::new(1);
        place.fill(2);
        let member = place.join(LONG);
        place.read(&member.lanes);
        place.read(&member.lanes);
        let first = next(&member.lanes).unwrap();
        let error = accept(next(&member.lanes).unwrap(), Order::Strict).unwrap_err();
        assert!(
            error.to_string().contains("topic/0/1 was settled out of order"),
            "{error}"
        );
        place.read(&member.lanes);
        let again = next(&member.lanes).unwrap();
        assert_eq!(again.claim.seq, 0);
        assert!(again.claim.epoch > first.claim.epoch);
    }

    #[test]
    fn the_look_ahead_is_bounded_and_what_waits_for_room_is_dropped_with_its_epoch() {
        let place = Place::new(1);
        place.fill(9);
        let member = place.join(LONG);
        let first = {
            place.read(&member.lanes);
            next(&member.lanes).unwrap()
        };
        for _ in 0..super::super::AHEAD_MESSAGES {
            place.read(&member.lanes);
        }
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                place.read(&member.lanes);
                done.send(()).unwrap();
            });
            assert!(is_done.recv_timeout(Duration::from_millis(100)).is_err());
            drop(first);
            is_done.recv_timeout(test_brokers::DEADLINE).unwrap();
        });
        assert!(member.lanes.lock().ahead.is_empty());
    }
}
