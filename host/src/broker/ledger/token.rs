//! A claim's token: the same for every broker.

use std::sync::Arc;

use super::{Keeper, Lanes, Taken, rewound};
use crate::broker::{Claim, Delivery, Lane, SettleError};

/// The right to settle one message of a lane in an epoch. Dropping it before that abandons the claim.
pub(in crate::broker) struct Token<K: Keeper> {
    pub lanes: Arc<Lanes<K>>,
    pub key: K::Key,
    pub lane: Lane,
    pub seq: u64,
    pub epoch: u64,
    is_settled: bool,
}

impl<K: Keeper> Token<K> {
    pub(super) fn deliver(lanes: &Arc<Lanes<K>>, taken: Taken<K::Key>, position: String) -> Delivery {
        let Taken {
            key,
            lane,
            epoch,
            seq,
            message,
        } = taken;
        let token = Self {
            lanes: Arc::clone(lanes),
            key,
            lane: lane.clone(),
            seq,
            epoch,
            is_settled: false,
        };
        Delivery {
            message,
            position,
            claim: Claim::new(lane, seq, epoch, token),
        }
    }

    pub fn is_current(&self) -> bool {
        self.lanes.is_current(&self.key, self.epoch)
    }

    pub fn rewound(&self) -> SettleError {
        rewound(&self.lane)
    }

    /// From now on dropping it abandons nothing.
    pub fn settle(&mut self) {
        self.is_settled = true;
    }
}

impl<K: Keeper> Drop for Token<K> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.lanes.abandon(&self.key, self.epoch);
        }
    }
}
