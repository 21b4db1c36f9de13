//! A model of lanes of offsets, which a broker's lanes must agree with whatever happens to them, in any order.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;

use proptest::prelude::*;
use tokio::sync::oneshot;

use crate::broker::{Claim, Delivery, Event, SettleError};

const LANES: usize = 3;
/// Messages of each lane.
const LOG: u64 = 12;

/// One thing that happens. Lanes and claims are taken modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker) enum Step {
    Gain(usize),
    Revoke(usize),
    Lose(usize),
    Read(usize),
    Deliver,
    Settle(usize),
    Abandon(usize),
    /// The first acts that were accepted, this many at most, are committed, or fail.
    Commit(usize, bool),
}

pub(in crate::broker) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = || 0..16usize;
    let step = prop_oneof![
        2 => any().prop_map(Step::Gain),
        1 => any().prop_map(Step::Revoke),
        1 => any().prop_map(Step::Lose),
        8 => any().prop_map(Step::Read),
        8 => Just(Step::Deliver),
        6 => any().prop_map(Step::Settle),
        2 => any().prop_map(Step::Abandon),
        3 => (1..8usize, any()).prop_map(|(most, turn)| Step::Commit(most, turn % 3 > 0)),
    ];
    prop::collection::vec(step, 0..120)
}

/// How an act ended: see [`Reply`](super::Reply).
pub(in crate::broker) type Ended = oneshot::Receiver<Result<(), SettleError>>;

/// A broker's lanes, with a reader and a committer that work only when they are told to.
pub(in crate::broker) trait Subject {
    /// Claims of a lane settle in its order only.
    const IN_ORDER: bool;

    fn gain(&mut self, lane: usize, next: u64);
    fn revoke(&mut self, lane: usize);
    fn lose(&mut self, lane: usize);
    /// Reads the next message of a lane ahead if there is room, one before `end`. `next`: where the group is.
    fn read(&mut self, lane: usize, next: u64, end: u64);
    fn deliver(&mut self) -> Option<Event>;
    fn settle(&mut self, claim: Claim) -> Result<Ended, SettleError>;
    /// Commits the first acts that were accepted, `most` of them, or fails to. `ended` is told of each lane in them its new
    /// offset, or none where that puts the lane back.
    fn commit(&mut self, most: usize, goes_through: bool, ended: &mut dyn FnMut(usize, Option<u64>));
    /// The source ends.
    fn end(&mut self);
}

#[derive(Default)]
struct Lane {
    /// The group's offset.
    consumed: u64,
    /// Settled and not consumed.
    settled: BTreeSet<u64>,
    is_held: bool,
    is_revoked: bool,
    /// The epoch of the last delivery. None: the next delivery is the first of a new one.
    epoch: Option<u64>,
    /// The next delivery.
    next: u64,
    /// The first that was abandoned while the lane was being revoked: nothing from there on settles in order.
    gap: Option<u64>,
}

impl Lane {
    fn first_unsettled(&self) -> u64 {
        (self.consumed..).find(|offset| !self.settled.contains(offset)).unwrap()
    }

    /// The epoch has ended: only what settled before `to` still counts.
    fn go_back(&mut self, to: u64) {
        self.settled.split_off(&to);
        self.next = to;
        self.epoch = None;
        self.gap = None;
    }
}

/// Runs the steps against a broker's lanes, then lets everything end well, or ends the source.
pub(in crate::broker) fn check<S: Subject>(subject: S, steps: &[Step], ends: bool) {
    let mut model = Model {
        subject,
        lanes: (0..LANES).map(|_| Lane::default()).collect(),
        claims: Vec::new(),
        waiting: Vec::new(),
        epochs: BTreeSet::new(),
    };
    for step in steps {
        model.step(*step);
        model.look();
    }
    match ends {
        true => model.end(),
        false => model.settle_everything(),
    }
}

struct Model<S> {
    subject: S,
    lanes: Vec<Lane>,
    claims: Vec<(usize, Claim)>,
    /// What settled and has not ended: its lane, offset and end.
    waiting: Vec<(usize, u64, Ended)>,
    /// Every epoch that has been.
    epochs: BTreeSet<u64>,
}

impl<S: Subject> Model<S> {
    fn step(&mut self, step: Step) {
        match step {
            Step::Gain(lane) => self.gain(lane % LANES),
            Step::Revoke(lane) => {
                let number = lane % LANES;
                let lane = &mut self.lanes[number];
                if lane.is_held && !lane.is_revoked {
                    lane.is_revoked = true;
                    self.subject.revoke(number);
                }
            }
            Step::Lose(lane) => self.lose(lane % LANES),
            Step::Read(lane) => {
                let lane = lane % LANES;
                self.subject.read(lane, self.lanes[lane].consumed, LOG);
            }
            Step::Deliver => drop(self.deliver()),
            Step::Settle(claim) if !self.claims.is_empty() => self.settle(claim % self.claims.len()),
            Step::Abandon(claim) if !self.claims.is_empty() => self.abandon(claim % self.claims.len()),
            Step::Settle(_) | Step::Abandon(_) => {}
            Step::Commit(most, goes_through) => self.commit(most, goes_through),
        }
    }

    fn gain(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        if !lane.is_held {
            (lane.is_held, lane.is_revoked) = (true, false);
            self.subject.gain(number, lane.consumed);
        }
    }

    fn lose(&mut self, number: usize) {
        let lane = &mut self.lanes[number];
        if lane.is_held {
            lane.is_held = false;
            lane.go_back(lane.consumed);
            self.subject.lose(number);
        }
    }

