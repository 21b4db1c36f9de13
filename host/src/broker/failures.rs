//! Which outputs a sink holds back after one was not published.
//!
//! The lane of that output goes back and sends it again, but only once it knows. What is published meanwhile, and what has
//! waited for its turn since before, would overtake it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{BrokerError, Lane};

/// The failures of one sink. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    happened: AtomicU64,
    told: AtomicU64,
}

/// How many failures were told when an output began to wait for its turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told(u64);

/// A failure that its lane does not know of. Dropped when it does, or when nobody waits to be told.
#[derive(Debug)]
pub(super) struct Untold(Failures);

impl Failures {
    /// An output begins to wait for its turn. None: it has no lane, and can overtake nothing.
    pub fn told(&self, lane: Option<&Lane>) -> Option<Told> {
        lane.map(|_| Told(self.0.told.load(Ordering::Acquire)))
    }

    /// Its turn has come: fails if it would overtake an output that was not published.
    pub fn hold_back(&self, told: Option<Told>) -> Result<(), BrokerError> {
        match told {
            Some(Told(told)) if self.0.happened.load(Ordering::Acquire) != told => Err(BrokerError::HeldBack(
                "another message was refused meanwhile".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// An output was not published.
    pub fn happened(&self) -> Untold {
        self.0.happened.fetch_add(1, Ordering::AcqRel);
        Untold(self.clone())
    }
}

impl Drop for Untold {
    fn drop(&mut self) {
        self.0.0.told.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_while_another_fails_is_held_back_until_its_lane_has_gone_back() {
        let failures = Failures::default();
        let lane = Lane::new("in/0", 0);
        let waits = failures.told(Some(&lane));
        failures.hold_back(waits).unwrap();
        let failure = failures.happened();
        assert!(failures.hold_back(waits).is_err());
        // It comes between the failure and the lane's knowing.
        let comes = failures.told(Some(&lane));
        assert!(failures.hold_back(comes).is_err());
        drop(failure);
        assert!(failures.hold_back(waits).is_err(), "it waited behind what failed");
        let again = failures.told(Some(&lane));
        failures.hold_back(again).unwrap();
    }

    #[test]
    fn of_two_failures_both_must_be_told() {
        let failures = Failures::default();
        let lane = Lane::new("in/0", 0);
        let (first, second) = (failures.happened(), failures.happened());
        drop(second);
        assert!(failures.hold_back(failures.told(Some(&lane))).is_err());
        drop(first);
        failures.hold_back(failures.told(Some(&lane))).unwrap();
    }

    #[test]
    fn what_has_no_lane_is_never_held_back() {
        let failures = Failures::default();
        let waits = failures.told(None);
        let _failure = failures.happened();
        failures.hold_back(waits).unwrap();
    }
}
