//! At-least-once over any pair of brokers: the outputs are confirmed, then the claim is consumed.

use async_trait::async_trait;

use super::{Ack, Claim, Durable, Output, Settle, SettleError, Sink};
use std::sync::Arc;

/// A [`Settle`] made of any [`Sink`] and any [`Ack`]. A crash between the two repeats the output: at least once.
pub struct ConfirmThenAck {
    sink: Arc<dyn Sink>,
    ack: Arc<dyn Ack>,
}

impl ConfirmThenAck {
    /// Outputs go to `sink`; claims, which must be of the broker that `ack` serves, are consumed there.
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
            confirmations.push(self.sink.enqueue(output, Some(&claim.lane)).await?);
        }
        let ack = Arc::clone(&self.ack);
        Ok(Box::pin(async move {
            for confirmation in confirmations {
                confirmation.await?;
            }
            ack.ack(claim).await
        }))
    }

    fn max_answer_bytes(&self) -> Option<usize> {
        self.sink.max_answer_bytes()
    }
}
