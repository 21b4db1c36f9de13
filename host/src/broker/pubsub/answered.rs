//! Recently answered messages: one whose acknowledgement was lost or late is redelivered, and must not be answered
//! twice.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most messages remembered.
const MOST: usize = 100_000;

/// The ids of messages whose answers are confirmed. Only recent ones: somebody may have the service redeliver
/// everything on purpose, to get new answers.
#[derive(Debug, Default)]
pub(super) struct Answered {
    keep: Duration,
    ids: HashSet<Arc<str>>,
    by_time: VecDeque<(Instant, Arc<str>)>,
}

impl Answered {
    /// Remembers for this long.
    pub fn new(keep: Duration) -> Self {
        Self {
            keep,
            ..Self::default()
        }
    }

    pub fn insert(&mut self, id: &str) {
        self.forget();
        let id: Arc<str> = id.into();
        if self.ids.insert(Arc::clone(&id)) {
            self.by_time.push_back((Instant::now(), id));
        }
    }

    pub fn contains(&mut self, id: &str) -> bool {
        self.forget();
        self.ids.contains(id)
    }

    fn forget(&mut self) {
        let is_old = |(since, _): &(Instant, Arc<str>)| since.elapsed() >= self.keep;
        while self.by_time.len() > MOST || self.by_time.front().is_some_and(is_old) {
            let oldest = self.by_time.pop_front();
            oldest.map(|(_, id)| self.ids.remove(&id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_for_a_while() {
        let mut answered = Answered::new(Duration::from_secs(60));
        answered.insert("a");
        answered.insert("a");
        assert!(answered.contains("a") && !answered.contains("b"));
        answered.keep = Duration::ZERO;
        assert!(!answered.contains("a"));
        assert!(answered.by_time.is_empty());
    }

    #[test]
    fn of_too_many_the_last_are_remembered() {
        let mut answered = Answered::new(Duration::from_secs(60));
        for number in 0..MOST + 3 {
            answered.insert(&number.to_string());
        }
        assert!(!answered.contains("0") && answered.contains("3"));
        assert!(answered.by_time.len() <= MOST + 1);
    }
}
