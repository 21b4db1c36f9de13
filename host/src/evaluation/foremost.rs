//! The first few of many values by a key, for images that come in any order.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// At most `limit` values, those with the smallest keys. Keys do not repeat.
#[derive(Clone, Debug)]
pub struct Foremost<K, V> {
    limit: usize,
    values: BTreeMap<K, V>,
}

impl<K: Ord, V> Foremost<K, V> {
    /// Keeps this many.
    pub fn new(limit: usize) -> Self {
        let values = BTreeMap::new();
        Self { limit, values }
    }

    /// Whether a value with this key would be kept.
    pub fn takes(&self, key: &K) -> bool {
        let last = self.values.last_key_value();
        self.values.len() < self.limit || last.is_some_and(|(last, _)| key < last)
    }

    /// Keeps the value, unless there are enough with smaller keys.
    pub fn insert(&mut self, key: K, value: V) {
        self.values.insert(key, value);
        if self.values.len() > self.limit {
            self.values.pop_last();
        }
    }

    /// The kept values, in the order of their keys.
    pub fn into_values(self) -> Vec<V> {
        self.values.into_values().collect()
    }
}

/// A score as a key; the highest is first.
#[derive(Clone, Copy, Debug)]
pub struct Falling(pub f32);

impl Ord for Falling {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0)
    }
}

impl PartialOrd for Falling {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Falling {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Falling {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_scores_are_kept_and_of_equal_ones_the_first() {
        let mut kept = Foremost::new(3);
        for (index, score) in [0.5, 0.9, 0.7, 0.9, 0.1, 0.7].into_iter().enumerate() {
            let key = (Falling(score), index);
            if kept.takes(&key) {
                kept.insert(key, index);
            }
        }
        assert!(!kept.takes(&(Falling(0.7), 5)));
        assert!(kept.takes(&(Falling(0.7), 0)));
        assert_eq!(kept.into_values(), [1, 3, 2]);
    }

    #[test]
    fn without_room_nothing_is_kept() {
        let mut kept = Foremost::new(0);
        assert!(!kept.takes(&1));
        kept.insert(1, ());
        assert!(kept.into_values().is_empty());
    }
}
