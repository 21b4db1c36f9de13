//! The consumer thread's view of the lanes.

use super::{Lanes, Ledger, Offsets, Partition};
use crate::broker::ledger::{Ahead, Held};
use crate::broker::{BrokerError, Lane};
use crate::message::Message;

impl Lanes {
    /// These lanes are held from now on. Each starts at the group's offset.
    pub fn gain(&self, places: &[(i32, u64)]) {
        let mut ledger = self.lock();
        for (partition, place) in places {
            let number = u32::try_from(*partition).unwrap_or_default();
            let lane = Lane::new(format!("{}/{partition}", self.topic), number);
            let own = Partition {
                read: *place,
                offsets: Offsets::new(&lane, *place),
                committed: *place,
                accepted: *place,
                seek: None,
                is_at_end: false,
                passes_end: false,
                damage: None,
            };
            ledger.gain(*partition, lane, own);
        }
    }

    /// Every lane that is held.
    pub fn held(&self) -> Vec<i32> {
        let ledger = self.lock();
        ledger.iter().map(|(partition, _)| *partition).collect()
    }

    /// The offsets to which the consumer must seek before it reads on.
    pub fn seeks(&self) -> Vec<(i32, u64)> {
        let mut ledger = self.lock();
        if !ledger.own.has_seeks {
            return Vec::new();
        }
        let seeks = ledger
            .iter()
            .filter_map(|(partition, held)| Some((*partition, held.own.seek?)));
        let mut seeks: Vec<_> = seeks.collect();
        ledger.own.has_seeks = !seeks.is_empty();
        let is_open = ledger.is_open();
        seeks.retain(|(partition, _)| is_open && ledger.get(partition).is_some_and(|held| !held.is_revoked()));
        seeks
    }

    /// The consumer has done this seek.
    pub fn sought(&self, partition: i32, offset: u64) {
        let mut ledger = self.lock();
        let held = ledger.get_mut(&partition);
        if let Some(held) = held.filter(|held| held.own.seek == Some(offset)) {
            held.own.seek = None;
        }
    }

    /// How much may be read ahead in a lane, and one message more. None: nothing.
    pub fn takes(&self, partition: i32) -> Option<Ahead> {
        let mut ledger = self.lock();
        let goes_on = |own: &mut Partition| !own.passes_end && own.damage.is_none();
        let room = ledger.room()?;
        (ledger.is_open() && ledger.read(partition).is_some_and(goes_on)).then_some(room)
    }

    /// The first offset of a lane that was not read.
    pub fn read_to(&self, partition: i32) -> Option<u64> {
        self.lock().get(&partition).map(|held| held.own.read)
    }

    /// Hands over what was read of a lane, with the offsets. Discards it if its lane is to seek: it is read again.
    pub fn offer(&self, partition: i32, messages: impl IntoIterator<Item = (u64, Message)>) {
        let mut ledger = self.lock();
        for (offset, message) in messages {
            let Some(own) = ledger.read(partition).filter(|own| own.read <= offset) else {
                continue;
            };
            // Offsets without a message.
            let has_gap = own.offsets.skip(own.read, offset);
            own.read = offset + 1;
            own.is_at_end = false;
            if has_gap {
                ledger.own.settled.insert(partition);
            }
            ledger.offer(&partition, offset, message);
        }
        drop(ledger);
        self.arrival.notify_one();
    }

    /// The log has no more for now.
    pub fn at_end(&self, partition: i32) {
        if let Some(own) = self.lock().read(partition) {
            own.is_at_end = true;
        }
    }

    /// The log ended at `end` or later when it last had no more. The group skips to there once all messages before
    /// are consumed.
    pub fn pass_end(&self, partition: i32, end: u64) {
        let mut ledger = self.lock();
        let Some(own) = ledger.read(partition).filter(|own| own.is_at_end) else {
            return;
        };
        own.offsets.skip(own.read, end);
        own.read = own.read.max(end);
        let is_consumed =
            own.offsets.next() == own.read && !own.offsets.is_awaited(own.read) && own.accepted <= own.committed;
        own.passes_end = is_consumed && own.committed < own.read;
        ledger.own.settled.insert(partition);
        drop(ledger);
        self.call_committer();
    }

    /// The next batch of a lane cannot be read, and is never skipped. Ends the source once everything before it is
    /// consumed.
    pub fn damaged(&self, partition: i32, what: &str) {
        let mut ledger = self.lock();
        let position = ledger
            .get(&partition)
            .map(|held| format!("{}/{}", held.lane, held.own.read));
        if let (Some(own), Some(position)) = (ledger.read(partition), position) {
            own.damage.get_or_insert_with(|| damage(&position, what));
        }
        ledger.tell_damage(partition);
        drop(ledger);
        self.arrival.notify_one();
    }

    /// Settled and not committed, as the offsets that a commit names.
    pub fn uncommitted(&self) -> Vec<(i32, u64)> {
        self.lock().uncommitted()
    }

    /// The broker has confirmed these offsets.
    pub fn committed(&self, offsets: &[(i32, u64)]) {
        let mut ledger = self.lock();
        let mut goes_on = false;
        for (partition, next) in offsets {
            if let Some(held) = ledger.get_mut(partition) {
                let waited = held.own.passes_end;
                held.own.commit(*next);
                goes_on |= waited && !held.own.passes_end;
            }
            ledger.tell_damage(*partition);
        }
        let has_failed = ledger.has_failed();
        drop(ledger);
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

impl Partition {
    fn commit(&mut self, next: u64) {
        self.committed = self.committed.max(next);
        self.passes_end &= self.committed < self.read;
        for reply in self.offsets.release(next) {
            // The caller may have stopped waiting.
            let _ = reply.send(Ok(()));
        }
    }

    /// How far the group is to be moved, if it is.
    fn uncommitted(&self) -> Option<u64> {
        let next = self.offsets.next();
        (self.offsets.is_awaited(next) || self.passes_end).then_some(next)
    }
}

impl Ledger {
    /// A lane that is to be read on.
    fn read(&mut self, partition: i32) -> Option<&mut Partition> {
        let is_read = |held: &&mut Held<Partition>| held.own.seek.is_none() && !held.is_revoked();
        let held = self.get_mut(&partition).filter(is_read);
        held.map(|held| &mut held.own)
    }

    pub(super) fn uncommitted(&mut self) -> Vec<(i32, u64)> {
        let mut uncommitted = Vec::new();
        let mut settled = std::mem::take(&mut self.own.settled);
        settled.retain(|partition| {
            let next = self.get(partition).and_then(|held| held.own.uncommitted());
            uncommitted.extend(next.map(|next| (*partition, next)));
            next.is_some()
        });
        self.own.settled = settled;
        uncommitted
    }

    /// The source fails as soon as a lane has nothing left before its damage.
    fn tell_damage(&mut self, partition: i32) {
        let held = self.get(&partition).map(|held| &held.own);
        let consumed = held.filter(|own| own.committed >= own.read);
        if let Some(damage) = consumed.and_then(|own| own.damage.clone()) {
            self.fail(damage);
        }
    }
}
