//! Whether the messages or the classifier are at fault when messages fail by traps, time-outs and the like.
//!
//! A single failure does not tell. So a failed message is held back until another one is answered or rejected, which
//! shows that the classifier works and the message is bad. If too many fail in a row, or all that there are, the
//! classifier is broken, and none of them is consumed.
//!
//! A classifier that has answered before need not prove it again: when it has nothing else to do, failed messages are
//! released, and the row continues.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// What the failures so far tell.
#[derive(Debug)]
pub(super) struct Health {
    /// The most messages that may fail in a row. None: any number.
    most: Option<NonZeroUsize>,
    state: Mutex<State>,
    /// Releases what is held back.
    release: watch::Sender<()>,
    /// Nothing is being classified any more, and something is held back.
    pub stuck: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// A message was answered or rejected since the start.
    has_answered: bool,
    /// The messages that have failed since then, by position: a redelivered one counts once.
    row: BTreeSet<String>,
    held: usize,
    /// Messages in flight that are neither classified nor held back.
    working: usize,
}

/// This many messages failed in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken(pub usize);

/// A message that is being classified, until it is.
#[derive(Debug)]
pub(super) struct Work<'a>(&'a Health);

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.working -= 1;
        self.0.look(&state);
    }
}

/// A message that is held back.
struct Held<'a>(&'a Health);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.lock().held -= 1;
    }
}

impl Health {
    pub fn new(most: Option<NonZeroUsize>) -> Self {
        Self {
            most,
            state: Mutex::default(),
            release: watch::channel(()).0,
            stuck: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is in flight.
    pub fn begin(&self) -> Work<'_> {
        self.lock().working += 1;
        Work(self)
    }

    /// Releases what is held back if there is nothing else to do, or reports that it is stuck.
    fn look(&self, state: &State) {
        if state.held > 0 && state.working == 0 {
            if state.has_answered {
                self.release.send_replace(());
            } else {
                self.stuck.notify_one();
            }
        }
    }

    /// A message was answered or rejected: the earlier failures are the messages' fault.
    pub fn answered(&self) {
        let mut state = self.lock();
        state.has_answered = true;
        state.row.clear();
        drop(state);
        self.release.send_replace(());
    }

    /// A message failed. Returns once the fault is known to be its own.
    pub async fn failed(&self, work: Option<Work<'_>>, position: &str) -> Result<(), Broken> {
        let Some(most) = self.most else { return Ok(()) };
        let mut released = self.release.subscribe();
        let held = {
            let mut state = self.lock();
            state.row.insert(position.to_owned());
            if state.row.len() >= most.get() {
                return Err(Broken(state.row.len()));
            }
            state.held += 1;
            Held(self)
        };
        drop(work);
        // The sender lives as long as this.
        let _ = released.changed().await;
        drop(held);
        Ok(())
    }

    /// How many messages are held back.
    pub fn held(&self) -> usize {
        self.lock().held
    }

    /// This many failed, and none was answered.
    pub fn broken(&self) -> Broken {
        Broken(self.lock().row.len())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn health(most: usize) -> Health {
        Health::new(NonZeroUsize::new(most))
    }

    #[test]
    fn what_fails_is_held_back_until_something_is_answered() {
        let health = health(3);
        let other = health.begin();
        let mut first = Box::pin(health.failed(Some(health.begin()), "in/0/0"));
        let mut second = Box::pin(health.failed(Some(health.begin()), "in/0/1"));
        assert_eq!(
            (first.as_mut().now_or_never(), second.as_mut().now_or_never()),
            (None, None)
        );
        assert_eq!(health.held(), 2);
        health.answered();
        assert_eq!(first.now_or_never(), Some(Ok(())));
        assert_eq!(second.now_or_never(), Some(Ok(())));
        assert_eq!(health.held(), 0);
        drop(other);
    }

    #[test]
    fn as_many_in_a_row_as_the_bound_are_the_classifier_s_fault_and_one_that_comes_again_counts_once() {
        let health = health(3);
        for position in ["in/0/0", "in/0/1", "in/0/0", "in/0/1"] {
            assert_eq!(health.failed(Some(health.begin()), position).now_or_never(), None);
        }
        assert_eq!(
            (health.held(), health.broken()),
            (0, Broken(2)),
            "what is given up is not held"
        );
        health.answered();
        let other = health.begin();
        for position in ["in/0/0", "in/0/1"] {
            assert_eq!(health.failed(Some(health.begin()), position).now_or_never(), None);
        }
        assert_eq!(
            health.failed(Some(health.begin()), "in/0/2").now_or_never(),
            Some(Err(Broken(3)))
        );
        drop(other);
    }

    #[test]
    fn with_nothing_else_to_do_only_a_classifier_that_has_answered_before_is_believed() {
        let health = health(3);
        let mut first = Box::pin(health.failed(Some(health.begin()), "in/0/0"));
        assert_eq!(first.as_mut().now_or_never(), None);
        assert!(health.stuck.notified().now_or_never().is_some());
        assert_eq!(first.as_mut().now_or_never(), None);
        health.answered();
        let other = health.begin();
        let mut second = Box::pin(health.failed(Some(health.begin()), "in/0/1"));
        assert_eq!(second.as_mut().now_or_never(), None, "the other may answer");
        drop(other);
        assert_eq!(second.now_or_never(), Some(Ok(())));
        assert_eq!(
            health.failed(Some(health.begin()), "in/0/2").now_or_never(),
            Some(Ok(()))
        );
        let third = health.failed(Some(health.begin()), "in/0/3").now_or_never();
        assert_eq!(third, Some(Err(Broken(3))), "the row goes on");
    }

    #[test]
    fn without_a_bound_nothing_is_held_back() {
        let health = Health::new(None);
        assert_eq!(
            health.failed(Some(health.begin()), "in/0/0").now_or_never(),
            Some(Ok(()))
        );
    }
}
