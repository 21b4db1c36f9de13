//! Reads a topic outside the pipeline: each message is consumed once somebody is done with it.

use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};

use crate::broker::{Ack, Delivery, Demand, Event, SettleError, Source};
use crate::shutdown::Shutdown;

/// Messages that are taken and wait to be consumed: enough to share the broker's group commits.
const IN_FLIGHT: usize = 64;

/// Messages that are left to the end.
const LEFT: usize = 1024;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is consumed.
    Consumed,
    /// It stays where it is, and so does everything behind it.
    Left,
}

/// Gives each message to `take` and consumes it after; one that `take` fails on is not consumed. Ends when `take` says so,
/// at a soft stop, or when nothing came for the idle timeout, and then waits for what was taken to be consumed.
pub async fn read(
    mut source: Box<dyn Source>,
    ack: Arc<dyn Ack>,
    shutdown: &Shutdown,
    idle_timeout: Option<Duration>,
    take: impl AsyncFnMut(&Delivery) -> anyhow::Result<ControlFlow<Taken, Taken>>,
) -> anyhow::Result<()> {
    let ended = take_all(source.as_mut(), ack, shutdown, idle_timeout, take).await;
    // The group is left even after an error, so that another member takes over at once; the first error is what counts.
    let closed = source.close().await;
    ended?;
    Ok(closed?)
}

async fn take_all(
    source: &mut dyn Source,
    ack: Arc<dyn Ack>,
    shutdown: &Shutdown,
    idle_timeout: Option<Duration>,
    mut take: impl AsyncFnMut(&Delivery) -> anyhow::Result<ControlFlow<Taken, Taken>>,
) -> anyhow::Result<()> {
    let mut acks = FuturesUnordered::new();
    let mut left = Vec::new();
    let mut last = Instant::now();
    let ended = loop {
        let demand = match acks.len() < IN_FLIGHT && left.len() < LEFT {
            true => Demand::Deliveries,
            false => Demand::EventsOnly,
        };
        tokio::select! {
            // A stop, and what makes room, must not wait behind new messages.
            biased;
            () = shutdown.stopping() => break Ok(()),
            Some(acked) = acks.next() => if let Err(error) = consumed(acked) {
                break Err(error);
            },
            event = source.recv(demand) => match event {
                Ok(Event::Delivery(delivery)) => {
                    let taken = tokio::select! {
                        // Whoever reads stdout may have stopped reading for good; what was not taken comes again.
                        biased;
                        () = shutdown.aborting() => break Ok(()),
                        taken = take(&delivery) => taken,
                    };
                    last = Instant::now();
                    let (is_last, taken) = match taken {
                        Ok(ControlFlow::Continue(taken)) => (false, taken),
                        Ok(ControlFlow::Break(taken)) => (true, taken),
                        Err(error) => break Err(error),
                    };
                    match taken {
                        Taken::Consumed => {
                            let ack = Arc::clone(&ack);
                            acks.push(async move { ack.ack(delivery.claim).await });
                        }
                        // Held to the end, so that it does not come again at once.
                        Taken::Left => left.push(delivery.claim),
                    }
                    if is_last {
                        break Ok(());
                    }
                }
                Ok(Event::Revoked(_, drained)) => {
                    let settled = settle(&mut acks).await;
                    drop(drained);
                    if let Err(error) = settled {
                        break Err(error);
                    }
                }
                Err(error) => break Err(error.into()),
            },
            () = until_idle(last, idle_timeout) => break Ok(()),
        }
    };
    // What was taken is consumed even where something failed later.
    tokio::select! {
        biased;
        () = shutdown.aborting() => ended,
        settled = settle(&mut acks) => ended.and(settled),
    }
}

async fn settle(acks: &mut FuturesUnordered<impl Future<Output = Result<(), SettleError>>>) -> anyhow::Result<()> {
    while let Some(acked) = acks.next().await {
        consumed(acked)?;
    }
    Ok(())
}

/// A message that went back to the topic is no failure: it comes again, here or to another member.
fn consumed(acked: Result<(), SettleError>) -> anyhow::Result<()> {
    match acked {
        Err(error @ SettleError::Rewound(_)) => {
            tracing::warn!("{error}; what was read behind it comes again");
            Ok(())
        }
        other => Ok(other?),
    }
}

async fn until_idle(since: Instant, timeout: Option<Duration>) {
    match timeout.and_then(|timeout| since.checked_add(timeout)) {
        Some(end) => sleep_until(end).await,
        None => pending().await,
    }
}
