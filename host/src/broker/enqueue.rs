//! Outputs of one lane that a sink gets at once.

use std::collections::VecDeque;
use std::future::ready;
use std::pin::pin;

use super::{BrokerError, Durable, Output};

/// What a sink has accepted of the outputs that it got at once: all of them, or those before the first that it did not accept.
#[derive(Default)]
pub struct Enqueued {
    /// Each resolves when the broker has confirmed its output. In order.
    pub confirmations: Vec<Durable<BrokerError>>,
    /// Why the next output was not accepted. None: all were.
    pub error: Option<BrokerError>,
}

impl Enqueued {
    /// None was accepted.
    pub fn refused(error: BrokerError) -> Self {
        Self {
            confirmations: Vec::new(),
            error: Some(error),
        }
    }
}

/// For a sink that accepts one after the other, by `enqueue`. While one waits it looks at what of the others is confirmed: the sink may
/// have room for more only when somebody has seen that. Nothing is enqueued behind what was seen to fail.
pub(super) async fn one_by_one<E>(outputs: Vec<Output>, enqueue: impl Fn(Output) -> E) -> Enqueued
where
    E: Future<Output = Result<Durable<BrokerError>, BrokerError>>,
{
    let mut confirmations: Vec<Durable<BrokerError>> = Vec::with_capacity(outputs.len());
    let mut waiting = VecDeque::with_capacity(outputs.len());
    let mut error = None;
    for output in outputs {
        let mut enqueue = pin!(enqueue(output));
        let enqueued = loop {
            tokio::select! {
                biased;
                enqueued = &mut enqueue => break enqueued,
                confirmed = oldest(&mut waiting) => {
                    waiting.pop_front();
                    let has_failed = confirmed.is_err();
                    confirmations.push(Box::pin(ready(confirmed)));
                    if has_failed {
                        break Err(BrokerError::HeldBack("a message before it was not published".to_owned()));
                    }
                }
            }
        };
        match enqueued {
            Ok(confirmation) => waiting.push_back(confirmation),
            Err(refused) => {
                error = Some(refused);
                break;
            }
        }
    }
    confirmations.extend(waiting);
    Enqueued { confirmations, error }
}

/// Never resolves if there is none. Cancel-safe: the confirmation stays where it is.
async fn oldest(waiting: &mut VecDeque<Durable<BrokerError>>) -> Result<(), BrokerError> {
    match waiting.front_mut() {
        Some(oldest) => oldest.await,
        None => std::future::pending().await,
    }
}
