//! What the stream's task, the claims and the acknowledgements share: which messages this subscriber holds, in which
//! lanes.
//!
//! Each of them may end a lane's epoch; one lock over all of it keeps that simple. A message's handler is kept here
//! until it is acknowledged; dropping it hands the message back.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

use google_cloud_pubsub::Error;
use google_cloud_pubsub::subscriber::handler::Handler;
use tokio::sync::Notify;

use super::answered::Answered;
use super::fault::{self, Call};
use crate::broker::ledger::{self, Ahead, Keeper, Standing, Taken};
use crate::broker::{BrokerError, Lane, SettleError};
use crate::config::PubSubConfig;
use crate::message::Message;

/// How long messages behind an abandoned one of the same key are handed back until that one is redelivered. The
/// service sends them in order; a subscription without message ordering may never do so.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often lost acknowledgements are reported.
const TELL_EVERY: Duration = Duration::from_secs(60);

pub(super) type Lanes<H = Handler> = ledger::Lanes<Leases<H>>;
pub(super) type Token<H = Handler> = ledger::Token<Leases<H>>;
type Ledger<H> = ledger::Ledger<Leases<H>>;

/// What is Pub/Sub's own in a ledger. A lane is held while something is in it.
#[derive(Debug)]
pub(super) struct Leases<H> {
    subscription: String,
    config: Arc<PubSubConfig>,
    /// There may be room to read on.
    room: Notify,
    handler: PhantomData<fn(H)>,
}

/// What is Pub/Sub's own behind the lock.
#[derive(Debug)]
pub(super) struct Known {
    /// The place of each message that has not settled.
    places: HashMap<String, (Lane, u64)>,
    answered: Answered,
    /// When lost acknowledgements were last reported.
    told: Option<Instant>,
    /// Since when there has been a working stream without a break.
    open: Option<tokio::time::Instant>,
    /// When lanes that wait for a message of another host were last forgotten.
    swept: Instant,
    last_single: u64,
}

/// What is Pub/Sub's own in a lane: each message settles by itself.
#[derive(Debug)]
pub(super) struct Unsettled<H> {
    next: u64,
    messages: BTreeMap<u64, Leased<H>>,
    awaited: Option<Awaited>,
}

/// The abandoned message that must be redelivered first: whatever comes before it is out of order.
#[derive(Debug)]
struct Awaited {
    id: String,
    since: Instant,
    /// The first message that came before it and was handed back.
    turned_back: Option<String>,
}

/// A message that has not settled.
#[derive(Debug)]
pub(super) struct Leased<H> {
    id: String,
    /// The last one belongs to the current lease. Earlier ones are kept if the service may still accept an
    /// acknowledgement by them.
    pub handlers: Vec<H>,
}

/// A lease. Dropping it hands the message back.
pub(super) trait Lease: Send + 'static {
    /// Acknowledges the message, and does not learn whether that arrives.
    fn ack(self);
    /// A new lease voids the ids of those before it.
    fn voids_earlier(&self) -> bool;
}

impl Lease for Handler {
    fn ack(self) {
        Self::ack(self);
    }

    fn voids_earlier(&self) -> bool {
        matches!(self, Self::ExactlyOnce(_))
    }
}

impl Awaited {
    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            since: Instant::now(),
            turned_back: None,
        }
    }

    fn is_over(&self) -> bool {
        self.since.elapsed() >= PATIENCE
    }

    /// Whether an arriving message is out of order. If the awaited one has not come in time, another host has it, and
    /// the first that was handed back is awaited instead.
    fn turns_back(&mut self, id: &str) -> bool {
        if self.is_over()
            && let Some(first) = self.turned_back.take()
        {
            *self = Self::new(&first);
        }
        if self.id == id || self.is_over() {
            return false;
        }
        self.turned_back.get_or_insert_with(|| id.to_owned());
        true
    }
}

impl<H: Lease> Leased<H> {
    fn renew(&mut self, handler: H) {
        if handler.voids_earlier() {
            self.handlers.clear();
        }
        self.handlers.push(handler);
    }
}

impl<H> Unsettled<H> {
    fn is_over(&self) -> bool {
        self.messages.is_empty() && self.awaited.as_ref().is_none_or(Awaited::is_over)
    }
}

impl Known {
    /// Reports that now and then: on a plain subscription nobody learns why an acknowledgement does not arrive.
    fn acknowledge_again(&mut self, subscription: &str) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            tracing::warn!(
                subscription,
                "the service redelivers messages that were answered and acknowledged; they are acknowledged again; if that goes on, check \
                 that the role roles/pubsub.subscriber was given"
            );
        }
    }
}

impl<H: Lease> Keeper for Leases<H> {
    type Key = Lane;
    type Own = Unsettled<H>;
    type State = Known;

    /// Hands back everything of the lane, in order, so that it is redelivered in order.
    fn put_back(ledger: &mut Ledger<H>, lane: &Lane) {
        let Some(held) = ledger.get_mut(lane) else { return };
        let messages = std::mem::take(&mut held.own.messages);
        match messages.values().next().filter(|_| lane.number().is_some()) {
            Some(first) => held.own.awaited = Some(Awaited::new(&first.id)),
            None => drop(ledger.remove(lane)),
        }
        for leased in messages.values() {
            ledger.own.places.remove(&leased.id);
        }
        // Of a lane whose first message is elsewhere nobody hears again.
        if ledger.own.swept.elapsed() >= PATIENCE {
            ledger.own.swept = Instant::now();
            ledger.retain(|own| !own.is_over());
        }
    }

