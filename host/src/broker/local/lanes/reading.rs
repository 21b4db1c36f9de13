//! The reader's view of the lanes.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Ahead, Cursor, Held, Lanes, Standing, State};
use crate::broker::Watermark;
use crate::message::Message;
impl Lanes {
    /// Where to read, and the revision for [`Lanes::rest`]. None: the source has ended.
    pub fn cursors(&self) -> Option<(Vec<Cursor>, u64)> {
        let state = self.lock();
        let cursors = state.held.iter().filter(|(_, held)| !held.is_revoked);
        let cursors = cursors.map(|(partition, held)| Cursor {
            partition: *partition,
            fence: held.fence,
            position: held.position,
            epoch: held.epoch,
        });
        (state.standing == Standing::Open).then(|| (cursors.collect(), state.revision))
    }

    /// The next offset by the file, for a cursor without a position.
    pub fn reload(&self, cursor: Cursor, next: u64) {
        if let Some(held) = self.lock().current(cursor) {
            held.position = Some(next);
            held.watermark = Watermark::new(next);
        }
    }

    /// Hands over what was read at a cursor, as soon as there is room. Discards it if the lane was put back
    /// meanwhile.
    pub fn offer(&self, cursor: Cursor, offset: u64, message: Message) {
        let mut state = self.lock();
        while !state.has_room() && state.current(cursor).is_some() {
            state = self.reading.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let Some(held) = state.current(cursor) else { return };
        held.position = Some(offset + 1);
        let partition = cursor.partition;
        state.ahead.push_back(Ahead {
            partition,
            offset,
            message,
        });
        drop(state);
        self.arrival.notify_one();
    }

    /// Waits for a new revision, or for some time. True: there is one, or the source has ended.
    pub fn rest(&self, revision: u64, longest: Duration) -> bool {
        let is_same = |state: &mut State| state.revision == revision && state.standing == Standing::Open;
        let waited = self.reading.wait_timeout_while(self.lock(), longest, is_same);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl State {
    /// The lane of a cursor, unless something has put it back since, or it is not to be read any more.
    fn current(&mut self, cursor: Cursor) -> Option<&mut Held> {
        let held = self.held.get_mut(&cursor.partition)?;
        (held.epoch == cursor.epoch && !held.is_revoked).then_some(held)
    }
}
