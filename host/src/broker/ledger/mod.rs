//! A member's ledger: which lanes it holds, which epoch each is in, and what was read ahead of them. The same for every
//! broker; each adds what is its own ([`Keeper`]).
//!
//! Within an epoch a lane's messages are delivered once each and in order. Whatever breaks that ends the epoch: the lane
//! gets a new one, what was read ahead of it is discarded, and claims of the epoch before are void. How far a lane then
//! goes back is the broker's own ([`Keeper::put_back`]); [`Offsets`] knows it for lanes of offsets.

mod lanes;
mod offsets;
#[cfg(test)]
pub(super) mod testing;
mod token;

use std::collections::{BTreeMap, VecDeque};

use tokio::sync::oneshot;

pub(super) use self::lanes::{Keeper, Lanes};
pub(super) use self::offsets::{Offsets, Reply};
pub(super) use self::token::Token;
use super::{BrokerError, Drained, Event, Lane, SettleError};
use crate::message::Message;

/// The lanes of one source, by the broker's name for a lane.
pub(super) struct Ledger<K: Keeper> {
    /// What is the broker's own and of no lane.
    pub own: K::State,
    held: BTreeMap<K::Key, Held<K::Own>>,
    /// Lanes with something read ahead, each once, in the order in which they are served: a full lane starves no other.
    ready: VecDeque<K::Key>,
    /// What is read ahead of all lanes together, and how much may be.
    ahead: Ahead,
    most: Ahead,
    events: VecDeque<Event>,
    failure: Option<BrokerError>,
    standing: Standing,
    /// Of all lanes together, so that no lane gets the same epoch twice.
    last_epoch: u64,
}

/// A lane that this member holds.
#[derive(Debug)]
pub(super) struct Held<O> {
    pub lane: Lane,
    pub own: O,
    epoch: u64,
    /// Nothing that was accepted in this epoch or a later one has failed.
    intact_since: u64,
    is_revoked: bool,
    ahead: VecDeque<(u64, Message)>,
}

/// What is read ahead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ahead {
    pub messages: usize,
    pub bytes: usize,
}

/// Whether the source still exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    #[default]
    Open,
    /// Settle what was accepted, and leave the group.
    Closing,
    /// Dropped without being closed: leave everything as after a crash.
    Dropped,
}

/// A message that leaves the ledger.
#[derive(Debug)]
pub(super) struct Taken<K> {
    pub key: K,
    pub lane: Lane,
    pub epoch: u64,
    pub seq: u64,
    pub message: Message,
}

/// The answer to a claim whose lane was put back or lost.
pub(super) fn rewound(lane: &Lane) -> SettleError {
    SettleError::Rewound(vec![lane.clone()])
}

impl<O> Held<O> {
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Another member is about to get it: nothing more is read.
    pub fn is_revoked(&self) -> bool {
        self.is_revoked
    }
}

impl<K: Keeper> Ledger<K> {
    /// Nothing is held yet. Up to `most` messages or bytes are read ahead, and one message more.
    pub fn new(own: K::State, most: Ahead) -> Self {
        Self {
            own,
            held: BTreeMap::new(),
            ready: VecDeque::new(),
            ahead: Ahead::default(),
            most,
            events: VecDeque::new(),
            failure: None,
            standing: Standing::Open,
            last_epoch: 0,
        }
    }

    /// The lane is held from now on, in a new epoch. Not once the source has ended.
    pub fn gain(&mut self, key: K::Key, lane: Lane, own: K::Own) {
        if !self.is_open() {
            return;
        }
        self.remove(&key);
        let epoch = self.next_epoch();
        let held = Held {
            lane,
            own,
            epoch,
            intact_since: epoch,
            is_revoked: false,
            ahead: VecDeque::new(),
        };
        self.held.insert(key, held);
    }

    /// Delivers nothing more of these lanes, and tells the pipeline. What is in flight may settle until they are lost.
    /// Resolves when nothing is. None: nobody is there to wait for.
    pub fn revoke(&mut self, keys: &[K::Key]) -> Option<oneshot::Receiver<()>> {
        let mut lanes = Vec::new();
        for key in keys {
            self.discard(key);
            if let Some(held) = self.held.get_mut(key) {
                held.is_revoked = true;
                lanes.push(held.lane.clone());
            }
        }
        if lanes.is_empty() || !self.is_open() {
            return None;
        }
        let (drained, done) = Drained::new();
        self.events.push_back(Event::Revoked(lanes, drained));
        Some(done)
    }

    /// These lanes are no longer held. `told`: the pipeline knows already.
    pub fn lose(&mut self, keys: &[K::Key], told: bool) {
        let lost = keys.iter().filter_map(|key| self.remove(key));
        let lanes: Vec<Lane> = lost.map(|held| held.lane).collect();
        if !lanes.is_empty() && !told {
            self.events.push_back(Event::Revoked(lanes, Drained::new().0));
        }
    }

    /// Forgets a lane, and voids its claims.
    pub fn remove(&mut self, key: &K::Key) -> Option<Held<K::Own>> {
        self.discard(key);
        self.held.remove(key)
    }

    /// Holds on to the lanes of which this is true. Of the others nothing may be read ahead.
    pub fn retain(&mut self, keeps: impl Fn(&K::Own) -> bool) {
        self.held.retain(|_, held| keeps(&held.own));
    }

    pub fn get(&self, key: &K::Key) -> Option<&Held<K::Own>> {
        self.held.get(key)
    }

