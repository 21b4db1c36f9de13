//! At least once, over any pair of brokers: the outputs are confirmed, then the claim is consumed.

use async_trait::async_trait;

use super::{Ack, BrokerError, Claim, Durable, Lane, Limits, Output, Route, Settle, SettleError, Sink};
use std::sync::Arc;

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
    async fn settle(&self, claim: Claim, outputs: Vec<Output>) -> Result<Durable<SettleError>, SettleError> {
        if !self.ack.is_current(&claim) {
            return Err(SettleError::Rewound(vec![claim.lane.clone()]));
        }
        let mut confirmations = Vec::with_capacity(outputs.len());
        for output in outputs {
            let enqueued = self.sink.enqueue(output, Some(&claim.lane)).await;
            confirmations.push(enqueued.map_err(|error| unpublished(error, &claim.lane))?);
        }
        let ack = Arc::clone(&self.ack);
        Ok(Box::pin(async move {
            for confirmation in confirmations {
                confirmation.await.map_err(|error| unpublished(error, &claim.lane))?;
            }
            ack.ack(claim).await
        }))
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sink.limits(route).await
    }
}

/// Outputs that fell with a refused one are sent again in order: the lane goes back to them.
fn unpublished(error: BrokerError, lane: &Lane) -> SettleError {
    match error {
        BrokerError::HeldBack(_) => SettleError::Rewound(vec![lane.clone()]),
        error => error.into(),
    }
}
