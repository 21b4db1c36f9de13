//! At least once, over any pair of brokers: the outputs are confirmed, then the claim is consumed.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::poll_immediate;

use super::{Ack, Act, BrokerError, Claim, Durable, Enqueued, Limits, Route, Settle, SettleError, Settled, Sink};

/// A [`Settle`] made of any [`Sink`] and any [`Ack`]. A crash between the two repeats the output: at least once.
pub struct ConfirmThenAck {
    sink: Arc<dyn Sink>,
    ack: Arc<dyn Ack>,
}

impl ConfirmThenAck {
    /// Outputs go to `sink`. Claims, which must be of the broker that `ack` serves, are consumed there.
    pub fn new(sink: Arc<dyn Sink>, ack: Arc<dyn Ack>) -> Self {
        Self { sink, ack }
    }

    /// How many acts are at the front whose claims are of their lane's current epoch.
    fn current(&self, acts: &[Act]) -> usize {
        let mut known = None;
        let is_current = |act: &&Act| {
            let is_current = known == Some(act.claim.epoch) || self.ack.is_current(&act.claim);
            known = Some(act.claim.epoch);
            is_current
        };
        acts.iter().take_while(is_current).count()
    }
}

/// An act whose outputs are on their way, and how many these are.
type Accepted = (Claim, usize);

#[async_trait]
impl Settle for ConfirmThenAck {
    async fn settle(&self, mut acts: Vec<Act>) -> Settled {
        let stale = acts.split_off(self.current(&acts));
        let stale: Vec<_> = stale.into_iter().map(|act| Err(act.claim.rewound())).collect();
        let mut accepted: Vec<Accepted> = Vec::with_capacity(acts.len());
        let mut outputs = Vec::with_capacity(acts.len());
        for act in acts {
            accepted.push((act.claim, act.outputs.len()));
            outputs.extend(act.outputs);
        }
        let enqueued = match accepted.first().map(|(claim, _)| claim.lane.clone()) {
            Some(lane) => self.sink.enqueue_all(outputs, &lane).await,
            None => Enqueued::default(),
        };
        let Enqueued { confirmations, error } = enqueued;
        let ack = Arc::clone(&self.ack);
        let Some(error) = error else {
            return Box::pin(async move {
                let mut results = consume(accepted, confirmations, ack).await;
                results.extend(stale);
                results
            });
        };
        let mut left = confirmations.len();
        let is_enqueued = |(_, outputs): &&Accepted| {
            let is_enqueued = *outputs <= left;
            left = left.saturating_sub(*outputs);
            is_enqueued
        };
        let unaccepted = accepted.split_off(accepted.iter().take_while(is_enqueued).count());
        // Nothing of the lane may be accepted before the claim that has failed is abandoned.
        let mut results = consume(accepted, confirmations, ack).await;
        let mut error = Some(error);
        results.extend(unaccepted.into_iter().map(|(claim, _)| match error.take() {
            Some(error) => Err(unpublished(error, &claim)),
            None => Err(claim.rewound()),
        }));
        results.extend(stale);
        Box::pin(async move { results })
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sink.limits(route).await
    }
}

/// Consumes the claims whose outputs are confirmed, up to the first that has failed.
async fn consume(
    accepted: Vec<Accepted>,
    confirmations: Vec<Durable<BrokerError>>,
    ack: Arc<dyn Ack>,
) -> Vec<Result<(), SettleError>> {
    let mut confirmed = Vec::with_capacity(accepted.len());
    let mut failed = None;
    let mut accepted = accepted.into_iter();
    let mut confirmations = confirmations.into_iter();
    for (claim, outputs) in accepted.by_ref() {
        let mut result = Ok(());
        for confirmation in confirmations.by_ref().take(outputs) {
            result = result.and(confirmation.await);
        }
        match result {
            Ok(()) => confirmed.push(claim),
            Err(error) => {
                failed = Some((claim, error));
                break;
            }
        }
    }
    // Begun before the failed claim is abandoned, which ends the epoch of those before it, too.
    let mut acks = ack.ack_all(confirmed);
    let acked = poll_immediate(&mut acks).await;
    let mut unconfirmed = Vec::new();
    if let Some((claim, error)) = failed {
        unconfirmed.push(Err(unpublished(error, &claim)));
    }
    unconfirmed.extend(accepted.map(|(claim, _)| Err(claim.rewound())));
    // All are abandoned now, and their confirmations waited for, so that the sink knows who has heard of each failure.
    for confirmation in confirmations {
        let _ = confirmation.await;
    }
    let mut results = match acked {
        Some(results) => results,
        None => acks.await,
    };
    results.extend(unconfirmed);
    results
}

/// Outputs that fell with a refused one are sent again in order: the lane goes back to them.
fn unpublished(error: BrokerError, claim: &Claim) -> SettleError {
    match error {
        BrokerError::HeldBack(_) => claim.rewound(),
        error => error.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::broker::{Lane, Output};
    use crate::message::Message;

    /// Has room for one output until that one's confirmation is polled.
    struct Narrow {
        room: Arc<Semaphore>,
        refuses: &'static str,
        published: Mutex<Vec<Message>>,
    }

    #[async_trait]
    impl Sink for Narrow {
        async fn enqueue(&self, output: Output, _: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
            let permit = Arc::clone(&self.room).acquire_owned().await.unwrap();
            let is_refused = output.message.body() == self.refuses.as_bytes();
            self.published.lock().unwrap().push(output.message);
            Ok(Box::pin(async move {
                drop(permit);
                match is_refused {
                    true => Err(BrokerError::Failed("refused".to_owned())),
                    false => Ok(()),
                }
            }))
        }

        async fn limits(&self, _: Route) -> Result<Limits, BrokerError> {
            Ok(Limits::default())
        }
    }

    struct All;

    #[async_trait]
    impl Ack for All {
        fn is_current(&self, _: &Claim) -> bool {
            true
        }

        async fn ack(&self, _: Claim) -> Result<(), SettleError> {
            Ok(())
        }
    }

    fn settled(refuses: &'static str) -> (Vec<bool>, usize) {
        let sink = Arc::new(Narrow {
            room: Arc::new(Semaphore::new(1)),
            refuses,
            published: Mutex::default(),
        });
        let settle = ConfirmThenAck::new(Arc::clone(&sink) as Arc<dyn Sink>, Arc::new(All));
        let act = |number: u64| Act {
            claim: Claim::new(Lane::new("in/0", 0), number, 1, ()),
            outputs: vec![Output {
                route: Route::Answers,
                message: Message::new(number.to_string()),
            }],
        };
        let accepted = settle.settle((0..4).map(act).collect()).now_or_never();
        let results = accepted.unwrap().now_or_never().unwrap();
        let published = sink.published.lock().unwrap().len();
        (results.iter().map(Result::is_ok).collect(), published)
    }

    #[test]
    fn what_is_too_much_for_the_sink_at_once_is_confirmed_on_the_way() {
        assert_eq!(settled("none"), (vec![true; 4], 4));
    }

    #[test]
    fn nothing_is_published_behind_what_was_seen_to_fail() {
        assert_eq!(settled("1"), (vec![true, false, false, false], 2));
    }
}
