//! The committer's asynchronous side: checks, waits for a permit, queues, and returns what to wait for.

use std::sync::Arc;
use std::sync::mpsc;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::Broker;
use super::commit::{Commit, Committer, Record};
use super::lanes::{Order, Token};
use super::log::check_topic;
use crate::broker::settle_each::settle_each;
use crate::broker::threads::spawn;
use crate::broker::{
    Ack, Act, BrokerError, Claim, Durable, Lane, Limits, Output, Route, Settle, SettleError, Settled, Sink, TOO_LARGE,
};

/// Limit of the queue in KiB: 32 MiB of messages. A commit counts at least 32 KiB, so 1,024 of them.
const QUEUE_KIB: u32 = 32 << 10;
const LEAST_KIB: u32 = 32;

/// Writes to a broker file. As a [`Settle`] it is exactly-once: the answers to a message and the group's next offset
/// are one transaction. As a [`Sink`] it only appends, as an [`Ack`] it only moves the offset.
#[derive(Debug)]
pub struct LocalWriter {
    broker: Broker,
    answers: Arc<str>,
    dead_letters: Arc<str>,
    room: Arc<Semaphore>,
    queue: mpsc::Sender<Commit>,
}

impl LocalWriter {
    pub(super) fn start(broker: &Broker, answers: &str, dead_letters: &str) -> Result<Self, BrokerError> {
        check_topic(dead_letters, broker.config.partitions).map_err(BrokerError::Failed)?;
        let mut connection = broker.connect()?;
        broker.find_or_create(&mut connection, answers)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "permits come before it, of 32 MiB of messages; claims that carry none are bounded by who holds them"
        )]
        let (queue, commits) = mpsc::channel();
        let committer = Committer::new(broker.clone(), connection);
        spawn("local-commit", move || committer.run(&commits))?;
        Ok(Self {
            broker: broker.clone(),
            answers: answers.into(),
            dead_letters: dead_letters.into(),
            room: Arc::new(Semaphore::new(QUEUE_KIB as usize)),
            queue,
        })
    }

    /// The outputs as records, after checking each against the limits. Dead letters have no limit: each is a message
    /// that is in the file already, with the reason.
    fn records(&self, outputs: Vec<Output>, lane: Option<&Lane>) -> Result<Vec<Record>, BrokerError> {
        let limit = self.broker.max_message_bytes;
        let answers = outputs.iter().filter(|output| output.route == Route::Answers);
        let sizes = answers.map(|output| output.message.size());
        if let Some(size) = sizes.clone().find(|size| *size > limit) {
            return Err(BrokerError::TooLarge { size, limit });
        }
        let size: usize = sizes.sum();
        let retention = self.retention();
        if size > retention {
            return Err(BrokerError::Refused {
                code: TOO_LARGE,
                detail: format!(
                    "{size} bytes in one act never fit into a topic that keeps {retention}; raise --local-retention or send \
                     smaller batches"
                ),
            });
        }
        let record = |output: Output| Record {
            topic: Arc::clone(match output.route {
                Route::Answers => &self.answers,
                Route::DeadLetters => &self.dead_letters,
            }),
            message: output.message,
            lane: lane.and_then(Lane::number),
        };
        Ok(outputs.into_iter().map(record).collect())
    }

    /// How much a topic keeps. Bytes.
    fn retention(&self) -> usize {
        usize::try_from(self.broker.config.retention_bytes).unwrap_or(usize::MAX)
    }

    fn limits(&self, route: Route) -> Limits {
        let largest = self.broker.max_message_bytes.min(self.retention());
        Limits {
            max_bytes: Some(largest).filter(|_| route == Route::Answers),
            needs_key: false,
        }
    }

    /// Waits for room in the queue.
    async fn permit(&self, records: &[Record]) -> Result<OwnedSemaphorePermit, BrokerError> {
        let bytes: usize = records.iter().map(|record| record.message.size()).sum();
        let kib = u32::try_from(bytes >> 10)
            .unwrap_or(QUEUE_KIB)
            .clamp(LEAST_KIB, QUEUE_KIB);
        let permit = Arc::clone(&self.room).acquire_many_owned(kib).await;
        permit.map_err(|_| stopped())
    }

    fn accept(
        &self,
        claim: Claim,
        order: Order,
        records: Vec<Record>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Reply, SettleError> {
        let token: Token = claim.into_token()?;
        if *token.lanes.file != *self.broker.config.file {
            return Err(SettleError::Broker(BrokerError::Failed(format!(
                "a claim on {} cannot be settled in {}",
                token.lanes.file.display(),
                self.broker.config.file.display()
            ))));
        }
        let (reply, ended) = oneshot::channel();
        let lanes = Arc::clone(&token.lanes);
        lanes.accept(token, order, reply, |consumed, replies| {
            // The thread outlives this sender; if it has crashed, the replies say so.
            let _ = self.queue.send(Commit {
                consumed: Some(consumed),
                records,
                replies,
                _permit: permit,
            });
        })?;
        Ok(ended)
    }

    async fn settle_act(&self, Act { claim, outputs }: Act) -> Result<Reply, SettleError> {
        let records = self.records(outputs, Some(&claim.lane))?;
        let permit = self.permit(&records).await?;
        self.accept(claim, Order::Strict, records, Some(permit))
    }

    /// Queues an act that consumes nothing.
    fn append(&self, records: Vec<Record>, permit: Option<OwnedSemaphorePermit>) -> Reply {
        let (reply, ended) = oneshot::channel();
        let _ = self.queue.send(Commit {
            consumed: None,
            records,
            replies: vec![reply],
            _permit: permit,
        });
        ended
    }
}

type Reply = oneshot::Receiver<Result<(), SettleError>>;

async fn ended(reply: Reply) -> Result<(), SettleError> {
    reply.await.unwrap_or_else(|_| Err(stopped().into()))
}

fn stopped() -> BrokerError {
    BrokerError::Failed("the broker's writer has stopped; start again".to_owned())
}

/// An act that consumes nothing cannot be rewound.
fn unclaimed(error: SettleError) -> BrokerError {
    match error {
        SettleError::Broker(error) => error,
        other => BrokerError::Failed(other.to_string()),
    }
}

#[async_trait]
impl Settle for LocalWriter {
    async fn settle(&self, acts: Vec<Act>) -> Settled {
        settle_each(acts, |act| async { self.settle_act(act).await.map(ended) }).await
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        Ok(self.limits(route))
    }
}

#[async_trait]
impl Sink for LocalWriter {
    async fn enqueue(&self, output: Output, lane: Option<&Lane>) -> Result<Durable<BrokerError>, BrokerError> {
        let records = self.records(vec![output], lane)?;
        let permit = self.permit(&records).await?;
        let reply = self.append(records, Some(permit));
        Ok(Box::pin(async { ended(reply).await.map_err(unclaimed) }))
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        Ok(self.limits(route))
    }
}

#[async_trait]
impl Ack for LocalWriter {
    fn is_current(&self, claim: &Claim) -> bool {
        claim.token::<Token>().is_some_and(Token::is_current)
    }

    async fn ack(&self, claim: Claim) -> Result<(), SettleError> {
        // No permit: claims are few, and one that waits for its turn must not take the place of the one before it.
        ended(self.accept(claim, Order::Any, Vec::new(), None)?).await
    }
}
