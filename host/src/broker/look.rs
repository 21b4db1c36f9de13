//! Looking at a topic: what is in it, with nothing taken from anybody. No group is joined, made or moved, nothing is committed, and
//! neither a topic nor a file is made.
//!
//! A broker that keeps a log of partitions implements [`Log`]; where to begin, in which order partitions are shown and where the end
//! is, stands here, once. A broker that hands messages out and keeps no log lends them instead ([`Look::borrowed`]).

use std::fmt::Display;
use std::time::Duration;

use tokio::sync::mpsc;

use super::threads::spawn;
use super::{BrokerError, Claim, Demand, Event, Idle, Source};
use crate::message::Message;
use crate::values::Start;

/// Messages that are read before they are asked for.
const AHEAD: usize = 4;

/// How soon whoever follows a topic asks again for what has come.
const AGAIN: Duration = Duration::from_millis(50);

/// How long nothing comes from a broker that lends its messages until that is taken for all there are.
const SILENCE: Duration = Duration::from_secs(3);

/// Messages that are borrowed at most: nobody else gets them meanwhile.
pub const BORROWED: usize = 1000;

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The topic, which has to be there.
    pub topic: String,
    /// The first message.
    pub begin: Begin,
    /// Whether to wait for what comes later, instead of ending with what was there at the beginning.
    pub follow: bool,
}

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// So many messages before the end, of all partitions together.
    Last(usize),
    /// Where a new group would.
    At(Start),
    /// One message alone, by its position or the end of that: `topic/partition/offset`, `partition/offset`, or the offset alone
    /// where there is one partition. In Pub/Sub its id.
    Only(String),
}

/// A message as it lies in its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What lies there.
    pub message: Message,
    /// Where: `topic/partition/offset`, with Pub/Sub `subscription/message`.
    pub position: String,
}

/// Messages of a topic, one after the other.
pub struct Look(Supply);

enum Supply {
    Log(mpsc::Receiver<Result<Seen, BrokerError>>),
    Loan(Loan),
}

/// What was handed out and is handed back at the end, all together.
struct Loan {
    source: Box<dyn Source>,
    claims: Vec<Claim>,
    idle: Idle,
    /// The end of the position of the one that is wanted; none: all are.
    wanted: Option<String>,
    is_over: bool,
}

impl Look {
    /// Reads a log on a thread of its own, which ends with this or with what there is to look at.
    pub(super) fn at(mut log: impl Log, view: View) -> Result<Self, BrokerError> {
        let (sender, messages) = mpsc::channel(AHEAD);
        spawn("look", move || {
            if let Err(error) = show(&mut log, &view, &sender) {
                // Whoever looked may have turned away.
                let _ = sender.blocking_send(Err(error));
            }
        })?;
        Ok(Self(Supply::Log(messages)))
    }

    /// Takes messages out of a source, [`BORROWED`] at most, and hands them back when it is closed: then they come again, to anybody.
    pub(super) fn borrowed(source: Box<dyn Source>, begin: Begin) -> Self {
        Self(Supply::Loan(Loan {
            source,
            claims: Vec::new(),
            idle: Idle::new(Some(SILENCE)),
            wanted: match begin {
                Begin::Only(position) => Some(position),
                Begin::At(_) | Begin::Last(_) => None,
            },
            is_over: false,
        }))
    }

    /// The next message; none after the last one. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Seen>, BrokerError> {
        match &mut self.0 {
            Supply::Log(messages) => messages.recv().await.transpose(),
            Supply::Loan(loan) => loan.next().await,
        }
    }

    /// Whether there may be more than was shown: no more than [`BORROWED`] messages are kept from others.
    pub fn is_cut(&self) -> bool {
        matches!(&self.0, Supply::Loan(loan) if loan.claims.len() >= BORROWED)
    }

    /// Ends it; what was borrowed is handed back.
    pub async fn close(self) -> Result<(), BrokerError> {
        match self.0 {
            Supply::Log(_) => Ok(()),
            Supply::Loan(Loan { source, claims, .. }) => {
                let closed = source.close().await;
                // Held until now, so that none of them came again at once.
                drop(claims);
                closed
            }
        }
    }
}

