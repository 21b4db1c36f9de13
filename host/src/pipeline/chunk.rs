//! Messages that are classified by one call: those of one lane, which then settle together, or such as have no order.
//!
//! A chunk is what waits when the classifier has room, never more than its share of what waits, so that every call that the classifier
//! accepts gets work, and never waited for: at a low rate each message is a chunk of its own. If a chunk does not get an answer or a dead
//! letter for each of its messages at once, it is split, and each message goes on alone.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::in_flight::{Failed, InFlight, Known, Load, Reply};
use super::turn::Turn;

/// A chunk has this many messages at most.
const MESSAGES: usize = 64;
/// Or this many bytes. A single message may have more.
const BYTES: usize = 256 << 10;

/// As long as the classifier should take over a chunk: a stop and a rebalance wait that long for what has begun.
const TIME: Duration = Duration::from_millis(20);

/// Messages, and their place in the order of their lane.
pub(super) struct Chunk<'a> {
    /// At least one.
    pub messages: Vec<InFlight<'a>>,
    pub order: Order,
    /// Of a single message: what its first attempt gave, as part of a chunk. None: it was not made, or nobody knows which message its
    /// failure is about.
    pub known: Option<Result<Reply, Failed>>,
}

/// The order of a chunk's messages.
pub(super) enum Order {
    /// That of their lane.
    Lane(Turn),
    /// Each is the only one of its lane: they share a call, and then each goes on alone.
    None(Vec<Turn>),
}

impl<'a> Chunk<'a> {
    /// Whether a message may join others of so many bytes.
    pub fn takes(message: &InFlight<'_>, bytes: usize) -> bool {
        !message.is_alone && bytes + message.size <= BYTES
    }

    /// The first of what waits: as many as may go together.
    pub fn take(waiting: &mut VecDeque<InFlight<'a>>, most: usize) -> Vec<InFlight<'a>> {
        let mut bytes = 0;
        let together = |(place, message): &(usize, &InFlight<'_>)| {
            let is_taken = *place == 0 || *place < most && Self::takes(message, bytes);
            bytes += message.size;
            is_taken
        };
        let count = match waiting.front() {
            Some(first) if first.is_alone => 1,
            _ => waiting.iter().enumerate().take_while(together).count(),
        };
        waiting.drain(..count).collect()
    }

    pub fn load(&self) -> Load {
        let mut load = Load::default();
        for message in &self.messages {
            load += message.load();
        }
        load
    }

    /// Each of its messages alone, with its turn and what is known of it.
    pub fn split(messages: Vec<InFlight<'a>>, turns: Vec<Turn>, known: Known) -> Vec<Self> {
        let known = known.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
        let single = |((message, turn), known)| Self {
            messages: vec![message],
            order: Order::Lane(turn),
            known,
        };
        messages.into_iter().zip(turns).zip(known).map(single).collect()
    }
}

/// How long the classifier takes over a message.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The average of the last few calls. 0: none has ended.
    nanoseconds: AtomicU64,
}

impl Pace {
    /// A call for this many messages has ended.
    pub fn note(&self, took: Duration, messages: usize) {
        let took = u64::try_from(took.as_nanos() / messages.max(1) as u128).unwrap_or(u64::MAX);
        let average = match self.nanoseconds.load(Relaxed) {
            0 => took,
            before => before - before / 4 + took / 4,
        };
        self.nanoseconds.store(average.max(1), Relaxed);
    }

    /// How many messages the next call should have if this many wait for `calls` at once.
    pub fn most(&self, waiting: usize, calls: usize) -> usize {
        let average = NonZeroU64::new(self.nanoseconds.load(Relaxed));
        // The first message shows how long one takes.
        let in_time = average.map_or(1, |average| TIME.as_nanos() / u128::from(average.get()));
        let share = waiting.div_ceil(calls.max(1));
        share
            .min(usize::try_from(in_time).unwrap_or(usize::MAX))
            .clamp(1, MESSAGES)
    }
}
