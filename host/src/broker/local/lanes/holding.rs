//! The lease's view of the lanes.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use super::{Lanes, Ledger, Offsets, Partition, Standing};
use crate::broker::Lane;
use crate::broker::ledger::Keeper as _;

/// A partition that was taken.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker::local) struct Gain {
    pub partition: i64,
    pub number: u32,
    pub fence: i64,
    pub next: u64,
}

/// A partition that is held.
#[derive(Clone, Copy, Debug)]
pub(in crate::broker::local) struct Hold {
    pub fence: i64,
    pub is_revoked: bool,
}

impl Lanes {
    /// None: the source has ended.
    pub fn held(&self) -> Option<BTreeMap<i64, Hold>> {
        let ledger = self.lock();
        let held = ledger.iter().map(|(partition, held)| {
            let (fence, is_revoked) = (held.own.fence, held.is_revoked());
            (*partition, Hold { fence, is_revoked })
        });
        ledger.is_open().then(|| held.collect())
    }

    pub fn gain(&self, gain: Gain) {
        let lane = Lane::new(format!("{}/{}", self.topic, gain.number), gain.number);
        let own = Partition {
            fence: gain.fence,
            position: Some(gain.next),
            offsets: Offsets::new(&lane, gain.next),
        };
        let mut ledger = self.lock();
        ledger.gain(gain.partition, lane, own);
        self.wake(&mut ledger);
    }

    /// Waits until the source ends, or for some time.
    pub fn stand(&self, longest: Duration) -> Standing {
        let is_open = |ledger: &mut Ledger| ledger.is_open();
        let waited = self.leaving.wait_timeout_while(self.lock(), longest, is_open);
        waited.unwrap_or_else(PoisonError::into_inner).0.standing()
    }

    /// Waits until every accepted commit has ended, or for some time. True: they have.
    pub fn finish(&self, longest: Duration) -> bool {
        let waited = self
            .leaving
            .wait_timeout_while(self.lock(), longest, |ledger| ledger.own.unfinished > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0.own.unfinished == 0
    }
}
