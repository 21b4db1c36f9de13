//! Reads a topic outside the pipeline: each message is consumed once the command is done with it.

use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::waiting::Waiting;
use crate::broker::{Ack, BrokerError, Claim, Delivery, Demand, Durable, Event, Idle, SettleError, Source};
use crate::shutdown::Shutdown;

/// Messages that the command is done with and that wait to be published or consumed: enough to fill the broker's group commits.
const IN_FLIGHT: usize = 64;

/// How many messages can be left in the topic: their claims, without the payloads, are held until the end.
pub const LEFT: usize = 100_000;

/// What to do with a message.
pub enum Taken {
    /// Consume it.
    Consumed,
    /// Consume it once this has resolved. An error ends the reading, and then it is not consumed.
    Published(Durable<BrokerError>),
    /// Leave it in the topic, with everything behind it in its lane.
    Left,
}

/// Why the reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A stop, the end of what was wanted, or no more messages.
    Done,
    /// [`LEFT`] messages were left: there may be more, which were not looked at.
    Full,
}

/// Gives each message to `take`, then consumes or leaves it as `take` says; a message that `take` fails on is not consumed. Ends
/// when `take` says so, at a soft stop, at the idle time-out, or when [`LEFT`] messages were left, and waits until the others are
/// consumed.
pub async fn read(
    mut source: Box<dyn Source>,
    ack: Arc<dyn Ack>,
    shutdown: &Shutdown,
    idle_timeout: Option<Duration>,
    waiting: &mut Waiting,
    take: impl AsyncFnMut(&Delivery) -> anyhow::Result<ControlFlow<Taken, Taken>>,
) -> anyhow::Result<End> {
    let mut left = Vec::new();
    let ended = take_all(source.as_mut(), ack, shutdown, (idle_timeout, waiting), &mut left, take).await;
    // Leave the group even after an error, so that another member takes over at once; the first error counts.
    let closed = source.close().await;
    // Held until now: a claim that is dropped earlier is redelivered to this very source.
    drop(left);
    let ended = ended?;
    closed?;
    Ok(ended)
}

