//! Exactly once within one cluster: the outputs and the group's offsets are one Kafka transaction.
//!
//! A thread collects acts into transactions, because each transaction costs the broker several requests: as many as
//! arrive within a short time, up to a size. A failed transaction is aborted as a whole, and its messages are read
//! again from the committed offsets. A transaction that a newer producer has fenced ends the pipeline.
//!
//! The broker refuses the offsets of a lane that moved to another member: it checks the group generation that they
//! are sent with, and not who holds the lane. So a transaction has one generation, that of before its first act. Any
//! rebalance meanwhile aborts it, even if this member keeps its lanes: its acts are repeated.
//!
//! Source: KIP-98 and KIP-447, and librdkafka's three classes of errors: retriable, abortable, fatal.

mod failure;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender as Queue};
use std::thread;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer as _;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use self::failure::{Failed, is_fatal, is_permanent, is_state, repeat};
use super::code;
use super::lanes::{Act, Reply, Token};
use super::sink::{Outcome, Record, Sender, is_full, pending, producer_config};
use super::source::{SharedConsumer, group_metadata};
use crate::broker::failures::Failures;
use crate::broker::settle_each::settle_each;
use crate::broker::threads::{blocking, spawn};
use crate::broker::{Act as Settlement, BrokerError, Limits, Route, Settle, SettleError, Settled};
use crate::config::KafkaConfig;

/// A transaction collects acts for this long, while more keep arriving.
const GATHER: Duration = Duration::from_millis(100);
/// It ends if nothing arrived for this long.
const QUIET: Duration = Duration::from_millis(5);
/// Or with this many acts.
const MOST_ACTS: usize = 4000;
const MOST_BYTES: usize = 16 << 20;

/// One request of the transaction protocol. Repeated if that may help.
const REQUEST: Duration = Duration::from_secs(10);

/// How long sending offsets may take: a request of librdkafka that may never end (its issues 5456 and 5511) if the
/// group's coordinator goes away meanwhile.
const HANG: Duration = Duration::from_secs(15);

/// How long the broker waits for a dead process before it aborts its open transaction, which holds up readers behind
/// it. A host with an instance name restarts under it, and then aborts the transaction itself.
const TIMEOUT_MS: &str = "10000";
const NAMED_TIMEOUT_MS: &str = "60000";

/// How long a record may take.
const RECORD_TIMEOUT_MS: &str = "10000";

/// Settles the claims of one source.
pub struct KafkaTransaction {
    sender: Arc<Sender>,
    queue: Queue<Unit>,
}

/// One act in progress, with its records.
struct Unit {
    act: Act,
    records: Vec<Record>,
    reply: Reply,
    _permits: Vec<OwnedSemaphorePermit>,
}

/// A producer of this host's transactions.
pub(super) fn transactional_config(config: &KafkaConfig, group: &str) -> ClientConfig {
    let mut producer = producer_config(config);
    let (instance, timeout) = match &config.instance {
        Some(instance) => (instance.clone(), NAMED_TIMEOUT_MS),
        None => (format!("{:016x}", fastrand::u64(..)), TIMEOUT_MS),
    };
    producer.set("transactional.id", format!("{group}-{instance}"));
    producer.set("transaction.timeout.ms", timeout);
    producer.set("message.timeout.ms", RECORD_TIMEOUT_MS);
    producer
}

impl KafkaTransaction {
    /// Takes over from an older holder of the same transactional id, and aborts its open transaction.
    pub(super) async fn start(sender: Sender, consumer: SharedConsumer) -> Result<Self, BrokerError> {
        let sender = Arc::new(sender);
        #[expect(clippy::disallowed_methods, reason = "permits come before it, of 64 MiB of messages")]
        let (queue, units) = mpsc::channel();
        let transactions = Transactions {
            sender: Arc::clone(&sender),
            consumer,
            broken: None,
        };
        blocking(move || {
            transactions
                .repeat(|producer| producer.init_transactions(REQUEST))
                .map_err(|error| transactions.sender.cluster.explain(&error))?;
            spawn("kafka-transaction", move || transactions.run(&units))
        })
        .await?;
        Ok(Self { sender, queue })
    }
}

impl KafkaTransaction {
    async fn accept(&self, Settlement { claim, outputs }: Settlement) -> Result<Ended, SettleError> {
        let mut records = Vec::with_capacity(outputs.len());
        let mut permits = Vec::with_capacity(outputs.len());
        for output in outputs {
            let record = self.sender.prepare(output, Some(&claim.lane)).await?;
            permits.push(self.sender.permit(&record).await?);
            records.push(record);
        }
        let token: Token = claim.into_token()?;
        let lanes = Arc::clone(&token.lanes);
        let (reply, ended) = oneshot::channel();
        lanes.accept(token, |act| {
            // The thread outlives this sender; if it has crashed, the dropped reply says so.
            let _ = self.queue.send(Unit {
                act,
                records,
                reply,
                _permits: permits,
            });
        })?;
        Ok(ended)
    }
}

