//! What happens to a consumer from outside: partitions that come and go, errors, the token. Separate from [`source`], whose
//! thread it happens on, because librdkafka decides when.
//!
//! [`source`]: super::source

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::statistics::Statistics;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::oneshot::error::TryRecvError;

use super::client::Reporter;
use super::code;
use super::fault;
use super::lanes::{Shared, Standing};
use super::start::Starts;

/// How long revoked lanes may take to finish what is in flight.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the group's coordinator may take to name the group's offsets. Nothing else happens meanwhile, so it is
/// short, and repeated.
const ANSWER: Duration = Duration::from_secs(3);

/// A consumer that calls its member back.
pub(super) type KafkaConsumer = BaseConsumer<Member>;

/// Receives librdkafka's callbacks, on the consumer's own thread while that polls.
pub(super) struct Member {
    reporter: Reporter,
    lanes: Shared,
    starts: Arc<Starts>,
    /// Set once, right after it is created.
    pub consumer: OnceLock<Weak<KafkaConsumer>>,
    queues: Mutex<BTreeMap<i32, PartitionQueue<Member>>>,
    /// The partitions whose queues may have something to read: of many, most have not.
    filled: Arc<Mutex<BTreeSet<i32>>>,
    /// Assigned partitions that have not started.
    assigned: Mutex<Vec<i32>>,
    /// It was reported that they have not started.
    is_told: AtomicBool,
    /// Held during a commit.
    committing: Mutex<()>,
}

impl Member {
    pub fn new(reporter: Reporter, lanes: Shared, starts: Arc<Starts>) -> Self {
        Self {
            reporter,
            lanes,
            starts,
            consumer: OnceLock::new(),
            queues: Mutex::default(),
            filled: Arc::default(),
            assigned: Mutex::default(),
            is_told: AtomicBool::new(false),
            committing: Mutex::default(),
        }
    }

    /// The queue of each partition that is held.
    pub fn queues(&self) -> MutexGuard<'_, BTreeMap<i32, PartitionQueue<Member>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The partitions whose queues may have something. Whoever finds that one still has something says so with [`Member::fill`].
    pub fn take_filled(&self) -> BTreeSet<i32> {
        std::mem::take(&mut self.filled.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// These queues may have something.
    pub fn fill(&self, partitions: impl IntoIterator<Item = i32>) {
        let mut filled = self.filled.lock().unwrap_or_else(PoisonError::into_inner);
        filled.extend(partitions);
    }

    /// Every queue may have something.
    pub fn fill_all(&self) {
        self.fill(self.queues().keys().copied());
    }

    fn assigned(&self) -> MutexGuard<'_, Vec<i32>> {
        self.assigned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn list(&self, offsets: &[(i32, u64)]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let offset = Offset::Offset(i64::try_from(*offset).unwrap_or(i64::MAX));
            // Fails for an offset that no broker can have given.
            let _ = list.add_partition_offset(&self.lanes.topic, *partition, offset);
        }
        list
    }

    /// Commits what has settled and waits for the broker.
    pub fn commit_now(&self, consumer: &KafkaConsumer) -> KafkaResult<()> {
        let _turn = self.turn();
        self.commit(consumer)
    }

    /// One commit at a time, so that none overtakes another that goes further.
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.committing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, consumer: &KafkaConsumer) -> KafkaResult<()> {
        let offsets = self.lanes.uncommitted();
        if !offsets.is_empty() {
            consumer.commit(&self.list(&offsets), CommitMode::Sync)?;
            self.lanes.committed(&offsets);
        }
        Ok(())
    }

    /// Accepts an assignment. Finding out where each partition starts takes requests that may have to be repeated,
    /// and a callback that waits holds up the whole group, so [`Member::begin`] sends them later.
    fn assign(&self, consumer: &KafkaConsumer, list: &TopicPartitionList) -> KafkaResult<()> {
        self.assigned().extend(partitions(list));
        add(consumer, &TopicPartitionList::new())
    }

    /// Starts the assigned partitions. A group's coordinator may not know their offsets for a while: it has just
    /// moved, or a host died within a transaction. Then they are requested again later. Fails if repeating does not
    /// help.
    pub fn begin(&self, consumer: &KafkaConsumer) -> KafkaResult<()> {
        let partitions = self.assigned().clone();
        if partitions.is_empty() {
            return Ok(());
        }
        match self.places(consumer, &partitions) {
            Ok(places) => {
                self.assigned().clear();
                self.is_told.store(false, Ordering::Relaxed);
                self.split(&partitions);
                self.lanes.gain(&places);
                self.lanes.set_assigned(true);
                add(consumer, &self.list(&places))
            }
            Err(error) if code::is_final(&error) => Err(error),
            Err(error) => {
                if !self.is_told.swap(true, Ordering::Relaxed) {
                    let error = fault::explain(&error, &self.reporter);
                    tracing::warn!(
                        "the offsets of the group in {} are not known yet ({error}); trying again",
                        self.lanes.topic
                    );
                }
                Ok(())
            }
        }
    }

