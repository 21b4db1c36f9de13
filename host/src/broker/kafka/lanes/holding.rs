//! The consumer thread's view of the lanes.

use tokio::sync::oneshot;

use super::{Ahead, Held, Lanes, Standing, State, lane};
use crate::broker::{BrokerError, Drained, Event, Lane, SettleError, Watermark};
use crate::message::Message;

impl Lanes {
    /// These lanes are held from now on. Each starts at the group's offset.
    pub fn gain(&self, places: &[(i32, u64)]) {
        let mut state = self.lock();
        for (partition, place) in places {
            let epoch = state.next_epoch();
            let held = Held {
                lane: lane(&self.topic, *partition),
                epoch,
                intact_since: epoch,
                read: *place,
                watermark: Watermark::new(*place),
                committed: *place,
                accepted: *place,
                waiting: std::collections::BTreeMap::new(),
                seek: None,
                is_revoked: false,
                is_at_end: false,
                passes_end: false,
                damage: None,
            };
            state.held.insert(*partition, held);
        }
    }

    /// Delivers nothing more from these lanes. What is in flight may be settled until [`Lanes::lose`]. Resolves when
    /// nothing is in flight, or at once if there is no pipeline to drain.
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

    /// These lanes are no longer held. `told`: the owners of their claims know already.
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

    /// The offsets to which the consumer must seek before it reads on.
    pub fn seeks(&self) -> Vec<(i32, u64)> {
        let state = self.lock();
        let held = state.held.iter().filter(|(_, held)| !held.is_revoked);
        held.filter_map(|(partition, held)| Some((*partition, held.seek?)))
            .collect()
    }

    /// The consumer has done this seek.
    pub fn sought(&self, partition: i32, offset: u64) {
        let mut state = self.lock();
        if let Some(held) = state.held.get_mut(&partition)
            && held.seek == Some(offset)
        {
            held.seek = None;
        }
    }

    /// Whether there is room to read ahead in a lane.
    pub fn takes(&self, partition: i32) -> bool {
        let state = self.lock();
        let held = state.held.get(&partition);
        state.has_room()
            && state.standing == Standing::Open
            && held.is_some_and(|held| held.is_read() && !held.passes_end && held.damage.is_none())
    }

    /// The first offset of a lane that was not read.
    pub fn read_to(&self, partition: i32) -> Option<u64> {
        self.lock().held.get(&partition).map(|held| held.read)
    }

    /// Hands over what was read. Discards it if its lane is to seek: it is read again.
    pub fn offer(&self, partition: i32, offset: u64, message: Message) {
        let mut state = self.lock();
        let Some(held) = state.held.get_mut(&partition) else {
            return;
        };
        if !held.is_read() || offset < held.read {
            return;
        }
        // Offsets without a message.
        held.watermark.skip(held.read, offset);
        held.read = offset + 1;
        held.is_at_end = false;
        state.ahead_bytes += message.size();
        state.ahead.push_back(Ahead {
            partition,
            offset,
            message,
        });
        drop(state);
        self.arrival.notify_one();
    }

    /// The log has no more for now.
    pub fn at_end(&self, partition: i32) {
        let mut state = self.lock();
        let held = state.held.get_mut(&partition);
        if let Some(held) = held.filter(|held| held.is_read()) {
            held.is_at_end = true;
        }
    }

    /// The log ended at `end` or later when it last had no more. The group skips to there once all messages before
    /// are consumed.
    pub fn pass_end(&self, partition: i32, end: u64) {
        let mut state = self.lock();
        let held = state.held.get_mut(&partition);
        let Some(held) = held.filter(|held| held.is_read() && held.is_at_end) else {
            return;
        };
        held.watermark.skip(held.read, end);
        held.read = held.read.max(end);
        let is_consumed =
            held.watermark.next() == held.read && held.waiting.is_empty() && held.accepted <= held.committed;
        held.passes_end = is_consumed && held.committed < held.read;
        drop(state);
        self.call_committer();
    }

    /// The next batch of a lane cannot be read, and is never skipped. Ends the source once everything before it is
    /// consumed.
    pub fn damaged(&self, partition: i32, what: &str) {
        let mut state = self.lock();
        if let Some(held) = state.held.get_mut(&partition).filter(|held| held.is_read()) {
            let position = format!("{}/{}", held.lane, held.read);
            held.damage.get_or_insert_with(|| damage(&position, what));
        }
        state.tell_damage(partition);
        drop(state);
        self.arrival.notify_one();
    }

    /// Settled and not committed, as the offsets that a commit names.
    pub fn uncommitted(&self) -> Vec<(i32, u64)> {
        self.lock().uncommitted()
    }

    /// The broker has confirmed these offsets.
    pub fn committed(&self, offsets: &[(i32, u64)]) {
        let mut state = self.lock();
        let mut goes_on = false;
        for (partition, next) in offsets {
            if let Some(held) = state.held.get_mut(partition) {
                let waited = held.passes_end;
                held.commit(*next);
                goes_on |= waited && !held.passes_end;
            }
            state.tell_damage(*partition);
        }
        let has_failed = state.failure.is_some();
        drop(state);
        if has_failed {
            self.arrival.notify_one();
        }
        if goes_on {
            self.call();
        }
    }
}

/// Describes a batch that cannot be read.
fn damage(position: &str, what: &str) -> BrokerError {
    BrokerError::Failed(format!(
        "{position}: the batch there {what}; the host does not skip it: let the broker restore it from another replica, or \
         go past it with Kafka's own tool: kafka-consumer-groups.sh --reset-offsets --to-offset N"
    ))
}

impl Held {
    /// It is to be read.
    fn is_read(&self) -> bool {
        self.seek.is_none() && !self.is_revoked
    }

    fn commit(&mut self, next: u64) {
        self.committed = self.committed.max(next);
        self.passes_end &= self.committed < self.read;
        let later = self.waiting.split_off(&next);
        for reply in std::mem::replace(&mut self.waiting, later).into_values() {
            // The caller may have stopped waiting.
            let _ = reply.send(Ok(()));
        }
    }
}

impl State {
    pub(super) fn uncommitted(&self) -> Vec<(i32, u64)> {
        let settled = |held: &Held| {
            let next = held.watermark.next();
            let is_waiting = held.waiting.first_key_value().is_some_and(|(first, _)| *first < next);
            (is_waiting || held.passes_end).then_some(next)
        };
        let held = self.held.iter();
        held.filter_map(|(partition, held)| Some((*partition, settled(held)?)))
            .collect()
    }

    /// The source fails as soon as a lane has nothing left before its damage.
    fn tell_damage(&mut self, partition: i32) {
        let held = self.held.get(&partition).filter(|held| held.committed >= held.read);
        if let Some(damage) = held.and_then(|held| held.damage.clone()) {
            self.failure.get_or_insert(damage);
        }
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