impl Loan {
    async fn next(&mut self) -> Result<Option<Seen>, BrokerError> {
        while !self.is_over && self.claims.len() < BORROWED {
            tokio::select! {
                event = self.source.recv(Demand::Deliveries) => match event? {
                    Event::Delivery(delivery) => {
                        self.idle.restart();
                        self.claims.push(delivery.claim);
                        let (message, position) = (delivery.message, delivery.position);
                        match &self.wanted {
                            Some(wanted) if !is_end_of(wanted, &position) => {}
                            wanted => {
                                self.is_over = wanted.is_some();
                                return Ok(Some(Seen { message, position }));
                            }
                        }
                    }
                    // Nothing is being settled.
                    Event::Revoked(_, drained) => drop(drained),
                },
                () = self.idle.passed() => self.is_over = self.idle.is_over(self.source.as_mut()).await?,
            }
        }
        Ok(None)
    }
}

/// Whether a position ends with these parts of one.
fn is_end_of(end: &str, position: &str) -> bool {
    position
        .strip_suffix(end)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// One topic of a broker that keeps its messages in partitions, by offset. Blocks.
pub(super) trait Log: Send + 'static {
    /// For each partition, by number: the offset of the oldest message that is kept, and the one behind the last that may be read.
    fn extents(&mut self) -> Result<Vec<Extent>, BrokerError>;

    /// For each partition the offset of the first message of this time or later, in milliseconds since 1970; its end where there is
    /// none.
    fn at_time(&mut self, time_ms: i64) -> Result<Vec<u64>, BrokerError>;

    /// From here on, messages are read from these offsets on, one for each partition.
    fn seek(&mut self, offsets: &[u64]) -> Result<(), BrokerError>;

    /// The next message of a partition, with its offset; none: there is none now.
    fn next(&mut self, partition: usize) -> Result<Option<(u64, Message)>, BrokerError>;
}

/// Messages `start..end` of one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub start: u64,
    pub end: u64,
}

type Sender = mpsc::Sender<Result<Seen, BrokerError>>;

fn show(log: &mut impl Log, view: &View, sender: &Sender) -> Result<(), BrokerError> {
    let extents = log.extents()?;
    let starts = match &view.begin {
        Begin::Last(count) => last(log, &extents, *count)?,
        Begin::At(start) => starts(log, &view.topic, &extents, *start)?,
        Begin::Only(position) => return only(log, &view.topic, &extents, position, sender),
    };
    let ends = extents
        .iter()
        .map(|extent| if view.follow { u64::MAX } else { extent.end });
    let mut merge = Merge::new(log, &starts, ends.collect())?;
    while !sender.is_closed() {
        match merge.next()? {
            Some((partition, offset, message)) => {
                let position = format!("{}/{partition}/{offset}", view.topic);
                if sender.blocking_send(Ok(Seen { message, position })).is_err() {
                    break;
                }
            }
            None if view.follow => std::thread::sleep(AGAIN),
            None => break,
        }
    }
    Ok(())
}

/// Where each partition begins, as a new group would.
fn starts(log: &mut impl Log, topic: &str, extents: &[Extent], start: Start) -> Result<Vec<u64>, BrokerError> {
    Ok(match start {
        Start::Earliest => extents.iter().map(|extent| extent.start).collect(),
        Start::Latest => extents.iter().map(|extent| extent.end).collect(),
        Start::Time(time_ms) => log.at_time(time_ms)?,
        Start::Offset(offset) => {
            let extents = extents.iter().enumerate();
            extents
                .map(|(partition, extent)| extent.clamp(topic, partition, offset))
                .collect()
        }
    })
}

impl Extent {
    /// An offset, or the nearest one that the partition has, which is said.
    pub fn clamp(self, topic: &str, partition: impl Display, offset: u64) -> u64 {
        let nearest = offset.clamp(self.start, self.end.max(self.start));
        if nearest != offset {
            tracing::warn!("{topic}/{partition} has no offset {offset}: beginning at {nearest}");
        }
        nearest
    }
}

