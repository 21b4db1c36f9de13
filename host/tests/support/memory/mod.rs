//! A broker in memory, for the suite and for what no real broker does on demand: it delivers its lanes in a random
//! order, loses confirmations and acknowledgements, and takes lanes away. It settles by [`ConfirmThenAck`], at least
//! once.

mod seam;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use host::broker::{ConfirmThenAck, Drained, Event, Lane, Watermark};
use host::message::Message;
use tokio::sync::watch;
use tokio::time::Instant;

use self::seam::{MemoryAck, MemorySink, MemorySource};
use super::{Fixture, INPUT, Member};

/// The payload of an answer that is always refused.
const NEVER: &str = "never";

/// One group that reads one topic, and one topic for all its answers. Clones share it.
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    /// Tells every source to look again.
    changed: watch::Sender<()>,
    lease: Duration,
}

struct State {
    input: Vec<Partition>,
    output: Vec<Message>,
    dead_letters: Vec<Message>,
    /// The largest dead letter. None: any is accepted.
    letter_bytes: Option<usize>,
    members: BTreeMap<u64, Standing>,
    random: fastrand::Rng,
    refuse_outputs: bool,
    /// Loses one confirmation, or acknowledgement, of this many. None: loses none.
    lose_one_in: Option<u32>,
    last_member: u64,
    last_epoch: u64,
}

struct Partition {
    lane: Lane,
    log: Vec<Message>,
    consumed: Watermark,
    position: u64,
    holder: Option<u64>,
    epoch: u64,
    is_revoked: bool,
}

#[derive(Default)]
struct Standing {
    events: VecDeque<Event>,
    expires: Option<Instant>,
}

/// A broker whose leases end within a test.
pub fn fixture() -> Memory {
    memory(Duration::from_millis(300), 1)
}

/// A broker whose leases never expire within a test.
pub fn patient() -> Memory {
    memory(Duration::from_secs(60), 2)
}

/// A broker that loses one confirmation, and one acknowledgement, in four, by the seed.
pub fn forgetful(seed: u64) -> Memory {
    let memory = memory(Duration::from_millis(300), seed);
    memory.lock().lose_one_in = Some(4);
    memory
}

fn memory(lease: Duration, seed: u64) -> Memory {
    let state = State {
        input: Vec::new(),
        output: Vec::new(),
        dead_letters: Vec::new(),
        letter_bytes: None,
        members: BTreeMap::new(),
        random: fastrand::Rng::with_seed(seed),
        refuse_outputs: false,
        lose_one_in: None,
        last_member: 0,
        last_epoch: 0,
    };
    Memory {
        state: Arc::new(Mutex::new(state)),
        changed: watch::channel(()).0,
        lease,
    }
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Revokes every lane; they are shared out again once drained.
    pub fn revoke_all(&self) {
        let held: Vec<usize> = (0..self.lock().input.len()).collect();
        self.revoke(&held);
    }

    fn revoke(&self, partitions: &[usize]) {
        let mut state = self.lock();
        let mut lanes: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for &number in partitions {
            let partition = &mut state.input[number];
            if let (Some(holder), false) = (partition.holder, partition.is_revoked) {
                partition.is_revoked = true;
                lanes.entry(holder).or_default().push(number);
            }
        }
        for (holder, numbers) in lanes {
            let names = numbers.iter().map(|number| state.input[*number].lane.clone()).collect();
            let (drained, done) = Drained::new();
            state
                .members
                .get_mut(&holder)
                .unwrap()
                .events
                .push_back(Event::Revoked(names, drained));
            let memory = self.clone();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(memory.lease, done).await;
                for number in numbers {
                    memory.lock().release(number, holder);
                }
                memory.share_out();
            });
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Gives free lanes to members with too few, and revokes lanes of members with too many.
    fn share_out(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        state
            .members
            .retain(|_, standing| standing.expires.is_none_or(|expires| expires > now));
        let live: Vec<u64> = state.members.keys().copied().collect();
        for number in 0..state.input.len() {
            if let Some(holder) = state.input[number].holder.filter(|holder| !live.contains(holder)) {
                state.release(number, holder);
            }
        }
        let mut excess = Vec::new();
        for (rank, member) in live.iter().enumerate() {
            let all = state.input.len();
            let share = all / live.len() + usize::from(rank < all % live.len());
            let held: Vec<usize> = (0..all)
                .filter(|number| state.input[*number].holder == Some(*member))
                .collect();
            let free: Vec<usize> = (0..all)
                .filter(|number| state.input[*number].holder.is_none())
                .collect();
            for number in free.into_iter().take(share.saturating_sub(held.len())) {
                state.input[number].holder = Some(*member);
            }
            excess.extend(held.into_iter().skip(share));
        }
        drop(state);
        if !excess.is_empty() {
            self.revoke(&excess);
        }
        self.changed.send_replace(());
    }
}