    /// The group's offset in each partition. In a new partition it is the start, which is committed at once, so that
    /// the next member starts nowhere else.
    fn places(&self, consumer: &KafkaConsumer, partitions: &[i32]) -> KafkaResult<Vec<(i32, u64)>> {
        let mut places = Vec::new();
        let mut unknown = Vec::new();
        let committed = consumer.committed_offsets(self.topic_list(partitions), ANSWER)?;
        for element in committed.elements() {
            element.error()?;
            match element.offset() {
                Offset::Offset(offset) => places.push((element.partition(), u64::try_from(offset).unwrap_or_default())),
                _ => unknown.push(element.partition()),
            }
        }
        if !unknown.is_empty() {
            let starts = self.starts.of(consumer, &self.lanes.topic, &unknown, ANSWER)?;
            consumer.commit(&self.list(&starts), CommitMode::Sync)?;
            places.extend(starts);
        }
        Ok(places)
    }

    /// Gives each partition a queue of its own, before anything is fetched into the common one.
    fn split(&self, partitions: &[i32]) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else {
            return;
        };
        for partition in partitions {
            if let Some(mut queue) = consumer.split_partition_queue(&self.lanes.topic, *partition) {
                let (lanes, filled, partition) = (Arc::clone(&self.lanes), Arc::clone(&self.filled), *partition);
                queue.set_nonempty_callback(move || {
                    filled.lock().unwrap_or_else(PoisonError::into_inner).insert(partition);
                    lanes.call();
                });
                self.queues().insert(partition, queue);
            }
        }
    }

    /// Finishes what is in flight, commits it, and gives the partitions back.
    fn give_up(&self, consumer: &KafkaConsumer, list: &TopicPartitionList) -> KafkaResult<()> {
        let mut partitions = partitions(list);
        // Partitions that have not started have nothing to finish.
        let begun = self.lanes.held();
        self.assigned().retain(|assigned| !partitions.contains(assigned));
        partitions.retain(|partition| begun.contains(partition));
        let is_lost = consumer.assignment_lost();
        if !is_lost && let Some(mut drained) = self.lanes.revoke(&partitions) {
            let began = Instant::now();
            // An acknowledgement counts once it is committed.
            while drained.try_recv() == Err(TryRecvError::Empty) && began.elapsed() < DRAIN {
                if let Err(error) = self.commit_now(consumer) {
                    tracing::warn!(%error, "the last commit before a rebalance failed; its messages will be redelivered");
                    break;
                }
                if self.lanes.rest(Duration::from_millis(10)) != Standing::Open {
                    break;
                }
            }
        }
        // Until the lanes are lost: a later commit of theirs would count as one of this member's next generation, and
        // put back the group's offset under the new holder.
        let turn = self.turn();
        if !is_lost
            && self.lanes.standing() != Standing::Dropped
            && let Err(error) = self.commit(consumer)
        {
            tracing::warn!(%error, "the last commit before a rebalance failed; its messages will be redelivered");
        }
        for partition in &partitions {
            self.queues().remove(partition);
        }
        self.lanes.lose(&partitions, !is_lost);
        drop(turn);
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(&self.topic_list(&partitions)),
            _ => consumer.unassign(),
        }
    }

    fn topic_list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&self.lanes.topic, *partition);
        }
        list
    }
}

/// Adds to the consumer's assignment. Eager assignors only assign everything at once.
fn add(consumer: &KafkaConsumer, list: &TopicPartitionList) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(list),
        _ => consumer.assign(list),
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

impl ClientContext for Member {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.reporter.log(level, facility, message);
    }

    /// Errors of one partition arrive here too, in words that the event does not have.
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            _ if code::damage(&error).is_some() => tracing::warn!("{}: {reason}", self.lanes.topic),
            _ => self.reporter.error(error, reason),
        }
    }

    /// The only way to learn where a log ended when it had no more: the event that it has none does not say. What was
    /// fetched before that, and is not read yet, is counted.
    fn stats(&self, statistics: Statistics) {
        let topic = statistics.topics.get(&self.lanes.topic);
        for (partition, seen) in topic.iter().flat_map(|topic| &topic.partitions) {
            if seen.fetchq_cnt == 0
                && let Ok(end) = u64::try_from(seen.eof_offset)
            {
                self.lanes.pass_end(*partition, end);
            }
        }
    }

    fn generate_oauth_token(&self, config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.reporter.generate_oauth_token(config)
    }
}

impl ConsumerContext for Member {
    fn rebalance(&self, consumer: &KafkaConsumer, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let is_assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let done = match is_assigned {
            true => self.assign(consumer, list),
            false => self.give_up(consumer, list),
        };
        // A revocation is followed by an assignment, possibly of nothing; an assignment must start first.
        self.lanes.set_assigned(is_assigned && self.assigned().is_empty());
        if let Err(error) = done {
            // Without an answer librdkafka would wait for ever: the source ends, and says why.
            self.lanes.fail(fault::explain(&error, &self.reporter));
            let _ = consumer.unassign();
        }
        tracing::debug!(held = ?self.lanes.held(), topic = self.lanes.topic, "the group was rebalanced");
    }
}
