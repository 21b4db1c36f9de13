//! Answers to one broker, dead letters to another.

use std::sync::Arc;

use async_trait::async_trait;

use super::enqueue::one_by_one;
use super::{BrokerError, Durable, Enqueued, Lane, Limits, Output, Route, Sink};

/// A sink made of two, for a pipeline between two brokers.
pub(super) struct ByRoute {
    pub answers: Arc<dyn Sink>,
    pub dead_letters: Arc<dyn Sink>,
}

#[async_trait]
impl Sink for ByRoute {
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        self.sink(output.route).enqueue(output, lane).await
    }

    async fn enqueue_all(&self, outputs: Vec<Output>, lane: &Lane) -> Enqueued {
        match outputs.first().map(|first| first.route) {
            Some(route) if outputs.iter().all(|output| output.route == route) => {
                self.sink(route).enqueue_all(outputs, lane).await
            }
            _ => one_by_one(outputs, |output| self.enqueue(output, Some(lane))).await,
        }
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sink(route).limits(route).await
    }
}

impl ByRoute {
    fn sink(&self, route: Route) -> &dyn Sink {
        match route {
            Route::Answers => &*self.answers,
            Route::DeadLetters => &*self.dead_letters,
        }
    }
}