impl State {
    /// A new epoch: reading continues at the first message that is not consumed.
    fn rewind(&mut self, number: usize) {
        self.last_epoch += 1;
        let partition = &mut self.input[number];
        partition.epoch = self.last_epoch;
        partition.position = partition.consumed.next();
        partition.consumed = Watermark::new(partition.position);
    }

    fn release(&mut self, number: usize, holder: u64) {
        if self.input[number].holder == Some(holder) {
            self.rewind(number);
            self.input[number].holder = None;
            self.input[number].is_revoked = false;
        }
    }

    fn loses(&mut self) -> bool {
        self.lose_one_in.is_some_and(|of| self.random.u32(0..of) == 0)
    }
}

#[async_trait]
impl Fixture for Memory {
    fn is_exactly_once(&self) -> bool {
        false
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    async fn create(&self, partitions: u32) {
        let partition = |number| Partition {
            lane: Lane::new(format!("{INPUT}/{number}"), 0),
            log: Vec::new(),
            consumed: Watermark::new(0),
            position: 0,
            holder: None,
            epoch: 0,
            is_revoked: false,
        };
        self.lock().input = (0..partitions).map(partition).collect();
    }

    async fn append(&self, messages: Vec<Message>) {
        let mut state = self.lock();
        let count = state.input.len();
        for message in messages {
            let sum: usize = message.key.iter().flatten().map(|byte| usize::from(*byte)).sum();
            state.input[sum % count].log.push(message);
        }
        drop(state);
        self.changed.send_replace(());
    }

    async fn join(&self) -> Member {
        let id = {
            let mut state = self.lock();
            state.last_member += 1;
            let id = state.last_member;
            state.members.insert(id, Standing::default());
            id
        };
        self.share_out();
        let source = MemorySource {
            memory: self.clone(),
            id,
            changes: self.changed.subscribe(),
            joined: Instant::now(),
        };
        let ack = Arc::new(MemoryAck(self.clone()));
        Member {
            source: Box::new(source),
            settle: Arc::new(ConfirmThenAck::new(Arc::new(MemorySink(self.clone())), ack)),
        }
    }

    async fn answers(&self) -> Vec<Message> {
        self.lock().output.clone()
    }

    async fn dead_letters(&self) -> Vec<Message> {
        self.lock().dead_letters.clone()
    }

    async fn lag(&self) -> u64 {
        let state = self.lock();
        let lag = |partition: &Partition| u64::try_from(partition.log.len()).unwrap() - partition.consumed.next();
        state.input.iter().map(lag).sum()
    }

    async fn refuse_outputs(&self, refuse: bool) {
        self.lock().refuse_outputs = refuse;
    }

    async fn refuse_one(&self) -> Message {
        Message::new(NEVER)
    }

    async fn join_where_letters_are_small(&self) -> Member {
        self.lock().letter_bytes = Some(50_000);
        self.join().await
    }
}
