#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::broker::{Claim, Delivery, Demand, Event};

/// The last has no key, so its messages have no order.
const KEYS: [Option<&str>; 3] = [Some("a"), Some("b"), None];
const MESSAGES: usize = 8;

/// A service that redelivers what is handed back, with everything of its key behind it.
#[derive(Default)]
struct Service {
    acknowledged: [[bool; MESSAGES]; KEYS.len()],
    /// The next message of each key to send.
    next: [usize; KEYS.len()],
    /// Loses the next acknowledgement.
    loses: bool,
}

type Shared = Arc<Mutex<Service>>;

/// A lease of one message.
struct Held {
    service: Shared,
    message: (usize, usize),
}

impl Lease for Held {
    fn ack(self) {
        let (key, number) = self.message;
        let mut service = self.service.lock().unwrap();
        service.acknowledged[key][number] = !std::mem::take(&mut service.loses);
    }

    fn voids_earlier(&self) -> bool {
        false
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (key, number) = self.message;
        let mut service = self.service.lock().unwrap();
        if !service.acknowledged[key][number] {
            service.next[key] = service.next[key].min(number);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    /// What was sent first arrives.
    Arrive,
    /// The service begins again with a message that it has sent, and goes on with those behind it.
    Repeat(usize, usize),
    Deliver,
    /// The acknowledgement is lost, or not.
    Settle(usize, bool),
    Abandon(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = || 0..16usize;
    let step = prop_oneof![
        6 => any().prop_map(Step::Send),
        6 => Just(Step::Arrive),
        1 => (any(), any()).prop_map(|(key, number)| Step::Repeat(key, number)),
        6 => Just(Step::Deliver),
        4 => (any(), any()).prop_map(|(claim, turn)| Step::Settle(claim, turn % 4 == 0)),
        2 => any().prop_map(Step::Abandon),
    ];
    prop::collection::vec(step, 0..100)
}

struct Model {
    service: Shared,
    lanes: Arc<Lanes<Held>>,
    /// On its way.
    sent: VecDeque<(usize, usize)>,
    claims: Vec<((usize, usize), Claim)>,
    settled: BTreeSet<(usize, usize)>,
    /// Of each key: its epoch, and what was delivered in it.
    epochs: Vec<(Option<u64>, BTreeSet<usize>)>,
    past: BTreeSet<u64>,
}

impl Model {
    fn new() -> Self {
        let config = PubSubConfig::at("localhost:1", "project");
        Self {
            service: Shared::default(),
            lanes: Arc::new(Lanes::new("subscription", Arc::new(config))),
            sent: VecDeque::new(),
            claims: Vec::new(),
            settled: BTreeSet::new(),
            epochs: vec![(None, BTreeSet::new()); KEYS.len()],
            past: BTreeSet::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Send(key) => drop(self.send(key % KEYS.len())),
            Step::Arrive => drop(self.arrive()),
            Step::Repeat(key, number) => {
                let next = &mut self.service.lock().unwrap().next[key % KEYS.len()];
                *next = (*next).min(number % MESSAGES);
            }
            Step::Deliver => drop(self.deliver()),
            Step::Settle(claim, loses) if !self.claims.is_empty() => self.settle(claim % self.claims.len(), loses),
            Step::Abandon(claim) if !self.claims.is_empty() => self.abandon(claim % self.claims.len()),
            Step::Settle(..) | Step::Abandon(_) => {}
        }
        let ledger = self.lanes.lock();
        let unsettled = ledger.iter().map(|(_, held)| held.own.messages.len());
        assert_eq!(ledger.own.places.len(), unsettled.sum::<usize>());
    }

    /// True: there was something to send.
    fn send(&mut self, key: usize) -> bool {
        let mut service = self.service.lock().unwrap();
        let next = (service.next[key]..MESSAGES).find(|number| !service.acknowledged[key][*number]);
        let Some(next) = next else { return false };
        service.next[key] = next + 1;
        drop(service);
        self.sent.push_back((key, next));
        true
    }

    /// True: something was on its way.
    fn arrive(&mut self) -> bool {
        let Some(message) = self.sent.pop_front() else {
            return false;
        };
        self.offer(message);
        true
    }

    fn offer(&self, message: (usize, usize)) {
        let (key, number) = message;
        let mut body = Message::new("message");
        body.key = KEYS[key].map(|key| key.as_bytes().to_vec().into());
        let service = Arc::clone(&self.service);
        let id = format!("{key}-{number}");
        self.lanes.offer(id, body, Held { service, message });
    }

    fn deliver(&mut self) -> bool {
        let Some(Event::Delivery(delivery)) = self.lanes.next_event(Demand::Deliveries).unwrap() else {
            return false;
        };
        let Delivery { claim, position, .. } = delivery;
        let (key, number) = position.strip_prefix("subscription/").unwrap().split_once('-').unwrap();
        let (key, number): (usize, usize) = (key.parse().unwrap(), number.parse().unwrap());
        assert!(!self.settled.contains(&(key, number)), "{position} was answered before");
        if KEYS[key].is_none() {
            assert!(self.past.insert(claim.epoch), "{claim:?}: an epoch that has been");
        } else {
            let (epoch, delivered) = &mut self.epochs[key];
            if *epoch != Some(claim.epoch) {
                assert!(self.past.insert(claim.epoch), "{claim:?}: an epoch that has been");
                (*epoch, *delivered) = (Some(claim.epoch), BTreeSet::new());
            }
            assert!(delivered.insert(number), "{position} was repeated in its epoch");
            for before in 0..number {
                let is_there = delivered.contains(&before) || self.settled.contains(&(key, before));
                assert!(is_there, "{position} overtook {before}");
            }
        }
        self.claims.push(((key, number), claim));
        true
    }

    fn settle(&mut self, index: usize, loses: bool) {
        let (message, claim) = self.claims.swap_remove(index);
        let mut token: Token<Held> = claim.into_token().unwrap();
        let lanes = Arc::clone(&token.lanes);
        assert_eq!(
            token.is_current(),
            lanes.settle(&mut token).is_ok_and(|leased| {
                assert!(self.settled.insert(message));
                self.service.lock().unwrap().loses = loses;
                leased.handlers.into_iter().for_each(Lease::ack);
                self.service.lock().unwrap().loses = false;
                true
            })
        );
    }

    fn abandon(&mut self, index: usize) {
        let ((key, _), claim) = self.claims.swap_remove(index);
        let is_current = claim.token::<Token<Held>>().unwrap().is_current();
        let epoch = claim.epoch;
        drop(claim);
        let now = self.epochs[key].0;
        let behind = self.claims.iter().filter(|(_, claim)| claim.epoch == epoch);
        for (_, claim) in behind {
            let is_void = !claim.token::<Token<Held>>().unwrap().is_current();
            assert!(is_void || !is_current, "{claim:?} outlived an abandoned one");
        }
        if is_current && now == Some(epoch) {
            self.epochs[key].0 = None;
        }
    }

    fn settle_everything(&mut self) {
        // What is out of order is handed back, and sent again.
        for _ in 0..=MESSAGES {
            while (0..KEYS.len()).any(|key| self.send(key)) || self.arrive() {}
            while self.deliver() {}
            while !self.claims.is_empty() {
                self.settle(0, false);
            }
        }
        let service = self.service.lock().unwrap();
        assert!(service.acknowledged.iter().flatten().all(|acknowledged| *acknowledged));
        assert!(self.lanes.is_empty());
        assert!(self.lanes.lock().own.places.is_empty());
    }
}

proptest! {
    #[test]
    fn whatever_happens_a_key_is_delivered_in_order_and_every_message_is_answered_once(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
        }
        model.settle_everything();
    }

    #[test]
    fn whatever_happens_a_source_that_closes_hands_back_what_has_not_settled(steps in steps()) {
        let mut model = Model::new();
        for step in steps {
            model.step(step);
        }
        model.lanes.close();
        assert!(model.lanes.is_empty() && !model.deliver());
        for (_, claim) in model.claims {
            let mut token: Token<Held> = claim.into_token().unwrap();
            assert!(model.lanes.settle(&mut token).is_err());
        }
        // What it still held is no lease any more.
        assert_eq!(Arc::strong_count(&model.service), 1);
    }
}
