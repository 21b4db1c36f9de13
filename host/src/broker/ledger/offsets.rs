//! How far a lane of offsets has settled: for brokers whose groups keep one offset for each lane.

use std::collections::BTreeMap;

use tokio::sync::oneshot;

use super::rewound;
use crate::broker::{BrokerError, Lane, SettleError, Watermark};

/// Tells who settles a claim how that ended.
pub(in crate::broker) type Reply = oneshot::Sender<Result<(), SettleError>>;

/// The watermark of a lane, and the claims that wait until it is consumed up to them. Whatever still waits when this is
/// dropped is rewound.
#[derive(Debug)]
pub(in crate::broker) struct Offsets {
    lane: Lane,
    watermark: Watermark,
    waiting: BTreeMap<u64, Reply>,
}

impl Offsets {
    /// Nothing has settled: `next` is the first offset expected.
    pub fn new(lane: &Lane, next: u64) -> Self {
        Self {
            lane: lane.clone(),
            watermark: Watermark::new(next),
            waiting: BTreeMap::new(),
        }
    }

    /// The first offset that has not settled.
    pub fn next(&self) -> u64 {
        self.watermark.next()
    }

    /// There are no messages at these offsets. Whether the lane has settled further by that.
    pub fn skip(&mut self, from: u64, to: u64) -> bool {
        self.watermark.skip(from, to).is_some()
    }

    /// Settles a message, in any order. Some: how far the lane has settled by that.
    pub fn settle(&mut self, offset: u64) -> Option<u64> {
        self.watermark.resolve(offset)
    }

    /// Settles the next message, and no other: how far the lane has settled by that.
    pub fn settle_in_turn(&mut self, offset: u64) -> Result<u64, SettleError> {
        let next = self.next();
        let settled = (offset == next).then(|| self.settle(offset)).flatten();
        settled.ok_or_else(|| {
            SettleError::Broker(BrokerError::Failed(format!(
                "{}/{offset} was settled out of order: offset {next} is next",
                self.lane
            )))
        })
    }

    /// Who settled `offset` waits until the lane is consumed past it.
    pub fn wait(&mut self, offset: u64, reply: Reply) {
        self.waiting.insert(offset, reply);
    }

    /// Whether somebody waits for the lane to be consumed up to `next`.
    pub fn is_awaited(&self, next: u64) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first < next)
    }

    /// Those who waited for the lane to be consumed up to `next`.
    pub fn release(&mut self, next: u64) -> impl Iterator<Item = Reply> + use<> {
        let later = self.waiting.split_off(&next);
        std::mem::replace(&mut self.waiting, later).into_values()
    }

    /// The lane goes back to `to`. None: to where nobody knows yet. Whoever waits for more than has settled is told.
    pub fn rewind(&mut self, to: Option<u64>) {
        if let Some(to) = to {
            self.watermark = Watermark::new(to);
        }
        for reply in self.waiting.split_off(&self.watermark.next()).into_values() {
            // The caller may have stopped waiting.
            let _ = reply.send(Err(rewound(&self.lane)));
        }
    }
}

impl Drop for Offsets {
    fn drop(&mut self) {
        for reply in std::mem::take(&mut self.waiting).into_values() {
            let _ = reply.send(Err(rewound(&self.lane)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_settled_a_message_waits_until_it_is_consumed_and_no_longer() {
        let mut offsets = Offsets::new(&Lane::new("in/0", 0), 5);
        let [mut first, mut second] = [5, 6].map(|offset| {
            let (reply, ended) = oneshot::channel();
            offsets.wait(offset, reply);
            offsets.settle(offset).unwrap();
            ended
        });
        for reply in offsets.release(6) {
            reply.send(Ok(())).unwrap();
        }
        first.try_recv().unwrap().unwrap();
        assert!(second.try_recv().is_err(), "6 is not consumed");
        assert!(offsets.is_awaited(7) && !offsets.is_awaited(6));
        drop(offsets);
        assert!(matches!(second.try_recv(), Ok(Err(SettleError::Rewound(_)))));
    }

    #[test]
    fn what_is_settled_out_of_turn_is_refused_and_does_not_count() {
        let mut offsets = Offsets::new(&Lane::new("in/0", 0), 5);
        let error = offsets.settle_in_turn(6).unwrap_err().to_string();
        assert!(
            error.contains("in/0/6 was settled out of order: offset 5 is next"),
            "{error}"
        );
        assert_eq!(offsets.settle_in_turn(5).unwrap(), 6);
    }
}
