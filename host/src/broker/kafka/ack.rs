//! Consuming without an output: offsets are committed up to the first that is missing.

use std::sync::Arc;

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
        acknowledge(vec![claim]).await
    }

    async fn ack_all(&self, claims: Vec<Claim>) -> Vec<Result<(), SettleError>> {
        let count = claims.len();
        vec![acknowledge(claims).await; count]
    }
}

/// The group's offset goes past all of them, or none.
async fn acknowledge(claims: Vec<Claim>) -> Result<(), SettleError> {
    let tokens = claims.into_iter().map(Claim::into_token);
    let tokens: Vec<Token> = tokens.collect::<Result<_, _>>()?;
    let Some(first) = tokens.first() else { return Ok(()) };
    let lanes = Arc::clone(&first.lanes);
    let (reply, ended) = oneshot::channel();
    lanes.acknowledge(tokens, reply)?;
    ended
        .await
        .unwrap_or_else(|_| Err(BrokerError::Failed("the consumer has stopped; start again".to_owned()).into()))
}
