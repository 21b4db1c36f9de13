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
use super::batch::Batch;
use super::code;
use super::lanes::{Acts, Token};
use super::sink::{Record, Sender, is_full, producer_config};
use super::source::{SharedConsumer, group_metadata};
use crate::broker::failures::Failures;
use crate::broker::ledger::rewound;
use crate::broker::threads::{blocking, spawn};
use crate::broker::{Act as Settlement, BrokerError, Claim, Lane, Limits, Route, Settle, SettleError, Settled};
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

/// Acts of one lane in progress, with their records.
struct Unit {
    acts: Acts,
    count: usize,
    /// Each with the number of its act.
    records: Vec<(usize, Record)>,
    reply: oneshot::Sender<Results>,
    _permit: OwnedSemaphorePermit,
}

/// One for each act.
type Results = Vec<Result<(), SettleError>>;

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

/// Reports how the acts that were accepted ended, and how many these are.
type Ended = (oneshot::Receiver<Results>, usize);

impl KafkaTransaction {
    /// Accepts acts of one lane, up to the first that cannot be accepted, with why.
    async fn accept(&self, acts: Vec<Settlement>, lane: &Lane) -> (Option<Ended>, Option<SettleError>) {
        let mut claims = Vec::with_capacity(acts.len());
        let mut outputs = Vec::with_capacity(acts.len());
        // How many outputs there are up to the end of each act.
        let mut ends = Vec::with_capacity(acts.len());
        for act in acts {
            outputs.extend(act.outputs);
            ends.push(outputs.len());
            claims.push(act.claim);
        }
        let (records, error) = self.sender.prepare(outputs, Some(lane)).await;
        let permit = match self.sender.permit(&records).await {
            Ok(permit) => permit,
            Err(error) => return (None, Some(error.into())),
        };
        let prepared = ends.iter().take_while(|end| **end <= records.len()).count();
        // Dropped when those before them are accepted.
        let _unprepared = claims.split_off(prepared);
        let tokens: Result<Vec<Token>, _> = claims.into_iter().map(Claim::into_token).collect();
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err(error) => return (None, Some(error.into())),
        };
        let error = error.map(SettleError::from);
        let Some(lanes) = tokens.first().map(|token| Arc::clone(&token.lanes)) else {
            return (None, error);
        };
        let act_of = |record: usize| ends.partition_point(|end| *end <= record);
        let (reply, ended) = oneshot::channel();
        let mut accepted = None;
        let refused = lanes.accept(tokens, |acts, count| {
            let records = records.into_iter().enumerate();
            let records = records.map(|(number, record)| (act_of(number), record));
            // The thread outlives this sender; if it has crashed, the dropped reply says so.
            let _ = self.queue.send(Unit {
                acts,
                count,
                records: records.take_while(|(act, _)| *act < count).collect(),
                reply,
                _permit: permit,
            });
            accepted = Some((ended, count));
        });
        (accepted, refused.or(error))
    }
}

#[async_trait]
impl Settle for KafkaTransaction {
    async fn settle(&self, acts: Vec<Settlement>) -> Settled {
        let all = acts.len();
        let Some(lane) = acts.first().map(|act| act.claim.lane.clone()) else {
            return Box::pin(async { Vec::new() });
        };
        let (accepted, error) = self.accept(acts, &lane).await;
        Box::pin(async move {
            let mut results = match accepted {
                Some((ended, count)) => ended.await.unwrap_or_else(|_| vec![Err(stopped()); count]),
                None => Vec::new(),
            };
            results.extend(error.map(Err));
            // What is behind it.
            results.resize_with(all, || Err(rewound(&lane)));
            results
        })
    }

    async fn limits(&self, route: Route) -> Result<Limits, BrokerError> {
        self.sender.limits(route).await
    }
}

