//! At least once, over any pair of brokers: the outputs are confirmed, then the claim is consumed.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::poll_immediate;

use super::{Ack, Act, BrokerError, Claim, Durable, Lane, Limits, Output, Route, Settle, SettleError, Settled, Sink};

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
}

/// An act whose outputs are on their way.
struct Accepted {
    claim: Claim,
    confirmations: VecDeque<Durable<BrokerError>>,
    /// Of those that have ended.
    result: Result<(), BrokerError>,
}

impl Accepted {
    /// Resolves when all outputs are confirmed, or have failed. Cancel-safe.
    async fn confirm(&mut self) -> bool {
        while let Some(confirmation) = self.confirmations.front_mut() {
            let confirmed = confirmation.await;
            self.confirmations.pop_front();
            if self.result.is_ok() {
                self.result = confirmed;
            }
        }
        self.result.is_ok()
    }
}

#[async_trait]
impl Settle for ConfirmThenAck {
    async fn settle(&self, acts: Vec<Act>) -> Settled {
        let mut acts = acts.into_iter();
        let mut accepted = Vec::with_capacity(acts.len());
        let mut unaccepted = Vec::new();
        for Act { claim, outputs } in acts.by_ref() {
            if !self.ack.is_current(&claim) {
                unaccepted.push(Err(claim.rewound()));
                break;
            }
            match self.enqueue_behind(&mut accepted, outputs, &claim.lane).await {
                Some(Ok(confirmations)) => accepted.push(Accepted {
                    claim,
                    confirmations,
                    result: Ok(()),
                }),
                Some(Err(error)) => {
                    unaccepted.push(Err(unpublished(error, &claim)));
                    break;
                }
                None => {
                    unaccepted.push(Err(claim.rewound()));
                    break;
                }
            }
        }
        unaccepted.extend(acts.map(|act| Err(act.claim.rewound())));
        let has_failed = accepted.iter().any(|act| act.result.is_err());
        let ack = Arc::clone(&self.ack);
        let settled = async move {
            let mut results = consume(accepted, ack).await;
            results.extend(unaccepted);
            results
        };
        if !has_failed {
            return Box::pin(settled);
        }
        // Nothing of the lane may be accepted before the claim that has failed is abandoned.
        let results = settled.await;
        Box::pin(async move { results })
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sink.limits(route).await
    }
}

impl ConfirmThenAck {
    /// Enqueues the outputs of an act behind those of others. While they wait it looks at what of the others is confirmed: the sink may
    /// have room for more only when somebody has seen that. None: one of the others has failed.
    async fn enqueue_behind(
        &self,
        others: &mut [Accepted],
        outputs: Vec<Output>,
        lane: &Lane,
    ) -> Option<Result<VecDeque<Durable<BrokerError>>, BrokerError>> {
        let mut enqueue = pin!(self.enqueue(outputs, lane));
        loop {
            tokio::select! {
                biased;
                enqueued = &mut enqueue => return Some(enqueued),
                is_confirmed = confirm_oldest(others) => if !is_confirmed {
                    return None;
                }
            }
        }
    }

    async fn enqueue(&self, outputs: Vec<Output>, lane: &Lane) -> Result<VecDeque<Durable<BrokerError>>, BrokerError> {
        let mut confirmations = VecDeque::with_capacity(outputs.len());
        for output in outputs {
            confirmations.push_back(self.sink.enqueue(output, Some(lane)).await?);
        }
        Ok(confirmations)
    }
}

/// Whether the oldest that is not known to be confirmed is so. Never resolves if there is none.
async fn confirm_oldest(accepted: &mut [Accepted]) -> bool {
    match accepted.iter_mut().find(|act| !act.confirmations.is_empty()) {
        Some(oldest) => oldest.confirm().await,
        None => std::future::pending().await,
    }
}

/// Consumes the claims whose outputs are confirmed, up to the first that has failed.
async fn consume(accepted: Vec<Accepted>, ack: Arc<dyn Ack>) -> Vec<Result<(), SettleError>> {
    let mut confirmed = Vec::with_capacity(accepted.len());
    let mut failed = None;
    let mut accepted = accepted.into_iter();
    for mut act in accepted.by_ref() {
        if !act.confirm().await {
            failed = Some(act);
            break;
        }
        confirmed.push(act.claim);
    }
    // Begun before the failed claim is abandoned, which ends the epoch of those before it, too.
    let mut acks = ack.ack_all(confirmed);
    let acked = poll_immediate(&mut acks).await;
    let mut unconfirmed = Vec::new();
    if let Some(Accepted { claim, result, .. }) = failed {
        unconfirmed.push(result.map_err(|error| unpublished(error, &claim)));
    }
    // All are abandoned now, and their confirmations waited for, so that the sink knows who has heard of each failure.
    let mut behind = Vec::new();
    for Accepted {
        claim, confirmations, ..
    } in accepted
    {
        unconfirmed.push(Err(claim.rewound()));
        behind.extend(confirmations);
    }
    for confirmation in behind {
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
