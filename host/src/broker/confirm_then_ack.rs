//! At least once, over any pair of brokers: the outputs are confirmed, then the claim is consumed.

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
            match self.enqueue(outputs, &claim.lane).await {
                Ok(confirmations) => accepted.push((claim, confirmations)),
                Err(error) => {
                    unaccepted.push(Err(unpublished(error, &claim)));
                    break;
                }
            }
        }
        unaccepted.extend(acts.map(|act| Err(act.claim.rewound())));
        let ack = Arc::clone(&self.ack);
        Box::pin(async move {
            let mut confirmed = Vec::with_capacity(accepted.len());
            let mut failed = None;
            let mut accepted = accepted.into_iter();
            for (claim, confirmations) in accepted.by_ref() {
                match confirm(confirmations).await {
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
            let (claims, behind): (Vec<_>, Vec<_>) = accepted.unzip();
            unconfirmed.extend(claims.into_iter().map(|claim| Err(claim.rewound())));
            for confirmations in behind {
                // Waited for, so that the sink knows who has heard of each failure.
                let _ = confirm(confirmations).await;
            }
            let mut results = match acked {
                Some(results) => results,
                None => acks.await,
            };
            results.extend(unconfirmed);
            results.extend(unaccepted);
            results
        })
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sink.limits(route).await
    }
}

impl ConfirmThenAck {
    async fn enqueue(&self, outputs: Vec<Output>, lane: &Lane) -> Result<Vec<Durable<BrokerError>>, BrokerError> {
        let mut confirmations = Vec::with_capacity(outputs.len());
        for output in outputs {
            confirmations.push(self.sink.enqueue(output, Some(lane)).await?);
        }
        Ok(confirmations)
    }
}

async fn confirm(confirmations: Vec<Durable<BrokerError>>) -> Result<(), BrokerError> {
    let mut result = Ok(());
    for confirmation in confirmations {
        result = result.and(confirmation.await);
    }
    result
}

/// Outputs that fell with a refused one are sent again in order: the lane goes back to them.
fn unpublished(error: BrokerError, claim: &Claim) -> SettleError {
    match error {
        BrokerError::HeldBack(_) => claim.rewound(),
        error => error.into(),
    }
}
