//! Answers to one broker, dead letters to another.

use std::sync::Arc;

use async_trait::async_trait;

use super::{BrokerError, Durable, Lane, Limits, Output, Route, Sink};

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
