//! The lease's view of the lanes.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Gain, Held, Hold, Lanes, Standing, State};
use crate::broker::{Drained, Event, Lane, Watermark};
impl Lanes {
    /// None: the source has ended.
    pub fn held(&self) -> Option<BTreeMap<i64, Hold>> {
        let state = self.lock();
        let hold = |held: &Held| Hold {
            fence: held.fence,
            is_revoked: held.is_revoked,
        };
        let held = state.held.iter().map(|(partition, held)| (*partition, hold(held)));
        (state.standing == Standing::Open).then(|| held.collect())
    }

    pub fn gain(&self, gain: Gain) {
        let mut state = self.lock();
        if state.standing != Standing::Open {
            return;
        }
        let epoch = state.next_epoch();
        let held = Held {
            lane: Lane::new(format!("{}/{}", self.topic, gain.number), gain.number),
            fence: gain.fence,
            epoch,
            intact_since: epoch,
            position: Some(gain.next),
            watermark: Watermark::new(gain.next),
            waiting: BTreeMap::new(),
            is_revoked: false,
        };
        state.held.insert(gain.partition, held);
        state.revision += 1;
        drop(state);
        self.reading.notify_all();
    }

    /// Delivers nothing more from these lanes. What is in flight may be settled until [`Lanes::release`]. Resolves
    /// when nothing is in flight.
    pub fn revoke(&self, partitions: &[i64]) -> oneshot::Receiver<()> {
        let mut state = self.lock();
        let mut lanes = Vec::new();
        for partition in partitions {
            state.discard(*partition);
            if let Some(held) = state.held.get_mut(partition) {
                held.is_revoked = true;
                lanes.push(held.lane.clone());
            }
        }
        let (drained, done) = Drained::new();
        state.events.push_back(Event::Revoked(lanes, drained));
        drop(state);
        self.wake();
        done
    }

    /// These lanes were given back.
    pub fn release(&self, partitions: &[i64]) {
        let mut state = self.lock();
        for partition in partitions {
            state.remove(*partition);
        }
        drop(state);
        self.wake();
    }

    /// Another member already holds these lanes.
    pub fn lose(&self, partitions: &[i64]) {
        let mut state = self.lock();
        let lanes: Vec<Lane> = partitions
            .iter()
            .filter_map(|partition| state.remove(*partition))
            .collect();
        if !lanes.is_empty() {
            state.events.push_back(Event::Revoked(lanes, Drained::new().0));
        }
        drop(state);
        self.wake();
    }

    /// Waits until the source ends, or for some time.
    pub fn stand(&self, longest: Duration) -> Standing {
        let is_open = |state: &mut State| state.standing == Standing::Open;
        let waited = self.leaving.wait_timeout_while(self.lock(), longest, is_open);
        waited.unwrap_or_else(PoisonError::into_inner).0.standing
    }

    /// Waits until every accepted commit has ended, or for some time. True: they have.
    pub fn finish(&self, longest: Duration) -> bool {
        let waited = self
            .leaving
            .wait_timeout_while(self.lock(), longest, |state| state.unfinished > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.unfinished == 0
    }
}