    pub fn get_mut(&mut self, key: &K::Key) -> Option<&mut Held<K::Own>> {
        self.held.get_mut(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K::Key, &Held<K::Own>)> {
        self.held.iter()
    }

    /// The lane of a claim, or none if its epoch has ended.
    pub fn current(&mut self, key: &K::Key, epoch: u64) -> Option<&mut Held<K::Own>> {
        self.held.get_mut(key).filter(|held| held.epoch == epoch)
    }

    /// The lane of a claim, which is rewound if its epoch has ended.
    pub fn of(&mut self, token: &Token<K>) -> Result<&mut Held<K::Own>, SettleError> {
        let held = self.current(&token.key, token.epoch);
        held.ok_or_else(|| token.rewound())
    }

    /// The lane is held, and nothing that was accepted in this epoch has failed.
    pub fn is_intact(&self, key: &K::Key, epoch: u64) -> bool {
        self.held.get(key).is_some_and(|held| epoch >= held.intact_since)
    }

    /// A claim was abandoned: ends its epoch, unless it has ended (false). A lane that is being revoked stays: nobody
    /// reads it again here, and what is being settled must finish.
    pub fn abandon(&mut self, key: &K::Key, epoch: u64) -> bool {
        let held = self.current(key, epoch);
        held.is_some_and(|held| !held.is_revoked) && self.restart(key).is_some()
    }

    /// What a lane had accepted in this epoch has failed: so will everything that it accepted later, and only the first
    /// failure ends the current epoch.
    pub fn undo(&mut self, key: &K::Key, epoch: u64) -> Option<&mut Held<K::Own>> {
        if !self.is_intact(key, epoch) {
            return None;
        }
        let held = self.restart(key)?;
        held.intact_since = held.epoch;
        Some(held)
    }

    /// Takes what was read of a lane, in the lane's order.
    pub fn offer(&mut self, key: &K::Key, seq: u64, message: Message) {
        let Some(held) = self.held.get_mut(key) else { return };
        if held.ahead.is_empty() {
            self.ready.push_back(key.clone());
        }
        self.ahead.messages += 1;
        self.ahead.bytes += message.size();
        held.ahead.push_back((seq, message));
    }

    /// Whether more may be read ahead.
    pub fn has_room(&self) -> bool {
        self.room().is_some()
    }

    /// How much more may be read ahead, and one message beyond it. None: nothing.
    pub fn room(&self) -> Option<Ahead> {
        let messages = self.most.messages.checked_sub(self.ahead.messages)?;
        let bytes = self.most.bytes.checked_sub(self.ahead.bytes)?;
        (messages > 0 && bytes > 0).then_some(Ahead { messages, bytes })
    }

    /// What has happened to lanes, and then why the source cannot go on. Both go before messages.
    pub fn event(&mut self) -> Result<Option<Event>, BrokerError> {
        match (self.events.pop_front(), &self.failure) {
            (None, Some(failure)) => Err(failure.clone()),
            (event, _) => Ok(event),
        }
    }

    /// The next message, if no event goes before it and it is of a size that is taken.
    pub fn take_if(&mut self, takes: impl FnOnce(usize) -> bool) -> Option<Taken<K::Key>> {
        let (_, message) = self.held.get(self.ready.front()?)?.ahead.front()?;
        let is_taken = self.events.is_empty() && self.failure.is_none() && takes(message.size());
        if is_taken { self.take() } else { None }
    }

    /// The next message of the lane whose turn it is.
    pub fn take(&mut self) -> Option<Taken<K::Key>> {
        let key = self.ready.pop_front()?;
        let held = self.held.get_mut(&key)?;
        let (seq, message) = held.ahead.pop_front()?;
        self.ahead.messages -= 1;
        self.ahead.bytes -= message.size();
        if !held.ahead.is_empty() {
            self.ready.push_back(key.clone());
        }
        Some(Taken {
            lane: held.lane.clone(),
            epoch: held.epoch,
            key,
            seq,
            message,
        })
    }

    /// The source cannot go on. The first reason counts.
    pub fn fail(&mut self, failure: BrokerError) {
        self.failure.get_or_insert(failure);
    }

    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub fn standing(&self) -> Standing {
        self.standing
    }

    pub fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// The source ends, and gains nothing more. Ends the epoch of every lane, and names them. None: it had ended before.
    pub fn end(&mut self, standing: Standing) -> Vec<K::Key> {
        if !self.is_open() {
            return Vec::new();
        }
        self.standing = standing;
        let keys: Vec<K::Key> = self.held.keys().cloned().collect();
        for key in &keys {
            self.restart(key);
        }
        keys
    }

    /// Ends a lane's epoch. The caller takes the lane back to where it continues.
    fn restart(&mut self, key: &K::Key) -> Option<&mut Held<K::Own>> {
        let epoch = self.next_epoch();
        self.discard(key);
        let held = self.held.get_mut(key)?;
        held.epoch = epoch;
        Some(held)
    }

    fn next_epoch(&mut self) -> u64 {
        self.last_epoch += 1;
        self.last_epoch
    }

    fn discard(&mut self, key: &K::Key) {
        let Some(held) = self.held.get_mut(key).filter(|held| !held.ahead.is_empty()) else {
            return;
        };
        for (_, message) in held.ahead.drain(..) {
            self.ahead.messages -= 1;
            self.ahead.bytes -= message.size();
        }
        self.ready.retain(|ready| ready != key);
    }
}
