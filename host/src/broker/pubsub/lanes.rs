//! What the stream's task, the claims and the acknowledgements share: which messages this subscriber holds, in which
//! lanes.
//!
//! Each of them may end a lane's epoch; one lock over all of it keeps that simple. A message's handler is kept here
//! until it is acknowledged; dropping it hands the message back.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use google_cloud_pubsub::Error;
use google_cloud_pubsub::subscriber::handler::Handler;
use tokio::sync::Notify;

use super::answered::Answered;
use super::fault::{self, Call};
use crate::broker::{BrokerError, Claim, Delivery, Demand, Lane, SettleError};
use crate::config::PubSubConfig;
use crate::message::Message;

/// How long messages behind an abandoned one of the same key are handed back until that one is redelivered. The
/// service sends them in order; a subscription without message ordering may never do so.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often lost acknowledgements are reported.
const TELL_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Lanes {
    subscription: String,
    config: Arc<PubSubConfig>,
    /// [`Lanes::next_delivery`] may have something.
    pub arrival: Notify,
    /// There may be room to read on.
    room: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lanes: HashMap<Lane, Held>,
    /// The place of each message that has not settled.
    places: HashMap<String, (Lane, u64)>,
    ahead: VecDeque<Ahead>,
    ahead_bytes: usize,
    answered: Answered,
    /// When lost acknowledgements were last reported.
    told: Option<Instant>,
    failure: Option<BrokerError>,
    /// Since when there has been a working stream without a break.
    open: Option<tokio::time::Instant>,
    is_closed: bool,
    /// Of all lanes together, so that no lane gets the same epoch twice.
    last_epoch: u64,
    last_single: u64,
}

/// A lane with something in it.
#[derive(Debug)]
struct Held {
    epoch: u64,
    next: u64,
    unsettled: BTreeMap<u64, Unsettled>,
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

#[derive(Debug)]
pub(super) struct Unsettled {
    pub id: String,
    /// The last one belongs to the current lease. Earlier ones are kept if the service may still accept an
    /// acknowledgement by them.
    pub handlers: Vec<Handler>,
}

#[derive(Debug)]
struct Ahead {
    lane: Lane,
    seq: u64,
    position: String,
    message: Message,
}

/// A claim's token.
#[derive(Debug)]
pub(super) struct Token {
    pub lanes: Arc<Lanes>,
    pub lane: Lane,
    seq: u64,
    epoch: u64,
    is_settled: bool,
}

impl Token {
    pub fn is_current(&self) -> bool {
        let state = self.lanes.lock();
        let held = state.lanes.get(&self.lane);
        held.is_some_and(|held| held.epoch == self.epoch)
    }

    pub fn rewound(&self) -> SettleError {
        SettleError::Rewound(vec![self.lane.clone()])
    }

    /// Takes the message out of its lane, to be acknowledged.
    pub fn settle(&mut self) -> Result<Unsettled, SettleError> {
        let mut guard = self.lanes.lock();
        let state = &mut *guard;
        let held = state.lanes.get_mut(&self.lane);
        let held = held.filter(|held| held.epoch == self.epoch);
        let Some(unsettled) = held.and_then(|held| held.unsettled.remove(&self.seq)) else {
            return Err(self.rewound());
        };
        state.places.remove(&unsettled.id);
        state.answered.insert(&unsettled.id);
        state.forget_if_empty(&self.lane);
        self.is_settled = true;
        self.lanes.room.notify_one();
        Ok(unsettled)
    }

