//! Consuming without an output: a message is acknowledged. If the subscription has exactly-once delivery, the service
//! confirms that.

use std::sync::Arc;

use async_trait::async_trait;
use google_cloud_gax::error::rpc::Code;
use google_cloud_pubsub::error::AckError;
use google_cloud_pubsub::subscriber::handler::Handler;

use super::fault;
use super::lanes::Token;
use crate::broker::{Ack, Claim, SettleError};

/// Consumes the claims of a [`super::PubSubSource`].
///
/// On a plain subscription nobody learns whether an acknowledgement arrived: if it is lost, the message is
/// redelivered.
#[derive(Debug)]
pub struct PubSubAck;

#[async_trait]
impl Ack for PubSubAck {
    fn is_current(&self, claim: &Claim) -> bool {
        claim.token::<Token>().is_some_and(Token::is_current)
    }

    async fn ack(&self, claim: Claim) -> Result<(), SettleError> {
        let mut token: Token = claim.into_token()?;
        let lanes = Arc::clone(&token.lanes);
        let leased = lanes.settle(&mut token)?;
        let mut confirmed = Ok(());
        for handler in leased.handlers {
            match handler {
                Handler::ExactlyOnce(handler) => confirmed = handler.confirmed_ack().await,
                handler => handler.ack(),
            }
        }
        let Err(error) = confirmed else {
            return Ok(());
        };
        // The service did not accept it: the message is redelivered, with everything behind it.
        lanes.abandon(&token.key, token.epoch);
        match error {
            AckError::Rpc { source, .. } if is_final(fault::code(&source)) => Err(lanes.explain(&source).into()),
            error => {
                tracing::warn!(lane = %token.lane, %error, "an acknowledgement failed: the message will be redelivered");
                Err(token.rewound())
            }
        }
    }
}

/// The next acknowledgement would fail as well.
fn is_final(code: Option<Code>) -> bool {
    matches!(
        code,
        Some(Code::PermissionDenied | Code::Unauthenticated | Code::NotFound)
    )
}