    fn wake(&self, _: &mut Ledger<H>) {
        self.room.notify_one();
    }

    /// With the service's id of the message.
    fn position(&self, ledger: &Ledger<H>, taken: &Taken<Lane>) -> String {
        let held = ledger.get(&taken.key);
        let leased = held.and_then(|held| held.own.messages.get(&taken.seq));
        let id = leased.map_or("", |leased| &leased.id);
        format!("{}/{id}", self.subscription)
    }
}

impl<H: Lease> Lanes<H> {
    pub fn new(subscription: &str, config: Arc<PubSubConfig>) -> Self {
        let known = Known {
            places: HashMap::new(),
            answered: Answered::new(2 * config.lease),
            told: None,
            open: None,
            swept: Instant::now(),
            last_single: 0,
        };
        // All that arrives is taken: [`Lanes::room`] says when nothing more is to arrive.
        let most = Ahead {
            messages: usize::MAX,
            bytes: config.outstanding_bytes,
        };
        let leases = Leases {
            subscription: subscription.to_owned(),
            config,
            room: Notify::new(),
            handler: PhantomData,
        };
        Self::of(leases, known, most)
    }

    /// Explains the service's reply to an acknowledgement.
    pub fn explain(&self, error: &Error) -> BrokerError {
        fault::explain(error, Call::Pull(&self.subscription), &self.config)
    }

    /// Whether every message that arrived has settled or was handed back.
    pub fn is_empty(&self) -> bool {
        let ledger = self.lock();
        ledger.iter().all(|(_, held)| held.own.messages.is_empty())
    }

    /// Resolves when no more is held than one stream may bring, and the messages waiting for delivery are not too
    /// large.
    pub async fn room(&self) {
        let most = self.config.outstanding_messages.saturating_add(self.config.set_aside);
        loop {
            {
                let ledger = self.lock();
                if ledger.own.places.len() <= most && ledger.has_room() {
                    return;
                }
            }
            // A notice that came before this await is kept.
            self.room.notified().await;
        }
    }

    /// Takes a message that was read. A redelivered one that is still held continues under its new lease; one that is
    /// already answered is acknowledged again; one that is out of order is handed back.
    pub fn offer(&self, id: String, message: Message, handler: H) {
        let mut ledger = self.lock();
        if !ledger.is_open() {
            return;
        }
        let place = ledger.own.places.get(&id).cloned();
        let leased = place.and_then(|(lane, seq)| ledger.get_mut(&lane)?.own.messages.get_mut(&seq));
        if let Some(leased) = leased {
            leased.renew(handler);
            return;
        }
        if ledger.own.answered.contains(&id) {
            handler.ack();
            ledger.own.acknowledge_again(&self.subscription);
            return;
        }
        let key = message.key.as_ref().map(|key| String::from_utf8_lossy(key));
        let lane = match key {
            Some(key) => Lane::new(format!("{}/{key}", self.subscription), 0),
            None => {
                ledger.own.last_single += 1;
                Lane::single(format!("{}/#{}", self.subscription, ledger.own.last_single))
            }
        };
        if ledger.get(&lane).is_none() {
            let own = Unsettled {
                next: 0,
                messages: BTreeMap::new(),
                awaited: None,
            };
            ledger.gain(lane.clone(), lane.clone(), own);
        }
        let Some(held) = ledger.get_mut(&lane) else {
            return;
        };
        let Unsettled {
            next,
            messages,
            awaited,
        } = &mut held.own;
        if awaited.as_mut().is_some_and(|awaited| awaited.turns_back(&id)) {
            return;
        }
        *awaited = None;
        let seq = *next;
        *next += 1;
        let leased = Leased {
            id: id.clone(),
            handlers: vec![handler],
        };
        messages.insert(seq, leased);
        ledger.own.places.insert(id, (lane.clone(), seq));
        ledger.offer(&lane, seq, message);
        drop(ledger);
        self.arrival.notify_one();
    }

    /// Takes a message out of its lane, to be acknowledged.
    pub fn settle(&self, token: &mut Token<H>) -> Result<Leased<H>, SettleError> {
        let mut ledger = self.lock();
        let leased = ledger.of(token)?.own.messages.remove(&token.seq);
        let leased = leased.ok_or_else(|| token.rewound())?;
        token.settle();
        ledger.own.places.remove(&leased.id);
        ledger.own.answered.insert(&leased.id);
        let held = ledger.get(&token.key);
        if held.is_some_and(|held| held.own.messages.is_empty() && held.own.awaited.is_none()) {
            ledger.remove(&token.key);
        }
        self.room.notify_one();
        Ok(leased)
    }

    /// There is a stream (true), or no working one any more.
    pub fn set_open(&self, is_open: bool) {
        let mut ledger = self.lock();
        let since = ledger.own.open.unwrap_or_else(tokio::time::Instant::now);
        ledger.own.open = is_open.then_some(since);
    }

    /// Since when there is a stream.
    pub fn open(&self) -> Option<tokio::time::Instant> {
        self.lock().own.open
    }

    /// Hands back everything that has not settled, and accepts nothing more.
    pub fn close(&self) {
        self.end(Standing::Closing);
    }
}
