//! The reader's view of the lanes.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Lanes, Ledger, Partition};
use crate::message::Message;

/// Where to read in one lane.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker::local) struct Cursor {
    pub partition: i64,
    pub fence: i64,
    pub position: Option<u64>,
    epoch: u64,
}

impl Lanes {
    /// Where to read, and the revision for [`Lanes::rest`]. None: the source has ended.
    pub fn cursors(&self) -> Option<(Vec<Cursor>, u64)> {
        let ledger = self.lock();
        let held = ledger.iter().filter(|(_, held)| !held.is_revoked());
        let cursors = held.map(|(partition, held)| Cursor {
            partition: *partition,
            fence: held.own.fence,
            position: held.own.position,
            epoch: held.epoch(),
        });
        ledger.is_open().then(|| (cursors.collect(), ledger.own.revision))
    }

    /// The next offset by the file, for a cursor without a position.
    pub fn reload(&self, cursor: Cursor, next: u64) {
        if let Some(own) = self.lock().read(cursor) {
            own.restart(Some(next));
        }
    }

    /// Hands over what was read at a cursor, as soon as there is room. Discards it if the lane was put back
    /// meanwhile.
    pub fn offer(&self, cursor: Cursor, offset: u64, message: Message) {
        let mut ledger = self.lock();
        while !ledger.has_room() && ledger.read(cursor).is_some() {
            ledger = self.reading.wait(ledger).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(own) = ledger.read(cursor) else { return };
        own.position = Some(offset + 1);
        ledger.offer(&cursor.partition, offset, message);
        drop(ledger);
        self.arrival.notify_one();
    }

    /// Waits for a new revision, or for some time. True: there is one, or the source has ended.
    pub fn rest(&self, revision: u64, longest: Duration) -> bool {
        let is_same = |ledger: &mut Ledger| ledger.own.revision == revision && ledger.is_open();
        let waited = self.reading.wait_timeout_while(self.lock(), longest, is_same);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl Ledger {
    /// The lane of a cursor, unless something has put it back since, or it is not to be read any more.
    fn read(&mut self, cursor: Cursor) -> Option<&mut Partition> {
        let held = self.current(&cursor.partition, cursor.epoch);
        let held = held.filter(|held| !held.is_revoked());
        held.map(|held| &mut held.own)
    }
}