/// Reports how an act ended.
type Ended = oneshot::Receiver<Result<(), SettleError>>;

async fn confirmed(ended: Ended) -> Result<(), SettleError> {
    let stopped = |_| Err(BrokerError::Failed("the transactions have stopped; start again".to_owned()).into());
    ended.await.unwrap_or_else(stopped)
}

#[async_trait]
impl Settle for KafkaTransaction {
    async fn settle(&self, acts: Vec<Settlement>) -> Settled {
        settle_each(acts, |act| async { self.accept(act).await.map(confirmed) }).await
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sender.limits(route).await
    }
}

struct Transactions {
    sender: Arc<Sender>,
    consumer: SharedConsumer,
    /// Repeating does not help any more: the producer is unusable.
    broken: Option<SettleError>,
}

impl Transactions {
    fn run(mut self, queue: &Receiver<Unit>) {
        while let Ok(first) = queue.recv() {
            match &self.broken {
                Some(error) => self.refuse(vec![first], &error.clone()),
                None => self.transact(first, queue),
            }
        }
    }

    /// One transaction, from its first act to its end.
    fn transact(&mut self, first: Unit, queue: &Receiver<Unit>) {
        let mut units = Vec::new();
        let filled = self.fill(first, queue, &mut units);
        let outcome = filled.and_then(|group| self.commit(&units, group));
        match outcome {
            Ok(()) => {
                for unit in units {
                    unit.act.commit();
                    // The caller may have stopped waiting.
                    let _ = unit.reply.send(Ok(()));
                }
            }
            Err(error) => self.undo(units, &error),
        }
    }

    /// Sends the records of arriving acts, and waits for their confirmations. Returns the consumer at the start.
    fn fill(
        &self,
        first: Unit,
        queue: &Receiver<Unit>,
        units: &mut Vec<Unit>,
    ) -> Result<Option<ConsumerGroupMetadata>, Failed> {
        let began = Instant::now();
        let mut bytes = 0;
        let mut next = Some(first);
        let mut confirmations = Vec::new();
        let mut failures = Vec::new();
        let mut group = None;
        while let Some(unit) = next.take() {
            if units.is_empty() {
                // Before checking the lane: a lane that is held now has not moved since, so its next holder has a
                // later generation, and this one is refused from then on.
                group = group_metadata(&self.consumer);
            }
            // Acts that a lost lane or an aborted transaction left in the queue are not started.
            if unit.act.is_current() {
                let is_first = units.is_empty();
                bytes += unit.records.iter().map(|record| record.message.size()).sum::<usize>();
                let number = units.len();
                units.push(unit);
                if is_first {
                    self.repeat(|producer| producer.begin_transaction())?;
                }
                let records = units.last().map_or(&[][..], |unit| &unit.records[..]);
                for record in records {
                    match self.send(record) {
                        Ok(confirmed) => confirmations.push((number, Arc::clone(&record.topic), confirmed)),
                        Err(error) => failures.push((number, Arc::clone(&record.topic), error)),
                    }
                }
            } else {
                self.refuse_stale(unit);
            }
            let left = GATHER.saturating_sub(began.elapsed()).min(QUIET);
            if failures.is_empty() && units.len() < MOST_ACTS && bytes < MOST_BYTES && !left.is_zero() {
                next = queue.recv_timeout(left).ok();
            }
        }
        let mut is_failing = !failures.is_empty();
        for (number, topic, mut confirmed) in confirmations {
            let failed = match is_failing {
                // The producer's thread resolves all of them, at the latest by the messages' own time-out.
                false => match confirmed.blocking_recv() {
                    Ok(outcome) => outcome.err().map(|(error, _)| error),
                    Err(_) => Some(KafkaError::Canceled),
                },
                // Records without an outcome by now are aborted; those in one batch with the first failure have one.
                true => confirmed.try_recv().ok().and_then(|outcome| Some(outcome.err()?.0)),
            };
            if let Some(error) = failed {
                if !is_failing {
                    is_failing = true;
                    thread::sleep(QUIET);
                }
                failures.push((number, topic, error));
            }
        }
        self.judge(failures)?;
        Ok(group)
    }

    /// If a record was refused by its own fault, that is what counts.
    fn judge(&self, failures: Vec<(usize, Arc<str>, KafkaError)>) -> Result<(), Failed> {
        let mut refused = Vec::new();
        let mut first = None;
        for (number, topic, error) in failures {
            match self.sender.unpublished(&error, &topic) {
                refusal @ BrokerError::Refused { .. } => refused.push((number, refusal)),
                _ => first = first.or(Some(error)),
            }
        }
        match first {
            _ if !refused.is_empty() && self.sender.go_alone() => Err(Failed::Refused(Vec::new())),
            _ if !refused.is_empty() => Err(Failed::Refused(refused)),
            Some(error) => Err(Failed::Kafka(error)),
            None => Ok(()),
        }
    }