fn stopped() -> SettleError {
    BrokerError::Failed("the transactions have stopped; start again".to_owned()).into()
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
                if let Some(first) = units.first() {
                    first.acts.lanes.committed(&ends(&units));
                }
                for unit in units {
                    // The caller may have stopped waiting.
                    let _ = unit.reply.send(vec![Ok(()); unit.count]);
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
        let batch = Batch::new(&Failures::default());
        let (mut acts, mut bytes) = (0, 0);
        let mut next = Some(first);
        let mut sent = Vec::new();
        let mut failures = Vec::new();
        let mut group = None;
        while let Some(unit) = next.take() {
            if units.is_empty() {
                // Before checking the lane: a lane that is held now has not moved since, so its next holder has a
                // later generation, and this one is refused from then on.
                group = group_metadata(&self.consumer);
            }
            // Acts that a lost lane or an aborted transaction left in the queue are not started.
            if unit.acts.is_current() {
                if units.is_empty() {
                    self.repeat(|producer| producer.begin_transaction())?;
                }
                for (act, record) in &unit.records {
                    bytes += record.message.size();
                    let record = (self.send(&batch, record), acts + act, Arc::clone(&record.topic));
                    match record {
                        (Ok(number), act, topic) => sent.push((number, act, topic)),
                        (Err(error), act, topic) => failures.push((act, topic, error)),
                    }
                }
                acts += unit.count;
                units.push(unit);
            } else {
                self.refuse_stale(unit);
            }
            let left = GATHER.saturating_sub(began.elapsed()).min(QUIET);
            if failures.is_empty() && acts < MOST_ACTS && bytes < MOST_BYTES && !left.is_zero() {
                next = queue.recv_timeout(left).ok();
            }
        }
        // The producer's thread resolves all of them, at the latest by the messages' own time-out.
        if failures.is_empty() && batch.wait() {
            return Ok(group);
        }
        // Records without an outcome by then are aborted; those in one batch with the first failure have one.
        thread::sleep(QUIET);
        for (number, act, topic) in sent {
            if let Some(Err((error, _))) = batch.take(number) {
                failures.push((act, topic, error));
            }
        }
        self.judge(failures)?;
        Err(KafkaError::Canceled.into())
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

    /// Sends a record. Its number in the batch.
    fn send(&self, batch: &Arc<Batch>, record: &Record) -> Result<usize, KafkaError> {
        let (number, mut pending) = batch.add(None);
        let producer = self.sender.producer();
        loop {
            match self.sender.send(&producer, record, pending) {
                Ok(()) => return Ok(number),
                Err((error, back)) if is_full(&error) => {
                    pending = back;
                    thread::sleep(QUIET);
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    fn commit(&self, units: &[Unit], group: Option<ConsumerGroupMetadata>) -> Result<(), Failed> {
        let Some(first) = units.first() else { return Ok(()) };
        let ends = ends(units);
        let mut offsets = TopicPartitionList::with_capacity(ends.len());
        for (partition, next) in ends {
            let next = Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX));
            offsets.add_partition_offset(&first.acts.lanes.topic, partition, next)?;
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
        let acts: usize = units.iter().map(|unit| unit.count).sum();
        tracing::warn!(%error, acts, "a transaction was aborted");
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
            unit.acts.abort();
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
                let mut acts = 0..;
                for unit in units {
                    let ended = acts.by_ref().take(unit.count).map(|act| match error.of(act) {
                        Some(refused) => Err(refused.into()),
                        None => Err(unit.acts.rewound()),
                    });
                    let _ = unit.reply.send(ended.collect());
                }
            }
        }
    }

    fn refuse(&self, units: Vec<Unit>, error: &SettleError) {
        for unit in units {
            let _ = unit.reply.send(vec![Err(error.clone()); unit.count]);
        }
    }

    fn refuse_stale(&self, unit: Unit) {
        let rewound = unit.acts.rewound();
        self.refuse(vec![unit], &rewound);
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

/// How far a transaction's acts take the group: each partition, and the offset where it continues.
fn ends(units: &[Unit]) -> Vec<(i32, u64)> {
    let mut ends: BTreeMap<i32, u64> = BTreeMap::new();
    for Unit { acts, .. } in units {
        let end = ends.entry(acts.partition).or_default();
        *end = acts.next.max(*end);
    }
    ends.into_iter().collect()
}
