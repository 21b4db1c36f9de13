//! What the reader does with the lanes.

use std::sync::PoisonError;
use std::time::Duration;

use super::{Ahead, Cursor, Held, Lanes, Standing, State};
use crate::broker::Watermark;
use crate::message::Message;
impl Lanes {
    /// Where to read, and the revision for [`Lanes::rest`]; none when the source has ended.
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

    /// What the file says is consumed next, in answer to a cursor that has no position.
    pub fn reload(&self, cursor: Cursor, next: u64) {
        if let Some(held) = self.lock().current(cursor) {
            held.position = Some(next);
            held.watermark = Watermark::new(next);
        }
    }

    /// Gives what was read at a cursor, as soon as there is room; drops it if the lane has been put back meanwhile.
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

    /// Waits for a new revision, or a while. True: there is one, or the source has ended.
    pub fn rest(&self, revision: u64, longest: Duration) -> bool {
        let is_same = |state: &mut State| state.revision == revision && state.standing == Standing::Open;
        let waited = self.reading.wait_timeout_while(self.lock(), longest, is_same);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

impl State {
    /// The lane that a cursor was made for, while nothing has put it back and it is still to be read.
    fn current(&mut self, cursor: Cursor) -> Option<&mut Held> {
        let held = self.held.get_mut(&cursor.partition)?;
        (held.epoch == cursor.epoch && !held.is_revoked).then_some(held)
    }
}
