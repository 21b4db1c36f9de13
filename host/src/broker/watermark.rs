//! The highest contiguous resolved offset of a lane: how far it may be committed while later work is already done.

use std::collections::BTreeMap;

/// Offsets resolve in any order; an offset counts as consumed only if none below it is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermark {
    next: u64,
    /// Ranges that are resolved ahead of it: start and end.
    ahead: BTreeMap<u64, u64>,
}

impl Watermark {
    /// Nothing is resolved yet: `next` is the first offset expected.
    pub fn new(next: u64) -> Self {
        let ahead = BTreeMap::new();
        Self { next, ahead }
    }

    /// Marks `offset` as resolved. Returns the next offset to consume from if that advanced, else none. Repeating an
    /// offset changes nothing.
    pub fn resolve(&mut self, offset: u64) -> Option<u64> {
        self.skip(offset, offset.saturating_add(1))
    }

    /// Marks `from..to` as resolved, all at once: offsets without a message, say. Ranges do not overlap.
    pub fn skip(&mut self, from: u64, to: u64) -> Option<u64> {
        if from < self.next || from >= to {
            return None;
        }
        if from > self.next {
            self.ahead.insert(from, to);
            return None;
        }
        self.next = to;
        while let Some(end) = self.ahead.remove(&self.next) {
            self.next = end;
        }
        Some(self.next)
    }

    /// The lowest offset that is not resolved: a commit names it, and a restart begins there.
    pub fn next(&self) -> u64 {
        self.next
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_offset_that_resolves_early_waits_for_those_before_it() {
        let mut watermark = Watermark::new(10);
        assert_eq!(watermark.resolve(11), None);
        assert_eq!(watermark.resolve(12), None);
        assert_eq!(watermark.resolve(10), Some(13));
    }

    #[test]
    fn an_offset_below_the_watermark_changes_nothing() {
        let mut watermark = Watermark::new(5);
        assert_eq!(watermark.resolve(4), None);
        assert_eq!(watermark.next(), 5);
    }

    #[test]
    fn a_stretch_without_messages_is_passed_over() {
        let mut watermark = Watermark::new(0);
        assert_eq!(watermark.skip(1, 1000), None);
        assert_eq!(watermark.resolve(1000), None);
        assert_eq!(watermark.resolve(0), Some(1001));
        assert_eq!(watermark.skip(1001, 1001), None);
    }

    proptest! {
        #[test]
        fn in_any_order_the_watermark_is_the_first_offset_that_is_missing(
            order in Just((0..40u64).collect::<Vec<_>>()).prop_shuffle(),
            resolved in 0..40usize,
        ) {
            let mut watermark = Watermark::new(0);
            for offset in &order[..resolved] {
                watermark.resolve(*offset);
            }
            let missing = (0..).find(|offset| !order[..resolved].contains(offset)).unwrap();
            prop_assert_eq!(watermark.next(), missing);
        }
    }
}
