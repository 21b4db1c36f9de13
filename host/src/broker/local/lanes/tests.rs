#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::broker::ledger::testing::{Ended, Subject, check, steps};
use crate::broker::local::testing::{LONG, Place, next};
use crate::broker::{Claim, Delivery, Demand, Event};
use crate::message::Message;

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
    for _ in 0..AHEAD.messages {
        place.read(&member.lanes);
    }
    let cursor = member.lanes.cursors().unwrap().0[0];
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let late = Message::new("late");
            member.lanes.offer(cursor, cursor.position.unwrap(), late);
            done.send(()).unwrap();
        });
        assert!(is_done.recv_timeout(Duration::from_millis(100)).is_err());
        drop(first);
        is_done.recv_timeout(test_brokers::DEADLINE).unwrap();
    });
    assert!(next(&member.lanes).is_none());
}

/// A member without a file. `STRICT`: as a pipeline within one file settles.
struct Member<const STRICT: bool> {
    lanes: Arc<Lanes>,
    accepted: Vec<(Consumed, Vec<Reply>)>,
    last_fence: i64,
    /// The file: each partition's fence and offset.
    file: [(i64, u64); 3],
}

impl<const STRICT: bool> Member<STRICT> {
    fn new() -> Self {
        Self {
            lanes: Arc::new(Lanes::new(Path::new("host.db").into(), "group", "topic")),
            accepted: Vec::new(),
            last_fence: 0,
            file: [(0, 0); 3],
        }
    }
}

impl<const STRICT: bool> Subject for Member<STRICT> {
    const IN_ORDER: bool = STRICT;

    fn gain(&mut self, lane: usize, next: u64) {
        self.last_fence += 1;
        self.file[lane] = (self.last_fence, next);
        self.lanes.gain(Gain {
            partition: lane as i64,
            number: lane as u32,
            fence: self.last_fence,
            next,
        });
    }

    fn revoke(&mut self, lane: usize) {
        assert!(self.lanes.revoke(&[lane as i64]).is_some());
    }

    fn lose(&mut self, lane: usize) {
        self.lanes.lose(&[lane as i64], false);
        self.last_fence += 1;
        self.file[lane].0 = self.last_fence;
    }

    fn read(&mut self, lane: usize, next: u64, end: u64) {
        let (cursors, _) = self.lanes.cursors().unwrap();
        let Some(cursor) = cursors.into_iter().find(|cursor| cursor.partition == lane as i64) else {
            return;
        };
        let position = cursor.position.unwrap_or_else(|| {
            self.lanes.reload(cursor, next);
            next
        });
        if position < end && self.lanes.lock().has_room() {
            self.lanes.offer(cursor, position, Message::new("message"));
        }
    }

    fn deliver(&mut self) -> Option<Event> {
        self.lanes.next_event(Demand::Deliveries).unwrap()
    }

    fn settle(&mut self, claim: Claim) -> Result<Ended, SettleError> {
        let order = if STRICT { Order::Strict } else { Order::Any };
        let (reply, ended) = oneshot::channel();
        self.lanes
            .accept(claim.into_token().unwrap(), order, reply, |consumed, replies| {
                self.accepted.push((consumed, replies));
            })?;
        Ok(ended)
    }

    fn commit(&mut self, most: usize, goes_through: bool, ended: &mut dyn FnMut(usize, Option<u64>)) {
        let most = most.min(self.accepted.len());
        for (consumed, replies) in self.accepted.drain(..most) {
            let lane = consumed.partition as usize;
            let (fence, next) = &mut self.file[lane];
            let is_expected = (*fence, *next) == (consumed.fence, consumed.from);
            if is_expected {
                *next = if goes_through { consumed.to } else { *next };
                ended(lane, goes_through.then_some(consumed.to));
            }
            consumed.end(is_expected && goes_through);
            for reply in replies {
                let _ = reply.send(match is_expected && goes_through {
                    true => Ok(()),
                    false => Err(consumed.rewound()),
                });
            }
        }
        assert_eq!(self.lanes.finish(Duration::ZERO), self.accepted.is_empty());
    }

    fn end(&mut self) {
        self.lanes.end(Standing::Closing);
    }
}

proptest! {
    #[test]
    fn whatever_happens_a_lane_is_delivered_and_consumed_in_order(steps in steps(), ends: bool) {
        check(Member::<true>::new(), &steps, ends);
    }

    #[test]
    fn whatever_happens_a_lane_that_is_acknowledged_in_any_order_is_consumed_in_its_own(steps in steps(), ends: bool) {
        check(Member::<false>::new(), &steps, ends);
    }
}