    /// The service did not accept the acknowledgement: the message is redelivered, with everything behind it.
    pub fn unsettle(&self) {
        self.lanes.abandon(&self.lane, self.epoch);
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        if !self.is_settled {
            self.lanes.abandon(&self.lane, self.epoch);
        }
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

impl Unsettled {
    fn renew(&mut self, handler: Handler) {
        if matches!(handler, Handler::ExactlyOnce(_)) {
            // There the ids of an expired lease are void.
            self.handlers.clear();
        }
        self.handlers.push(handler);
    }
}

impl State {
    fn next_epoch(&mut self) -> u64 {
        self.last_epoch += 1;
        self.last_epoch
    }

    fn forget_if_empty(&mut self, lane: &Lane) {
        let held = self.lanes.get(lane);
        if held.is_some_and(|held| held.unsettled.is_empty() && held.awaited.is_none()) {
            self.lanes.remove(lane);
        }
    }

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

    fn push_ahead(&mut self, ahead: Ahead) {
        self.ahead_bytes += ahead.message.size();
        self.ahead.push_back(ahead);
    }

    fn pop_ahead(&mut self) -> Option<Ahead> {
        let ahead = self.ahead.pop_front()?;
        self.ahead_bytes -= ahead.message.size();
        Some(ahead)
    }

    fn discard(&mut self, lane: &Lane) {
        self.ahead.retain(|ahead| ahead.lane != *lane);
        self.ahead_bytes = self.ahead.iter().map(|ahead| ahead.message.size()).sum();
    }
}

impl Lanes {
    pub fn new(subscription: &str, config: Arc<PubSubConfig>) -> Self {
        Self {
            subscription: subscription.to_owned(),
            arrival: Notify::new(),
            room: Notify::new(),
            state: Mutex::new(State {
                answered: Answered::new(2 * config.lease),
                ..State::default()
            }),
            config,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Explains the service's reply to an acknowledgement.
    pub fn explain(&self, error: &Error) -> BrokerError {
        fault::explain(error, Call::Pull(&self.subscription), &self.config)
    }

    /// Whether every message that arrived has settled or was handed back.
    pub fn is_empty(&self) -> bool {
        self.lock().lanes.values().all(|held| held.unsettled.is_empty())
    }

    /// Resolves when no more is held than one stream may bring, and the messages waiting for delivery are not too
    /// large.
    pub async fn room(&self) {
        let PubSubConfig {
            outstanding_messages,
            outstanding_bytes,
            set_aside,
            ..
        } = *self.config;
        loop {
            {
                let state = self.lock();
                if state.places.len() <= outstanding_messages.saturating_add(set_aside)
                    && state.ahead_bytes <= outstanding_bytes
                {
                    return;
                }
            }
            // A notice that came before this await is kept.
            self.room.notified().await;
        }
    }

    /// Takes a message that was read. A redelivered one that is still held continues under its new lease; one that is
    /// already answered is acknowledged again; one that is out of order is handed back.
    pub fn offer(&self, id: String, message: Message, handler: Handler) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.is_closed {
            return;
        }
        let held = state.places.get(&id).and_then(|(lane, seq)| {
            let held = state.lanes.get_mut(lane)?;
            held.unsettled.get_mut(seq)
        });
        if let Some(held) = held {
            held.renew(handler);
            return;
        }
        if state.answered.contains(&id) {
            handler.ack();
            state.acknowledge_again(&self.subscription);
            return;
        }
        let key = message.key.as_ref().map(|key| String::from_utf8_lossy(key));
        let lane = match key {
            Some(key) => Lane::new(format!("{}/{key}", self.subscription), 0),
            None => {
                state.last_single += 1;
                Lane::single(format!("{}/#{}", self.subscription, state.last_single))
            }
        };
        if !state.lanes.contains_key(&lane) {
            let held = Held {
                epoch: state.next_epoch(),
                next: 0,
                unsettled: BTreeMap::new(),
                awaited: None,
            };
            state.lanes.insert(lane.clone(), held);
        }
        let Some(held) = state.lanes.get_mut(&lane) else { return };
        if held.awaited.as_mut().is_some_and(|awaited| awaited.turns_back(&id)) {
            return;
        }
        held.awaited = None;
        let seq = held.next;
        held.next += 1;
        let position = format!("{}/{id}", self.subscription);
        state.places.insert(id.clone(), (lane.clone(), seq));
        let handlers = vec![handler];
        held.unsettled.insert(seq, Unsettled { id, handlers });
        state.push_ahead(Ahead {
            lane,
            seq,
            position,
            message,
        });
        drop(guard);
        self.arrival.notify_one();
    }

    /// The next message, if there is one and the demand allows it.
    pub fn next_delivery(self: &Arc<Self>, demand: Demand) -> Result<Option<Delivery>, BrokerError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        if demand == Demand::EventsOnly {
            return Ok(None);
        }
        let Some(ahead) = state.pop_ahead() else {
            return Ok(None);
        };
        self.room.notify_one();
        // Ending an epoch discards what was read ahead of it.
        let epoch = state.lanes.get(&ahead.lane).map(|held| held.epoch);
        drop(guard);
        let delivery = epoch.map(|epoch| {
            let token = Token {
                lanes: Arc::clone(self),
                lane: ahead.lane.clone(),
                seq: ahead.seq,
                epoch,
                is_settled: false,
            };
            Delivery {
                message: ahead.message,
                position: ahead.position,
                claim: Claim::new(ahead.lane, ahead.seq, epoch, token),
            }
        });
        Ok(delivery)
    }

    /// Hands back everything of a lane that has not settled.
    fn abandon(&self, lane: &Lane, epoch: u64) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let next_epoch = state.next_epoch();
        let Some(held) = state.lanes.get_mut(lane).filter(|held| held.epoch == epoch) else {
            return;
        };
        held.epoch = next_epoch;
        let unsettled = std::mem::take(&mut held.unsettled);
        for message in unsettled.values() {
            state.places.remove(&message.id);
        }
        if lane.number().is_some() {
            let first = unsettled.values().next();
            held.awaited = first.map(|first| Awaited::new(&first.id));
        }
        state.discard(lane);
        // Lanes whose first message is elsewhere, too.
        let is_awaited = |held: &Held| held.awaited.as_ref().is_some_and(|awaited| !awaited.is_over());
        state
            .lanes
            .retain(|_, held| !held.unsettled.is_empty() || is_awaited(held));
        drop(guard);
        self.room.notify_one();
        // In order, so that they are redelivered in order.
        drop(unsettled);
    }

    /// There is a stream (true), or no working one any more.
    pub fn set_open(&self, is_open: bool) {
        let mut state = self.lock();
        let since = state.open.unwrap_or_else(tokio::time::Instant::now);
        state.open = is_open.then_some(since);
    }

    /// Since when there is a stream.
    pub fn open(&self) -> Option<tokio::time::Instant> {
        self.lock().open
    }

    /// The source cannot go on.
    pub fn fail(&self, failure: BrokerError) {
        self.lock().failure.get_or_insert(failure);
        self.arrival.notify_one();
    }

    /// Hands back everything that has not settled, and accepts nothing more.
    pub fn close(&self) {
        let mut guard = self.lock();
        guard.is_closed = true;
        let lanes = std::mem::take(&mut guard.lanes);
        guard.places.clear();
        guard.ahead.clear();
        guard.ahead_bytes = 0;
        drop(guard);
        self.room.notify_one();
        drop(lanes);
    }
}
