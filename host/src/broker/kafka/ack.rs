//! Consuming without an output: offsets are committed up to the first that is missing.

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::lanes::Token;
use crate::broker::{Ack, BrokerError, Claim, SettleError};

/// Consumes the claims of a [`super::KafkaSource`], which commits them.
#[derive(Debug)]
pub struct KafkaAck;

#[async_trait]
impl Ack for KafkaAck {
    fn is_current(&self, claim: &Claim) -> bool {
        claim.token::<Token>().is_some_and(Token::is_current)
    }

    async fn ack(&self, claim: Claim) -> Result<(), SettleError> {
        let token: Token = claim.into_token()?;
        let lanes = std::sync::Arc::clone(&token.lanes);
        let (reply, ended) = oneshot::channel();
        lanes.acknowledge(token, reply)?;
        ended
            .await
            .unwrap_or_else(|_| Err(BrokerError::Failed("the consumer has stopped; start again".to_owned()).into()))
    }
}
