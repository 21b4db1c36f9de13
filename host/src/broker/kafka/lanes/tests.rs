#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::broker::ledger::testing::{Ended, Subject, check, steps};
use crate::broker::{Claim, Demand, Event};
use crate::message::Message;

fn token(lanes: &Shared) -> Token {
    let Some(Event::Delivery(delivery)) = lanes.next_event(Demand::Deliveries).unwrap() else {
        panic!("no delivery");
    };
    delivery.claim.into_token().unwrap()
}

#[test]
fn a_group_goes_past_the_end_once_every_message_is_committed_and_nothing_is_read_meanwhile() {
    let lanes = Arc::new(Lanes::new("topic"));
    lanes.gain(&[(0, 5)]);
    lanes.offer(0, [(5, Message::new("a"))]);
    lanes.pass_end(0, 7);
    assert_eq!(
        lanes.read_to(0),
        Some(6),
        "more may have come since the log ended there"
    );
    let mut accepted = None;
    let token = token(&lanes);
    let refused = lanes.accept(vec![token], |acts, _| accepted = Some(acts));
    assert!(refused.is_none());
    lanes.at_end(0);
    lanes.pass_end(0, 7);
    assert_eq!(lanes.uncommitted(), [], "a transaction is to commit what comes before");
    let Acts { partition, next, .. } = accepted.unwrap();
    lanes.committed(&[(partition, next)]);
    lanes.pass_end(0, 7);
    assert_eq!(lanes.uncommitted(), [(0, 7)]);
    assert!(lanes.takes(0).is_none());
    lanes.committed(&[(0, 7)]);
    assert_eq!(lanes.uncommitted(), []);
    assert!(lanes.takes(0).is_some());
}

#[test]
fn where_the_log_ended_before_a_lane_went_back_says_nothing_of_what_comes_again() {
    let lanes = Arc::new(Lanes::new("topic"));
    lanes.gain(&[(0, 5)]);
    lanes.offer(0, [(5, Message::new("a"))]);
    lanes.at_end(0);
    drop(token(&lanes));
    assert_eq!(lanes.seeks(), [(0, 5)]);
    lanes.sought(0, 5);
    lanes.pass_end(0, 7);
    assert_eq!((lanes.uncommitted(), lanes.read_to(0)), (vec![], Some(5)));
}

#[test]
fn damage_is_told_once_all_before_it_is_consumed() {
    let lanes = Arc::new(Lanes::new("topic"));
    lanes.gain(&[(0, 5)]);
    lanes.offer(0, [(5, Message::new("a"))]);
    lanes.damaged(0, "is damaged");
    assert!(lanes.takes(0).is_none());
    let token = token(&lanes);
    let (reply, _ended) = oneshot::channel();
    lanes.acknowledge(vec![token], reply).unwrap();
    assert!(lanes.next_event(Demand::Deliveries).unwrap().is_none());
    lanes.committed(&[(0, 6)]);
    let said = lanes.next_event(Demand::Deliveries).unwrap_err().to_string();
    assert!(said.starts_with("topic/0/6: the batch there is damaged"), "{said}");
}

/// A member without a cluster.
struct Member<const EXACTLY_ONCE: bool> {
    lanes: Shared,
    /// Of the open transaction.
    acts: Vec<(Acts, Reply)>,
}

impl<const EXACTLY_ONCE: bool> Member<EXACTLY_ONCE> {
    fn new() -> Self {
        let lanes = Arc::new(Lanes::new("topic"));
        let acts = Vec::new();
        Self { lanes, acts }
    }

    /// One transaction.
    fn transact(&mut self, most: usize, goes_through: bool, ended: &mut dyn FnMut(usize, Option<u64>)) {
        let most = most.min(self.acts.len());
        let is_current = |(act, _): &(Acts, Reply)| act.is_current();
        let (acts, stale): (Vec<_>, Vec<_>) = self.acts.drain(..most).partition(is_current);
        for (act, reply) in acts {
            ended(act.partition as usize, goes_through.then_some(act.next));
            match goes_through {
                true => self.lanes.committed(&[(act.partition, act.next)]),
                false => act.abort(),
            }
            let _ = reply.send(if goes_through { Ok(()) } else { Err(act.rewound()) });
        }
        for (act, reply) in stale {
            let _ = reply.send(Err(act.rewound()));
        }
    }
}

impl<const EXACTLY_ONCE: bool> Subject for Member<EXACTLY_ONCE> {
    const IN_ORDER: bool = EXACTLY_ONCE;

    fn gain(&mut self, lane: usize, next: u64) {
        self.lanes.gain(&[(lane as i32, next)]);
    }

    fn revoke(&mut self, lane: usize) {
        assert!(self.lanes.revoke(&[lane as i32]).is_some());
    }

    fn lose(&mut self, lane: usize) {
        self.lanes.lose(&[lane as i32], false);
    }

    fn read(&mut self, lane: usize, _next: u64, end: u64) {
        for (partition, offset) in self.lanes.seeks() {
            self.lanes.sought(partition, offset);
        }
        let partition = lane as i32;
        let next = self.lanes.read_to(partition).filter(|next| *next < end);
        if let Some(next) = next.filter(|_| self.lanes.takes(partition).is_some()) {
            self.lanes.offer(partition, [(next, Message::new("message"))]);
        }
    }

    fn deliver(&mut self) -> Option<Event> {
        self.lanes.next_event(Demand::Deliveries).unwrap()
    }

    fn settle(&mut self, claim: Claim) -> Result<Ended, SettleError> {
        let token = claim.into_token().unwrap();
        let (reply, ended) = oneshot::channel();
        match EXACTLY_ONCE {
            true => {
                let refused = self.lanes.accept(vec![token], |acts, _| self.acts.push((acts, reply)));
                refused.map_or(Ok(()), Err)?;
            }
            false => self.lanes.acknowledge(vec![token], reply)?,
        }
        Ok(ended)
    }

    fn commit(&mut self, most: usize, goes_through: bool, ended: &mut dyn FnMut(usize, Option<u64>)) {
        if EXACTLY_ONCE {
            self.transact(most, goes_through, ended);
        } else if goes_through {
            let offsets = self.lanes.uncommitted();
            for (partition, next) in &offsets {
                ended(*partition as usize, Some(*next));
            }
            self.lanes.committed(&offsets);
            assert_eq!(self.lanes.uncommitted(), []);
        }
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
