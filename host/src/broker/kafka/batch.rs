//! Records that are sent together. librdkafka tells of each how it ended; who waits is woken once, when it has told of all.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::client::Reporter;
use crate::broker::failures::{Failures, Untold};

/// How a record ended. Whoever gets it knows of the failure. None: the producer ended before it told.
pub(super) type Outcome = Option<Result<(), (KafkaError, Untold)>>;

/// What is known of some records.
pub(super) struct Batch {
    state: Mutex<State>,
    /// All have ended.
    ended: Notify,
    /// All have ended, or one has failed.
    known: Condvar,
    failures: Failures,
}

#[derive(Default)]
struct State {
    outcomes: Vec<Outcome>,
    /// How many have not ended.
    left: usize,
    has_failed: bool,
}

/// One record on its way.
pub(super) struct Pending {
    batch: Arc<Batch>,
    number: usize,
    outcome: Outcome,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Batch {
    /// Of no records yet. Failures count as those of one sink.
    pub fn new(failures: &Failures) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            ended: Notify::new(),
            known: Condvar::new(),
            failures: failures.clone(),
        })
    }

    /// One record more, with its number, from 0. It ends when this is dropped.
    pub fn add(self: &Arc<Self>, permit: Option<OwnedSemaphorePermit>) -> (usize, Box<Pending>) {
        let mut state = self.lock();
        let number = state.outcomes.len();
        state.outcomes.push(None);
        state.left += 1;
        let pending = Pending {
            batch: Arc::clone(self),
            number,
            outcome: None,
            _permit: permit,
        };
        (number, Box::new(pending))
    }

    /// How a record ended, once all of them have. To be asked once.
    pub async fn ended(&self, number: usize) -> Outcome {
        loop {
            let ended = self.ended.notified();
            if self.lock().left == 0 {
                return self.take(number);
            }
            ended.await;
        }
    }

    /// Waits until all have ended, or one has failed. False: one has failed.
    pub fn wait(&self) -> bool {
        let waits = |state: &mut State| state.left > 0 && !state.has_failed;
        let waited = self.known.wait_while(self.lock(), waits);
        !waited.unwrap_or_else(PoisonError::into_inner).has_failed
    }

    /// How a record ended, if it has.
    pub fn take(&self, number: usize) -> Outcome {
        self.lock().outcomes.get_mut(number).and_then(Option::take)
    }

    fn end(&self, number: usize, outcome: Outcome) {
        let mut state = self.lock();
        state.left -= 1;
        state.has_failed |= !matches!(outcome, Some(Ok(())));
        if let Some(place) = state.outcomes.get_mut(number) {
            *place = outcome;
        }
        let (is_last, is_known) = (state.left == 0, state.left == 0 || state.has_failed);
        drop(state);
        if is_last {
            self.ended.notify_waiters();
        }
        if is_known {
            self.known.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.batch.end(self.number, self.outcome.take());
    }
}

impl ProducerContext for Reporter {
    type DeliveryOpaque = Box<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, mut pending: Box<Pending>) {
        pending.outcome = Some(match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err((error.clone(), pending.batch.failures.happened())),
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::FutureExt;
    use rdkafka::types::RDKafkaErrorCode;

    use super::*;

    fn end(pending: &mut Pending, is_delivered: bool) {
        let failed = || KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge);
        pending.outcome = Some(match is_delivered {
            true => Ok(()),
            false => Err((failed(), pending.batch.failures.happened())),
        });
    }

    #[test]
    fn how_a_record_ended_is_told_when_all_have_and_that_one_has_failed_at_once() {
        let batch = Batch::new(&Failures::default());
        let [(first, mut one), (second, mut two), (third, three)] = [batch.add(None), batch.add(None), batch.add(None)];
        let mut ended = Box::pin(batch.ended(first));
        end(&mut one, true);
        end(&mut two, false);
        drop((one, two));
        assert!(!batch.wait(), "it would wait for the third");
        assert!(ended.as_mut().now_or_never().is_none());
        drop(three);
        assert!(matches!(ended.now_or_never(), Some(Some(Ok(())))));
        assert!(matches!(batch.ended(second).now_or_never(), Some(Some(Err(_)))));
        assert!(
            matches!(batch.ended(third).now_or_never(), Some(None)),
            "the producer told nothing of it"
        );
    }
}