async fn take_all(
    source: &mut dyn Source,
    ack: Arc<dyn Ack>,
    shutdown: &Shutdown,
    (idle_timeout, waiting): (Option<Duration>, &mut Waiting),
    left: &mut Vec<Claim>,
    mut take: impl AsyncFnMut(&Delivery) -> anyhow::Result<ControlFlow<Taken, Taken>>,
) -> anyhow::Result<End> {
    // In order, so that of several that fail the first is told.
    let mut acks = FuturesOrdered::new();
    let mut idle = Idle::new(idle_timeout);
    let ended = 'reading: loop {
        let demand = match acks.len() < IN_FLIGHT {
            true => Demand::Deliveries,
            false => Demand::EventsOnly,
        };
        tokio::select! {
            // A stop, and acknowledgements, which make room, must not wait behind new messages.
            biased;
            () = shutdown.stopping() => break Ok(End::Done),
            Some(acked) = acks.next() => if let Err(error) = acked {
                break Err(error);
            },
            event = source.recv(demand) => match event {
                Ok(Event::Delivery(delivery)) => {
                    waiting.came();
                    let taken = {
                        let mut taking = pin!(take(&delivery));
                        loop {
                            tokio::select! {
                                // The reader of stdout may have stopped reading for good; the message is redelivered.
                                biased;
                                () = shutdown.aborting() => break 'reading Ok(End::Done),
                                taken = &mut taking => break taken,
                                // It may wait for the room that what was published before it takes.
                                Some(acked) = acks.next() => if let Err(error) = acked {
                                    break 'reading Err(error);
                                },
                            }
                        }
                    };
                    idle.restart();
                    let (is_last, taken) = match taken {
                        Ok(ControlFlow::Continue(taken)) => (false, taken),
                        Ok(ControlFlow::Break(taken)) => (true, taken),
                        Err(error) => break Err(error),
                    };
                    let (ack, claim) = (Arc::clone(&ack), delivery.claim);
                    match taken {
                        Taken::Consumed => acks.push_back(consume(ack, claim, None)),
                        Taken::Published(durable) => acks.push_back(consume(ack, claim, Some(durable))),
                        Taken::Left => left.push(claim),
                    }
                    if is_last {
                        break Ok(End::Done);
                    }
                    if left.len() >= LEFT {
                        break Ok(End::Full);
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
            () = waiting.due() => waiting.show(),
            () = idle.passed() => {
                let is_over = tokio::select! {
                    biased;
                    () = shutdown.stopping() => continue,
                    is_over = idle.is_over(source) => is_over,
                };
                match is_over {
                    Ok(true) => break Ok(End::Done),
                    Ok(false) => {}
                    // The broker is gone, so nothing more can be consumed: those messages are redelivered.
                    Err(error) => return Err(error.into()),
                }
            }
        }
    };
    // Messages that the command was done with are consumed even if something failed later.
    tokio::select! {
        biased;
        () = shutdown.aborting() => ended,
        settled = settle(&mut acks) => ended.and_then(|ended| settled.map(|()| ended)),
    }
}

/// Consumes a message, and what is published for it not before that is confirmed. A message that went back to the topic is no
/// failure: it is redelivered, here or to another member.
async fn consume(ack: Arc<dyn Ack>, claim: Claim, published: Option<Durable<BrokerError>>) -> anyhow::Result<()> {
    if let Some(published) = published {
        published.await.context("a message was not confirmed")?;
    }
    match ack.ack(claim).await {
        Err(error @ SettleError::Rewound(_)) => {
            tracing::warn!("{error}; the messages behind it are redelivered");
            Ok(())
        }
        other => Ok(other?),
    }
}

async fn settle(acks: &mut FuturesOrdered<impl Future<Output = anyhow::Result<()>>>) -> anyhow::Result<()> {
    while let Some(acked) = acks.next().await {
        acked?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::pending;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use tokio::sync::oneshot;
    use tokio::time::Instant;

    use super::*;
    use crate::broker::Lane;
    use crate::message::Message;

    /// Messages without an end, each with its number.
    struct Endless(u64);

    #[async_trait]
    impl Source for Endless {
        async fn recv(&mut self, demand: Demand) -> Result<Event, BrokerError> {
            if demand == Demand::EventsOnly {
                return pending().await;
            }
            self.0 += 1;
            Ok(Event::Delivery(Delivery {
                message: Message::new("a letter"),
                position: self.0.to_string(),
                claim: Claim::new(Lane::new("letters/0", 0), self.0, 0, ()),
            }))
        }

        async fn listening_since(&mut self) -> Result<Instant, BrokerError> {
            Ok(Instant::now())
        }

        fn cluster(&self) -> &str {
            "endless"
        }

        async fn close(self: Box<Self>) -> Result<(), BrokerError> {
            Ok(())
        }
    }

    /// The numbers of what was consumed.
    #[derive(Default)]
    struct Consumes(Mutex<Vec<u64>>);

    #[async_trait]
    impl Ack for Consumes {
        fn is_current(&self, _claim: &Claim) -> bool {
            true
        }

        async fn ack(&self, claim: Claim) -> Result<(), SettleError> {
            self.0.lock().unwrap().push(claim.seq);
            Ok(())
        }
    }

    /// Leaves all but the message of this number, and ends there. How many it looked at.
    async fn look_for(wanted: u64) -> (End, u64) {
        let mut looked_at = 0;
        let shutdown = Shutdown::new();
        let mut waiting = Waiting::new(None);
        let end = read(
            Box::new(Endless(0)),
            Arc::new(Consumes::default()),
            &shutdown,
            None,
            &mut waiting,
            async |delivery| {
                looked_at += 1;
                Ok(match delivery.claim.seq == wanted {
                    true => ControlFlow::Break(Taken::Consumed),
                    false => ControlFlow::Continue(Taken::Left),
                })
            },
        );
        (end.await.unwrap(), looked_at)
    }

    #[tokio::test]
    async fn a_message_is_found_behind_thousands_that_are_left() {
        assert_eq!(look_for(20_000).await, (End::Done, 20_000));
    }

    #[tokio::test]
    async fn where_no_more_can_be_left_that_is_said() {
        assert_eq!(look_for(u64::MAX).await, (End::Full, LEFT as u64));
    }

    /// Publishes the first ten messages, and confirms them only after the last, from the last to the first. The one of the number
    /// `lost` is never confirmed. How the reading ended, and what was consumed.
    async fn publish_ten(lost: Option<u64>) -> (anyhow::Result<End>, Vec<u64>) {
        let consumes = Arc::new(Consumes::default());
        let ack = Arc::clone(&consumes);
        let mut confirmations = Vec::new();
        let shutdown = Shutdown::new();
        let mut waiting = Waiting::new(None);
        let end = read(
            Box::new(Endless(0)),
            ack,
            &shutdown,
            None,
            &mut waiting,
            async |delivery| {
                let (confirm, confirmed) = oneshot::channel();
                let number = delivery.claim.seq;
                let published: Durable<BrokerError> = Box::pin(async move {
                    let lost = |_| BrokerError::Failed(format!("{number} was lost"));
                    confirmed.await.map_err(lost)
                });
                confirmations.push((number, confirm));
                if number < 10 {
                    return Ok(ControlFlow::Continue(Taken::Published(published)));
                }
                while let Some((number, confirm)) = confirmations.pop() {
                    if lost != Some(number) {
                        confirm.send(()).unwrap();
                    }
                }
                Ok(ControlFlow::Break(Taken::Published(published)))
            },
        );
        let end = tokio::time::timeout(test_brokers::DEADLINE, end).await.unwrap();
        let consumed = consumes.0.lock().unwrap().clone();
        (end, consumed)
    }

    #[tokio::test]
    async fn messages_are_published_before_those_before_them_are_confirmed() {
        let (end, mut consumed) = publish_ten(None).await;
        assert_eq!(end.unwrap(), End::Done);
        consumed.sort_unstable();
        assert_eq!(consumed, (1..=10).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_message_that_was_not_confirmed_is_not_consumed() {
        let (end, consumed) = publish_ten(Some(4)).await;
        let said = format!("{:#}", end.unwrap_err());
        assert!(said.contains("4 was lost"), "{said}");
        assert!(!consumed.contains(&4), "{consumed:?}");
    }
}