    fn send(&self, record: &Record) -> Result<oneshot::Receiver<Outcome>, KafkaError> {
        // A transaction fails as a whole, which holds back all of it.
        let (mut waiting, confirmed) = pending(None, &Failures::default());
        let producer = self.sender.producer();
        loop {
            match self.sender.send(&producer, record, waiting) {
                Ok(()) => return Ok(confirmed),
                Err((error, back)) if is_full(&error) => {
                    waiting = back;
                    thread::sleep(QUIET);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn commit(&self, units: &[Unit], group: Option<ConsumerGroupMetadata>) -> Result<(), Failed> {
        if units.is_empty() {
            return Ok(());
        }
        let mut next: BTreeMap<(&str, i32), u64> = BTreeMap::new();
        for unit in units {
            let place = next.entry((&unit.act.lanes.topic, unit.act.partition)).or_default();
            *place = unit.act.next.max(*place);
        }
        let mut offsets = TopicPartitionList::with_capacity(next.len());
        for ((topic, partition), next) in next {
            let next = Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX));
            offsets.add_partition_offset(topic, partition, next)?;
        }
        // Without a consumer the lanes are lost, and their acts with them.
        let group = group.ok_or(KafkaError::Canceled)?;
        let producer = self.sender.producer();
        let (done, sent) = mpsc::sync_channel(1);
        let send = move || {
            let sent = repeat(|| producer.send_offsets_to_transaction(&offsets, &group, REQUEST));
            // Nobody waits any more for a request that hung.
            let _ = done.send(sent);
        };
        spawn("kafka-offsets", send).map_err(|_| KafkaError::Canceled)?;
        match sent.recv_timeout(HANG) {
            Ok(sent) => sent?,
            Err(_) => return Err(Failed::Hung),
        }
        Ok(self.repeat(|producer| producer.commit_transaction(REQUEST))?)
    }

    /// Aborts the transaction. Its acts are repeated, unless what failed will fail again.
    fn undo(&mut self, units: Vec<Unit>, error: &Failed) {
        tracing::warn!(%error, acts = units.len(), "a transaction was aborted");
        let aborted = match error {
            Failed::Kafka(error) if is_fatal(error) => Err(error.clone()),
            Failed::Kafka(_) => self.repeat(|producer| producer.abort_transaction(REQUEST)),
            // Records behind a refused one have a sequence number that the broker does not expect.
            Failed::Refused(_) | Failed::Hung => self.succeed(),
        };
        let aborted = match aborted {
            Err(error) if is_fatal(&error) && !self.is_taken_over(&error) => self.succeed(),
            other => other,
        };
        // First, so that whoever learns of a failure finds the lane's epoch already raised.
        for unit in &units {
            unit.act.abort();
        }
        if let Err(error) = aborted
            && !is_state(&error)
        {
            let said = self.sender.cluster.explain(&error);
            let broken = match code::is_fenced(&error) || is_fatal(&error) {
                true => SettleError::Fenced(said.to_string()),
                false => SettleError::Broker(said),
            };
            self.refuse(units, &broken);
            self.broken = Some(broken);
            return;
        }
        match error {
            Failed::Kafka(error) if is_permanent(error) || self.sender.cluster.reporter.denial(error).is_some() => {
                self.refuse(units, &self.sender.cluster.explain(error).into());
            }
            error => {
                for (number, unit) in units.into_iter().enumerate() {
                    let ended = error.of(number).map_or_else(|| unit.act.rewound(), SettleError::from);
                    let _ = unit.reply.send(Err(ended));
                }
            }
        }
    }

    fn refuse(&self, units: Vec<Unit>, error: &SettleError) {
        for unit in units {
            let _ = unit.reply.send(Err(error.clone()));
        }
    }

    fn refuse_stale(&self, unit: Unit) {
        let rewound = unit.act.rewound();
        let _ = unit.reply.send(Err(rewound));
    }

    /// Whether another host has this host's name now. A random name has no other host: if it is fenced, the broker
    /// has aborted a transaction that took too long.
    fn is_taken_over(&self, error: &KafkaError) -> bool {
        let is_named = self.sender.cluster.config.instance.is_some();
        is_named && (code::is_fenced(error) || error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal))
    }

    /// Replaces an unusable producer with a successor, which fences it: this aborts its open transaction.
    fn succeed(&self) -> Result<(), KafkaError> {
        self.sender.renew().map_err(|_| KafkaError::Canceled)?;
        self.repeat(|producer| producer.init_transactions(REQUEST))
    }

    fn repeat(&self, call: impl Fn(&super::sink::Producer) -> Result<(), KafkaError>) -> Result<(), KafkaError> {
        let producer = self.sender.producer();
        repeat(|| call(&producer))
    }
}
