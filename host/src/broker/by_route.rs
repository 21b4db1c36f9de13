//! Answers to one broker, dead letters to another.

use std::sync::Arc;

use async_trait::async_trait;

use super::{BrokerError, Durable, Lane, Output, Route, Sink};

/// A sink made of two, for a pipeline whose ends are two brokers.
pub(super) struct ByRoute {
    pub answers: Arc<dyn Sink>,
    pub dead_letters: Arc<dyn Sink>,
}

#[async_trait]
impl Sink for ByRoute {
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        match output.route {
            Route::Answers => self.answers.enqueue(output, lane).await,
            Route::DeadLetters => self.dead_letters.enqueue(output, lane).await,
        }
    }

    fn max_answer_bytes(&self) -> Option<usize> {
        self.answers.max_answer_bytes()
    }
}