/// Where to begin so that `count` messages follow, those that come last in the order in which they are shown.
fn last(log: &mut impl Log, extents: &[Extent], count: usize) -> Result<Vec<u64>, BrokerError> {
    let mut starts: Vec<u64> = extents.iter().map(|extent| extent.end).collect();
    if count == 0 {
        return Ok(starts);
    }
    // An offset need not have a message: marks of transactions take some, and a compacted topic loses others.
    let mut span = count as u64;
    let mut known = loop {
        let from: Vec<u64> = extents
            .iter()
            .map(|extent| extent.end.saturating_sub(span).max(extent.start))
            .collect();
        log.seek(&from)?;
        let mut known = Vec::new();
        let mut has_enough = true;
        for (partition, (extent, from)) in extents.iter().zip(&from).enumerate() {
            let times = times(log, partition, extent.end)?;
            has_enough &= times.len() >= count || *from == extent.start;
            known.push(times);
        }
        if has_enough {
            break known;
        }
        span = span.saturating_mul(4);
    };
    for _ in 0..count {
        let latest = known.iter().enumerate().filter_map(|(partition, times)| {
            let (time, _) = times.last()?;
            Some((*time, partition))
        });
        let Some((_, partition)) = latest.max() else { break };
        let taken = known.get_mut(partition).and_then(Vec::pop);
        if let (Some((_, offset)), Some(start)) = (taken, starts.get_mut(partition)) {
            *start = offset;
        }
    }
    Ok(starts)
}

/// Time and offset of what a partition has from here on, to its end.
fn times(log: &mut impl Log, partition: usize, end: u64) -> Result<Vec<(Option<i64>, u64)>, BrokerError> {
    let mut times = Vec::new();
    while let Some((offset, message)) = log.next(partition)? {
        if offset >= end {
            break;
        }
        times.push((message.timestamp_ms, offset));
        if offset + 1 == end {
            break;
        }
    }
    Ok(times)
}

fn only(
    log: &mut impl Log,
    topic: &str,
    extents: &[Extent],
    position: &str,
    sender: &Sender,
) -> Result<(), BrokerError> {
    let unclear = || {
        BrokerError::Failed(format!(
            "'{position}' is no position in {topic}; write it as PARTITION/OFFSET, such as {}/0",
            extents.len().saturating_sub(1)
        ))
    };
    let own = position.strip_prefix(&format!("{topic}/")).unwrap_or(position);
    let (partition, offset) = match own.split_once('/') {
        Some((partition, offset)) => (partition.parse().ok(), offset.parse().ok()),
        None => (Some(0).filter(|_| extents.len() == 1), own.parse().ok()),
    };
    let (partition, offset): (usize, u64) = partition.zip(offset).ok_or_else(unclear)?;
    let extent = *extents.get(partition).ok_or_else(unclear)?;
    if !(extent.start..extent.end).contains(&offset) {
        return Ok(());
    }
    let mut from: Vec<u64> = extents.iter().map(|extent| extent.end).collect();
    if let Some(from) = from.get_mut(partition) {
        *from = offset;
    }
    log.seek(&from)?;
    if let Some((found, message)) = log.next(partition)?
        && found == offset
    {
        let position = format!("{topic}/{partition}/{offset}");
        let _ = sender.blocking_send(Ok(Seen { message, position }));
    }
    Ok(())
}

/// The messages of all partitions by their time, each partition in its own order. One of each partition is held.
struct Merge<'a, L> {
    log: &'a mut L,
    partitions: Vec<Partition>,
}

struct Partition {
    next: u64,
    end: u64,
    head: Option<(u64, Message)>,
}

impl<'a, L: Log> Merge<'a, L> {
    fn new(log: &'a mut L, starts: &[u64], ends: Vec<u64>) -> Result<Self, BrokerError> {
        log.seek(starts)?;
        let partitions = starts.iter().zip(ends).map(|(next, end)| Partition {
            next: *next,
            end,
            head: None,
        });
        let partitions = partitions.collect();
        Ok(Self { log, partitions })
    }

    fn next(&mut self) -> Result<Option<(usize, u64, Message)>, BrokerError> {
        for (number, partition) in self.partitions.iter_mut().enumerate() {
            if partition.head.is_none() && partition.next < partition.end {
                let next = self.log.next(number)?.filter(|(offset, _)| *offset < partition.end);
                partition.next = match &next {
                    Some((offset, _)) => offset + 1,
                    // There is nothing up to the end that was known: it is not asked again, unless more may come.
                    None if partition.end < u64::MAX => partition.end,
                    None => partition.next,
                };
                partition.head = next;
            }
        }
        let heads = self.partitions.iter().enumerate();
        let times = heads.filter_map(|(number, partition)| Some((partition.head.as_ref()?.1.timestamp_ms, number)));
        let Some((_, number)) = times.min() else {
            return Ok(None);
        };
        let head = self
            .partitions
            .get_mut(number)
            .and_then(|partition| partition.head.take());
        Ok(head.map(|(offset, message)| (number, offset, message)))
    }
}

#[cfg(test)]
mod tests;
