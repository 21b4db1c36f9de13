//! Messages whose output the broker refused for good. Each is redelivered and then gets another output, without being
//! classified again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::dead_letter::Failure;

/// What becomes of them, by position. If there are too many the oldest is forgotten, which costs it another round: it
/// may have gone to another member and never return.
#[derive(Debug)]
pub(super) struct Refused {
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: BTreeMap<String, (u64, Failure)>,
    last: u64,
}

impl Refused {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is something to become of a message.
    pub fn has(&self, position: &str) -> bool {
        self.lock().failures.contains_key(position)
    }

    /// What becomes of a redelivered message.
    pub fn get(&self, position: &str) -> Option<Failure> {
        self.lock().failures.get(position).map(|(_, failure)| failure.clone())
    }

    pub fn remember(&self, position: &str, failure: Failure) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.last += 1;
        state.failures.insert(position.to_owned(), (state.last, failure));
        if state.failures.len() > self.most {
            let oldest = state.failures.iter().min_by_key(|(_, (number, _))| *number);
            if let Some(oldest) = oldest.map(|(position, _)| position.clone()) {
                state.failures.remove(&oldest);
            }
        }
    }

    pub fn forget(&self, position: &str) {
        self.lock().failures.remove(position);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::pipeline::{Cause, ClassifyError, Maker};

    #[test]
    fn as_many_are_remembered_as_there_is_room_for_and_the_oldest_is_forgotten_first() {
        let refused = Refused::new(2);
        let failure = |attempts| Failure {
            error: ClassifyError::Reject(Cause {
                code: "not-publishable".into(),
                detail: String::new(),
            }),
            by: Arc::new(Maker::new("abc", None, &[])),
            attempts,
            extent: Default::default(),
        };
        for (attempts, position) in ["in/0/9", "in/0/1", "in/0/5"].into_iter().enumerate() {
            refused.remember(position, failure(u32::try_from(attempts).unwrap()));
        }
        assert_eq!(refused.get("in/0/9"), None);
        assert_eq!(refused.get("in/0/1").unwrap().attempts, 1);
        refused.forget("in/0/1");
        assert_eq!(refused.get("in/0/1"), None);
        assert!(refused.get("in/0/5").is_some());
    }
}