    /// True: there was something.
    fn deliver(&mut self) -> bool {
        let delivery = match self.subject.deliver() {
            Some(Event::Delivery(delivery)) => delivery,
            Some(Event::Revoked(..)) => return true,
            None => {
                assert!(
                    self.subject.deliver().is_none(),
                    "nothing was there, and then something"
                );
                return false;
            }
        };
        let Delivery { claim, position, .. } = delivery;
        let number = usize::try_from(claim.lane.number().unwrap()).unwrap();
        let lane = &mut self.lanes[number];
        assert_eq!(position, format!("{}/{}", claim.lane, claim.seq));
        assert!(
            lane.is_held && !lane.is_revoked,
            "{claim:?}: of a lane that is not read"
        );
        assert_eq!(claim.seq, lane.next, "{claim:?}: repeated or skipped");
        match lane.epoch {
            Some(epoch) => assert_eq!(claim.epoch, epoch, "{claim:?}: another epoch without a reason"),
            None => assert!(self.epochs.insert(claim.epoch), "{claim:?}: an epoch that has been"),
        }
        lane.epoch = Some(claim.epoch);
        lane.next += 1;
        self.claims.push((number, claim));
        true
    }

    fn is_current(&self, (lane, claim): &(usize, Claim)) -> bool {
        self.lanes[*lane].epoch == Some(claim.epoch)
    }

    fn settle(&mut self, mut index: usize) {
        let chosen = &self.claims[index];
        let (number, epoch) = (chosen.0, chosen.1.epoch);
        let is_current = self.is_current(chosen);
        if S::IN_ORDER && is_current {
            let same = self.claims.iter().enumerate();
            let same = same.filter(|(_, (lane, claim))| *lane == number && claim.epoch == epoch);
            index = same.min_by_key(|(_, (_, claim))| claim.seq).unwrap().0;
        }
        let (_, claim) = self.claims.swap_remove(index);
        let seq = claim.seq;
        let lane = &mut self.lanes[number];
        if S::IN_ORDER && is_current && lane.gap.is_some_and(|gap| seq > gap) {
            // Nobody settles past a gap. That it is abandoned, too, changes nothing.
            return;
        }
        match self.subject.settle(claim) {
            Ok(ended) => {
                assert!(is_current, "a claim of an epoch that has ended settled");
                lane.settled.insert(seq);
                self.waiting.push((number, seq, ended));
            }
            Err(SettleError::Rewound(lanes)) => {
                assert!(!is_current, "a claim of the current epoch was rewound: {lanes:?}/{seq}");
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn abandon(&mut self, index: usize) {
        let is_current = self.is_current(&self.claims[index]);
        let (number, claim) = self.claims.swap_remove(index);
        let seq = claim.seq;
        drop(claim);
        let lane = &mut self.lanes[number];
        if is_current && lane.is_revoked {
            lane.gap = Some(lane.gap.map_or(seq, |gap| gap.min(seq)));
        } else if is_current {
            lane.go_back(lane.first_unsettled());
        }
    }

    fn commit(&mut self, most: usize, goes_through: bool) {
        let lanes = &mut self.lanes;
        self.subject.commit(most, goes_through, &mut |number, to| {
            let lane = &mut lanes[number];
            let Some(to) = to else {
                return lane.go_back(lane.consumed);
            };
            assert!(to >= lane.consumed, "{number} moved back to {to}");
            for offset in lane.consumed..to {
                assert!(
                    lane.settled.remove(&offset),
                    "{number}/{offset} was consumed and had not settled"
                );
            }
            lane.consumed = to;
        });
    }

    /// Whoever was told that an act is consumed was told the truth.
    fn look(&mut self) {
        let lanes = &self.lanes;
        self.waiting
            .retain_mut(|(number, offset, ended)| match ended.try_recv() {
                Ok(Ok(())) => {
                    assert!(*offset < lanes[*number].consumed, "{number}/{offset} is not consumed");
                    false
                }
                Ok(Err(SettleError::Rewound(_))) => false,
                Ok(Err(error)) => panic!("{error}"),
                Err(oneshot::error::TryRecvError::Empty) => true,
                Err(error) => panic!("{number}/{offset}: {error}"),
            });
    }

    /// With every lane held, every message read and every claim settled, all of it is consumed and nobody waits.
    fn settle_everything(&mut self) {
        for number in 0..LANES {
            if self.lanes[number].is_revoked {
                self.lose(number);
            }
            self.gain(number);
        }
        // Each time a message of each lane, unless what is read ahead of the others leaves no room.
        for _ in 0..2 * LOG {
            for number in 0..LANES {
                self.subject.read(number, self.lanes[number].consumed, LOG);
            }
            while self.deliver() {}
            while !self.claims.is_empty() {
                self.settle(0);
            }
            self.commit(usize::MAX, true);
            self.look();
        }
        let consumed: Vec<u64> = self.lanes.iter().map(|lane| lane.consumed).collect();
        assert_eq!(consumed, [LOG; LANES]);
        assert!(self.waiting.is_empty(), "{} wait for ever", self.waiting.len());
    }

    /// Once the source has ended, claims are void, and what was accepted before is committed.
    fn end(&mut self) {
        self.subject.end();
        for lane in &mut self.lanes {
            lane.go_back(lane.first_unsettled());
        }
        self.commit(usize::MAX, true);
        while !self.claims.is_empty() {
            self.settle(0);
        }
        self.look();
        assert!(self.waiting.is_empty(), "{} wait for ever", self.waiting.len());
    }
}
