//! The lanes of a source, behind a lock: what its reader, its claims, and whoever settles them share.
//!
//! Each of them may end a lane's epoch; one lock over all of it keeps that simple.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::{Ahead, Ledger, Standing, Taken, Token};
use crate::broker::{BrokerError, Delivery, Demand, Event, Room};

/// A broker's own part: it keeps a ledger, and adds to it what only this broker has.
pub(in crate::broker) trait Keeper: Sized + Send + Sync + 'static {
    /// Its name for a lane.
    type Key: Ord + Clone + Send + Sync;
    /// What it adds to each lane.
    type Own: Send;
    /// What it adds to all of them together.
    type State: Send;

    /// A claim of the lane was abandoned, and its epoch has ended: the lane goes back to the first message that has not
    /// settled.
    fn put_back(ledger: &mut Ledger<Self>, key: &Self::Key);

    /// Wakes the reader: there is room again, a lane was put back, or the source ends.
    fn wake(&self, ledger: &mut Ledger<Self>);

    /// The position of a message, for people.
    fn position(&self, _: &Ledger<Self>, taken: &Taken<Self::Key>) -> String {
        taken.lane.position(taken.seq)
    }
}

/// The lanes of one source.
pub(in crate::broker) struct Lanes<K: Keeper> {
    /// [`Lanes::next_event`] may have something.
    pub arrival: Notify,
    keeper: K,
    ledger: Mutex<Ledger<K>>,
}

impl<K: Keeper> fmt::Debug for Lanes<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lanes")
    }
}

impl<K: Keeper> Deref for Lanes<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.keeper
    }
}

impl<K: Keeper> Lanes<K> {
    /// As [`Ledger::new`].
    pub fn of(keeper: K, own: K::State, most: Ahead) -> Self {
        Self {
            arrival: Notify::new(),
            keeper,
            ledger: Mutex::new(Ledger::new(own, most)),
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Ledger<K>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the reader.
    pub fn call(&self) {
        self.keeper.wake(&mut self.lock());
    }

    /// The next event, if there is one and the demand allows it.
    pub fn next_event(self: &Arc<Self>, demand: Demand) -> Result<Option<Event>, BrokerError> {
        let mut ledger = self.lock();
        let was_full = !ledger.has_room();
        if let Some(event) = ledger.event()? {
            return Ok(Some(event));
        }
        if demand == Demand::EventsOnly {
            return Ok(None);
        }
        let Some(taken) = ledger.take() else { return Ok(None) };
        if was_full {
            self.keeper.wake(&mut ledger);
        }
        let position = self.keeper.position(&ledger, &taken);
        drop(ledger);
        Ok(Some(Event::Delivery(Token::deliver(self, taken, position))))
    }

    /// As [`Source::more`](crate::broker::Source::more).
    pub fn more(self: &Arc<Self>, mut room: Room) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        let mut ledger = self.lock();
        let was_full = !ledger.has_room();
        while let Some(taken) = ledger.take_if(|size| room.take(size)) {
            let position = self.keeper.position(&ledger, &taken);
            deliveries.push(Token::deliver(self, taken, position));
        }
        if was_full && ledger.has_room() {
            self.keeper.wake(&mut ledger);
        }
        deliveries
    }

    /// Whether the lane is still in this epoch.
    pub fn is_current(&self, key: &K::Key, epoch: u64) -> bool {
        self.lock().current(key, epoch).is_some()
    }

    /// Redelivers what has not settled of a lane, if this is its epoch.
    pub fn abandon(&self, key: &K::Key, epoch: u64) {
        let mut ledger = self.lock();
        if ledger.abandon(key, epoch) {
            K::put_back(&mut ledger, key);
            self.keeper.wake(&mut ledger);
        }
    }

    /// As [`Ledger::revoke`].
    pub fn revoke(&self, keys: &[K::Key]) -> Option<oneshot::Receiver<()>> {
        let mut ledger = self.lock();
        let done = ledger.revoke(keys);
        self.keeper.wake(&mut ledger);
        self.arrival.notify_one();
        done
    }

    /// As [`Ledger::lose`].
    pub fn lose(&self, keys: &[K::Key], told: bool) {
        let mut ledger = self.lock();
        ledger.lose(keys, told);
        self.keeper.wake(&mut ledger);
        self.arrival.notify_one();
    }

    pub fn standing(&self) -> Standing {
        self.lock().standing()
    }

    /// The source cannot go on.
    pub fn fail(&self, failure: BrokerError) {
        self.lock().fail(failure);
        self.arrival.notify_one();
    }

    /// The source ends: nothing more is read or delivered, and what has not settled is redelivered.
    pub fn end(&self, standing: Standing) {
        let mut ledger = self.lock();
        for key in ledger.end(standing) {
            K::put_back(&mut ledger, &key);
        }
        self.keeper.wake(&mut ledger);
        self.arrival.notify_one();
    }
}
