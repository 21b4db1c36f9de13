//! The pipeline over the embedded broker, with a classifier of the test's own.

use std::time::Duration;

use host::broker::Subscription;
use host::pipeline::{self, Meter, OnError, Policy, Progress, Serve};
use host::shutdown::Shutdown;

use crate::support::local::Local;
use crate::support::{GROUP, INPUT, OUTPUT};

pub const DEAD_LETTERS: &str = "dead";

/// Runs until a stop; `limit` is the largest message in bytes, and ten of that size may be in flight.
pub async fn pipe(
    local: &Local,
    limit: usize,
    classifier: &dyn Serve,
    shutdown: &Shutdown,
    observe: impl FnMut(&Progress),
) -> Progress {
    let broker = host::broker::local::Broker::open(&local.config, limit).await.unwrap();
    let subscription = Subscription {
        topic: INPUT.to_owned(),
        group: GROUP.to_owned(),
        create: false,
    };
    let source = Box::new(broker.subscribe(&subscription).await.unwrap());
    let settle = std::sync::Arc::new(broker.writer(OUTPUT, DEAD_LETTERS).await.unwrap());
    let policy = Policy {
        on_error: OnError::DeadLetter,
        attempts: 3,
        max_failures: None,
        retry_delay: Duration::ZERO,
        max_in_flight: 10,
        max_in_flight_bytes: 10 * limit,
        max_message_bytes: limit,
        provenance: false,
        idle_timeout: None,
    };
    let ended = pipeline::run(
        source,
        settle,
        classifier,
        &policy,
        shutdown,
        &Meter::default(),
        observe,
    )
    .await;
    ended.unwrap()
}
