//! What the consumer's thread does with the lanes.

use tokio::sync::oneshot;

use super::{Ahead, Held, Lanes, Standing, State, lane};
use crate::broker::{Drained, Event, Lane, SettleError, Watermark};
use crate::message::Message;

impl Lanes {
    pub fn gain(&self, partitions: &[i32]) {
        let mut state = self.lock();
        for partition in partitions {
            let epoch = state.next_epoch();
            let held = Held {
                lane: lane(&self.topic, *partition),
                epoch,
                intact_since: epoch,
                delivered: None,
                watermark: None,
                committed: None,
                waiting: std::collections::BTreeMap::new(),
                seek: None,
                is_revoked: false,
            };
            state.held.insert(*partition, held);
        }
    }

    /// Nothing more of these lanes is delivered; what is in flight may be settled until [`Lanes::lose`]. Resolves when nothing
    /// is, at once where nobody is there to drain.
    pub fn revoke(&self, partitions: &[i32]) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        let mut lanes = Vec::new();
        for partition in partitions {
            state.discard(*partition);
            if let Some(held) = state.held.get_mut(partition) {
                held.is_revoked = true;
                lanes.push(held.lane.clone());
            }
        }
        if lanes.is_empty() || state.standing != Standing::Open {
            return None;
        }
        let (drained, done) = Drained::new();
        state.events.push_back(Event::Revoked(lanes, drained));
        drop(state);
        self.arrival.notify_one();
        Some(done)
    }

    /// These lanes are no longer held. `told`: whoever holds claims of them knows already.
    pub fn lose(&self, partitions: &[i32], told: bool) {
        let mut state = self.lock();
        let lanes: Vec<Lane> = partitions
            .iter()
            .filter_map(|partition| state.remove(*partition))
            .collect();
        if !lanes.is_empty() && !told {
            state.events.push_back(Event::Revoked(lanes, Drained::new().0));
        }
        drop(state);
        self.arrival.notify_one();
    }

    /// Every lane that is held.
    pub fn held(&self) -> Vec<i32> {
        self.lock().held.keys().copied().collect()
    }

    /// Where the consumer is to go before it reads on.
    pub fn seeks(&self) -> Vec<(i32, u64)> {
        let state = self.lock();
        let held = state.held.iter().filter(|(_, held)| !held.is_revoked);
        held.filter_map(|(partition, held)| Some((*partition, held.seek?)))
            .collect()
    }

    /// The consumer has gone there.
    pub fn sought(&self, partition: i32, offset: u64) {
        let mut state = self.lock();
        if let Some(held) = state.held.get_mut(&partition)
            && held.seek == Some(offset)
        {
            held.seek = None;
        }
    }

    /// Whether there is room to read ahead in a lane now.
    pub fn takes(&self, partition: i32) -> bool {
        let state = self.lock();
        let held = state.held.get(&partition);
        state.has_room()
            && state.standing == Standing::Open
            && held.is_some_and(|held| held.seek.is_none() && !held.is_revoked)
    }

    /// Gives what was read. What comes of a lane that is to go elsewhere is dropped: it comes again.
    pub fn offer(&self, partition: i32, offset: u64, message: Message) {
        let mut state = self.lock();
        let Some(held) = state.held.get_mut(&partition) else {
            return;
        };
        if held.seek.is_some() || held.is_revoked || held.delivered.is_some_and(|last| offset <= last) {
            return;
        }
        let watermark = held.watermark.get_or_insert_with(|| Watermark::new(offset));
        // Offsets that hold no message: compacted away, or the marks of transactions.
        let from = held.delivered.map_or(watermark.next(), |last| last + 1);
        watermark.skip(from, offset);
        held.delivered = Some(offset);
        state.ahead_bytes += message.size();
        state.ahead.push_back(Ahead {
            partition,
            offset,
            message,
        });
        drop(state);
        self.arrival.notify_one();
    }

    /// What is settled and not committed, as the offsets that a commit names.
    pub fn uncommitted(&self) -> Vec<(i32, u64)> {
        self.lock().uncommitted()
    }

    /// The broker has confirmed these offsets.
    pub fn committed(&self, offsets: &[(i32, u64)]) {
        let mut state = self.lock();
        for (partition, next) in offsets {
            if let Some(held) = state.held.get_mut(partition) {
                held.commit(*next);
            }
        }
    }
}

impl Held {
    fn commit(&mut self, next: u64) {
        self.committed = self.committed.max(Some(next));
        let later = self.waiting.split_off(&next);
        for reply in std::mem::replace(&mut self.waiting, later).into_values() {
            // Whoever waited may have gone.
            let _ = reply.send(Ok(()));
        }
    }
}

impl State {
    pub(super) fn uncommitted(&self) -> Vec<(i32, u64)> {
        let settled = |held: &Held| {
            let next = held.watermark.as_ref()?.next();
            let is_waiting = held.waiting.first_key_value().is_some_and(|(first, _)| *first < next);
            is_waiting.then_some(next)
        };
        let held = self.held.iter();
        held.filter_map(|(partition, held)| Some((*partition, settled(held)?)))
            .collect()
    }

    fn remove(&mut self, partition: i32) -> Option<Lane> {
        let mut held = self.held.remove(&partition)?;
        for reply in std::mem::take(&mut held.waiting).into_values() {
            let _ = reply.send(Err(SettleError::Rewound(vec![held.lane.clone()])));
        }
        self.discard(partition);
        Some(held.lane)
    }
}
