//! The consumer thread's view of the lanes.

use super::{Lanes, Ledger, Offsets, Partition};
use crate::broker::ledger::Held;
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
        let ledger = self.lock();
        let is_open = ledger.is_open();
        let held = ledger.iter().filter(|(_, held)| is_open && !held.is_revoked());
        held.filter_map(|(partition, held)| Some((*partition, held.own.seek?)))
            .collect()
    }

    /// The consumer has done this seek.
    pub fn sought(&self, partition: i32, offset: u64) {
        let mut ledger = self.lock();
        let held = ledger.get_mut(&partition);
        if let Some(held) = held.filter(|held| held.own.seek == Some(offset)) {
            held.own.seek = None;
        }
    }

    /// Whether there is room to read ahead in a lane.
    pub fn takes(&self, partition: i32) -> bool {
        let mut ledger = self.lock();
        let goes_on = |own: &mut Partition| !own.passes_end && own.damage.is_none();
        ledger.has_room() && ledger.is_open() && ledger.read(partition).is_some_and(goes_on)
    }

    /// The first offset of a lane that was not read.
    pub fn read_to(&self, partition: i32) -> Option<u64> {
        self.lock().get(&partition).map(|held| held.own.read)
    }

    /// Hands over what was read. Discards it if its lane is to seek: it is read again.
    pub fn offer(&self, partition: i32, offset: u64, message: Message) {
        let mut ledger = self.lock();
        let Some(own) = ledger.read(partition).filter(|own| own.read <= offset) else {
            return;
        };
        // Offsets without a message.
        own.offsets.skip(own.read, offset);
        own.read = offset + 1;
        own.is_at_end = false;
        ledger.offer(&partition, offset, message);
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

    pub(super) fn uncommitted(&self) -> Vec<(i32, u64)> {
        let held = self.iter();
        held.filter_map(|(partition, held)| Some((*partition, held.own.uncommitted()?)))
            .collect()
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
